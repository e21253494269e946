// Command writ is the compiler and the workbench: it turns a folder of HCL into
// a snapshot that writd serves, and shows what every change means before it
// takes effect.
//
// The package owns arguments, views and exit codes, one file per command. It
// decides nothing: rules live in packages config and compiler, tokens in
// package server. It prints data on standard output and everything else on
// standard error.
package main

import (
	"context"
	"os"
	"runtime/debug"
)

func main() {
	tuneMemory()
	os.Exit(run(context.Background(), os.Args[1:], osStdio()))
}

// tuneMemory trades memory for time: most runs end before their garbage is
// worth collecting. The environment's own settings win.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(2 << 30) // above it the collector works as it does by default
	}
}
