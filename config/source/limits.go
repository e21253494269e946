package source

import (
	"iter"
	"slices"
)

// Limits bound what a configuration may cost. A zero field means its default.
type Limits struct {
	Nesting        int   // brackets, sequences, directives and conditionals inside one another: 64
	Operators      int   // operators and traversal steps in one expression: 1,000
	TextPieces     int   // lines, escapes, dollar signs and sequences of one string: 2,000
	WordBytes      int   // one name: 1 KiB
	Tokens         int   // words, symbols and line ends of one top-level block, or of the templates of one JSON file: 400,000
	NestedBlocks   int   // blocks inside one top-level block: 10,000
	Blocks         int   // top-level blocks of one file: 100,000
	Sequences      int   // ${ and %{ of one file: 100,000
	Values         int   // values of one JSON file: 250,000
	FileTokens     int   // words and symbols of one file: 3,000,000
	FileLines      int   // line ends of one file outside strings: 1,000,000
	FileBytes      int64 // one file: 16 MiB
	TreeBytes      int64 // all files together: 256 MiB
	StringBytes    int   // one string: 64 KiB
	NumberDigits   int   // characters of a number literal: 32
	ExponentDigits int   // digits of its exponent: 3
	Collection     int   // elements of a collection: 100,000
	Steps          int64 // the work of evaluation, see package eval: 10,000,000
	Objects        int   // blocks and their instances: 2,000,000
	Keys           int   // keys of all JWK Sets, equal sets once: 200,000, as the server takes (schema.MaxKeysInAll)
}

// DefaultLimits returns the limits that the language documents. Those of
// operators, pieces, names, tokens, nested blocks, sequences and values bound
// what the parser itself needs: the depth of its recursion, work that grows
// with the square of a string's pieces, and up to 300 bytes of memory a token.
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

// A Limit is one of the limits, in words.
type Limit struct {
	Most int64
	What string // "bytes in one file"
	Doc  string // what to do instead, or ""
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
	d := DefaultLimits()
	orDefault(&l.Nesting, d.Nesting)
	orDefault(&l.Operators, d.Operators)
	orDefault(&l.TextPieces, d.TextPieces)
	orDefault(&l.WordBytes, d.WordBytes)
	orDefault(&l.Tokens, d.Tokens)
	orDefault(&l.NestedBlocks, d.NestedBlocks)
	orDefault(&l.Blocks, d.Blocks)
	orDefault(&l.Sequences, d.Sequences)
	orDefault(&l.Values, d.Values)
	orDefault(&l.FileTokens, d.FileTokens)
	orDefault(&l.FileLines, d.FileLines)
	orDefault(&l.FileBytes, d.FileBytes)
	orDefault(&l.TreeBytes, d.TreeBytes)
	orDefault(&l.StringBytes, d.StringBytes)
	orDefault(&l.NumberDigits, d.NumberDigits)
	orDefault(&l.ExponentDigits, d.ExponentDigits)
	orDefault(&l.Collection, d.Collection)
	orDefault(&l.Steps, d.Steps)
	orDefault(&l.Objects, d.Objects)
	orDefault(&l.Keys, d.Keys)
	return l
}

func orDefault[T int | int64](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}
