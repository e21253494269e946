package snapshot

import (
	"errors"
	"fmt"
)

// A Kind is the kind of an object, spelled as its block in the language.
type Kind string

// The kinds of object that a snapshot remembers the source of.
const (
	KindIssuer        Kind = "issuer" // with the label ""
	KindAPI           Kind = "api"
	KindClient        Kind = "client"
	KindAuthorization Kind = "authorization"
	KindTrustedIssuer Kind = "trusted_issuer"
	KindSigningKey    Kind = "signing_key"
)

// Sources says in which file and line each object of a body was declared. It
// stands beside the body, not in it: moving a line does not change the digest.
type Sources struct {
	section []byte
	files   []text // in names; these three are set when a snapshot was opened
	places  []place
	names   []byte
}

// bytes returns the section, nothing for nil.
func (s *Sources) bytes() []byte {
	if s == nil {
		return nil
	}
	return s.section
}

// The sources section is the number of files, the number of places, and then
// three tables: the files (texts in the names), one place per object, the names.
const sourcesHeader = 8

// A place is where an object was declared.
type place struct{ file, line le32 } // file may be none

// kinds are the kinds of object in the order of their places. Those of a kind are
// in the order of Snapshot.API and so on.
var kinds = [...]struct {
	kind  Kind
	count func(*Snapshot) int
	label func(s *Snapshot, i int) string
}{
	{KindIssuer, func(*Snapshot) int { return 1 }, func(*Snapshot, int) string { return "" }},
	{KindAPI, (*Snapshot).NumAPIs, func(s *Snapshot, i int) string { return s.API(i).Label() }},
	{KindClient, (*Snapshot).NumClients, func(s *Snapshot, i int) string { return s.Client(i).Label() }},
	{KindAuthorization, (*Snapshot).NumAuthorizations, func(s *Snapshot, i int) string { return s.AuthorizationAt(i).Label() }},
	{KindTrustedIssuer, (*Snapshot).NumTrustedIssuers, func(s *Snapshot, i int) string {
		return secTrustedIssuers.at(&s.sections, uint32(i)).label.in(s)
	}},
	{KindSigningKey, (*Snapshot).NumSigningKeys, func(s *Snapshot, i int) string {
		return secSigningKeys.at(&s.sections, uint32(i)).label.in(s)
	}},
}

// NewSources asks place for every object of body, which comes from Encode.
// File is relative to the configuration's root, line counts from 1; ok is false
// where the place is not known.
func NewSources(body []byte, place func(kind Kind, label string) (file string, line int, ok bool)) (*Sources, error) {
	s := &Snapshot{body: body}
	if err := openBody(s); err != nil {
		return nil, fmt.Errorf("write sources: %w", err)
	}
	files := map[string]uint32{}
	var table, places, names []byte
	for _, k := range kinds {
		for i := range k.count(s) {
			file, line, ok := place(k.kind, k.label(s, i))
			if !ok {
				places = appendU32(places, none, 0)
				continue
			}
			at, known := files[file]
			if !known {
				at = uint32(len(files))
				files[file] = at
				table = appendU32(table, uint32(len(names)), uint32(len(file)))
				names = append(names, file...)
			}
			places = appendU32(places, at, uint32(line))
		}
	}
	section := appendU32(nil, uint32(len(files)), uint32(s.base("")))
	return &Sources{section: append(append(append(section, table...), places...), names...)}, nil
}

// base is the place of the first object of a kind, and the number of all
// places for an unknown kind.
func (s *Snapshot) base(kind Kind) (at int) {
	for _, k := range kinds {
		if k.kind == kind {
			break
		}
		at += k.count(s)
	}
	return at
}

// openSources checks the section against its digest and against the body.
func (s *Snapshot) openSources(section []byte, rest func()) error {
	if s.env.SourcesDigest == "" {
		if len(section) > 0 {
			return errors.New("the envelope does not know them")
		}
		return nil
	}
	if found := digest(section, rest); found != s.env.SourcesDigest {
		return fmt.Errorf("damaged: their digest is %q, the envelope says %q", found, s.env.SourcesDigest)
	}
	if len(section) < sourcesHeader {
		return errors.New("shorter than their header")
	}
	files, n, tables := uint64(u32(section, 0)), uint64(u32(section, 4)), section[sourcesHeader:]
	end := (files + n) * 8 // a text and a place have eight bytes each
	if end > uint64(len(tables)) || n != uint64(s.base("")) {
		return errors.New("they do not fit the body")
	}
	o := Sources{section, recordsOf[text](tables[:files*8]), recordsOf[place](tables[files*8 : end]), tables[end:]}
	for i := range o.files {
		if uint64(o.files[i].start.get())+uint64(o.files[i].length.get()) > uint64(len(o.names)) {
			return errors.New("a file has no name")
		}
	}
	for i := range o.places {
		if at := o.places[i].file.get(); at != none && uint64(at) >= files {
			return errors.New("a place refers to nothing")
		}
	}
	s.sources = &o
	return nil
}

// Sources returns the sources section, nil when the file has none: a rollback
// carries it over together with the body.
func (s *Snapshot) Sources() *Sources { return s.sources }

// Source returns where the object was declared. Its work is small but for an
// authorization, where it grows with their number: see Authorization.Source.
func (s *Snapshot) Source(kind Kind, label string) (file string, line int, ok bool) {
	i, ok := s.position(kind, label)
	if !ok {
		return "", 0, false
	}
	return s.place(kind, i)
}

// Source returns the file and line of the API's block.
func (a API) Source() (file string, line int, ok bool) { return a.s.place(KindAPI, a.Index()) }

// Source returns the file and line of the client's block.
func (c Client) Source() (file string, line int, ok bool) { return c.s.place(KindClient, c.Index()) }

// Source returns the file and line of the authorization's block.
func (a Authorization) Source() (file string, line int, ok bool) {
	return a.s.place(KindAuthorization, a.Index())
}

// place returns where the i-th object of a kind was declared.
func (s *Snapshot) place(kind Kind, i int) (file string, line int, ok bool) {
	if s.sources == nil {
		return "", 0, false
	}
	p := &s.sources.places[s.base(kind)+i]
	at := p.file.get()
	if at == none {
		return "", 0, false
	}
	name := &s.sources.files[at]
	return view(s.sources.names[name.start.get():][:name.length.get()]), int(p.line.get()), true
}
