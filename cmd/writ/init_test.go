package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A full disk must not leave a folder that the next try would find in its way,
// and must not take one that was there.
func TestInitLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	there := t.TempDir()
	made := filepath.Join(there, "a", "b")
	if err := writeNew(made, []string{"issuer.hcl", "no such file"}); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("writeNew: %v, want that a file is not there", err)
	}
	if left, err := os.ReadDir(there); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := writeNew(there, []string{"issuer.hcl", "no such file"}); err == nil {
		t.Fatal("no error")
	}
	if left, err := os.ReadDir(there); err != nil || len(left) > 0 {
		t.Errorf("left behind in a folder that was there: %v, %v", left, err)
	}
}
