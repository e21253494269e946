//go:build !unix

package compiler

// rootLockFlags is nothing where opening a file has no flags against links.
func rootLockFlags() int { return 0 }
