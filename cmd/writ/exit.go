package main

import (
	"errors"
	"fmt"

	"github.com/writ-auth/writ/config/diag"
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

// exitCode is what the program ends with when a command returned err.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status)
	}
	for _, d := range diag.ProblemsOf(err).List {
		switch d.Code {
		case diag.CodeUsage:
			return exitUsage
		case "plan-stale":
			return exitStale
		}
	}
	return exitError
}
