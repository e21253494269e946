//go:build linux

package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/server/store"
)

// A full disk fails the calls that write, counts nothing as done that is not on
// the disk, leaves what is there readable, and needs no restart when there is
// room again.
func TestBoltOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	b, err := store.OpenBolt(filepath.Join(dir, "used.db"), store.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	family := store.NewKey("family")
	revision, err := b.CompareAndSwap(t.Context(), family, 0, []byte("first"), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, bytes.Repeat([]byte("x"), 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	var failed []store.Key
	for i := range 300 {
		key := store.NewKey("jti", strconv.Itoa(i))
		if err := b.PutOnce(t.Context(), key, time.Hour); err != nil {
			failed = append(failed, key)
		}
	}
	if len(failed) == 0 {
		t.Fatal("nothing failed on a full disk")
	}
	if _, err := b.CompareAndSwap(t.Context(), family, revision, bytes.Repeat([]byte("y"), 32<<10), time.Hour); err == nil {
		t.Error("32 KiB were written to a full disk")
	}
	if b.Fault() == nil {
		t.Error("no fault is known of a full disk")
	}
	if entry, err := b.Get(t.Context(), family); err != nil || string(entry.Value) != "first" || entry.Revision != revision {
		t.Errorf("what was there: %q at %d, %v", entry.Value, entry.Revision, err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	for _, key := range failed {
		if err := b.PutOnce(t.Context(), key, time.Hour); err != nil {
			t.Fatalf("with room again: %v", err)
		}
		if err := b.PutOnce(t.Context(), key, time.Hour); !errors.Is(err, store.ErrExists) {
			t.Fatalf("a second use: %v", err)
		}
	}
	if _, err := b.CompareAndSwap(t.Context(), family, revision, []byte("second"), time.Hour); err != nil {
		t.Errorf("the family, with room again: %v", err)
	}
	if err := b.Fault(); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
