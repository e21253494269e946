// Command writd is the token server: a sidecar that issues JWT access tokens
// from a snapshot that writ compiled. It knows snapshots and keys, and no HCL.
//
// This package turns flags, environment, signals and the service manager into calls of
// package server, and decides nothing about tokens: run.go is the program and its exit
// codes, daemon.go the order of start, reload and end, the *flags.go files one group of
// flags each.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], stdio{out: os.Stdout, err: os.Stderr, getenv: os.Getenv}))
}
