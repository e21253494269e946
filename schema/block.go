package schema

// A Type is what an attribute takes.
type Type string

// The types of an attribute.
const (
	TypeString     Type = "string"
	TypeBool       Type = "bool"
	TypeNumber     Type = "number"
	TypeDuration   Type = "duration"           // "90m", "24h", "30d" or a number of seconds
	TypeTime       Type = "time"               // RFC 3339, in a string
	TypeStrings    Type = "list of strings"    // or a set
	TypeStringMap  Type = "map of strings"     // strings by name
	TypeObject     Type = "object"             // JSON values by name
	TypeReference  Type = "reference"          // one block of the type in Of
	TypeReferences Type = "list of references" // blocks of the type in Of
	TypeCondition  Type = "condition"          // a bool, evaluated for each object
	TypeForEach    Type = "map or set of strings"
	TypeConstraint Type = "type constraint" // string, number, list(string), ...
	TypeAny        Type = "any"
)

// OfWarning stands in Attribute.Of for a list of strings that are codes of warnings.
// Package config compares them with the catalogue of config/diag.
const OfWarning = "warning"

// A Block is one type of block. It is the single declaration from which files
// are decoded, the reference page is written and an editor completes.
type Block struct {
	Type       string             `json:"type"`               // the word that opens it
	Label      string             `json:"label,omitempty"`    // what its label is; "" when it takes none
	CheckLabel func(string) error `json:"-"`                  // the label's rule; nil when it takes none
	LabelCode  string             `json:"-"`                  // the diagnostic of a label that CheckLabel refuses
	Repeats    bool               `json:"repeats,omitempty"`  // may stand more than once in its parent
	Required   bool               `json:"required,omitempty"` // must stand in its parent
	Open       bool               `json:"open,omitempty"`     // takes attributes of any name
	Doc        string             `json:"doc"`                // a paragraph
	Example    string             `json:"example"`            // a whole block
	Attributes []Attribute        `json:"attributes,omitempty"`
	Blocks     []Block            `json:"blocks,omitempty"` // nested

	OneOf   []string `json:"-"` // exactly one of these attributes stands in it
	nesting nesting  // in the struct of its parent
}

// An Attribute is one attribute of a block.
type Attribute struct {
	Name     string   `json:"name"`
	Type     Type     `json:"type"`
	Of       string   `json:"of,omitempty"` // of a reference: the type of the block it names; or OfWarning
	Required bool     `json:"required,omitempty"`
	Default  string   `json:"default,omitempty"` // as HCL, or in words; "" when there is none
	Enum     []string `json:"enum,omitempty"`    // the exact values, or of a list its elements; empty for any
	Min      int64    `json:"min,omitempty"`     // of a number, or of a duration in seconds;
	Max      int64    `json:"max,omitempty"`     // both zero for any
	Doc      string   `json:"doc"`               // one line
	Example  string   `json:"example"`           // as HCL

	Check func(string) error `json:"-"` // the rule of a string, or of a list's elements; nil for any
	Code  string             `json:"-"` // the diagnostic of a value that Check refuses; invalid-value when ""
	ASCII bool               `json:"-"` // compared byte for byte: nothing outside ASCII, not even what HCL rewrites

	// ParseKeys makes the canonical JWK Set of a text; nil where the value is no key set.
	ParseKeys func(string) (string, error) `json:"-"`

	NotEmpty bool    `json:"-"` // a list that accepts nothing when it is empty
	After    string  `json:"-"` // of a time: the attribute of the same block that must be earlier
	Inherit  Inherit `json:"-"` // where the value comes from when it is not set, before Default
	Deferred bool    `json:"-"` // evaluated for each authorization, when the configuration is compiled
	Hidden   bool    `json:"-"` // how a client authenticates: compared, and never shown

	// Widens says whom another value may give more, and More and Less what a plan says
	// then: sentences with {object}, {before} and {after}; of a list, what follows the
	// object, with {values}. Without More only the name of the attribute is said.
	Widens     Widens `json:"-"`
	More, Less string `json:"-"`

	field        field
	defaultValue any
}

// An Inherit says where an attribute that is not set takes its value from.
type Inherit int

// The sources of a value that is not set.
const (
	InheritNone       Inherit = iota // the language's default
	InheritLabel                     // the label of the object
	InheritBlockLabel                // the label, which must name one object: not with for_each
	InheritDefaults                  // the attribute of that name of the issuer's defaults
	InheritAPI                       // the attribute of that name of the API that api names
	InheritIssuerURL                 // the issuer's url
)

// A Widens says which change of an attribute may give somebody access.
type Widens int

// The ways in which a change widens access.
const (
	WidensAny   Widens = iota // any change: it is not certain that nobody gains
	WidensMore                // a true, a greater number, a further element or a later value of Enum; the opposite narrows
	WidensLess                // a false, a smaller number or a missing element; the opposite narrows
	WidensShape               // none; tokens or answers look different
	WidensText                // none; only people and policies read it
)

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
	return find(b.Blocks, typ)
}

// LanguageBlock returns the top-level block of that type.
func LanguageBlock(typ string) (*Block, bool) {
	return find(Language, typ)
}

// IsDuration reports whether attributes of that name are durations. A name means
// the same wherever it stands, so plans need not know the block.
func IsDuration(name string) bool { return durations[name] }

// durations are the names of all durations of the language.
var durations = durationsOf(Language, make(map[string]bool))

// durationsOf collects the names of durations in blocks and those nested in them.
func durationsOf(blocks []Block, names map[string]bool) map[string]bool {
	for i := range blocks {
		for _, a := range blocks[i].Attributes {
			if a.Type == TypeDuration {
				names[a.Name] = true
			}
		}
		durationsOf(blocks[i].Blocks, names)
	}
	return names
}

// find returns the block of a type.
func find(blocks []Block, typ string) (*Block, bool) {
	for i := range blocks {
		if blocks[i].Type == typ {
			return &blocks[i], true
		}
	}
	return nil, false
}
