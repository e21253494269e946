package snapshot

import (
	"iter"

	"github.com/writ-auth/writ/schema"
)

// An API is a handle on one API of a snapshot. Its methods neither allocate
// nor fail unless they say so. The zero API belongs to no snapshot and must not be used.
type API struct {
	s *Snapshot
	i uint32
}

func (a API) record() []byte { return record(a.s.sections[secAPIs], a.i, apiSize) }

func (a API) extra() []byte {
	return record(a.s.sections[secAPIExtras], u32(a.record(), apiExtra), apiExtraSize)
}

func (a API) flag(bit byte) bool { return a.record()[apiFlags]&bit != 0 }

// Index is the API's position in the order of labels, from 0.
func (a API) Index() int { return int(a.i) }

// Label is the block's label: orders, or worker["eu"] with for_each.
func (a API) Label() string { return a.s.text(a.record(), apiLabel) }

// Name is for people.
func (a API) Name() string { return a.s.text(a.record(), apiName) }

// Identifier is the aud claim, byte for byte.
func (a API) Identifier() string { return a.s.text(a.record(), apiIdentifier) }

// Profile is the shape of the API's tokens.
func (a API) Profile() schema.Profile { return profiles.value(a.record()[apiProfile]) }

// Alg is what the API's tokens are signed with.
func (a API) Alg() schema.SigningAlg { return algs.value(a.record()[apiAlg]) }

// SigningSecret names the key of HS256, "" otherwise.
func (a API) SigningSecret() schema.SecretRef {
	return schema.SecretRef(a.s.text(a.extra(), apiExtraSecret))
}

// TokenLifetime is in seconds.
func (a API) TokenLifetime() int64 { return int64(u32(a.record(), apiLifetime)) }

// AllowOfflineAccess reports whether refresh tokens may be issued for the API.
func (a API) AllowOfflineAccess() bool { return a.flag(flagOfflineAccess) }

// IncludePermissions reports whether tokens carry the permissions claim.
func (a API) IncludePermissions() bool { return a.flag(flagIncludePermissions) }

// ScopeMode says what a request for fewer scopes than authorized gets.
func (a API) ScopeMode() schema.ScopeMode { return scopeModes.value(a.record()[apiScopeMode]) }

// ReuseWindow is how long an identical request gets the same token again, in
// seconds; 0 for never.
func (a API) ReuseWindow() int64 { return int64(u32(a.extra(), apiExtraReuse)) }

// NumScopes is the number of scopes that the API defines.
func (a API) NumScopes() int {
	_, n := a.scopes()
	return n
}

// Scope returns the i-th scope in declaration order.
func (a API) Scope(i int) schema.Scope {
	start, _ := a.scopes()
	r := a.s.sections[secScopes][(start+i)*scopeSize:]
	return schema.Scope{Name: a.s.text(r, scopeName), Description: a.s.text(r, scopeDescription)}
}

// ScopeIndex finds a scope by name; i is for Scope and Authorization.Grants.
// Its work grows with the logarithm of the number of scopes.
func (a API) ScopeIndex(name string) (i int, ok bool) {
	start, n := a.scopes()
	order := a.s.sections[secScopeOrder][start*orderSize:][:n*orderSize]
	names := a.s.sections[secScopes][start*scopeSize:][:n*scopeSize]
	lo, hi := 0, n
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		i := int(u16(order, mid*orderSize))
		switch at := a.s.text(names, i*scopeSize+scopeName); {
		case at == name:
			return i, true
		case at < name:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return 0, false
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
		keys := a.s.sections[secAuthKeys]
		for i := range uint32(len(keys) / authKeySize) {
			if u32(keys, int(i)*authKeySize)>>1 == a.i && !yield(Authorization{a.s, i}) {
				return
			}
		}
	}
}

// scopes is the API's range of secScopes.
func (a API) scopes() (start, n int) {
	return a.s.scopeList(u32(a.record(), apiScopes))
}

func (s *Snapshot) scopeList(i uint32) (start, n int) {
	lists := s.sections[secScopeLists]
	if i > 0 {
		start = int(u32(lists, int(i-1)*scopeListSize+scopeListEnd))
	}
	return start, int(u32(lists, int(i)*scopeListSize+scopeListEnd)) - start
}
