package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// A Key names an entry by a hash and does not contain what it was made from. The
// zero Key is valid.
type Key struct {
	sum   [sha256.Size]byte
	owner uint64 // whose share the entry counts against; not part of the name
}

// NewKey hashes a kind and the parts that identify an entry within it. Each part
// is preceded by its length, so that ("a", "bc") and ("ab", "c") are different
// keys and keys of different kinds never collide.
func NewKey(kind string, parts ...string) Key {
	buf := make([]byte, 0, 256)
	buf = appendPart(buf, kind)
	for _, part := range parts {
		buf = appendPart(buf, part)
	}
	return Key{sum: sha256.Sum256(buf)}
}

// Of returns the key with an owner, against whose share the entry counts. An owner
// that writes too many keys is refused (ErrShare) so that others are not. The key
// still names the same entry: the owner is not part of the name. Keys without an
// owner belong to no share.
func (k Key) Of(owner string) Key {
	sum := sha256.Sum256([]byte(owner))
	k.owner = binary.BigEndian.Uint64(sum[:])
	return k
}

// appendPart appends a part after its length, so that no two lists of parts have one name.
func appendPart(buf []byte, part string) []byte {
	buf = binary.BigEndian.AppendUint64(buf, uint64(len(part)))
	return append(buf, part...)
}

// String returns the key in hexadecimal, for backends whose keys are text.
func (k Key) String() string { return hex.EncodeToString(k.sum[:]) }
