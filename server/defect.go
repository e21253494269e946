package server

import (
	"fmt"
	"runtime/debug"
)

// A Defect is a panic as an error: a mistake in this program.
type Defect struct {
	Panic any
	Stack []byte // where it happened
}

// Error says what the panic said.
func (d *Defect) Error() string { return fmt.Sprintf("a defect: %v", d.Panic) }

// Guard calls f and returns its panic as a *Defect, nil when there was none. For
// what runs in the background: Go ends the process on a panic there, in the middle
// of whatever else it does.
func Guard(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Defect{Panic: p, Stack: debug.Stack()}
		}
	}()
	f()
	return nil
}
