package snapshot

import (
	"iter"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// An Authorization is a handle on one authorization of a snapshot. Its methods
// neither allocate nor fail unless they say so. The zero Authorization belongs
// to no snapshot and must not be used.
type Authorization struct {
	s *Snapshot
	i uint32
}

func (a Authorization) record() []byte { return record(a.s.sections[secAuthRecords], a.i, authSize) }

func (a Authorization) terms() []byte {
	return record(a.s.sections[secTerms], u32(a.record(), authTerms), termsSize)
}

func (a Authorization) scopeSet() []byte {
	return record(a.s.sections[secScopeSets], u32(a.terms(), termsScopes), scopeSetSize)
}

func (a Authorization) key() uint32 { return u32(a.s.sections[secAuthKeys], int(a.i)*authKeySize) }

// Index is the authorization's position in the order of AuthorizationAt.
func (a Authorization) Index() int { return int(a.i) }

// Label is the block's label.
func (a Authorization) Label() string {
	records, start := a.s.sections[secAuthRecords], uint32(0)
	if a.i > 0 {
		start = u32(records, int(a.i-1)*authSize+authLabelEnd)
	}
	return view(a.s.sections[secAuthLabels][start:u32(a.record(), authLabelEnd)])
}

// Client is whom the authorization is given to. Its work grows with the
// logarithm of the number of clients.
func (a Authorization) Client() Client {
	clients := a.s.sections[secClients]
	// The last client whose authorizations begin at or before this one.
	lo, hi := 0, len(clients)/clientSize
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if u32(clients, mid*clientSize+clientAuths) <= a.i {
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
func (a Authorization) ScopeString() string { return a.s.text(a.scopeSet(), scopeSetJoined) }

// PermissionsJSON is every scope granted as a JSON array: ready for the permissions claim.
func (a Authorization) PermissionsJSON() string { return a.s.text(a.scopeSet(), scopeSetPermissions) }

// Grants reports whether the API's i-th scope is granted.
func (a Authorization) Grants(i int) bool {
	bits := a.s.text(a.scopeSet(), scopeSetBits)
	return i/8 < len(bits) && bits[i/8]&(1<<(i%8)) != 0
}

// HasScope reports whether the scope is granted.
func (a Authorization) HasScope(name string) bool {
	i, ok := a.API().ScopeIndex(name)
	return ok && a.Grants(i)
}

// Scopes returns every scope granted, in the API's order. It allocates the slice.
func (a Authorization) Scopes() []string {
	if joined := a.ScopeString(); joined != "" {
		return strings.Split(joined, " ")
	}
	return nil
}

// Lifetime is how long a token lives, in seconds: the authorization's own
// lifetime, or else the API's.
func (a Authorization) Lifetime() int64 {
	if own := a.TokenLifetime(); own != 0 {
		return own
	}
	return a.API().TokenLifetime()
}

// TokenLifetime is the authorization's own lifetime in seconds, 0 when the API's applies.
func (a Authorization) TokenLifetime() int64 { return int64(u32(a.terms(), termsLifetime)) }

// ExpiresAt is in Unix seconds, 0 for never: after it no token, and no token outlives it.
func (a Authorization) ExpiresAt() int64 { return i64(a.terms(), termsExpiresAt) }

// Claims are the custom claims as JSON members without braces, `"a":1,"b":2`: ""
// for none.
func (a Authorization) Claims() string {
	object := a.s.text(a.terms(), termsClaims)
	if len(object) < 2 {
		return ""
	}
	return object[1 : len(object)-1]
}

// SubjectClaims are what the user's token must say: a canonical JSON object, "" for none.
func (a Authorization) SubjectClaims() string { return a.s.text(a.terms(), termsSubjectClaims) }

// CopyClaims yields the names of the claims of the user's token that ours
// repeats, in declaration order.
func (a Authorization) CopyClaims() iter.Seq[string] {
	return func(yield func(string) bool) {
		r := a.terms()
		start, n := u32(r, termsCopyClaims), u32(r, termsCopyClaims+4)
		for i := start; i < start+n; i++ {
			if !yield(a.s.text(a.s.sections[secStrings], int(i)*stringSize)) {
				return
			}
		}
	}
}
