package snapshot

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// A hashIndex finds an object by a string in about three reads of cold memory.
//
// The entries (hash, object) are sorted by hash and then by key. Hashes are
// spread evenly, so the top of the hash says in which bucket of about eight
// neighbouring entries to look; the directory of bucket starts is small enough to
// stay in the cache. A set of keys made to collide costs a longer binary
// search and nothing more: there is no probing and no worst case beyond log n.
type hashIndex struct {
	buckets, entries section
	objects          section // what the entries point at
	size, field      int     // where an object holds its key
}

var (
	clientIndex     = hashIndex{secClientBuckets, secClientIndex, secClients, clientSize, clientID}
	identifierIndex = hashIndex{secIdentifierBuckets, secIdentifierIndex, secAPIs, apiSize, apiIdentifier}
	// The keys of nearIndex are made from identifiers: NearIdentifier searches it by hash alone.
	nearIndex = hashIndex{secNearBuckets, secNearIndex, secAPIs, apiSize, apiIdentifier}
)

// entriesPerBucket makes a bucket one or two cache lines.
const entriesPerBucket = 8

// find returns the object with exactly this key.
func (x *hashIndex) find(s *Snapshot, key string) (uint32, bool) {
	hash := hash32(key)
	entries, objects := s.sections[x.entries], s.sections[x.objects]
	lo, hi := x.bucket(s, hash)
	for lo < hi {
		mid := lo + (hi-lo)/2
		order := cmp.Compare(u32(entries, int(mid)*indexSize+indexHash), hash)
		object := u32(entries, int(mid)*indexSize+indexObject)
		if order == 0 {
			at := s.text(objects, int(object)*x.size+x.field)
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

// first returns the first entry with this hash, if there is one, and the end
// of its bucket.
func (x *hashIndex) first(s *Snapshot, hash uint32) (i, end uint32) {
	entries := s.sections[x.entries]
	i, end = x.bucket(s, hash)
	for i < end && u32(entries, int(i)*indexSize+indexHash) < hash {
		i++
	}
	return i, end
}

// bucket is the range of entries in which hash stands if it stands anywhere.
func (x *hashIndex) bucket(s *Snapshot, hash uint32) (lo, hi uint32) {
	buckets := s.sections[x.buckets]
	b := bucketOf(hash, len(buckets)/4-1)
	return u32(buckets, b*4), u32(buckets, b*4+4)
}

func bucketOf(hash uint32, buckets int) int { return int(uint64(hash) * uint64(buckets) >> 32) }

// appendIndex makes the two sections of an index over keys; the position of a
// key is its object.
func appendIndex(buckets, entries []byte, keys []string) ([]byte, []byte) {
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
	n := max(1, len(keys)/entriesPerBucket)
	next := 0
	for i, e := range sorted {
		for ; next <= bucketOf(e.hash, n); next++ {
			buckets = appendU32(buckets, uint32(i))
		}
		entries = appendU32(entries, e.hash, e.object)
	}
	for ; next <= n; next++ {
		buckets = appendU32(buckets, uint32(len(sorted)))
	}
	return buckets, entries
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

// check requires as many entries as objects, each in its bucket and in the
// order of hashes.
func (x *hashIndex) check(s *Snapshot) error {
	n, name := s.count(x.entries), layout[x.entries].name
	buckets, entries := s.sections[x.buckets], s.sections[x.entries]
	directory := s.count(x.buckets)
	if directory < 2 || n != s.count(x.objects) || lastU32(buckets, bucketSize, 0) != n {
		return fmt.Errorf("section %q: does not fit its objects", name)
	}
	last := uint32(0)
	for b := range int(directory - 1) {
		lo, hi := u32(buckets, b*bucketSize), u32(buckets, (b+1)*bucketSize)
		for i := lo; i < hi; i++ {
			hash := u32(entries, int(i)*indexSize+indexHash)
			if hash < last || bucketOf(hash, int(directory-1)) != b {
				return fmt.Errorf("section %q: record %d: in the wrong place", name, i)
			}
			last = hash
		}
	}
	return nil
}
