package snapshot

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// A hashIndex finds an object by a string in about three reads of cold memory.
//
// The entries (hash, object) are sorted by hash and then by key. Hashes are
// spread evenly, so the top of the hash says in which bucket of about eight
// neighbouring entries to look; the directory of bucket starts is small enough to
// stay in the cache. A set of keys made to collide costs a longer binary
// search and nothing more: there is no probing and no worst case beyond log n.
type hashIndex struct {
	buckets table[start]
	entries table[indexEntry]
}

// An indexEntry says which object has a key with the hash.
type indexEntry struct {
	hash   le32
	object ref
}

var (
	clientIndex     = hashIndex{secClientBuckets, secClientIndex}
	identifierIndex = hashIndex{secIdentifierBuckets, secIdentifierIndex}
	nearIndex       = hashIndex{secNearBuckets, secNearIndex} // over folded identifiers, searched by hash alone
)

// entriesPerBucket makes a bucket one or two cache lines.
const entriesPerBucket = 8

// find returns the object with exactly this key; keyOf reads the key of an object.
func (x *hashIndex) find(s *Snapshot, key string, keyOf func(s *Snapshot, object uint32) string) (uint32, bool) {
	hash := hash32(key)
	lo, hi := x.bucket(s, hash)
	for lo < hi {
		mid := lo + (hi-lo)/2
		entry := x.entries.at(&s.sections, mid)
		order, object := cmp.Compare(entry.hash.get(), hash), entry.object.get()
		if order == 0 {
			at := keyOf(s, object)
			if at == key {
				return object, true
			}
			order = cmp.Compare(at, key)
		}
		if order < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return 0, false
}

// bucket is the range of entries that holds hash if any entry has it.
func (x *hashIndex) bucket(s *Snapshot, hash uint32) (lo, hi uint32) {
	buckets := x.buckets.all(&s.sections)
	b := bucketOf(hash, len(buckets)-1)
	return buckets[b].get(), buckets[b+1].get()
}

func bucketOf(hash uint32, buckets int) int { return int(uint64(hash) * uint64(buckets) >> 32) }

// build makes the two sections of the index over keys; the position of a key is
// its object. It returns a key that is there twice.
func (x *hashIndex) build(e *encoder, keys []string) (twin string, found bool) {
	type entry struct{ hash, object uint32 }
	sorted := make([]entry, len(keys))
	for i, key := range keys {
		sorted[i] = entry{hash32(key), uint32(i)}
	}
	slices.SortFunc(sorted, func(a, b entry) int {
		if a.hash != b.hash {
			return cmp.Compare(a.hash, b.hash)
		}
		return cmp.Or(cmp.Compare(keys[a.object], keys[b.object]), cmp.Compare(a.object, b.object))
	})
	var buckets, entries []byte
	n := max(1, len(keys)/entriesPerBucket)
	next := 0
	for i, at := range sorted {
		for ; next <= bucketOf(at.hash, n); next++ {
			buckets = appendU32(buckets, uint32(i))
		}
		entries = appendU32(entries, at.hash, at.object)
		if i > 0 && keys[at.object] == keys[sorted[i-1].object] {
			twin, found = keys[at.object], true
		}
	}
	for ; next <= n; next++ {
		buckets = appendU32(buckets, uint32(len(sorted)))
	}
	e.sections[x.buckets], e.sections[x.entries] = buckets, entries
	return twin, found
}

// hash32 is a multiply-and-fold hash over words of eight bytes, little endian,
// the last one filled with zeros. The seed is fixed: the keys come from the
// author of the configuration, and hashIndex needs no luck with them.
func hash32(s string) uint32 {
	const seed, factor = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	h := seed ^ uint64(len(s))
	for ; len(s) >= 8; s = s[8:] {
		h = fold(h^(uint64(s[0])|uint64(s[1])<<8|uint64(s[2])<<16|uint64(s[3])<<24|
			uint64(s[4])<<32|uint64(s[5])<<40|uint64(s[6])<<48|uint64(s[7])<<56), factor)
	}
	var last uint64
	for i := range len(s) {
		last |= uint64(s[i]) << (8 * i)
	}
	return uint32(fold(fold(h^last, factor), seed) >> 32)
}

// fold multiplies to 128 bits and adds the halves without carry.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// check requires as many entries as there are objects, each in its bucket and in
// the order of hashes.
func (x *hashIndex) check(s *Snapshot, objects int) error {
	buckets, entries, name := x.buckets.all(&s.sections), x.entries.all(&s.sections), layout[x.entries].name
	if len(buckets) < 2 || len(entries) != objects || int(buckets[len(buckets)-1].get()) != objects {
		return fmt.Errorf("section %q: does not fit its objects", name)
	}
	last := uint32(0)
	for b := range len(buckets) - 1 {
		for i := buckets[b].get(); i < buckets[b+1].get(); i++ {
			hash := entries[i].hash.get()
			if hash < last || bucketOf(hash, len(buckets)-1) != b {
				return fmt.Errorf("section %q: record %d: in the wrong place", name, i)
			}
			last = hash
		}
	}
	return nil
}

// maxNear bounds the candidates that NearIdentifier looks at.
const maxNear = 8

// NearIdentifier looks for an API whose identifier is not the given one but
// looks alike (schema.NearKey), and says how the two differ: "by a trailing
// slash". It is for the log line of a refusal: it allocates, and its work is
// bounded whatever is asked for.
func (s *Snapshot) NearIdentifier(identifier string) (near API, how string, ok bool) {
	if len(identifier) > schema.MaxIdentifier {
		return API{}, "", false
	}
	key := schema.NearKey(identifier)
	hash := hash32(key)
	i, end := nearIndex.bucket(s, hash)
	for i < end && secNearIndex.at(&s.sections, i).hash.get() < hash {
		i++
	}
	for _, entry := range secNearIndex.all(&s.sections)[i:min(end, i+maxNear)] {
		if entry.hash.get() != hash {
			break
		}
		api := s.API(int(entry.object.get()))
		if at := api.Identifier(); at != identifier && schema.NearKey(at) == key {
			return api, schema.Difference(at, identifier), true
		}
	}
	return API{}, "", false
}
