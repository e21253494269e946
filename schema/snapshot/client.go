package snapshot

import (
	"iter"
	"math"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// A Client is a handle on one client of a snapshot. Its methods neither
// allocate nor fail. The zero Client belongs to no snapshot and must not be used.
type Client struct {
	s *Snapshot
	i uint32
}

func (c Client) record() *clientRecord { return secClients.at(&c.s.sections, c.i) }

func (c Client) extra() *clientExtraRecord {
	return secClientExtras.at(&c.s.sections, c.record().extra.get())
}

// Index is the client's position in the order of labels, from 0.
func (c Client) Index() int { return int(c.i) }

// Label is the block's label: billing, or worker["eu"] with for_each.
func (c Client) Label() string { return c.record().label.in(c.s) }

// Name is for people.
func (c Client) Name() string { return c.record().name.in(c.s) }

// ClientID is what the client calls itself.
func (c Client) ClientID() string { return c.record().clientID.in(c.s) }

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
		for i, records := 0, secStrings.of(&c.s.sections, &c.extra().grantTypes); i < len(records); i++ {
			if !yield(records[i].in(c.s)) {
				return
			}
		}
	}
}

// DefaultAPI is the API when a request names none; ok is false without one.
func (c Client) DefaultAPI() (api API, ok bool) {
	i := c.extra().defaultAPI.get()
	return API{c.s, i}, i != none
}

// RateLimit is in token requests per second, 0 for none.
func (c Client) RateLimit() float64 { return math.Float64frombits(c.extra().rateLimit.get()) }

// MayIntrospect reports whether the client may introspect the API's tokens
// because it is the API's resource server (RFC 7662).
func (c Client) MayIntrospect(api API) bool {
	return slices.Contains(secAPILists.of(&c.s.sections, &c.extra().introspects), ref{le(api.i)})
}

// RevokedBefore is in Unix seconds, 0 for never.
func (c Client) RevokedBefore() int64 { return int64(c.extra().revokedBefore.get()) }

// RequireSenderConstrained reports whether the client gets no bearer tokens.
func (c Client) RequireSenderConstrained() bool { return c.record().flags.has(clientSenderConstrained) }

// RefreshToken says how the client's refresh tokens behave; ok is false when
// the client declares nothing.
func (c Client) RefreshToken() (policy schema.RefreshToken, ok bool) {
	i := c.extra().refreshToken.get()
	if i != none {
		p := c.s.decode()
		secRefreshTokens.at(&c.s.sections, i).fields(&p, &policy)
	}
	return policy, i != none
}

// Authorizations yields the client's authorizations in the order of API label
// and subject type.
func (c Client) Authorizations() iter.Seq[Authorization] {
	lo, hi := c.authorizations()
	return c.s.authorizationRange(lo, hi)
}

// authorizations is the client's range of secAuthKeys.
func (c Client) authorizations() (lo, hi uint32) {
	clients := secClients.all(&c.s.sections)
	if next := int(c.i) + 1; next < len(clients) {
		return clients[c.i].firstAuthorization.get(), clients[next].firstAuthorization.get()
	}
	return clients[c.i].firstAuthorization.get(), secAuthKeys.count(&c.s.sections)
}

// secrets is the client's range of secSecrets.
func (c Client) secrets() (lo, hi uint32) {
	clients := secClients.all(&c.s.sections)
	if next := int(c.i) + 1; next < len(clients) {
		return clients[c.i].firstSecret.get(), clients[next].firstSecret.get()
	}
	return clients[c.i].firstSecret.get(), secSecrets.count(&c.s.sections)
}
