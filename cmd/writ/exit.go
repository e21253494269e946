package main

import (
	"errors"
	"fmt"
)

// The exit codes.
const (
	exitOK      = 0
	exitError   = 1  // there are diagnostics, or the command could not do it
	exitChanges = 2  // plan --detailed-exitcode: changes; explain: refused
	exitStale   = 3  // apply: the plan is stale; fmt --check: something to change
	exitUsage   = 64 // EX_USAGE of sysexits(3)
	exitDefect  = 70 // EX_SOFTWARE: a mistake in writ itself
)

// An exitStatus ends the command with a code, all having been said.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// A usageError is a command line that makes no sense; its hint says what would.
type usageError struct {
	message string
	hint    string
}

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) *usageError {
	return &usageError{message: fmt.Sprintf(format, args...)}
}

// A failure is an error that is not the author's configuration: a file that
// cannot be read, a server that does not answer. It is shown like a diagnostic
// without a place, with the way out below it.
type failure struct {
	code string // a diagnostic code
	exit int    // 0 stands for exitError
	hint string // a full sentence: what to do
	err  error
}

func (e *failure) Error() string { return e.err.Error() }
func (e *failure) Unwrap() error { return e.err }

func failf(code, hint, format string, args ...any) *failure {
	return &failure{code: code, hint: hint, err: fmt.Errorf(format, args...)}
}

// exitCode is what the program ends with when a command returned err.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status)
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if problems, ok := errors.AsType[*diagnosed](err); ok && problems.exit != 0 {
		return problems.exit
	}
	if failed, ok := errors.AsType[*failure](err); ok && failed.exit != 0 {
		return failed.exit
	}
	return exitError
}
