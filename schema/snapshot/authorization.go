package snapshot

import (
	"iter"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// scopeSet is the scopes granted. Encoder.terms writes it before all other fields.
func (p *pass) scopeSet(f *ref, v *[]string) {
	if p.op == encoding {
		return
	}
	granted, ok := p.decoder.granted[f.get()]
	if !ok {
		granted = splitScopes(secScopeSets.at(&p.decoder.sections, f.get()).joined.in(p.decoder.Snapshot))
		p.decoder.granted[f.get()] = granted
	}
	*v = granted
}

func splitScopes(joined string) []string {
	if joined == "" {
		return nil
	}
	return strings.Split(joined, " ")
}

// An Authorization is a handle on one authorization of a snapshot. Its methods
// neither allocate nor fail unless they say so. The zero Authorization belongs
// to no snapshot and must not be used.
type Authorization struct {
	s *Snapshot
	i uint32
}

func (a Authorization) record() *authorizationRecord { return secAuthRecords.at(&a.s.sections, a.i) }

func (a Authorization) terms() *termsRecord {
	return secTerms.at(&a.s.sections, a.record().terms.get())
}

func (a Authorization) scopeSet() *scopeSetRecord {
	return secScopeSets.at(&a.s.sections, a.terms().scopes.get())
}

// authKey is how an authorization is found among those of its client.
func authKey(api uint32, subject schema.SubjectType) (uint32, bool) {
	switch subject {
	case schema.SubjectClient:
		return api << 1, true
	case schema.SubjectUser:
		return api<<1 | 1, true
	}
	return 0, false
}

func (a Authorization) key() uint32 { return secAuthKeys.at(&a.s.sections, a.i).get() }

// Index is the authorization's position in the order of AuthorizationAt.
func (a Authorization) Index() int { return int(a.i) }

// Label is the block's label.
func (a Authorization) Label() string {
	start := uint32(0)
	if a.i > 0 {
		start = Authorization{a.s, a.i - 1}.record().labelEnd.get()
	}
	return view(a.s.sections[secAuthLabels][start:a.record().labelEnd.get()])
}

// Client is whom the authorization is given to. Its work grows with the
// logarithm of the number of clients.
func (a Authorization) Client() Client {
	clients := secClients.all(&a.s.sections)
	lo, hi := 0, len(clients) // the last client whose authorizations begin at or before this one
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if clients[mid].firstAuthorization.get() <= a.i {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return Client{a.s, uint32(lo - 1)}
}

// API is what the authorization is for.
func (a Authorization) API() API { return API{a.s, a.key() >> 1} }

// SubjectType says on whose behalf tokens are issued.
func (a Authorization) SubjectType() schema.SubjectType {
	if a.key()&1 == 1 {
		return schema.SubjectUser
	}
	return schema.SubjectClient
}

// ScopeString is every scope granted, space-joined, in the API's order: ready
// for the scope claim (RFC 8693 section 4.2).
func (a Authorization) ScopeString() string { return a.scopeSet().joined.in(a.s) }

// Grants reports whether the API's i-th scope is granted.
func (a Authorization) Grants(i int) bool {
	bits := a.scopeSet().bits.in(a.s)
	return i/8 < len(bits) && bits[i/8]&(1<<(i%8)) != 0
}

// HasScope reports whether the scope is granted.
func (a Authorization) HasScope(name string) bool {
	i, ok := a.API().ScopeIndex(name)
	return ok && a.Grants(i)
}

// Scopes returns every scope granted, in the API's order. It allocates the slice.
func (a Authorization) Scopes() []string { return splitScopes(a.ScopeString()) }

// Lifetime is how long a token lives, in seconds, see schema.EffectiveLifetime.
func (a Authorization) Lifetime() int64 {
	return schema.EffectiveLifetime(a.TokenLifetime(), a.API().TokenLifetime())
}

// TokenLifetime is the authorization's own lifetime in seconds, 0 when the API's applies.
func (a Authorization) TokenLifetime() int64 { return int64(a.terms().lifetime.get()) }

// ExpiresAt is in Unix seconds, 0 for never: after it no token, and no token outlives it.
func (a Authorization) ExpiresAt() int64 { return int64(a.terms().expiresAt.get()) }

// Claims are the custom claims as JSON members without braces, `"a":1,"b":2`: ""
// for none.
func (a Authorization) Claims() string {
	object := a.terms().claims.in(a.s)
	if len(object) < 2 {
		return ""
	}
	return object[1 : len(object)-1]
}

// SubjectClaims are what the user's token must say: a canonical JSON object, "" for none.
func (a Authorization) SubjectClaims() string { return a.terms().subjectClaims.in(a.s) }

// CopyClaims yields the names of the claims of the user's token that ours
// repeats, in declaration order.
func (a Authorization) CopyClaims() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, records := 0, secStrings.of(&a.s.sections, &a.terms().copyClaims); i < len(records); i++ {
			if !yield(records[i].in(a.s)) {
				return
			}
		}
	}
}
