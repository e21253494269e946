//go:build unix

package server_test

import "syscall"

// maxFiles is how many files this process may have open.
func maxFiles() (uint64, error) {
	var files syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
	return uint64(files.Cur), err
}
