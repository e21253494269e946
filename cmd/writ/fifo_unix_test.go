//go:build unix

package main

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/writ-auth/writ/compiler/workspace"
)

// TestFifoDoesNotHang: a pipe in the place of a file is refused, not waited for.
func TestFifoDoesNotHang(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := workspace.ReadFile(path); err == nil {
		t.Error("a pipe was read")
	}
}
