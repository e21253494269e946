package source

// Limits bound what a configuration may cost. A zero field means its default.
type Limits struct {
	Nesting        int   // brackets, sequences, directives and conditionals inside one another: 64
	Operators      int   // operators and traversal steps in one expression: 1,000
	TextPieces     int   // lines, escapes, dollar signs and sequences of one string: 2,000
	WordBytes      int   // one name: 1 KiB
	Tokens         int   // words, symbols and line ends of one top-level block, or of the templates of one JSON file: 400,000
	NestedBlocks   int   // blocks inside one top-level block: 10,000
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
	}
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
	return l
}

func orDefault[T int | int64](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}
