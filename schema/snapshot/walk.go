package snapshot

import (
	"fmt"
	"math"
)

// openBody cuts a body of version 1 into its sections and checks everything
// that an accessor relies on. Each section is read front to back once per
// field; nothing is read at random and nothing is allocated.
func openBody(s *Snapshot) error {
	if err := s.cut(); err != nil {
		return err
	}
	for sec := range layout {
		for _, f := range layout[sec].fields {
			if err := s.checkField(section(sec), f); err != nil {
				return err
			}
		}
	}
	// Each of these relies on those before it.
	for _, check := range []func(*Snapshot) error{
		(*Snapshot).checkShape, (*Snapshot).checkSecrets, (*Snapshot).checkAuthorizations,
		(*Snapshot).checkScopeOrder, clientIndex.check, identifierIndex.check, nearIndex.check,
	} {
		if err := check(s); err != nil {
			return err
		}
	}
	return nil
}

// cut finds the sections: they follow each other without a gap, so the counts
// in the header say all.
func (s *Snapshot) cut() error {
	if len(s.body) < bodyHeaderSize {
		return fmt.Errorf("the body is shorter than its header")
	}
	if n := u32(s.body, 4); n != uint32(numSections) {
		return fmt.Errorf("the body has %d sections instead of %d", n, numSections)
	}
	rest := s.body[bodyHeaderSize:]
	for i := range layout {
		size := uint64(u32(s.body, 8+4*i)) * uint64(layout[i].size)
		if size > uint64(len(rest)) {
			return fmt.Errorf("section %q: runs past the end of the body", layout[i].name)
		}
		s.sections[i], rest = rest[:size:size], rest[size:]
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes after the last section of the body", len(rest))
	}
	return nil
}

// count is the number of records in a section.
func (s *Snapshot) count(sec section) uint32 {
	return uint32(len(s.sections[sec]) / layout[sec].size)
}

func (s *Snapshot) checkField(sec section, f field) error {
	b, size := s.sections[sec], layout[sec].size
	limit := s.count(f.target)
	bad := -1
	switch f.check {
	case text:
		bad = checkSpans(b, size, f.offset, s.count(secHeap))
	case span:
		bad = checkSpans(b, size, f.offset, limit)
	case index:
		bad = checkIndexes(b, size, f.offset, limit, 0)
	case optional:
		bad = checkIndexes(b, size, f.offset, limit+1, 1)
	case below:
		bad = checkBytes(b, size, f.offset, byte(f.limit))
	case starts:
		bad = checkAscending(b, size, f.offset, limit)
		if bad < 0 && len(b) > 0 && u32(b, f.offset) != 0 {
			bad = 0
		}
	case ends:
		bad = checkAscending(b, size, f.offset, limit)
		if bad < 0 && lastU32(b, size, f.offset) != limit {
			bad = len(b)/size - 1
		}
	}
	if bad >= 0 {
		return fmt.Errorf("section %q: record %d: the field at byte %d refers to nothing", layout[sec].name, bad, f.offset)
	}
	return nil
}

// The four below return the first record that fails, -1 for none.

func checkSpans(b []byte, size, off int, limit uint32) int {
	for p := off; p < len(b); p += size {
		if uint64(u32(b, p))+uint64(u32(b, p+4)) > uint64(limit) {
			return p / size
		}
	}
	return -1
}

// checkIndexes takes plus = 1 to let none pass: one more than none is zero.
func checkIndexes(b []byte, size, off int, limit, plus uint32) int {
	for p := off; p < len(b); p += size {
		if u32(b, p)+plus >= limit {
			return p / size
		}
	}
	return -1
}

func checkBytes(b []byte, size, off int, limit byte) int {
	for p := off; p < len(b); p += size {
		if b[p] >= limit {
			return p / size
		}
	}
	return -1
}

func checkAscending(b []byte, size, off int, limit uint32) int {
	from := uint32(0)
	for p := off; p < len(b); p += size {
		at := u32(b, p)
		if at < from || at > limit {
			return p / size
		}
		from = at
	}
	return -1
}

func lastU32(b []byte, size, off int) uint32 {
	if len(b) == 0 {
		return 0
	}
	return u32(b, len(b)-size+off)
}

// checkShape compares the lengths of sections that belong together.
func (s *Snapshot) checkShape() error {
	switch {
	case s.count(secIssuer) != 1:
		return fmt.Errorf("section %q: %d records instead of 1", layout[secIssuer].name, s.count(secIssuer))
	case s.count(secAuthRecords) != s.count(secAuthKeys):
		return fmt.Errorf("%d authorizations and %d keys for them", s.count(secAuthRecords), s.count(secAuthKeys))
	case s.count(secScopes) != s.count(secScopeOrder):
		return fmt.Errorf("%d scopes and an order of %d", s.count(secScopes), s.count(secScopeOrder))
	case s.count(secClients) == 0 && s.count(secAuthKeys)+s.count(secSecrets) > 0:
		return fmt.Errorf("authorizations or secrets without a client")
	case s.count(secAPIs) > math.MaxInt32:
		return fmt.Errorf("%d APIs, which is more than an authorization can tell apart", s.count(secAPIs))
	}
	return nil
}

// checkSecrets follows the references of the secrets that are not raw hashes.
func (s *Snapshot) checkSecrets() error {
	b := s.sections[secSecrets]
	for p := 0; p < len(b); p += secretSize {
		if SecretKind(b[p+secretKind]) == SecretSHA256 {
			continue
		}
		if checkSpans(b[p:p+secretSize], secretSize, secretHash, s.count(secHeap)) >= 0 {
			return fmt.Errorf("section %q: record %d: the hash refers to nothing", layout[secSecrets].name, p/secretSize)
		}
	}
	return nil
}

// checkAuthorizations requires the keys of each client to rise: that is what
// the binary search in Snapshot.Authorization needs.
func (s *Snapshot) checkAuthorizations() error {
	keys, apis := s.sections[secAuthKeys], s.count(secAPIs)
	for i := range s.NumClients() {
		lo, hi := s.Client(i).authorizations()
		next := uint32(0)
		for j := lo; j < hi; j++ {
			key := u32(keys, int(j)*authKeySize)
			if key < next || key>>1 >= apis {
				return fmt.Errorf("section %q: record %d: out of order or for no API", layout[secAuthKeys].name, j)
			}
			next = key + 1
		}
	}
	return nil
}

// checkScopeOrder keeps every position inside its own list.
func (s *Snapshot) checkScopeOrder() error {
	order := s.sections[secScopeOrder]
	for i := range s.count(secScopeLists) {
		start, n := s.scopeList(i)
		for j := start; j < start+n; j++ {
			if int(u16(order, j*orderSize)) >= n {
				return fmt.Errorf("section %q: record %d: past the end of its list", layout[secScopeOrder].name, j)
			}
		}
	}
	return nil
}
