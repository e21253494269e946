package schema

// A Type is what an attribute takes.
type Type string

// The types of an attribute.
const (
	TypeString     Type = "string"
	TypeBool       Type = "bool"
	TypeNumber     Type = "number"
	TypeDuration   Type = "duration"          // "90m", "24h", "30d" or a number of seconds
	TypeTime       Type = "time"              // RFC 3339
	TypeStrings    Type = "list of string"    // a list or set of strings
	TypeStringMap  Type = "map of string"     // strings by name
	TypeObject     Type = "object"            // JSON values by name
	TypeReference  Type = "reference"         // one object of the kind in Of
	TypeReferences Type = "list of reference" // objects of the kind in Of
	TypeAny        Type = "any"               // whatever the expression gives
	TypeCondition  Type = "condition"         // a bool, evaluated later
	TypeForEach    Type = "map or set of string"
	TypeConstraint Type = "type" // a type constraint: string, list(string)
)

// A Block is one kind of block in the language.
type Block struct {
	Type       string // the word that opens it
	Label      string // what its label is, "" when it takes none
	Doc        string
	Example    string // a whole block
	Repeats    bool   // may stand more than once in its parent
	Open       bool   // any attribute name is allowed (locals)
	Attributes []Attribute
	Blocks     []Block // nested
}

// An Attribute is one attribute of a block.
type Attribute struct {
	Name     string
	Type     Type
	Of       string // a reference: the type of the block it names
	Required bool
	Default  string   // as HCL; "" when there is none
	Enum     []string // exact values; empty when any
	Min, Max int64    // for numbers and durations in seconds; both zero when there is no range
	Doc      string   // one line
	Example  string   // as HCL
	Code     string   // the diagnostic of a value that Check refuses
	Check    func(string) error
}

// Attr returns the attribute of that name.
func (b *Block) Attr(name string) (*Attribute, bool) {
	for i := range b.Attributes {
		if b.Attributes[i].Name == name {
			return &b.Attributes[i], true
		}
	}
	return nil, false
}

// Block returns the nested block of that type.
func (b *Block) Block(typ string) (*Block, bool) {
	for i := range b.Blocks {
		if b.Blocks[i].Type == typ {
			return &b.Blocks[i], true
		}
	}
	return nil, false
}
