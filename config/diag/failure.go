package diag

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/schema"
)

// A Failure is an error that no line of a configuration caused: a file that cannot be
// read, a server that does not answer, a wrong command line. It is shown like a
// diagnostic without a place. Its Code must be in the catalogue: showing it panics otherwise.
type Failure struct {
	Code string // of the catalogue
	Hint string // what to do, in full sentences; "" for nothing to add
	Err  error
}

// Failf is a Failure with the text that fmt.Errorf makes.
func Failf(code, hint, format string, args ...any) *Failure {
	return &Failure{Code: code, Hint: hint, Err: fmt.Errorf(format, args...)}
}

// CodeUsage is the code of a wrong command line, or of a name on it that does not exist.
const CodeUsage = "usage"

// Usagef is a Failure that the command line caused.
func Usagef(format string, args ...any) *Failure {
	return &Failure{Code: CodeUsage, Err: fmt.Errorf(format, args...)}
}

// Error implements error.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives errors.Is the cause.
func (f *Failure) Unwrap() error { return f.Err }

// FromError makes a diagnostic of an error, by its Failure where it has one.
func FromError(err error) Diagnostic {
	failed, ok := errors.AsType[*Failure](err)
	if !ok {
		return New("command-failed", hcl.Range{}, schema.Sentence(err.Error()))
	}
	detail := schema.Sentence(err.Error())
	if failed.Hint != "" {
		detail += " " + failed.Hint
	}
	return New(failed.Code, hcl.Range{}, detail)
}

// Problems are the diagnostics of a configuration with mistakes, and the bytes of the files
// that they point into. As an error they say that a command could not go on.
type Problems struct {
	List     List
	Sources  map[string][]byte // by file name
	Policies []Declared        // of the configuration, whatever became of them
}

// A Declared is a block of a configuration, by its address.
type Declared struct {
	Address string // "policy.short-tokens"
	Range   hcl.Range
}

// Error implements error. It only counts: a caller that knows the type shows the
// diagnostics.
func (p *Problems) Error() string { return fmt.Sprintf("%d diagnostics", len(p.List)) }

// ProblemsOf returns the diagnostics of any error: those of a Problems in its chain, else
// the one that FromError makes. The error must not be nil.
func ProblemsOf(err error) *Problems {
	if problems, ok := errors.AsType[*Problems](err); ok {
		return problems
	}
	return &Problems{List: List{FromError(err)}}
}
