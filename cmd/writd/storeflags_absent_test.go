//go:build !nats

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestStoreNeedsItsBuild(t *testing.T) {
	dir := t.TempDir()
	snap := filepath.Join(dir, "writ.snapshot")
	writeSnapshot(t, snap, 1, "read")
	code, out, log := runOnce("--snapshot", snap, "--listen", "unix:"+filepath.Join(dir, "p.sock"), "--admin", "off", "--store", "nats://writd:s3cr3t@host")
	if code != exitError || !strings.Contains(out+log, "-tags nats") || strings.Contains(out+log, "s3cr3t") {
		t.Errorf("exit code %d:\n%s%s", code, out, log)
	}
}
