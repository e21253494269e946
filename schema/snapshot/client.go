package snapshot

import (
	"iter"
	"math"

	"github.com/writ-auth/writ/schema"
)

// A Client is a handle on one client of a snapshot. Its methods neither
// allocate nor fail. The zero Client belongs to no snapshot and must not be used.
type Client struct {
	s *Snapshot
	i uint32
}

func (c Client) record() []byte { return record(c.s.sections[secClients], c.i, clientSize) }

func (c Client) extra() []byte {
	return record(c.s.sections[secClientExtras], u32(c.record(), clientExtra), clientExtraSize)
}

// Index is the client's position in the order of labels, from 0.
func (c Client) Index() int { return int(c.i) }

// Label is the block's label: billing, or worker["eu"] with for_each.
func (c Client) Label() string { return c.s.text(c.record(), clientLabel) }

// Name is for people.
func (c Client) Name() string { return c.s.text(c.record(), clientName) }

// ClientID is what the client calls itself.
func (c Client) ClientID() string { return c.s.text(c.record(), clientID) }

// HasGrantType reports whether the client lists the grant type.
func (c Client) HasGrantType(grantType string) bool {
	for g := range c.GrantTypes() {
		if g == grantType {
			return true
		}
	}
	return false
}

// GrantTypes yields the grant types in declaration order.
func (c Client) GrantTypes() iter.Seq[string] {
	return func(yield func(string) bool) {
		r := c.extra()
		start, n := u32(r, clientExtraGrants), u32(r, clientExtraGrants+4)
		for i := start; i < start+n; i++ {
			if !yield(c.s.text(c.s.sections[secStrings], int(i)*stringSize)) {
				return
			}
		}
	}
}

// DefaultAPI is the API when a request names none; ok is false without one.
func (c Client) DefaultAPI() (api API, ok bool) {
	i := u32(c.extra(), clientExtraDefaultAPI)
	return API{c.s, i}, i != none
}

// RateLimit is in token requests per second, 0 for none.
func (c Client) RateLimit() float64 { return math.Float64frombits(u64(c.extra(), clientExtraRate)) }

// MayIntrospect reports whether the client may introspect the API's tokens
// because it is the API's resource server (RFC 7662).
func (c Client) MayIntrospect(api API) bool {
	r := c.extra()
	start, n := u32(r, clientExtraIntrospects), u32(r, clientExtraIntrospects+4)
	for i := start; i < start+n; i++ {
		if u32(c.s.sections[secIndexes], int(i)*listedSize) == api.i {
			return true
		}
	}
	return false
}

// RevokedBefore is in Unix seconds, 0 for never.
func (c Client) RevokedBefore() int64 { return i64(c.extra(), clientExtraRevoked) }

// RequireSenderConstrained reports whether the client gets no bearer tokens.
func (c Client) RequireSenderConstrained() bool {
	return c.record()[clientFlags]&flagSenderConstrained != 0
}

// RefreshToken says how the client's refresh tokens behave; ok is false when
// the client declares nothing.
func (c Client) RefreshToken() (policy schema.RefreshToken, ok bool) {
	i := u32(c.extra(), clientExtraRefresh)
	if i == none {
		return schema.RefreshToken{}, false
	}
	r := record(c.s.sections[secRefreshTokens], i, refreshSize)
	return schema.RefreshToken{
		Rotation:     rotations.value(r[refreshRotation]),
		Lifetime:     i64(r, refreshLifetime),
		IdleLifetime: i64(r, refreshIdle),
		Leeway:       i64(r, refreshLeeway),
	}, true
}

// Authorizations yields the client's authorizations in the order of API label
// and subject type.
func (c Client) Authorizations() iter.Seq[Authorization] {
	lo, hi := c.authorizations()
	return c.s.authorizationRange(lo, hi)
}

// authorizations is the client's range of secAuthKeys.
func (c Client) authorizations() (lo, hi uint32) {
	return c.slice(clientAuths, secAuthKeys, authKeySize)
}

// slice is the client's part of a section that is laid out in client order: it
// ends where the next client's begins.
func (c Client) slice(field int, sec section, size int) (lo, hi uint32) {
	clients := c.s.sections[secClients]
	at := int(c.i)*clientSize + field
	if next := at + clientSize; next < len(clients) {
		return u32(clients, at), u32(clients, next)
	}
	return u32(clients, at), uint32(len(c.s.sections[sec]) / size)
}
