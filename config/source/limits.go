package source

import (
	"iter"
	"reflect"
	"slices"
)

// Limits bound what a configuration may cost. A zero field means its default, see
// DefaultLimits.
type Limits struct {
	Nesting        int   // brackets, sequences, directives and conditionals inside one another
	Operators      int   // operators and traversal steps in one expression
	TextPieces     int   // lines, escapes, dollar signs and sequences of one string
	WordBytes      int   // bytes of one name
	Tokens         int   // words, symbols and line ends of one top-level block, or of the templates of one JSON file
	NestedBlocks   int   // blocks inside one top-level block
	Blocks         int   // top-level blocks of one file
	Sequences      int   // ${ and %{ of one file
	Values         int   // values of one JSON file
	FileTokens     int   // words and symbols of one file
	FileLines      int   // line ends of one file outside strings
	FileBytes      int64 // bytes of one file
	TreeBytes      int64 // bytes of all files together
	StringBytes    int   // bytes of one string
	NumberDigits   int   // characters of a number literal
	ExponentDigits int   // digits of its exponent
	Collection     int   // elements of a collection
	Steps          int64 // the work of evaluation, in steps of package eval
	Objects        int   // blocks and their instances
	Keys           int   // keys of all JWK Sets, equal sets once; the server takes as many (schema.MaxKeysInAll)
}

// DefaultLimits returns the limits that the language documents. Most of them
// bound what the HCL parser needs, which has no limits of its own. It recurses
// for each level of nesting and for each operator. Joining the parts of a string
// takes time with the square of their number. A token takes up to 300 bytes.
func DefaultLimits() Limits {
	return Limits{
		Nesting:        64,
		Operators:      1000,
		TextPieces:     2000,
		WordBytes:      1 << 10,
		Tokens:         400_000,
		NestedBlocks:   10_000,
		Blocks:         100_000,
		Sequences:      100_000,
		Values:         250_000,
		FileTokens:     3_000_000,
		FileLines:      1_000_000,
		FileBytes:      16 << 20,
		TreeBytes:      256 << 20,
		StringBytes:    64 << 10,
		NumberDigits:   32,
		ExponentDigits: 3,
		Collection:     100_000,
		Steps:          10_000_000,
		Objects:        2_000_000,
		Keys:           200_000,
	}
}

// A Limit is one of the limits in words, for documents and for "writ schema".
type Limit struct {
	Most int64
	What string // Markdown, what is counted: "bytes in one file"
	Doc  string // Markdown: what to do instead, or ""
}

// All yields every limit, in the order of the fields.
func (l Limits) All() iter.Seq[Limit] {
	return slices.Values([]Limit{
		{int64(l.Nesting), "brackets, `${ }` and `%{ }` sequences, directives and conditionals inside one another", "Give a part a name of its own in `locals`."},
		{int64(l.Operators), "operators and traversal steps in one expression", "Give a part a name of its own in `locals`."},
		{int64(l.TextPieces), "lines, escapes, dollar signs and sequences in one string of a configuration file", "Put the text into a file of its own, read by `file()`."},
		{int64(l.WordBytes), "bytes in one name", ""},
		{int64(l.Tokens), "words, symbols and lines in one top-level block, or in all templates of one JSON file", "Split the block, or read what it holds from a file with `jsondecode(file())`."},
		{int64(l.NestedBlocks), "blocks inside one top-level block", ""},
		{int64(l.Blocks), "top-level blocks in one file", "Split the file."},
		{int64(l.Sequences), "`${ }` and `%{ }` sequences in one file", "Split the file."},
		{int64(l.Values), "values in one JSON text", "Split the file."},
		{int64(l.FileTokens), "words and symbols in one file", "Split the file."},
		{int64(l.FileLines), "lines in one file", "Split the file."},
		{l.FileBytes, "bytes in one file", "Split the file."},
		{l.TreeBytes, "bytes in all files together", ""},
		{int64(l.StringBytes), "bytes in one string", ""},
		{int64(l.NumberDigits), "characters in a number", ""},
		{int64(l.ExponentDigits), "digits in the exponent of a number", ""},
		{int64(l.Collection), "elements in a collection, and attributes in a block", ""},
		{l.Steps, "steps of about a tenth of a microsecond for all expressions; an instance of a `for_each` takes a hundred", "Loop over less, or write the result down."},
		{int64(l.Objects), "blocks and their instances", ""},
		{int64(l.Keys), "public keys in all key sets together; equal sets count once", "Have clients of one owner share a set, or trust the issuer that signs for them."},
	})
}

// OrDefaults returns the limits with every zero field replaced by its default.
func (l Limits) OrDefaults() Limits {
	fields, defaults := reflect.ValueOf(&l).Elem(), reflect.ValueOf(DefaultLimits())
	for i := range fields.NumField() {
		if fields.Field(i).IsZero() {
			fields.Field(i).Set(defaults.Field(i))
		}
	}
	return l
}
