package snapshot

import (
	"iter"

	"github.com/writ-auth/writ/schema"
)

// scopes is a list of scopes. Encoder.api writes it before all other fields.
func (p *pass) scopes(f *ref, v *[]schema.Scope) {
	if p.op == encoding {
		return
	}
	list := p.decoder.scopeList(f.get())
	*v = shared(p.decoder, section(secScopes), list, func() []schema.Scope {
		return each(list, func(i uint32) (scope schema.Scope) {
			secScopes.at(&p.decoder.sections, i).fields(p, &scope)
			return scope
		})
	})
}

// An API is a handle on one API of a snapshot. Its methods neither allocate
// nor fail unless they say so. The zero API belongs to no snapshot and must not be used.
type API struct {
	s *Snapshot
	i uint32
}

func (a API) record() *apiRecord     { return secAPIs.at(&a.s.sections, a.i) }
func (a API) extra() *apiExtraRecord { return secAPIExtras.at(&a.s.sections, a.record().extra.get()) }

// Index is the API's position in the order of labels, from 0.
func (a API) Index() int { return int(a.i) }

// Label is the block's label: orders, or worker["eu"] with for_each.
func (a API) Label() string { return a.record().label.in(a.s) }

// Name is for people.
func (a API) Name() string { return a.record().name.in(a.s) }

// Identifier is the aud claim, byte for byte.
func (a API) Identifier() string { return a.record().identifier.in(a.s) }

// Profile is the shape of the API's tokens.
func (a API) Profile() schema.Profile { return profiles[a.record().profile] }

// Alg is what the API's tokens are signed with.
func (a API) Alg() schema.SigningAlg { return algs[a.record().alg] }

// SigningSecret names the key of HS256, "" otherwise.
func (a API) SigningSecret() schema.SecretRef {
	return schema.SecretRef(a.extra().signingSecret.in(a.s))
}

// TokenLifetime is in seconds.
func (a API) TokenLifetime() int64 { return int64(a.record().lifetime.get()) }

// AllowOfflineAccess reports whether refresh tokens may be issued for the API.
func (a API) AllowOfflineAccess() bool { return a.record().flags.has(apiOfflineAccess) }

// IncludePermissions reports whether tokens carry the permissions claim.
func (a API) IncludePermissions() bool { return a.record().flags.has(apiIncludePermissions) }

// ScopeMode says what a request for fewer scopes than authorized gets.
func (a API) ScopeMode() schema.ScopeMode { return scopeModes[a.record().scopeMode] }

// ReuseWindow is how long an identical request gets the same token again, in
// seconds; 0 for never.
func (a API) ReuseWindow() int64 { return int64(a.extra().reuseWindow.get()) }

// NumScopes is the number of scopes that the API defines.
func (a API) NumScopes() int { return len(a.scopes()) }

// Scope returns the i-th scope in declaration order.
func (a API) Scope(i int) (scope schema.Scope) {
	p := a.s.decode()
	a.scopes()[i].fields(&p, &scope)
	return scope
}

// ScopeIndex finds a scope by name; i is for Scope and Authorization.Grants.
// Its work grows with the logarithm of the number of scopes.
func (a API) ScopeIndex(name string) (i int, ok bool) {
	list := a.s.scopeList(a.record().scopes.get())
	scopes, order := secScopes.of(&a.s.sections, &list), secScopeOrder.of(&a.s.sections, &list)
	at, ok := search(uint32(len(scopes)), name, func(i uint32) string { return scopes[order[i].get()].name.in(a.s) })
	if !ok {
		return 0, false
	}
	return int(order[at].get()), true
}

// HasScope reports whether the API defines the scope.
func (a API) HasScope(name string) bool {
	_, ok := a.ScopeIndex(name)
	return ok
}

// Authorizations yields those who may ask for tokens for this API. It reads
// four bytes of every authorization in the snapshot: not for the token path.
func (a API) Authorizations() iter.Seq[Authorization] {
	return func(yield func(Authorization) bool) {
		for i, key := range secAuthKeys.all(&a.s.sections) {
			if key.get()>>1 == a.i && !yield(Authorization{a.s, uint32(i)}) {
				return
			}
		}
	}
}

func (a API) scopes() []scopeRecord {
	list := a.s.scopeList(a.record().scopes.get())
	return secScopes.of(&a.s.sections, &list)
}

// scopeList is the i-th scope list.
func (s *Snapshot) scopeList(i uint32) (list span) {
	first := uint32(0)
	if i > 0 {
		first = secScopeLists.at(&s.sections, i-1).end.get()
	}
	return span{le(first), le(secScopeLists.at(&s.sections, i).end.get() - first)}
}
