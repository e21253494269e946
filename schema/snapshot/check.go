package snapshot

import (
	"fmt"
	"math"
	"reflect"
	"slices"
)

// openBody cuts a body into its sections and checks everything that an accessor
// relies on. Each section is read front to back once per field; nothing is read
// at random, and nothing is allocated unless the body is of an older version.
func openBody(s *Snapshot) error {
	if err := s.cut(); err != nil {
		return err
	}
	for sec := range layout {
		for i := range layout[sec].fields {
			if err := s.checkField(section(sec), &layout[sec].fields[i]); err != nil {
				return err
			}
		}
	}
	// Each of these relies on those before it.
	for _, check := range []func() error{
		s.checkShape, s.checkSecrets, s.checkAuthorizations, s.checkScopeOrder,
		func() error { return clientIndex.check(s, s.NumClients()) },
		func() error { return identifierIndex.check(s, s.NumAPIs()) },
		func() error { return nearIndex.check(s, s.NumAPIs()) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	p := s.decode()
	secIssuer.at(&s.sections, 0).fields(&p, &s.issuer)
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
	version := u32(s.body, 0)
	if version < 1 || version > bodyVersion {
		return fmt.Errorf("the body is of version %d", version)
	}
	rest := s.body[bodyHeaderSize:]
	for i, l := range &layout {
		size := uint64(u32(s.body, 8+4*i)) * uint64(l.size[version])
		if size > uint64(len(rest)) {
			return fmt.Errorf("section %q: runs past the end of the body", l.name)
		}
		s.sections[i], rest = rest[:size:size], rest[size:]
		if was, is := l.size[version], l.size[bodyVersion]; was < is {
			s.sections[i] = padRecords(s.sections[i], was, is)
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes after the last section of the body", len(rest))
	}
	return nil
}

// padRecords makes records of an older body as long as they are now: zero bytes stand
// for the fields that they did not have.
func padRecords(records []byte, was, is int) []byte {
	wide := make([]byte, 0, len(records)/was*is)
	for record := range slices.Chunk(records, was) {
		wide = append(append(wide, record...), make([]byte, is-was)...)
	}
	return wide
}

func (s *Snapshot) checkField(sec section, f *recordField) error {
	b, size, limit := s.sections[sec], layout[sec].size[bodyVersion], s.sections.count(f.target)
	bad := -1
	switch f.is {
	case reflect.TypeFor[text](), reflect.TypeFor[span]():
		bad = checkSpans(b, size, f.offset, limit)
	case reflect.TypeFor[ref]():
		bad = checkIndexes(b, size, f.offset, limit, 0)
	case reflect.TypeFor[optionalRef]():
		bad = checkIndexes(b, size, f.offset, limit+1, 1)
	case reflect.TypeFor[start]():
		bad = checkAscending(b, size, f.offset, limit)
		if bad < 0 && len(b) > 0 && u32(b, f.offset) != 0 {
			bad = 0
		}
	case reflect.TypeFor[end]():
		bad = checkAscending(b, size, f.offset, limit)
		if n := len(b) / size; bad < 0 && (n > 0 && u32(b, len(b)-size+f.offset) != limit || n == 0 && limit > 0) {
			bad = n - 1
		}
	}
	if f.limit > 0 {
		bad = checkBytes(b, size, f.offset, byte(f.limit))
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

// checkShape compares the lengths of sections that belong together.
func (s *Snapshot) checkShape() error {
	issuers, apis, clients := secIssuer.count(&s.sections), secAPIs.count(&s.sections), secClients.count(&s.sections)
	authorizations, keys := secAuthRecords.count(&s.sections), secAuthKeys.count(&s.sections)
	scopes, order := secScopes.count(&s.sections), secScopeOrder.count(&s.sections)
	switch {
	case issuers != 1:
		return fmt.Errorf("section %q: %d records instead of 1", layout[secIssuer].name, issuers)
	case authorizations != keys:
		return fmt.Errorf("%d authorizations and %d keys for them", authorizations, keys)
	case scopes != order:
		return fmt.Errorf("%d scopes and an order of %d", scopes, order)
	case clients == 0 && keys+secSecrets.count(&s.sections) > 0:
		return fmt.Errorf("authorizations or secrets without a client")
	case apis > math.MaxInt32:
		return fmt.Errorf("%d APIs, which is more than an authorization can tell apart", apis)
	}
	return nil
}

// checkSecrets follows the texts of the secrets that are not raw hashes.
func (s *Snapshot) checkSecrets() error {
	heap := uint64(len(s.sections[secHeap]))
	secrets := secSecrets.all(&s.sections)
	for i := range secrets {
		hash := secrets[i].text()
		if secrets[i].kind != SecretSHA256 && uint64(hash.start.get())+uint64(hash.length.get()) > heap {
			return fmt.Errorf("section %q: record %d: the hash refers to nothing", layout[secSecrets].name, i)
		}
	}
	return nil
}

// checkAuthorizations requires the keys of each client to rise: that is what
// the binary search in Snapshot.Authorization needs.
func (s *Snapshot) checkAuthorizations() error {
	keys, apis := secAuthKeys.all(&s.sections), secAPIs.count(&s.sections)
	for i := range s.NumClients() {
		lo, hi := s.Client(i).authorizations()
		next := uint32(0)
		for j := lo; j < hi; j++ {
			key := keys[j].get()
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
	order := secScopeOrder.all(&s.sections)
	for i := range secScopeLists.count(&s.sections) {
		list := s.scopeList(i)
		first, end := list.bounds()
		for j := first; j < end; j++ {
			if uint32(order[j].get()) >= end-first {
				return fmt.Errorf("section %q: record %d: past the end of its list", layout[secScopeOrder].name, j)
			}
		}
	}
	return nil
}
