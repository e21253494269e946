//go:build unix

package source

import "syscall"

// nonblock makes opening a FIFO return at once instead of waiting for a writer.
// It has no effect on regular files.
const nonblock = syscall.O_NONBLOCK
