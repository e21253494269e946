package compiler

import (
	"cmp"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// An AccessChange is what one client gains and loses on one API: the blast
// radius of a plan. It is computed from who can get which token before and
// after, so it shows what follows from the removal of an API or a client too.
type AccessChange struct {
	Client string `json:"client"` // label
	API    string `json:"api"`    // label
	// ClientID and Identifier are what the token carries as client and audience.
	// A replacement is two changes of the same labels, told apart by these.
	ClientID    string             `json:"client_id"`
	Identifier  string             `json:"identifier"`
	SubjectType schema.SubjectType `json:"subject_type"`
	Gained      []string           `json:"gained"` // scopes, sorted
	Lost        []string           `json:"lost"`   // scopes, sorted
	// ValidUntilMax is how long, in seconds, tokens issued before the change can
	// stay valid after it: the prior lifetime; 0 when there could be none.
	ValidUntilMax int64 `json:"valid_until_max"`
	// Token says whether the client may get a token at all where it could not
	// before, or no longer; "" when that did not change. An authorization may
	// have no scopes.
	Token AccessToken `json:"token,omitempty"`
}

// An AccessToken says what happened to the right to any token.
type AccessToken string

// The values of AccessToken beside "".
const (
	TokenGained AccessToken = "gained"
	TokenLost   AccessToken = "lost"
)

// A reach is one right to tokens: in the terms of the token's receiver, not of
// labels, so that a rename is none and a replacement is another.
type reach struct {
	clientID, identifier string
	authorization        *schema.Authorization
	lifetime             int64 // seconds
	before               bool
}

func compareReach(a, b reach) int {
	return cmp.Or(
		cmp.Compare(a.clientID, b.clientID),
		cmp.Compare(a.identifier, b.identifier),
		cmp.Compare(a.authorization.SubjectType, b.authorization.SubjectType),
		compareBool(b.before, a.before), // before first
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// access is the set difference of who can get what. Most authorizations are the
// same before and after and leave no trace here.
func (c *comparison) access() []AccessChange {
	usersBefore, usersAfter := usersAreVouched(c.prior), usersAreVouched(c.next)
	open := make([]reach, 0, unpaired(c.authorizations))
	for _, p := range c.authorizations {
		before, had := reachOf(p.before, c.clientBefore, c.apiBefore, usersBefore)
		after, has := reachOf(p.after, c.clientAfter, c.apiAfter, usersAfter)
		if had && has && before.clientID == after.clientID && before.identifier == after.identifier &&
			p.before.SubjectType == p.after.SubjectType && slices.Equal(p.before.Scopes, p.after.Scopes) {
			continue
		}
		if had {
			before.before = true
			open = append(open, before)
		}
		if has {
			open = append(open, after)
		}
	}
	slices.SortFunc(open, compareReach)
	return accessChanges(open)
}

// usersAreVouched reports whether anybody's tokens may name users at all.
func usersAreVouched(d *schema.Document) bool {
	return slices.ContainsFunc(d.TrustedIssuers, func(t schema.TrustedIssuer) bool {
		return slices.Contains(t.VouchesFor, schema.SubjectUser)
	})
}

// reachOf reports whether an authorization gives anybody a token: its client and
// API are there, the client may use a grant for this kind of subject, and
// somebody may vouch for it. Windows and expiry are left to the clock.
func reachOf(a *schema.Authorization, clients map[string]*schema.Client, apis map[string]*schema.API, users bool) (reach, bool) {
	if a == nil {
		return reach{}, false
	}
	client, api := clients[a.Client], apis[a.API]
	if client == nil || api == nil {
		return reach{}, false
	}
	usable := slices.Contains(client.GrantTypes, schema.GrantClientCredentials)
	if a.SubjectType == schema.SubjectUser {
		usable = users && (slices.Contains(client.GrantTypes, schema.GrantTokenExchange) ||
			slices.Contains(client.GrantTypes, schema.GrantJWTBearer))
	}
	return reach{client.ClientID, api.Identifier, a, lifetimeOf(a, apis), false}, usable
}

// accessChanges compares the two sides of each right; the list is sorted so that
// they stand side by side.
func accessChanges(open []reach) []AccessChange {
	changes := make([]AccessChange, 0, len(open))
	for i := 0; i < len(open); i++ {
		var before, after *reach
		if open[i].before {
			before = &open[i]
		} else {
			after = &open[i]
		}
		if i+1 < len(open) && sameReach(open[i], open[i+1]) {
			i++
			after = &open[i]
		}
		if change, changed := accessChange(before, after); changed {
			changes = append(changes, change)
		}
	}
	slices.SortStableFunc(changes, func(a, b AccessChange) int {
		return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.API, b.API), cmp.Compare(a.SubjectType, b.SubjectType))
	})
	return changes
}

func sameReach(a, b reach) bool {
	return a.clientID == b.clientID && a.identifier == b.identifier &&
		a.authorization.SubjectType == b.authorization.SubjectType && a.before != b.before
}

func accessChange(before, after *reach) (AccessChange, bool) {
	change := AccessChange{Gained: []string{}, Lost: []string{}}
	var was, is []string
	if before != nil {
		was = before.authorization.Scopes
		change.name(before)
		change.ValidUntilMax = before.lifetime
	}
	if after != nil {
		is = after.authorization.Scopes
		change.name(after)
	}
	added, removed := setDifference(was, is)
	change.Gained = append(change.Gained, added...)
	change.Lost = append(change.Lost, removed...)
	slices.Sort(change.Gained)
	slices.Sort(change.Lost)
	switch {
	case before == nil:
		change.Token = TokenGained
	case after == nil:
		change.Token = TokenLost
	}
	return change, change.Token != "" || len(added) > 0 || len(removed) > 0
}

func (c *AccessChange) name(r *reach) {
	c.Client, c.API, c.SubjectType = r.authorization.Client, r.authorization.API, r.authorization.SubjectType
	c.ClientID, c.Identifier = r.clientID, r.identifier
}
