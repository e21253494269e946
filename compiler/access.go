package compiler

import (
	"cmp"
	"math"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// An AccessChange is what one client gains and loses on one API during one period
// of time. It is computed from who can get which token before and after, from the
// time of the plan on. So it includes what follows from the removal of an API or
// a client, and leaves out what is over by then. Where the outcome differs from
// period to period, there is one change for each, for example when the end of an
// authorization moves from May to July.
type AccessChange struct {
	Client string `json:"client"` // label
	API    string `json:"api"`    // label
	// ClientID and Identifier are what the token carries as client and audience.
	// A replacement is two changes of the same labels, told apart by these.
	ClientID    string             `json:"client_id"`
	Identifier  string             `json:"identifier"`
	SubjectType schema.SubjectType `json:"subject_type"`
	// TrustedIssuer is the label of the issuer to whose users the change is limited;
	// "" where it is for all users, or for the client itself.
	TrustedIssuer string `json:"trusted_issuer,omitempty"`
	// Authorization is the label of the authorization that gives the access, or gave it.
	Authorization string   `json:"authorization"`
	Gained        []string `json:"gained"` // scopes, sorted
	Lost          []string `json:"lost"`   // scopes, sorted
	// Sensitive are those of Gained and Lost that the API declares sensitive, now or
	// before: a change that takes the mark away with one hand does not hide the other.
	Sensitive []string `json:"sensitive,omitempty"`
	// Tier is TierReach or TierLonger where something is gained, else "".
	Tier Tier `json:"tier,omitempty"`
	// From and Until are the period in which requests get another answer than
	// before, as RFC 3339; Until is exclusive. An empty From is the time of the plan,
	// an empty Until no end.
	From  string `json:"from,omitempty"`
	Until string `json:"until,omitempty"`
	// ValidUntilMax is how long, in seconds, tokens issued before the change can
	// stay valid after it: by the prior lifetime, or by a longer one before that;
	// 0 when there could be none.
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

// A tokenRight is the right of one client to tokens for one API. It is identified
// by what the token carries and not by labels. A rename is therefore no change,
// and a replacement is a loss and a gain.
type tokenRight struct {
	clientID, identifier string
	authorization        *schema.Authorization
	client               *schema.Client
	lifetime             int64 // seconds
	before               bool
}

// compareRights sorts rights so that the two sides of one right are neighbours, the prior
// side first.
func compareRights(a, b tokenRight) int {
	return cmp.Or(
		cmp.Compare(a.clientID, b.clientID),
		cmp.Compare(a.identifier, b.identifier),
		cmp.Compare(a.authorization.SubjectType, b.authorization.SubjectType),
		compareBool(b.before, a.before), // before first
	)
}

// compareBool sorts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// access returns the difference between who can get which token before and after,
// by period. Most authorizations are equal on both sides and are skipped early.
func (c *comparison) access() []AccessChange {
	c.compareTimes()
	users := compareUserIssuers(c.prior, c.next)
	open := make([]tokenRight, 0, countUnpaired(c.authorizations))
	for _, p := range c.authorizations {
		before, had := tokenRightOf(p.before, c.clientBefore, c.apiBefore, users.before)
		after, has := tokenRightOf(p.after, c.clientAfter, c.apiAfter, users.after)
		before.before = true
		if had && has && c.sameRight(&before, &after) && (p.after.SubjectType != schema.SubjectUser || users.same()) {
			continue
		}
		if had {
			open = append(open, before)
		}
		if has {
			open = append(open, after)
		}
	}
	slices.SortFunc(open, compareRights)
	return c.accessChanges(open, &users)
}

// sameRight reports whether a right is the same before and after.
func (c *comparison) sameRight(before, after *tokenRight) bool {
	return before.clientID == after.clientID && before.identifier == after.identifier &&
		before.authorization.SubjectType == after.authorization.SubjectType &&
		slices.Equal(before.authorization.Scopes, after.authorization.Scopes) &&
		before.authorization.ExpiresAt == after.authorization.ExpiresAt &&
		c.sameTimes(before.client, after.client)
}

// A userIssuerChange compares the trusted issuers whose tokens may name users,
// before and after.
type userIssuerChange struct {
	before, after  bool     // some issuer's tokens may name users
	kept           bool     // one issuer is the same before and after, or one side has none at all
	added, removed []string // labels, if both sides have issuers
}

// compareUserIssuers compares by label and issuer URL: another URL under one label names
// other users.
func compareUserIssuers(prior, next *schema.Document) userIssuerChange {
	was, is := userIssuers(prior), userIssuers(next)
	v := userIssuerChange{before: len(was) > 0, after: len(is) > 0, kept: true}
	if !v.before || !v.after {
		return v
	}
	v.kept = false
	for _, t := range is {
		if slices.ContainsFunc(was, func(o *schema.TrustedIssuer) bool { return o.Label == t.Label && o.Issuer == t.Issuer }) {
			v.kept = true
		} else {
			v.added = append(v.added, t.Label)
		}
	}
	for _, t := range was {
		if !slices.ContainsFunc(is, func(o *schema.TrustedIssuer) bool { return o.Label == t.Label && o.Issuer == t.Issuer }) {
			v.removed = append(v.removed, t.Label)
		}
	}
	return v
}

// same reports whether the same issuers name users before and after.
func (v *userIssuerChange) same() bool { return len(v.added)+len(v.removed) == 0 }

// userIssuers returns the trusted issuers whose tokens may name users.
func userIssuers(d *schema.Document) []*schema.TrustedIssuer {
	var list []*schema.TrustedIssuer
	for i := range d.TrustedIssuers {
		if t := &d.TrustedIssuers[i]; slices.Contains(t.VouchesFor, schema.SubjectUser) {
			list = append(list, t)
		}
	}
	return list
}

// tokenRightOf returns the right that an authorization gives, and false if nobody
// can get a token by it at any time. Its client and API must exist, the client
// must be allowed a grant for this kind of subject, and for users some issuer
// must vouch.
func tokenRightOf(a *schema.Authorization, clients map[string]*schema.Client, apis map[string]*schema.API, users bool) (tokenRight, bool) {
	if a == nil {
		return tokenRight{}, false
	}
	client, api := clients[a.Client], apis[a.API]
	if client == nil || api == nil {
		return tokenRight{}, false
	}
	usable := slices.Contains(client.GrantTypes, schema.GrantClientCredentials)
	if a.SubjectType == schema.SubjectUser {
		usable = users && client.ActsForUsers()
	}
	return tokenRight{clientID: client.ClientID, identifier: api.Identifier, authorization: a, client: client, lifetime: a.Lifetime(api)}, usable
}

// accessChanges compares the two sides of each right. The list is sorted, so that
// the two sides are neighbours.
func (c *comparison) accessChanges(open []tokenRight, users *userIssuerChange) []AccessChange {
	changes := make([]AccessChange, 0, len(open))
	for i := 0; i < len(open); i++ {
		var before, after *tokenRight
		if open[i].before {
			before = &open[i]
		} else {
			after = &open[i]
		}
		if i+1 < len(open) && areTwoSides(&open[i], &open[i+1]) {
			i++
			after = &open[i]
		}
		stays := before != nil && after != nil && after.authorization.SubjectType == schema.SubjectUser
		if !stays || users.kept {
			changes = c.accessChange(changes, before, after, "")
		}
		if stays {
			for _, issuer := range users.removed {
				changes = c.accessChange(changes, before, nil, issuer)
			}
			for _, issuer := range users.added {
				changes = c.accessChange(changes, nil, after, issuer)
			}
		}
	}
	slices.SortStableFunc(changes, func(a, b AccessChange) int {
		return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.API, b.API),
			cmp.Compare(a.SubjectType, b.SubjectType), cmp.Compare(a.TrustedIssuer, b.TrustedIssuer))
	})
	return changes
}

// areTwoSides reports whether a and b are one right before and after.
func areTwoSides(a, b *tokenRight) bool {
	return a.clientID == b.clientID && a.identifier == b.identifier &&
		a.authorization.SubjectType == b.authorization.SubjectType && a.before != b.before
}

// accessChange adds a change for each period in which the two sides of a right
// differ; one side may be nil. It is limited to the users of one trusted issuer,
// or for all if issuer is "".
func (c *comparison) accessChange(changes []AccessChange, before, after *tokenRight, issuer string) []AccessChange {
	side := cmp.Or(after, before)
	hadSpans := c.spansOf(before, c.timesBefore)
	for _, p := range compareSpans(hadSpans, c.spansOf(after, c.timesAfter), c.now) {
		change := AccessChange{
			Client: side.authorization.Client, API: side.authorization.API, SubjectType: side.authorization.SubjectType,
			Authorization: side.authorization.Label,
			ClientID:      side.clientID, Identifier: side.identifier, TrustedIssuer: issuer,
			Gained: []string{}, Lost: []string{}, ValidUntilMax: c.validUntilMax(before, side),
		}
		var was, is []string
		switch {
		case p.had && p.has:
			was, is = before.authorization.Scopes, after.authorization.Scopes
		case p.had:
			was, change.Token = before.authorization.Scopes, TokenLost
		default:
			is, change.Token = after.authorization.Scopes, TokenGained
		}
		added, removed := setDifference(was, is)
		if change.Token == "" && len(added) == 0 && len(removed) == 0 {
			continue
		}
		change.Gained, change.Lost = append(change.Gained, added...), append(change.Lost, removed...)
		slices.Sort(change.Gained)
		slices.Sort(change.Lost)
		change.Sensitive = c.sensitiveOf(side, change.Gained, change.Lost)
		if change.Token == TokenGained || len(added) > 0 {
			change.Tier = TierReach
			if len(hadSpans) > 0 && len(difference(added, before.authorization.Scopes)) == 0 {
				change.Tier = TierLonger // the same scopes, in a period that had none
			}
		}
		if p.from > c.now {
			change.From = schema.FormatTime(p.from)
		}
		if p.until != forever {
			change.Until = schema.FormatTime(p.until)
		}
		changes = append(changes, change)
	}
	return changes
}

// sensitiveOf returns the scopes that the API of a right declares sensitive before or after.
func (c *comparison) sensitiveOf(right *tokenRight, lists ...[]string) []string {
	if c.sensitive == nil {
		c.sensitive = make(map[string]map[string]bool)
		for _, d := range []*schema.Document{c.prior, c.next} {
			for i := range d.APIs {
				for j := range d.APIs[i].Scopes {
					if s := &d.APIs[i].Scopes[j]; s.Sensitive {
						of := c.sensitive[d.APIs[i].Identifier]
						if of == nil {
							of = make(map[string]bool)
							c.sensitive[d.APIs[i].Identifier] = of
						}
						of[s.Name] = true
					}
				}
			}
		}
	}
	of := c.sensitive[right.identifier]
	if of == nil {
		return nil
	}
	var found []string
	for _, list := range lists {
		for _, scope := range list {
			if of[scope] {
				found = append(found, scope)
			}
		}
	}
	return found
}

// validUntilMax returns for how many seconds issued tokens can stay valid.
func (c *comparison) validUntilMax(before, side *tokenRight) int64 {
	left := c.past.secondsLeft(side.clientID, side.identifier, c.now)
	if before != nil {
		left = max(left, c.secondsLeft(before, c.timesBefore))
	}
	return left
}

// A client can get tokens while the authorization has not expired and one of the
// client's credentials is accepted. All times below are Unix seconds.

// forever is the end of a span that has none.
const forever = math.MaxInt64

// A span is a period of time. from is included, until is not.
type span struct{ from, until int64 }

// A period is a span in which each of the two sides has the right or has not.
type period struct {
	span
	had, has bool
}

// compareSpans divides the time from now on wherever a span of either side begins
// or ends, and returns the periods in which at least one side has the right.
func compareSpans(before, after []span, now int64) []period {
	cuts := []int64{now}
	for _, s := range slices.Concat(before, after) {
		cuts = append(cuts, s.from, s.until)
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var periods []period
	for i := 0; i+1 < len(cuts); i++ {
		p := period{span{cuts[i], cuts[i+1]}, covers(before, cuts[i]), covers(after, cuts[i])}
		if last := len(periods) - 1; last >= 0 && periods[last].until == p.from && periods[last].had == p.had && periods[last].has == p.has {
			periods[last].until = p.until
		} else if p.had || p.has {
			periods = append(periods, p)
		}
	}
	return periods
}

// covers reports whether a time lies in one of the spans.
func covers(spans []span, t int64) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.from <= t && t < s.until })
}

// compareTimes finds out when the credentials of both documents are accepted.
func (c *comparison) compareTimes() {
	c.timesBefore, c.timesAfter = c.timesOf(c.prior.Clients), c.timesOf(c.next.Clients)
}

// timesOf returns when the credentials of clients are accepted, from now on.
// Clients with a credential that is always accepted are left out, which are most.
func (c *comparison) timesOf(clients []schema.Client) map[*schema.Client][]span {
	times := make(map[*schema.Client][]span)
	for i := range clients {
		windows := windowsOf(&clients[i])
		if len(windows) == 0 || slices.Contains(windows, schema.Window{}) {
			continue
		}
		spans := make([]span, 0, len(windows))
		for _, w := range windows {
			spans = append(spans, span{w.NotBefore, endOf(w.ExpiresAt)})
		}
		times[&clients[i]] = joinSpans(spans, c.now)
	}
	return times
}

// windowsOf returns the validity windows of a client's credentials.
func windowsOf(c *schema.Client) []schema.Window {
	credentials := c.Credentials()
	windows := make([]schema.Window, len(credentials))
	for i := range credentials {
		windows[i] = credentials[i].Window
	}
	return windows
}

// endOf is the end of a window, of which 0 stands for none.
func endOf(unix int64) int64 {
	if unix == 0 {
		return forever
	}
	return unix
}

// joinSpans returns the rest of the spans from now on, with overlapping and adjacent
// ones joined.
func joinSpans(spans []span, now int64) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	joined := spans[:0]
	for _, s := range spans {
		s.from = max(s.from, now)
		if last := len(joined) - 1; s.from >= s.until {
			continue
		} else if last >= 0 && s.from <= joined[last].until {
			joined[last].until = max(joined[last].until, s.until)
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

// sameTimes reports whether a client's credentials are accepted at the same times
// before and after.
func (c *comparison) sameTimes(before, after *schema.Client) bool {
	if len(c.timesBefore)+len(c.timesAfter) == 0 {
		return true
	}
	was, wasTimed := c.timesBefore[before]
	is, isTimed := c.timesAfter[after]
	return wasTimed == isTimed && slices.Equal(was, is)
}

// spansOf returns when, from now on, a right gives tokens; nil for no right.
func (c *comparison) spansOf(r *tokenRight, times map[*schema.Client][]span) []span {
	if r == nil {
		return nil
	}
	spans, timed := times[r.client]
	if !timed {
		spans = []span{{c.now, forever}}
	}
	if r.authorization.ExpiresAt == 0 {
		return spans
	}
	cut := make([]span, 0, len(spans))
	for _, s := range spans {
		if s.until = min(s.until, r.authorization.ExpiresAt); s.from < s.until {
			cut = append(cut, s)
		}
	}
	return cut
}

// secondsLeft returns for how many seconds a token that was issued under a right until
// now can still be valid. That is the token's lifetime, counted from the moment
// when the last credential was accepted, and at most until the authorization
// expires.
func (c *comparison) secondsLeft(r *tokenRight, times map[*schema.Client][]span) int64 {
	left := r.lifetime
	if spans, timed := times[r.client]; timed && !covers(spans, c.now) {
		var ended int64
		for _, w := range windowsOf(r.client) {
			if w.ExpiresAt != 0 && w.ExpiresAt <= c.now && w.ExpiresAt > w.NotBefore {
				ended = max(ended, w.ExpiresAt)
			}
		}
		left = ended + r.lifetime - c.now
	}
	if end := r.authorization.ExpiresAt; end != 0 {
		left = min(left, end-c.now)
	}
	return max(left, 0)
}
