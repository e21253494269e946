// Package quickstart holds the configuration that "writ init" writes.
//
// The files are beside this one and are an example in their own right: run
// "writ dev examples/quickstart".
package quickstart

import "embed"

// Files is the configuration: the HCL, its README and its .gitignore.
//
//go:embed *.hcl README.md .gitignore
var Files embed.FS
