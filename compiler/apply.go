package compiler

import (
	"context"
	"io"
)

// An ApplyRequest is the pair of files to write and what must still stand.
type ApplyRequest struct {
	Root     string // the configuration's folder; the advisory lock is taken on it
	Lockfile string // path
	Snapshot string // path; "" writes the lockfile only

	NextLock     []byte // nil leaves the lockfile alone
	NextSnapshot []byte

	LockDigest     string // FileDigest of the lockfile that was planned against, "" when there was none
	SnapshotDigest string // FileDigest of the whole snapshot file that was planned against, "" when there was none

	Rand io.Reader // for the names of staging files
}

// Apply writes the lockfile and the snapshot so that at every moment, and after
// a crash at any moment, each is wholly old or wholly new, and the snapshot is
// never new before the lockfile.
//
// It waits for the advisory lock until ctx ends. An error with ErrStale in its
// chain says that a file changed since the plan and that nothing was written.
func Apply(ctx context.Context, req ApplyRequest) error { return nil }

// FileDigest is "sha256:<hex>" of a file's bytes, and "" for nil: no file.
func FileDigest(b []byte) string { return "" }
