package store

import (
	"bytes"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"
)

// The buckets of a state file. An entry is 8 bytes of revision, 8 bytes of end
// in Unix nanoseconds and the value; the expiry index holds end and key, so
// that its first keys are the next to go. Revisions are the sequence of the
// entries bucket and so survive everything that the entries survive.
const (
	bucketEntries = "entries"
	bucketExpiry  = "expiry"
	bucketMeta    = "meta"

	entryHeader = 16
	sweepAtOnce = 64 // expired entries that one commit removes, for each of its calls at least two
)

// A boltTx is a transaction at one point of time.
type boltTx struct {
	tx  *bbolt.Tx
	now time.Time
}

// live returns the entry, which is valid inside the transaction only.
func (t boltTx) live(key Key) (Entry, bool) {
	raw := t.tx.Bucket([]byte(bucketEntries)).Get(key.sum[:])
	if len(raw) < entryHeader || t.now.UnixNano() >= int64(binary.BigEndian.Uint64(raw[8:])) {
		return Entry{}, false
	}
	return Entry{Revision: binary.BigEndian.Uint64(raw), Value: raw[entryHeader:]}, true
}

// write replaces an entry. Revisions come from the bucket's sequence, which never goes back:
// none is used twice, also not after a key was removed.
func (t boltTx) write(key Key, value []byte, ttl time.Duration) (revision uint64, err error) {
	if err := t.remove(key); err != nil {
		return 0, err
	}
	entries := t.tx.Bucket([]byte(bucketEntries))
	if revision, err = entries.NextSequence(); err != nil {
		return 0, err
	}
	end := uint64(t.now.Add(ttl).UnixNano())
	raw := make([]byte, 0, entryHeader+len(value))
	raw = binary.BigEndian.AppendUint64(raw, revision)
	raw = binary.BigEndian.AppendUint64(raw, end)
	if err := entries.Put(key.sum[:], append(raw, value...)); err != nil {
		return 0, err
	}
	return revision, t.tx.Bucket([]byte(bucketExpiry)).Put(expiryKey(end, key.sum[:]), nil)
}

// remove removes an entry and its place in the order of expiry, if it is there.
func (t boltTx) remove(key Key) error {
	entries := t.tx.Bucket([]byte(bucketEntries))
	raw := entries.Get(key.sum[:])
	if len(raw) < entryHeader {
		return nil
	}
	end := binary.BigEndian.Uint64(raw[8:])
	if err := t.tx.Bucket([]byte(bucketExpiry)).Delete(expiryKey(end, key.sum[:])); err != nil {
		return err
	}
	return entries.Delete(key.sum[:])
}

// sweep removes up to limit entries whose end has come.
func (t boltTx) sweep(limit int) error {
	entries := t.tx.Bucket([]byte(bucketEntries))
	now := expiryKey(uint64(t.now.UnixNano()), nil)
	cursor := t.tx.Bucket([]byte(bucketExpiry)).Cursor()
	for k, _ := cursor.First(); k != nil && limit > 0 && bytes.Compare(k[:8], now) <= 0; k, _ = cursor.First() {
		if err := entries.Delete(k[8:]); err != nil {
			return err
		}
		if err := cursor.Delete(); err != nil {
			return err
		}
		limit--
	}
	return nil
}

// expiryKey returns the key in the bucket of expiries: the end first, in nanoseconds and
// big-endian, so that the bucket's order is the order in which entries expire.
func expiryKey(end uint64, key []byte) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(key)), end), key...)
}
