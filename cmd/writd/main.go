// Command writd is the token server: a sidecar that issues JWT access tokens
// from a snapshot that writ compiled. It knows snapshots and keys, and no HCL.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], stdio{out: os.Stdout, err: os.Stderr, getenv: os.Getenv}))
}
