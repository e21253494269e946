package snapshot

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
)

// FuzzOpen gives Open whole files.
func FuzzOpen(f *testing.F) {
	file := smallFile(f, testKey(1))
	f.Add(file)
	f.Add(file[:headerSize])
	f.Add(file[:len(file)/2])
	f.Add(file[:len(file)-1])
	f.Fuzz(func(t *testing.T, file []byte) {
		if s, err := Open(slices.Clone(file)); err == nil {
			visit(s)
		}
	})
}

// FuzzBody gives Open bodies and sources whose digests always fit, so that the
// walk is all that stands between hostile offsets and the accessors.
func FuzzBody(f *testing.F) {
	s, err := Open(smallFile(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.Body(), s.Sources().section)
	empty, err := Encode(&schema.Document{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(empty, []byte(nil))
	f.Add(s.Body()[:bodyHeaderSize], []byte{})
	f.Fuzz(func(t *testing.T, body, sources []byte) {
		openSealed(slices.Clone(body), slices.Clone(sources))
	})
}

// openSealed opens body and sources with digests that fit, and if they are
// accepted uses everything that they hold.
func openSealed(body, sources []byte) bool {
	for _, section := range []*Sources{nil, {section: sources}} {
		file, err := Marshal(Envelope{Serial: 1}, body, section)
		if err != nil {
			return false
		}
		s, err := Open(file)
		if err == nil {
			visit(s)
			return true
		}
	}
	return false
}

// visit calls every accessor of a snapshot.
func visit(s *Snapshot) {
	doc := Decode(s)
	_ = s.VerifySignatures(nil)
	s.NearIdentifier("HTTPS://api.example.com:443/orders/")
	for _, k := range kinds {
		for i := range k.count(s) {
			s.Source(k.kind, k.label(s, i))
		}
	}
	for i := range s.NumAPIs() {
		a := s.API(i)
		s.APIByIdentifier(a.Identifier())
		s.APIByLabel(a.Label())
		s.NearIdentifier(a.Identifier() + "/")
		a.Schema()
		a.Source()
		for j := range a.NumScopes() {
			a.ScopeIndex(a.Scope(j).Name)
		}
	}
	for i := range s.NumClients() {
		c := s.Client(i)
		s.ClientByID(c.ClientID())
		s.ClientByLabel(c.Label())
		c.HasGrantType("x")
		c.Schema()
		c.Source()
		for secret := range c.Secrets() {
			secret.SHA256()
		}
		for j := range s.NumAPIs() {
			c.MayIntrospect(s.API(j))
			s.Authorization(c, s.API(j), schema.SubjectUser)
		}
	}
	for a := range s.Authorizations() {
		a.Client()
		a.Source()
		a.Claims()
		a.Lifetime()
		for i := range a.API().NumScopes() + 1 {
			a.Grants(i)
		}
	}
	if view, err := json.Marshal(NewView(s)); err == nil && len(view) == 0 {
		panic("an empty view")
	}
	// Whatever was accepted can be refused or encoded again, not more.
	if body, err := Encode(doc); err == nil && len(body) < bodyHeaderSize {
		panic("a body without a header")
	}
}

// Every byte of a body takes a few other values: no offset leads out of it.
func TestBodyWithOtherBytes(t *testing.T) {
	testenv.OneByOne(t)
	s, err := Open(smallFile(t))
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for _, whole := range [][]byte{s.Body(), s.Sources().section} {
		for i := range whole {
			for _, b := range []byte{whole[i] + 1, whole[i] - 1, whole[i] ^ 0x80, 0, 0xff} {
				changed := slices.Clone(whole)
				changed[i] = b
				body, sources := changed, s.Sources().section
				if &whole[0] != &s.Body()[0] {
					body, sources = s.Body(), changed
				}
				if openSealed(body, sources) {
					accepted++
				}
			}
		}
	}
	if accepted == 0 {
		t.Error("nothing was accepted: the walk refuses texts that differ")
	}
}
