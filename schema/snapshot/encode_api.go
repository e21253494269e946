package snapshot

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/writ-auth/writ/schema"
)

func (e *encoder) encodeAPIs() error {
	// Identifiers stand side by side: they are what a lookup reads.
	for i := range e.doc.APIs {
		e.text(e.doc.APIs[i].Identifier)
	}
	for i := range e.doc.APIs {
		if err := e.api(&e.doc.APIs[i]); err != nil {
			return fmt.Errorf("api %q: %w", e.doc.APIs[i].Label, err)
		}
	}
	return nil
}

func (e *encoder) api(a *schema.API) error {
	profile, ok1 := profiles.code(a.Profile)
	alg, ok2 := algs.code(a.Alg)
	mode, ok3 := scopeModes.code(a.ScopeMode)
	if !ok1 || !ok2 || !ok3 {
		return fmt.Errorf("unknown profile %q, algorithm %q or scope mode %q", a.Profile, a.Alg, a.ScopeMode)
	}
	lifetime, err := seconds(a.TokenLifetime)
	if err != nil {
		return err
	}
	scopes, err := e.scopeList(a.Scopes)
	if err != nil {
		return err
	}
	extra, err := e.apiExtra(a)
	if err != nil {
		return err
	}
	r := appendPair(e.sections[secAPIs], e.text(a.Identifier))
	r = appendPair(r, e.text(a.Label))
	r = appendPair(r, e.text(a.Name))
	r = appendU32(r, scopes, lifetime, extra)
	bits := flags(a.AllowOfflineAccess, a.IncludePermissions, a.PreventDestroy)
	e.sections[secAPIs] = append(r, profile, alg, mode, bits)
	return nil
}

func (e *encoder) apiExtra(a *schema.API) (uint32, error) {
	distinct, err := e.apiList(a.DistinctFrom)
	if err != nil {
		return 0, fmt.Errorf("distinct_from: %w", err)
	}
	reuse, err := seconds(a.ReuseWindow)
	if err != nil {
		return 0, err
	}
	r := appendPair(nil, e.text(string(a.SigningSecret)))
	r = appendPair(r, distinct)
	r = appendPair(r, e.metadata(a.Metadata))
	return e.record(secAPIExtras, appendU32(r, reuse, 0)), nil
}

// scopeList adds the scopes of an API together with their order by name, and
// returns its position in secScopeLists.
func (e *encoder) scopeList(scopes []schema.Scope) (uint32, error) {
	var r []byte
	for _, s := range scopes {
		r = appendPair(r, e.text(s.Name))
		r = appendPair(r, e.text(s.Description))
	}
	if i, ok := e.lists[secScopeLists][string(r)]; ok {
		return i, nil
	}
	order, err := scopeOrder(scopes)
	if err != nil {
		return 0, err
	}
	i := uint32(len(e.sections[secScopeLists]) / scopeListSize)
	set(&e.lists[secScopeLists], r, i)
	e.sections[secScopes] = append(e.sections[secScopes], r...)
	e.sections[secScopeOrder] = append(e.sections[secScopeOrder], order...)
	e.sections[secScopeLists] = appendU32(e.sections[secScopeLists], uint32(len(e.sections[secScopes])/scopeSize))
	return i, nil
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
