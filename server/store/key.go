package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// A Key names an entry without holding what it was made from. The zero Key is
// the key of nothing in particular and valid.
type Key struct {
	sum   [sha256.Size]byte
	owner uint64 // whose share it takes; no part of the name
}

// NewKey hashes a kind and the parts that identify an entry within it. Each
// part is hashed with its length before it, so that ("a", "bc") and ("ab", "c")
// are two keys, and no kind can reach into another.
func NewKey(kind string, parts ...string) Key {
	buf := make([]byte, 0, 256)
	buf = appendPart(buf, kind)
	for _, part := range parts {
		buf = appendPart(buf, part)
	}
	return Key{sum: sha256.Sum256(buf)}
}

// Of returns the key as one that takes a share of an owner: who writes too many may
// be refused so that others are not. It names the same entry as before, whoever
// the owner is; the zero owner is that of all keys without one.
func (k Key) Of(owner string) Key {
	sum := sha256.Sum256([]byte(owner))
	k.owner = binary.BigEndian.Uint64(sum[:])
	return k
}

func appendPart(buf []byte, part string) []byte {
	buf = binary.BigEndian.AppendUint64(buf, uint64(len(part)))
	return append(buf, part...)
}

// String returns the key in hexadecimal, for backends whose keys are text.
func (k Key) String() string { return hex.EncodeToString(k.sum[:]) }
