package snapshot

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// A placed authorization knows where it belongs: its client, its key among the
// client's, and its position in the document.
type placed struct{ client, key, at uint32 }

func (e *encoder) authorizations() error {
	order, err := e.place()
	if err != nil {
		return err
	}
	e.sections[secAuthKeys] = make([]byte, 0, len(order)*authKeySize)
	e.sections[secAuthRecords] = make([]byte, 0, len(order)*authSize)
	client := 0
	for i, p := range order {
		a := &e.doc.Authorizations[p.at]
		if i > 0 && order[i-1].client == p.client && order[i-1].key == p.key {
			twin := &e.doc.Authorizations[order[i-1].at]
			return fmt.Errorf("authorization %q: the same client, API and subject type as %q", a.Label, twin.Label)
		}
		client = e.beginAuthorizations(client, int(p.client)+1, i)
		terms, err := e.terms(a, &e.doc.APIs[p.key>>1], p.key>>1)
		if err != nil {
			return fmt.Errorf("authorization %q: %w", a.Label, err)
		}
		e.sections[secAuthLabels] = append(e.sections[secAuthLabels], a.Label...)
		e.sections[secAuthKeys] = appendU32(e.sections[secAuthKeys], p.key)
		e.sections[secAuthRecords] = appendU32(e.sections[secAuthRecords], terms, uint32(len(e.sections[secAuthLabels])))
	}
	e.beginAuthorizations(client, len(e.doc.Clients), len(order))
	return nil
}

// beginAuthorizations writes into the clients [from, to) that their
// authorizations begin at first, and returns the next client.
func (e *encoder) beginAuthorizations(from, to, first int) int {
	for ; from < to; from++ {
		binary.LittleEndian.PutUint32(e.sections[secClients][from*clientSize+clientAuths:], uint32(first))
	}
	return from
}

// place resolves and sorts the authorizations.
func (e *encoder) place() ([]placed, error) {
	order := make([]placed, len(e.doc.Authorizations))
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
		order[i] = placed{client, key, uint32(i)}
	}
	slices.SortFunc(order, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.key, b.key), cmp.Compare(a.at, b.at))
	})
	return order, nil
}

// terms adds what an authorization says beyond who and for what.
func (e *encoder) terms(a *schema.Authorization, api *schema.API, apiIndex uint32) (uint32, error) {
	lifetime, err := seconds(a.TokenLifetime)
	if err != nil {
		return 0, err
	}
	list := u32(e.sections[secAPIs], int(apiIndex)*apiSize+apiScopes)
	scopes, err := e.scopeSet(a.Scopes, api.Scopes, list)
	if err != nil {
		return 0, err
	}
	claims, err := e.object(a.Claims)
	if err != nil {
		return 0, fmt.Errorf("claims: %w", err)
	}
	subject, err := e.object(a.SubjectClaims)
	if err != nil {
		return 0, fmt.Errorf("subject_claims: %w", err)
	}
	var r [termsSize]byte
	b := appendI64(appendU32(r[:0], scopes, lifetime), a.ExpiresAt)
	b = appendPair(appendPair(b, claims), subject)
	return e.record(secTerms, appendPair(b, stringList(e, a.CopyClaims))), nil
}

// scopeSet adds the scopes granted out of a scope list. Equal sets of equal
// lists are found before anything is made: there are millions of authorizations
// and few sets.
func (e *encoder) scopeSet(granted []string, of []schema.Scope, list uint32) (uint32, error) {
	var buffer [512]byte
	key := appendU32(buffer[:0], list)
	for _, name := range granted {
		key = append(appendU32(key, uint32(len(name))), name...)
	}
	if i, ok := e.scopes[string(key)]; ok {
		return i, nil
	}
	bits := make([]byte, 0, (len(of)+7)/8)
	joined, permissions := []byte{}, []byte{'['}
	next := 0
	for i, name := range granted {
		at := slices.IndexFunc(of[next:], func(s schema.Scope) bool { return s.Name == name })
		if at < 0 {
			return 0, fmt.Errorf("scope %q: not a scope of the API, or not in the API's order", name)
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
	r := appendPair(nil, e.text(string(joined)))
	r = appendPair(r, e.text(string(append(permissions, ']'))))
	r = appendPair(r, e.text(string(bits)))
	i := e.record(secScopeSets, r)
	e.scopes[string(key)] = i
	return i, nil
}
