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
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], osStdio()))
}
