package snapshot

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/writ-auth/writ/schema"
)

// An encoder turns a document into the sections of a body. It holds every
// distinct text, interned record and list once. Equal ones get the same position,
// and positions are given in the order of first use, so the same document gives
// the same bytes.
type encoder struct {
	sections sections
	texts    map[string]uint32              // where a string starts in secHeap
	records  [numSections]map[string]uint32 // record -> its index
	lists    [numSections]map[string]uint32 // records end to end -> index of the first

	doc       *schema.Document
	apis      map[string]uint32 // label -> index
	clients   map[string]uint32
	trusted   map[string]uint32
	scopeSets map[string]ref  // scope list and scopes -> secScopeSets
	objects   map[string]bool // JSON objects that were found valid
}

// Encode makes the body of a snapshot. The same document gives the same bytes,
// always. A document that breaks what schema.Document promises is an error: its
// order, its references, its closed sets of values.
func Encode(doc *schema.Document) ([]byte, error) {
	e := &encoder{doc: doc, scopeSets: map[string]ref{}, objects: map[string]bool{}}
	e.texts = make(map[string]uint32, 4*(len(doc.APIs)+len(doc.Clients)))
	for _, step := range []func() error{
		e.labels, e.issuers, e.encodeAPIs, e.encodeClients, e.authorizations, e.indexes,
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("encode snapshot: %w", err)
		}
	}
	return e.body()
}

// labels numbers the objects that others refer to.
func (e *encoder) labels() (err error) {
	if e.apis, err = number("api", e.doc.APIs, func(a *schema.API) string { return a.Label }); err != nil {
		return err
	}
	if e.clients, err = number("client", e.doc.Clients, func(c *schema.Client) string { return c.Label }); err != nil {
		return err
	}
	if _, err = number("signing_key", e.doc.SigningKeys, func(k *schema.SigningKey) string { return k.Label }); err != nil {
		return err
	}
	e.trusted, err = number("trusted_issuer", e.doc.TrustedIssuers, func(t *schema.TrustedIssuer) string { return t.Label })
	return err
}

// number maps each label to its position and insists on rising labels.
func number[T any](kind string, list []T, label func(*T) string) (map[string]uint32, error) {
	positions := make(map[string]uint32, len(list))
	for i := range list {
		at := label(&list[i])
		if i > 0 && label(&list[i-1]) >= at {
			return nil, fmt.Errorf("%s %q: not sorted by label, or twice", kind, at)
		}
		positions[at] = uint32(i)
	}
	return positions, nil
}

func (e *encoder) issuers() error {
	if err := addObject(e, secIssuer, &e.doc.Issuer, (*issuerRecord).fields); err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	for i := range e.doc.TrustedIssuers {
		t := &e.doc.TrustedIssuers[i]
		if err := addObject(e, secTrustedIssuers, t, (*trustedIssuerRecord).fields); err != nil {
			return fmt.Errorf("trusted_issuer %q: %w", t.Label, err)
		}
	}
	for i := range e.doc.SigningKeys {
		k := &e.doc.SigningKeys[i]
		if err := addObject(e, secSigningKeys, k, (*signingKeyRecord).fields); err != nil {
			return fmt.Errorf("signing_key %q: %w", k.Label, err)
		}
	}
	return nil
}

func (e *encoder) encodeAPIs() error {
	// Identifiers stand side by side: they are what a lookup reads.
	for i := range e.doc.APIs {
		e.text(e.doc.APIs[i].Identifier)
	}
	secAPIs.reserve(e, len(e.doc.APIs))
	for i := range e.doc.APIs {
		if err := e.api(&e.doc.APIs[i]); err != nil {
			return fmt.Errorf("api %q: %w", e.doc.APIs[i].Label, err)
		}
	}
	return nil
}

func (e *encoder) api(a *schema.API) error {
	scopes, err := e.scopeList(a.Scopes)
	if err != nil {
		return err
	}
	var r apiRecord
	var x apiExtraRecord
	p := pass{encoder: e}
	apiFields(&p, &r, &x, a)
	r.scopes, r.extra = scopes, secAPIExtras.intern(e, &x)
	secAPIs.add(e, &r)
	return p.err
}

// scopeList adds the scopes of an API together with their order by name, and
// returns its position in secScopeLists.
func (e *encoder) scopeList(scopes []schema.Scope) (ref, error) {
	before := len(e.sections[secScopes])
	for i := range scopes {
		var r scopeRecord
		p := pass{encoder: e}
		if r.fields(&p, &scopes[i]); p.err != nil {
			return ref{}, p.err
		}
		secScopes.add(e, &r)
	}
	added := e.sections[secScopes][before:]
	if i, ok := e.lists[secScopeLists][string(added)]; ok {
		e.sections[secScopes] = e.sections[secScopes][:before]
		return ref{le(i)}, nil
	}
	order, err := scopeOrder(scopes)
	if err != nil {
		return ref{}, err
	}
	i := secScopeLists.count(&e.sections)
	set(&e.lists[secScopeLists], added, i)
	e.sections[secScopeOrder] = append(e.sections[secScopeOrder], order...)
	e.sections[secScopeLists] = appendU32(e.sections[secScopeLists], secScopes.count(&e.sections))
	return ref{le(i)}, nil
}

// scopeOrder returns the positions of the scopes in the order of their names.
func scopeOrder(scopes []schema.Scope) ([]byte, error) {
	if len(scopes) > math.MaxUint16 {
		return nil, fmt.Errorf("%d scopes, more than %d", len(scopes), math.MaxUint16)
	}
	positions := make([]int, len(scopes))
	for i := range positions {
		if err := schema.CheckScope(scopes[i].Name); err != nil {
			return nil, err
		}
		positions[i] = i
	}
	slices.SortFunc(positions, func(a, b int) int { return cmp.Compare(scopes[a].Name, scopes[b].Name) })
	var order []byte
	for i, at := range positions {
		if i > 0 && scopes[positions[i-1]].Name == scopes[at].Name {
			return nil, fmt.Errorf("scope %q: twice", scopes[at].Name)
		}
		order = binary.LittleEndian.AppendUint16(order, uint16(at))
	}
	return order, nil
}

func (e *encoder) encodeClients() error {
	// Client ids stand side by side: they are what a lookup reads.
	for i := range e.doc.Clients {
		e.text(e.doc.Clients[i].ClientID)
	}
	secClients.reserve(e, len(e.doc.Clients))
	for i := range e.doc.Clients {
		if err := e.client(&e.doc.Clients[i]); err != nil {
			return fmt.Errorf("client %q: %w", e.doc.Clients[i].Label, err)
		}
	}
	return nil
}

// client adds one client. Where its authorizations begin is filled in by
// encoder.authorizations.
func (e *encoder) client(c *schema.Client) error {
	var r clientRecord
	var x clientExtraRecord
	r.firstSecret.set(secSecrets.count(&e.sections))
	for i := range c.Secrets {
		var secret secretRecord
		p := pass{encoder: e}
		if secret.fields(&p, &c.Secrets[i]); p.err != nil {
			return p.err
		}
		secSecrets.add(e, &secret)
	}
	p := pass{encoder: e}
	clientFields(&p, &r, &x, c)
	r.extra = secClientExtras.intern(e, &x)
	secClients.add(e, &r)
	return p.err
}

// A placedAuthorization knows where it belongs: its client, its key among the
// client's, and its position in the document.
type placedAuthorization struct{ client, key, at uint32 }

func (e *encoder) authorizations() error {
	order, err := e.placeAuthorizations()
	if err != nil {
		return err
	}
	secAuthKeys.reserve(e, len(order))
	secAuthRecords.reserve(e, len(order))
	for i, p := range order {
		a := &e.doc.Authorizations[p.at]
		if i > 0 && order[i-1].client == p.client && order[i-1].key == p.key {
			twin := &e.doc.Authorizations[order[i-1].at]
			return fmt.Errorf("authorization %q: the same client, API and subject type as %q", a.Label, twin.Label)
		}
		terms, err := e.terms(a, p.key>>1)
		if err != nil {
			return fmt.Errorf("authorization %q: %w", a.Label, err)
		}
		e.sections[secAuthLabels] = append(e.sections[secAuthLabels], a.Label...)
		e.sections[secAuthKeys] = appendU32(e.sections[secAuthKeys], p.key)
		secAuthRecords.add(e, &authorizationRecord{terms, end{le(uint32(len(e.sections[secAuthLabels])))}})
	}
	clients, next := secClients.all(&e.sections), 0
	for i := range clients {
		clients[i].firstAuthorization.set(uint32(next))
		for next < len(order) && order[next].client == uint32(i) {
			next++
		}
	}
	return nil
}

// placeAuthorizations resolves and sorts the authorizations.
func (e *encoder) placeAuthorizations() ([]placedAuthorization, error) {
	order := make([]placedAuthorization, len(e.doc.Authorizations))
	for i := range e.doc.Authorizations {
		a := &e.doc.Authorizations[i]
		if i > 0 && e.doc.Authorizations[i-1].Label >= a.Label {
			return nil, fmt.Errorf("authorization %q: not sorted by label, or twice", a.Label)
		}
		client, ok := e.clients[a.Client]
		if !ok {
			return nil, fmt.Errorf("authorization %q: there is no client %q", a.Label, a.Client)
		}
		api, ok := e.apis[a.API]
		if !ok {
			return nil, fmt.Errorf("authorization %q: there is no api %q", a.Label, a.API)
		}
		key, ok := authKey(api, a.SubjectType)
		if !ok {
			return nil, fmt.Errorf("authorization %q: unknown subject type %q", a.Label, a.SubjectType)
		}
		order[i] = placedAuthorization{client, key, uint32(i)}
	}
	slices.SortFunc(order, func(a, b placedAuthorization) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.key, b.key), cmp.Compare(a.at, b.at))
	})
	return order, nil
}

// terms adds what an authorization says beyond who and for what.
func (e *encoder) terms(a *schema.Authorization, api uint32) (ref, error) {
	scopes, err := e.scopeSet(a.Scopes, e.doc.APIs[api].Scopes, secAPIs.at(&e.sections, api).scopes)
	if err != nil {
		return ref{}, err
	}
	e.text(a.Claims) // goes into the heap before the claims of the subject
	r, p := termsRecord{scopes: scopes}, pass{encoder: e}
	r.fields(&p, a)
	return secTerms.intern(e, &r), p.err
}

// scopeSet adds the scopes granted out of a scope list. Equal sets of equal
// lists are found before anything is made: there are millions of authorizations
// and few sets.
func (e *encoder) scopeSet(granted []string, of []schema.Scope, list ref) (ref, error) {
	var buffer [512]byte
	key := append(buffer[:0], list.le32[:]...)
	for _, name := range granted {
		key = append(appendU32(key, uint32(len(name))), name...)
	}
	if i, ok := e.scopeSets[string(key)]; ok {
		return i, nil
	}
	bits := make([]byte, 0, (len(of)+7)/8)
	joined, permissions := []byte{}, []byte{'['}
	next := 0
	for i, name := range granted {
		at := slices.IndexFunc(of[next:], func(s schema.Scope) bool { return s.Name == name })
		if at < 0 {
			return ref{}, fmt.Errorf("scope %q: not a scope of the API, or not in the API's order", name)
		}
		at += next
		next = at + 1
		for len(bits) <= at/8 {
			bits = append(bits, 0)
		}
		bits[at/8] |= 1 << (at % 8)
		if i > 0 {
			joined, permissions = append(joined, ' '), append(permissions, ',')
		}
		joined = append(joined, name...)
		// A scope-token holds neither quotes nor backslashes nor controls (RFC 6749 section 3.3).
		permissions = append(append(append(permissions, '"'), name...), '"')
	}
	i := secScopeSets.intern(e, &scopeSetRecord{
		joined: e.text(string(joined)), permissions: e.text(string(append(permissions, ']'))), bits: e.text(string(bits)),
	})
	e.scopeSets[string(key)] = i
	return i, nil
}

// indexes makes the three hash indexes, and insists on keys without twins.
func (e *encoder) indexes() error {
	ids := make([]string, len(e.doc.Clients))
	for i := range ids {
		ids[i] = e.doc.Clients[i].ClientID
	}
	identifiers, near := make([]string, len(e.doc.APIs)), make([]string, len(e.doc.APIs))
	for i := range identifiers {
		identifiers[i] = e.doc.APIs[i].Identifier
		near[i] = schema.NearKey(identifiers[i])
	}
	nearIndex.build(e, near)
	if twin, found := clientIndex.build(e, ids); found {
		return fmt.Errorf("client_id %q: twice", twin)
	}
	if twin, found := identifierIndex.build(e, identifiers); found {
		return fmt.Errorf("identifier %q: twice", twin)
	}
	return nil
}

// addObject adds an object that has one record.
func addObject[R, T any](e *encoder, t table[R], v *T, fields func(*R, *pass, *T)) error {
	r, p := new(R), pass{encoder: e}
	fields(r, &p, v)
	t.add(e, r)
	return p.err
}

// object adds a JSON object or nothing.
func (e *encoder) object(s string) (text, error) {
	if s != "" && !e.objects[s] {
		if s[0] != '{' || s[len(s)-1] != '}' || !json.Valid([]byte(s)) {
			return text{}, fmt.Errorf("%q is not a JSON object without space around it", s)
		}
		e.objects[s] = true
	}
	return e.text(s), nil
}

// text adds a string.
func (e *encoder) text(s string) text {
	if s == "" {
		return text{}
	}
	start, ok := e.texts[s]
	if !ok {
		start = uint32(len(e.sections[secHeap]))
		e.texts[s] = start
		e.sections[secHeap] = append(e.sections[secHeap], s...)
	}
	return text{le(start), le(uint32(len(s)))}
}

// reserve makes room for n records.
func (t table[R]) reserve(e *encoder, n int) {
	e.sections[t] = slices.Grow(e.sections[t], n*int(unsafe.Sizeof(*new(R))))
}

// add appends a record.
func (t table[R]) add(e *encoder, r *R) { e.sections[t] = append(e.sections[t], bytesOf(r)...) }

// intern returns the index of an equal record, which it adds if there is none.
func (t table[R]) intern(e *encoder, r *R) ref {
	i, ok := e.records[t][string(bytesOf(r))]
	if !ok {
		i = t.count(&e.sections)
		set(&e.records[t], bytesOf(r), i)
		t.add(e, r)
	}
	return ref{le(i)}
}

// internList returns the span of the records that were added from first on. If
// the same list was there before, it returns that one and takes the records off.
func (t table[R]) internList(e *encoder, first uint32) span {
	n := t.count(&e.sections) - first
	if n == 0 {
		return span{}
	}
	records := e.sections[t][int(first)*int(unsafe.Sizeof(*new(R))):]
	if start, ok := e.lists[t][string(records)]; ok {
		e.sections[t] = e.sections[t][:len(e.sections[t])-len(records)]
		first = start
	} else {
		set(&e.lists[t], records, first)
	}
	return span{le(first), le(n)}
}

func set(m *map[string]uint32, key []byte, value uint32) {
	if *m == nil {
		*m = make(map[string]uint32)
	}
	(*m)[string(key)] = value
}

// body joins header and sections.
func (e *encoder) body() ([]byte, error) {
	size := uint64(bodyHeaderSize)
	for i := range e.sections {
		size += uint64(len(e.sections[i]))
	}
	if size > math.MaxUint32 {
		return nil, fmt.Errorf("the configuration needs %d bytes, more than the %d of a snapshot", size, uint32(math.MaxUint32))
	}
	body := make([]byte, 0, size)
	body = appendU32(body, bodyVersion, uint32(numSections))
	for i := range e.sections {
		body = appendU32(body, e.sections.count(section(i)))
	}
	body = append(body, make([]byte, bodyHeaderSize-len(body))...)
	for i := range e.sections {
		body = append(body, e.sections[i]...)
	}
	return body, nil
}

func appendU32(b []byte, values ...uint32) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}
