//go:build unix

package source

import "syscall"

// nonblock makes opening a FIFO return at once; for regular files it means nothing.
const nonblock = syscall.O_NONBLOCK
