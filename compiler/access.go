package compiler

import (
	"cmp"
	"math"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// An AccessChange is what one client gains and loses on one API during one period
// of time: the blast radius of a plan. It is computed from who can get which token
// before and after, from the time of the plan on, so it shows what follows from the
// removal of an API or a client too, and nothing for what is over by then. What
// differs from one period to the next, such as the end of an authorization that
// moves from May to July, is one change for each.
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
	TrustedIssuer string   `json:"trusted_issuer,omitempty"`
	Gained        []string `json:"gained"` // scopes, sorted
	Lost          []string `json:"lost"`   // scopes, sorted
	// From and Until are the period in which requests are answered otherwise, as
	// RFC 3339; Until is exclusive. "" stands for the time of the plan, and for no end.
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

// A reach is one right to tokens: in the terms of the token's receiver, not of
// labels, so that a rename is none and a replacement is another.
type reach struct {
	clientID, identifier string
	authorization        *schema.Authorization
	client               *schema.Client
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

// access is the set difference of who can get what, and when. Most authorizations
// are the same before and after and leave no trace here.
func (c *comparison) access() []AccessChange {
	c.compareTimes()
	users := compareVouching(c.prior, c.next)
	open := make([]reach, 0, unpaired(c.authorizations))
	for _, p := range c.authorizations {
		before, had := reachOf(p.before, c.clientBefore, c.apiBefore, users.before)
		after, has := reachOf(p.after, c.clientAfter, c.apiAfter, users.after)
		before.before = true
		if had && has && c.sameReach(&before, &after) && (p.after.SubjectType != schema.SubjectUser || users.same()) {
			continue
		}
		if had {
			open = append(open, before)
		}
		if has {
			open = append(open, after)
		}
	}
	slices.SortFunc(open, compareReach)
	return c.accessChanges(open, &users)
}

// sameReach reports whether nothing changes, as for most of a million.
func (c *comparison) sameReach(before, after *reach) bool {
	return before.clientID == after.clientID && before.identifier == after.identifier &&
		before.authorization.SubjectType == after.authorization.SubjectType &&
		slices.Equal(before.authorization.Scopes, after.authorization.Scopes) &&
		before.authorization.ExpiresAt == after.authorization.ExpiresAt &&
		c.sameTimes(before.client, after.client)
}

// A vouching says whose tokens may name users, before and after.
type vouching struct {
	before, after  bool     // anybody's
	kept           bool     // somebody's, before and after, or before or after only
	added, removed []string // labels, where others stay or come in their place
}

func compareVouching(prior, next *schema.Document) vouching {
	was, is := userIssuers(prior), userIssuers(next)
	v := vouching{before: len(was) > 0, after: len(is) > 0, kept: true}
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
func (v *vouching) same() bool { return len(v.added)+len(v.removed) == 0 }

// userIssuers lists whose tokens may name users.
func userIssuers(d *schema.Document) []*schema.TrustedIssuer {
	var list []*schema.TrustedIssuer
	for i := range d.TrustedIssuers {
		if t := &d.TrustedIssuers[i]; slices.Contains(t.VouchesFor, schema.SubjectUser) {
			list = append(list, t)
		}
	}
	return list
}

// reachOf reports whether an authorization is one that gives anybody a token
// at some time: its client and API are there, the client may use a grant for this
// kind of subject, and somebody may vouch for it.
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
		usable = users && actsForUsers(client)
	}
	return reach{clientID: client.ClientID, identifier: api.Identifier, authorization: a, client: client, lifetime: lifetimeOf(a, apis)}, usable
}

// accessChanges compares the two sides of each right; the list is sorted so that
// they stand side by side.
func (c *comparison) accessChanges(open []reach, users *vouching) []AccessChange {
	changes := make([]AccessChange, 0, len(open))
	for i := 0; i < len(open); i++ {
		var before, after *reach
		if open[i].before {
			before = &open[i]
		} else {
			after = &open[i]
		}
		if i+1 < len(open) && twoSides(&open[i], &open[i+1]) {
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

func twoSides(a, b *reach) bool {
	return a.clientID == b.clientID && a.identifier == b.identifier &&
		a.authorization.SubjectType == b.authorization.SubjectType && a.before != b.before
}

// accessChange adds a change for each period in which the two sides of a right,
// of which one may be nil, are not the same. It is for the users of an issuer, or
// for all.
func (c *comparison) accessChange(changes []AccessChange, before, after *reach, issuer string) []AccessChange {
	side := cmp.Or(after, before)
	for _, p := range compareSpans(c.spansOf(before, c.timesBefore), c.spansOf(after, c.timesAfter), c.now) {
		change := AccessChange{
			Client: side.authorization.Client, API: side.authorization.API, SubjectType: side.authorization.SubjectType,
			ClientID: side.clientID, Identifier: side.identifier, TrustedIssuer: issuer,
			Gained: []string{}, Lost: []string{}, ValidUntilMax: c.outlive(before, side),
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

// outlive is how long, in seconds, tokens that are out can stay valid.
func (c *comparison) outlive(before, side *reach) int64 {
	left := c.past.left(side.clientID, side.identifier, c.now)
	if before != nil {
		left = max(left, c.left(before, c.timesBefore))
	}
	return left
}

// When tokens can be had: while the authorization lasts and a credential of the
// client is accepted. All times are Unix seconds.

// forever is the end of what has none.
const forever = math.MaxInt64

// A span is a time with its beginning and without its end.
type span struct{ from, until int64 }

// A period is a span in which each of two sides has, or does not have, a right.
type period struct {
	span
	had, has bool
}

// compareSpans cuts the time from now on where either side begins or ends, and
// returns the periods in which one of them has the right.
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

func covers(spans []span, t int64) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.from <= t && t < s.until })
}

func (c *comparison) compareTimes() {
	c.timesBefore, c.timesAfter = c.timesOf(c.prior.Clients), c.timesOf(c.next.Clients)
}

// timesOf says when the credentials of clients are accepted, from now on: of
// those clients only that have none without a window.
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
		times[&clients[i]] = union(spans, c.now)
	}
	return times
}

// windowsOf lists the windows of a client's credentials.
func windowsOf(c *schema.Client) []schema.Window {
	windows := make([]schema.Window, 0, 4)
	for i := range c.Secrets {
		windows = append(windows, c.Secrets[i].Window)
	}
	for i := range c.PublicKeys {
		windows = append(windows, c.PublicKeys[i].Window)
	}
	for i := range c.Certificates {
		windows = append(windows, c.Certificates[i].Window)
	}
	for i := range c.Federated {
		windows = append(windows, c.Federated[i].Window)
	}
	return windows
}

func endOf(unix int64) int64 {
	if unix == 0 {
		return forever
	}
	return unix
}

// union is what is left of spans from now on, those that overlap or touch joined.
func union(spans []span, now int64) []span {
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
// as before.
func (c *comparison) sameTimes(before, after *schema.Client) bool {
	if len(c.timesBefore)+len(c.timesAfter) == 0 {
		return true
	}
	was, wasTimed := c.timesBefore[before]
	is, isTimed := c.timesAfter[after]
	return wasTimed == isTimed && slices.Equal(was, is)
}

// spansOf says when, from now on, a right gives tokens; nil for no right.
func (c *comparison) spansOf(r *reach, times map[*schema.Client][]span) []span {
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

// left is how long, in seconds, a token that was issued under a right by now can
// still be valid: its lifetime from when the last credential was accepted, and
// no longer than the authorization.
func (c *comparison) left(r *reach, times map[*schema.Client][]span) int64 {
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
