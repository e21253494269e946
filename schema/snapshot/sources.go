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
}

// bytes returns the section, nothing for nil.
func (s *Sources) bytes() []byte {
	if s == nil {
		return nil
	}
	return s.section
}

// The sources section: number of files, number of places, then three tables:
// the files (references into the names), one place per object, the names.
const (
	sourcesHeader = 8

	fileSize = 8

	placeFile = 0 // or none
	placeLine = 4
	placeSize = 8
)

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
	s.objects(func(kind Kind, label string) {
		file, line, ok := place(kind, label)
		if !ok {
			places = appendU32(places, none, 0)
			return
		}
		i, known := files[file]
		if !known {
			i = uint32(len(files))
			files[file] = i
			table = appendU32(table, uint32(len(names)), uint32(len(file)))
			names = append(names, file...)
		}
		places = appendU32(places, i, uint32(line))
	})
	section := appendU32(nil, uint32(len(files)), uint32(len(places)/placeSize))
	return &Sources{append(append(append(section, table...), places...), names...)}, nil
}

// objects calls visit for every object, in the order of the places.
func (s *Snapshot) objects(visit func(kind Kind, label string)) {
	visit(KindIssuer, "")
	for i := range s.NumAPIs() {
		visit(KindAPI, s.API(i).Label())
	}
	for i := range s.NumClients() {
		visit(KindClient, s.Client(i).Label())
	}
	for i := range s.NumAuthorizations() {
		visit(KindAuthorization, s.AuthorizationAt(i).Label())
	}
	for i := range s.NumTrustedIssuers() {
		visit(KindTrustedIssuer, s.TrustedIssuer(i).Label)
	}
	for i := range s.NumSigningKeys() {
		visit(KindSigningKey, s.SigningKey(i).Label)
	}
}

// base is the place of the first object of a kind, and the number of all
// places for an unknown kind.
func (s *Snapshot) base(kind Kind) int {
	at := 0
	for _, k := range [...]struct {
		kind Kind
		n    int
	}{
		{KindIssuer, 1}, {KindAPI, s.NumAPIs()}, {KindClient, s.NumClients()}, {KindAuthorization, s.NumAuthorizations()},
		{KindTrustedIssuer, s.NumTrustedIssuers()}, {KindSigningKey, s.NumSigningKeys()},
	} {
		if k.kind == kind {
			return at
		}
		at += k.n
	}
	return at
}

// places is an opened sources section.
type places struct{ files, places, names []byte }

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
	if files*fileSize+n*placeSize > uint64(len(tables)) || n != uint64(s.base("")) {
		return errors.New("they do not fit the body")
	}
	p := places{files: tables[:files*fileSize], places: tables[files*fileSize:][:n*placeSize], names: tables[files*fileSize+n*placeSize:]}
	if checkSpans(p.files, fileSize, 0, uint32(len(p.names))) >= 0 ||
		checkIndexes(p.places, placeSize, placeFile, uint32(files)+1, 1) >= 0 {
		return errors.New("a place refers to nothing")
	}
	s.sources, s.places = &Sources{section}, p
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
	return s.place(s.base(kind) + i)
}

// Source returns the file and line of the API's block.
func (a API) Source() (file string, line int, ok bool) {
	return a.s.place(a.s.base(KindAPI) + a.Index())
}

// Source returns the file and line of the client's block.
func (c Client) Source() (file string, line int, ok bool) {
	return c.s.place(c.s.base(KindClient) + c.Index())
}

// Source returns the file and line of the authorization's block.
func (a Authorization) Source() (file string, line int, ok bool) {
	return a.s.place(a.s.base(KindAuthorization) + a.Index())
}

// position finds an object of a kind by its label.
func (s *Snapshot) position(kind Kind, label string) (int, bool) {
	var i uint32
	var ok bool
	switch kind {
	case KindIssuer:
		ok = label == ""
	case KindAPI:
		i, ok = s.byLabel(secAPIs, apiSize, apiLabel, label)
	case KindClient:
		i, ok = s.byLabel(secClients, clientSize, clientLabel, label)
	case KindTrustedIssuer:
		i, ok = s.byLabel(secTrustedIssuers, trustedSize, trustedLabel, label)
	case KindSigningKey:
		i, ok = s.byLabel(secSigningKeys, signingSize, signingLabel, label)
	case KindAuthorization:
		var a Authorization
		a, ok = s.AuthorizationByLabel(label)
		i = a.i
	}
	return int(i), ok
}

func (s *Snapshot) place(i int) (file string, line int, ok bool) {
	if s.sources == nil {
		return "", 0, false
	}
	r := record(s.places.places, uint32(i), placeSize)
	at := u32(r, placeFile)
	if at == none {
		return "", 0, false
	}
	name := record(s.places.files, at, fileSize)
	return view(s.places.names[u32(name, 0):][:u32(name, 4)]), int(u32(r, placeLine)), true
}
