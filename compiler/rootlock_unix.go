//go:build unix

package compiler

import (
	"os"
	"runtime"
	"syscall"
)

// rootLockFlags open the file of the advisory lock: no link is followed, no pipe
// waited for. Solaris and AIX lock no file that is open for reading only.
func rootLockFlags() int {
	flags := syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	switch runtime.GOOS {
	case "aix", "solaris", "illumos":
		flags |= os.O_RDWR
	}
	return flags
}
