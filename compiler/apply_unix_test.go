//go:build unix

package compiler

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestApplyRefusesPipe: it would wait for a reader for ever.
func TestApplyRefusesPipe(t *testing.T) {
	w := newWorld(t)
	req := w.request()
	if err := os.Remove(w.path("writ.lock.hcl")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(w.path("writ.lock.hcl"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Apply(t.Context(), req); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("error %v", err)
	}
}
