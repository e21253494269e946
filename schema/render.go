package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// JSON renders the language, its functions and the limits of a configuration, for machines.
func JSON(self []Self, functions []Function, limits []Limit) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(struct {
		FormatVersion string     `json:"format_version"`
		Blocks        []Block    `json:"blocks"`
		TestBlocks    []Block    `json:"test_blocks"`
		Self          []Self     `json:"self"`
		Functions     []Function `json:"functions"`
		Limits        []Limit    `json:"limits"`
	}{"1", Language, TestLanguage, self, functions, limits})
	return b.Bytes(), err
}

// introduction begins the reference page.
const introduction = `# Language reference

writ reads HCL 2: every ` + "`*.hcl`" + ` and ` + "`*.hcl.json`" + ` below a folder, in one namespace. The order of files, blocks and
attributes never matters.

An attribute takes any expression that gives its type:

- A **duration** is text such as ` + "`\"90m\"`, `\"24h\"`, `\"30d\"`, `\"1h30m\"`" + `, or a whole number of seconds. Read in an expression it
  is that number.
- A **time** is text in RFC 3339 with whole seconds: ` + "`\"2027-01-31T00:00:00Z\"`" + `.
- A **reference** names another block: ` + "`api.orders`, `client.billing`" + `, with for_each ` + "`client.worker[\"eu\"]`" + `. Anything that
  evaluates to such an object is one too.
- Each attribute of an object can be read: ` + "`api.orders.identifier`, `client.billing.client_id`" + `. Besides its attributes an object
  has ` + "`address`" + ` and ` + "`label`" + `, and an api has ` + "`scopes`" + `, the list of their names, and
  ` + "`sensitive_scopes`" + `, those of the sensitive ones.
- ` + "`null`" + ` is the same as leaving an attribute out.

`

// Markdown renders the language, its functions and the limits of a configuration, as a
// reference page.
func Markdown(self []Self, functions []Function, limits []Limit) string {
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString("| block | in short |\n| --- | --- |\n")
	for _, blocks := range [][]Block{Language, TestLanguage} {
		for i := range blocks {
			fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", blocks[i].Type, blocks[i].Type, cell(firstSentence(blocks[i].Doc)))
		}
	}
	for _, blocks := range [][]Block{Language, TestLanguage} {
		for i := range blocks {
			writeBlock(&b, &blocks[i], nil)
		}
	}
	writeSelf(&b, self)
	writeFunctions(&b, functions)
	writeLimits(&b, limits)
	return b.String()
}

// aboutSelf begins the section on self.
const aboutSelf = `
## self

In a policy self is one object of the kind that for_each_of names, with every default applied and every lifetime that it inherits; in claims it
has the three objects that meet in a token. A duration is a number of seconds, a time is text, and a reference is the object that it names.
`

// writeSelf writes a table for each place where self means something else.
func writeSelf(b *strings.Builder, all []Self) {
	b.WriteString(aboutSelf)
	for _, self := range all {
		heading := "In " + self.In
		if self.ForEachOf != "" {
			heading = fmt.Sprintf("In a policy with `for_each_of = %q`", self.ForEachOf)
		}
		fmt.Fprintf(b, "\n%s:\n\n| self | type | meaning |\n| --- | --- | --- |\n", heading)
		for _, m := range self.Members {
			fmt.Fprintf(b, "| `self.%s` | %s | %s |\n", m.Name, m.Type, cell(firstSentence(m.Doc)))
		}
	}
}

// aboutFunctions begins the section on functions.
const aboutFunctions = `
## Functions

None reads a clock, randomness, the network or the environment. What a call takes counts as steps, see the limits.

| function | meaning |
| --- | --- |
`

// differences says where expressions mean something else than in HCL and OpenTofu.
const differences = `
Expressions mean what they mean in HCL, and functions what they do in OpenTofu, but for these:

- A name that does not exist is a mistake wherever it stands, also in ` + "`true || nothing`, `false ? nothing : 1` and `try(nothing, 1)`" + `: names
  are resolved before anything is evaluated. ` + "`try` and `can`" + ` are for what a value may lack, such as ` + "`try(local.a.b, null)`" + `.
- The first mistake inside a ` + "`for`" + ` ends it, so that where a branch is not chosen, or ` + "`&&` or `||`" + ` is decided without it, a mistake of
  types beside it may be found or not found that HCL would judge the other way.
- A key that stands twice in an object is a mistake, and so are numbers that are not finite, such as ` + "`1 / 0`" + `.
- The default of ` + "`lookup`" + ` in a map is brought to the type of its elements, and is a mistake where it cannot be.

Where OpenTofu and the go-cty library differ it is as in OpenTofu: ` + "`coalesce`" + ` passes over text without characters.
`

// writeFunctions writes one row for each function.
func writeFunctions(b *strings.Builder, functions []Function) {
	b.WriteString(aboutFunctions)
	for _, f := range functions {
		fmt.Fprintf(b, "| `%s` | %s |\n", f.Signature, cell(f.Doc))
	}
	b.WriteString(differences)
}

// aboutLimits begins the section on limits.
const aboutLimits = `
## Limits

A configuration past one of these is refused with the code ` + "`limit-exceeded`" + ` and the place, before it can take much time or memory.

| at most | of | instead |
| --- | --- | --- |
`

// writeLimits writes one row for each limit.
func writeLimits(b *strings.Builder, limits []Limit) {
	b.WriteString(aboutLimits)
	for _, l := range limits {
		fmt.Fprintf(b, "| %d | %s | %s |\n", l.Most, cell(l.What), cell(l.Doc))
	}
}

// writeBlock writes the section of a block and those of the blocks nested in it.
func writeBlock(b *strings.Builder, block *Block, parents []string) {
	title := block.Type
	if len(parents) > 0 {
		title = strings.Join(parents, ".") + "." + block.Type
	}
	fmt.Fprintf(b, "\n%s %s\n\n%s\n\n```hcl\n%s\n```\n", strings.Repeat("#", 2+len(parents)), title, escape(block.Doc), block.Example)
	if len(block.Attributes) > 0 {
		b.WriteString("\n| attribute | type | default | meaning |\n| --- | --- | --- | --- |\n")
		for i := range block.Attributes {
			writeAttribute(b, &block.Attributes[i])
		}
	}
	for i := range block.Blocks {
		writeBlock(b, &block.Blocks[i], append(parents, block.Type))
	}
}

// writeAttribute writes the row of an attribute. A default that is HCL is shown as code, one in
// words as text.
func writeAttribute(b *strings.Builder, a *Attribute) {
	fallback := ""
	switch {
	case a.Required:
		fallback = "**required**"
	case strings.ContainsAny(a.Default, "\"[{0123456789") || a.Default == "true" || a.Default == "false":
		fallback = "`" + a.Default + "`"
	default:
		fallback = a.Default
	}
	meaning := a.Doc
	if a.Min != 0 || a.Max != 0 {
		meaning += " " + a.rangeText()
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s Example: `%s` |\n", a.Name, cell(a.typeText()), fallback, cell(meaning), cell(a.Example))
}

// typeText is the type in words, with the values of an enumeration.
func (a *Attribute) typeText() string {
	text := string(a.Type)
	switch a.Type {
	case TypeReference:
		text = "reference to " + a.Of
	case TypeReferences:
		text = "list of references to " + a.Of
	case TypeStrings:
		if a.Of == OfWarning {
			text = "list of codes of warnings"
		}
	}
	if len(a.Enum) > 0 {
		text += ": `" + strings.Join(quoteAll(a.Enum), "`, `") + "`"
	}
	return text
}

// rangeText is the range in words.
func (a *Attribute) rangeText() string {
	if a.Type == TypeDuration {
		return fmt.Sprintf("From %s to %s.", FormatDuration(a.Min), FormatDuration(a.Max))
	}
	return fmt.Sprintf("At most %d.", a.Max)
}

// quoteAll puts each value in double quotes.
func quoteAll(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = `"` + v + `"`
	}
	return out
}

// cell makes text fit for a cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(escape(s))
}

// escape keeps text outside code from being read as HTML or as emphasis.
func escape(s string) string {
	parts := strings.Split(s, "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = strings.NewReplacer("<", "&lt;", ">", "&gt;", "*", `\*`).Replace(parts[i])
	}
	return strings.Join(parts, "`")
}

// firstSentence is the beginning of a paragraph, for a table.
func firstSentence(s string) string {
	if first, _, found := strings.Cut(s, ". "); found {
		return first + "."
	}
	return s
}

// A Self is what self has in one place.
type Self struct {
	In        string       `json:"in"`                    // "policy" or "claims"
	ForEachOf string       `json:"for_each_of,omitempty"` // of a policy
	Members   []SelfMember `json:"members"`
}

// A SelfMember is one thing that may follow "self.".
type SelfMember struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
	Doc  string `json:"doc"` // the first sentence stands by itself
}

// A Function is a function that an expression may call.
type Function struct {
	Name      string `json:"name"`
	Signature string `json:"signature"` // "join(separator, lists...)"
	Doc       string `json:"doc"`       // one line
}

// MaxKeysInAll is how many public keys all sets of a configuration have, equal sets
// counted once.
const MaxKeysInAll = 200_000

// A Limit is how much of something a configuration may have, for the reference:
// who holds it there also says so.
type Limit struct {
	Most int64  `json:"most"`
	What string `json:"what"` // a noun phrase that follows the number: "bytes in one file"
	Doc  string `json:"doc"`  // what to do instead, one sentence, or ""
}
