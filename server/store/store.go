// Package store remembers, for as long as it must, what the server has seen:
// the ids of assertions and proofs that may be used once, and refresh-token
// families that only one of several requests may move on.
//
// Where room is short, a key counts against the share of its owner (Key.Of), so that
// none takes it from the others. A Group bounds how many keys belong together.
//
// It owns one interface of four methods and its backends: Memory forgets at
// the end of the process, Bolt keeps one machine's state in a file and survives
// a kill; package natskv keeps it in a bucket that many processes share. Package
// storetest holds what every backend must pass. It refuses to know what it
// stores: a Key is a hash that only NewKey makes, so no caller's string, token or
// client id ever reaches a backend. When a backend fails, the answer is an error
// and never a success; callers refuse the request.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What the methods of a Store answer, to be compared with errors.Is. Any other
// error means that the store could not do its work: nothing may be concluded
// from it about the key.
var (
	ErrExists   = errors.New("the key exists")
	ErrNotFound = errors.New("no such key")
	ErrConflict = errors.New("the key is at another revision")
	ErrClosed   = errors.New("the store is closed")
	ErrFull     = errors.New("the store is full")
	ErrShare    = errors.New("the owner's share of the store is full") // see Key.Of
)

// MaxValue is the longest value that CompareAndSwap takes, in bytes.
const MaxValue = 64 << 10

// MaxTTL is the longest time that a key lives without being written again. It
// exceeds the longest lifetime of a refresh token.
const MaxTTL = 2 * 366 * 24 * time.Hour

// A Store holds keys that expire. Its methods are safe for concurrent use and
// see one order of events: what one call has done, the next one sees. NATS says
// for which seconds its Get may not.
//
// A key lives while the time is before its end, ttl after it was written. From
// then on it does not exist, whether or not the backend has removed it.
type Store interface {
	// PutOnce creates the key, or answers ErrExists and changes nothing. Of any
	// number of concurrent calls for one key, one succeeds.
	PutOnce(ctx context.Context, key Key, ttl time.Duration) error

	// Get returns what CompareAndSwap wrote, or ErrNotFound. A key made by
	// PutOnce has an empty value.
	Get(ctx context.Context, key Key) (Entry, error)

	// CompareAndSwap writes the value and a new end if the key is at the given
	// revision, 0 meaning that it must not exist, and returns the new revision.
	// Otherwise it answers ErrConflict and changes nothing. A revision is never
	// used twice, not even after the key was deleted and created again.
	CompareAndSwap(ctx context.Context, key Key, revision uint64, value []byte, ttl time.Duration) (uint64, error)

	// Delete removes the key at once. A key that does not exist is no error.
	Delete(ctx context.Context, key Key) error
}

// An Entry is a value as Get found it. The caller owns Value.
type Entry struct {
	Value    []byte
	Revision uint64 // never 0
}

// CheckWrite refuses what no backend takes: a request that is over, a time to
// live out of range, a value too long.
func CheckWrite(ctx context.Context, ttl time.Duration, value []byte) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case ttl <= 0 || ttl > MaxTTL:
		return fmt.Errorf("time to live %s is not between 1ns and %s", ttl, MaxTTL)
	case len(value) > MaxValue:
		return fmt.Errorf("value of %d bytes is longer than %d", len(value), MaxValue)
	}
	return nil
}
