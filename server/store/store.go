// Package store remembers what the server has seen for as long as that matters:
// the IDs of assertions and proofs, which may be used once, and refresh-token
// families, which only one of several concurrent requests may advance.
//
// It owns one interface of four methods and its backends. Memory ends with the
// process, Bolt keeps one machine's state in a file that survives a crash, and
// package natskv keeps it in a bucket that many processes share. Package storetest
// tests what every backend must do.
//
// Where space is short, a key counts against the share of its owner (Key.Of), so
// that no owner takes the space of the others. A Group bounds the number of keys
// that belong together.
//
// The package does not know what it stores: a Key is a hash that only NewKey
// makes, so no token and no client ID reaches a backend. When a backend fails,
// the answer is an error and never a success, and callers refuse the request.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The errors of a Store that say something about the key or the store, to be
// compared with errors.Is. After any other error the state of the key is unknown.
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
// linearizable: each call sees the effect of all calls that returned before it
// began. Package natskv documents an exception for its Get.
//
// A key expires ttl after it was last written. From then on it does not exist for
// callers, whether or not the backend has removed it.
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

// CheckWrite refuses what every backend must refuse: a context that has ended, a
// ttl out of range (up to MaxTTL), and a value longer than MaxValue.
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
