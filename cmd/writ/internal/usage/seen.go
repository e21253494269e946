package usage

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
)

// How many lines are remembered, so that each counts once.
const (
	// MaxRun is how many lines are remembered within one run at least; at most it is twice
	// as many.
	MaxRun = 1 << 18
	// MaxRecent is how many lines are remembered from one run to the next: the newest by their
	// time. It bounds what they add to the folded file, of which a commit shows the whole line.
	MaxRecent = 4096
)

// seen remembers which lines were counted, within bounds. Of the lines of this run it
// forgets the oldest half when it is full; of those of earlier runs it knows the newest.
type seen struct {
	young, old *lineSet
	earlier    map[recentLine]bool
	newest     Recent // up to 4 * MaxRecent, in no order
}

// newSeen remembers the lines that earlier runs kept.
func newSeen(recent Recent) *seen {
	s := &seen{young: new(lineSet), old: new(lineSet), earlier: make(map[recentLine]bool, len(recent)), newest: slices.Clone(recent)}
	for _, l := range recent {
		s.earlier[l] = true
	}
	return s
}

// add remembers a line, and reports false for one that it remembered already. When the
// young set is full it becomes the old one, and what was old is forgotten: each line is
// known for MaxRun lines at least.
func (s *seen) add(at Time, id uint64) (isNew bool) {
	line := recentLine{at, shortID(id)}
	if s.old.has(id) || len(s.earlier) > 0 && s.earlier[line] || !s.young.add(id) {
		return false
	}
	if s.young.n == MaxRun {
		s.young, s.old = s.old, s.young
		s.young.clear()
	}
	if s.newest = append(s.newest, line); len(s.newest) == 4*MaxRecent {
		s.newest = s.newest.trimmed()
	}
	return true
}

// A lineSet is a set of ids: a hash table with open addressing that is at most half
// full. The zero value is empty.
type lineSet struct {
	table []uint64 // of a power of two; 0 is a free place
	n     int
}

// place is where an id is, or would be.
func (s *lineSet) place(id uint64) *uint64 {
	for i := id; ; i++ {
		at := &s.table[i&uint64(len(s.table)-1)]
		if *at == id || *at == 0 {
			return at
		}
	}
}

// has reports whether an id is in the set. 0 marks a free place, so the id 0 is kept as 1.
func (s *lineSet) has(id uint64) bool { return s.n > 0 && *s.place(max(id, 1)) != 0 }

// add puts an id into the set, and reports false for one that is in it.
func (s *lineSet) add(id uint64) (isNew bool) {
	if id = max(id, 1); 2*s.n >= len(s.table) {
		s.grow()
	}
	at := s.place(id)
	if *at == id {
		return false
	}
	*at = id
	s.n++
	return true
}

// grow doubles the table, from 4,096 places on.
func (s *lineSet) grow() {
	old := s.table
	s.table = make([]uint64, max(2*len(old), 1<<12))
	for _, id := range old {
		if id != 0 {
			*s.place(id) = id
		}
	}
}

// clear empties the set and keeps its table.
func (s *lineSet) clear() {
	clear(s.table)
	s.n = 0
}

// Recent are lines that were counted. As text it is base64 of, second by second in the order
// of time, the seconds since the second before and the number of its lines (both varints),
// and the shortID of each: 22 kB at most where a busy service has all lines in a few seconds.
type Recent []recentLine

// A recentLine is one line that was counted, as the file keeps it.
type recentLine struct {
	at Time
	id uint32 // see shortID
}

// shortBytes is the size of a shortID.
const shortBytes = 4

// shortID is what the folded file keeps of an id. A new line is compared with those of its
// own second alone, so of new lines beside a thousand remembered ones, one in four million
// is taken for one of them.
func shortID(id uint64) uint32 { return uint32(id >> 32) }

// trimmed is the newest MaxRecent of the lines, sorted.
func (r Recent) trimmed() Recent {
	slices.SortFunc(r, func(a, b recentLine) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) })
	return slices.Delete(r, 0, max(0, len(r)-MaxRecent))
}

// MarshalText writes the lines, which must be sorted.
func (r Recent) MarshalText() ([]byte, error) {
	var b []byte
	var last Time
	for len(r) > 0 {
		at, n := r[0].at, 1
		for n < len(r) && r[n].at == at {
			n++
		}
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(at-last)), uint64(n))
		for _, l := range r[:n] {
			b = binary.BigEndian.AppendUint32(b, l.id)
		}
		r, last = r[n:], at
	}
	return []byte(base64.StdEncoding.EncodeToString(b)), nil
}

// UnmarshalText reads what MarshalText has written.
func (r *Recent) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return err
	}
	// The text comes from a file that people merge: every number is bounded before it is used.
	*r = nil
	for at := Time(0); len(b) > 0; {
		seconds, n := binary.Uvarint(b)
		lines, m := binary.Uvarint(b[max(n, 0):])
		if n <= 0 || m <= 0 || seconds > 1<<40 || lines == 0 || lines > uint64(MaxRecent-len(*r)) || uint64(len(b)-n-m) < lines*shortBytes {
			return errors.New("recent holds no lines")
		}
		at += Time(seconds)
		for b = b[n+m:]; lines > 0; lines-- {
			*r = append(*r, recentLine{at, binary.BigEndian.Uint32(b)})
			b = b[shortBytes:]
		}
	}
	return nil
}
