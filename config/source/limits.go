package source

// Limits bound what a configuration may cost. A zero field means its default.
type Limits struct {
	Nesting        int   // brackets, templates and conditionals inside one another: 64
	Operators      int   // operators and traversal steps in one expression: 1,000
	FileBytes      int64 // one file: 16 MiB
	TreeBytes      int64 // all files together: 256 MiB
	StringBytes    int   // one string: 64 KiB
	NumberDigits   int   // characters of a number literal: 32
	ExponentDigits int   // digits of its exponent: 3
	Collection     int   // elements of a collection: 100,000
	Steps          int64 // the work of evaluation, see package eval: 10,000,000
	Objects        int   // blocks and their instances: 2,000,000
}

// DefaultLimits returns the limits that the language documents.
func DefaultLimits() Limits {
	return Limits{
		Nesting:        64,
		Operators:      1000,
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
