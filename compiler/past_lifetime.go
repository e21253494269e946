package compiler

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/writ-auth/writ/schema"
)

// Somebody may shorten a lifetime today and remove an authorization tomorrow.
// Tokens that were issued yesterday then still have the longer lifetime, and a
// plan must say until when they are valid. So a snapshot remembers earlier
// lifetimes until the last token with them has expired.

// maxPastLifetimes bounds what a snapshot remembers, in bytes of JSON. Beyond it,
// first the clients of each API and then all APIs are remembered together, with
// the longest lifetime among them. What a plan says stays an upper bound.
const maxPastLifetimes = 32 << 10

// pastLifetimes holds the Unix time at which the last token of an earlier
// lifetime expires.
type pastLifetimes map[parties]int64

// parties are the client and the audience of a token; "" means any.
type parties struct{ clientID, identifier string }

// newPastLifetimes indexes what a snapshot remembers.
func newPastLifetimes(list []schema.PastLifetime) pastLifetimes {
	past := make(pastLifetimes, len(list))
	for _, p := range list {
		past.add(parties{p.ClientID, p.Identifier}, p.End().Unix())
	}
	return past
}

// add keeps the later of two ends.
func (l pastLifetimes) add(p parties, end int64) { l[p] = max(l[p], end) }

// secondsLeft returns for how many seconds after now a token of an earlier lifetime can
// be valid.
func (l pastLifetimes) secondsLeft(clientID, identifier string, now int64) int64 {
	if len(l) == 0 {
		return 0
	}
	end := max(l[parties{clientID, identifier}], l[parties{"", identifier}], l[parties{}])
	return max(end-now, 0)
}

// NextPastLifetimes returns what the snapshot after a change remembers: the
// entries of the prior one that have not expired, and the lifetimes that the
// change shortens or ends at now.
func NextPastLifetimes(prior Prior, next *schema.Document, now time.Time) []schema.PastLifetime {
	c := newComparison(prior, next, nil, now)
	c.compareTimes()
	kept := make(map[parties]schema.PastLifetime)
	for _, p := range prior.PastLifetimes {
		rememberLonger(kept, p)
	}
	concerned := c.shortenedParties()
	for key := range kept {
		concerned[key] = true
	}
	if len(concerned) == 0 {
		return nil
	}
	was := c.lifetimes(concerned, c.prior, c.clientBefore, c.apiBefore, c.timesBefore)
	is := c.lifetimes(concerned, c.next, c.clientAfter, c.apiAfter, c.timesAfter)
	for key, lifetime := range was {
		rememberLonger(kept, schema.PastLifetime{ClientID: key.clientID, Identifier: key.identifier, Lifetime: lifetime, Ended: time.Unix(c.now, 0).UTC()})
	}
	for key, p := range kept {
		if p.End().Unix() <= c.now+is[key] { // expired, or not longer than the present lifetime
			delete(kept, key)
		}
	}
	return limitPastLifetimes(kept)
}

// shortenedParties returns the parties whose issued tokens may live longer than new
// ones. Most authorizations are the same before and after.
func (c *comparison) shortenedParties() map[parties]bool {
	concerned := make(map[parties]bool)
	users := compareUserIssuers(c.prior, c.next)
	for _, p := range c.authorizations {
		before, had := tokenRightOf(p.before, c.clientBefore, c.apiBefore, users.before)
		if !had {
			continue
		}
		after, has := tokenRightOf(p.after, c.clientAfter, c.apiAfter, users.after)
		if !has || before.clientID != after.clientID || before.identifier != after.identifier ||
			c.secondsLeft(&before, c.timesBefore) > c.secondsLeft(&after, c.timesAfter) {
			concerned[parties{before.clientID, before.identifier}] = true
		}
	}
	return concerned
}

// lifetimes returns, for each of the concerned parties, the longest time in
// seconds for which a token issued until now can still be valid.
func (c *comparison) lifetimes(concerned map[parties]bool, d *schema.Document, clients map[string]*schema.Client,
	apis map[string]*schema.API, times map[*schema.Client][]span) map[parties]int64 {
	users := len(userIssuers(d)) > 0
	longest := make(map[parties]int64, len(concerned))
	for i := range d.Authorizations {
		r, ok := tokenRightOf(&d.Authorizations[i], clients, apis, users)
		if key := (parties{r.clientID, r.identifier}); ok && concerned[key] {
			longest[key] = max(longest[key], c.secondsLeft(&r, times))
		}
	}
	return longest
}

// rememberLonger stores an entry unless that of the same parties expires later.
func rememberLonger(kept map[parties]schema.PastLifetime, p schema.PastLifetime) {
	key := parties{p.ClientID, p.Identifier}
	if other, known := kept[key]; !known || other.End().Before(p.End()) {
		kept[key] = p
	}
}

// limitPastLifetimes returns the entries as a list of at most maxPastLifetimes
// bytes, and merges entries where they are more.
func limitPastLifetimes(kept map[parties]schema.PastLifetime) []schema.PastLifetime {
	for _, coarser := range []func(*schema.PastLifetime){
		func(p *schema.PastLifetime) { p.ClientID = "" },
		func(p *schema.PastLifetime) { p.ClientID, p.Identifier = "", "" },
	} {
		if list := sortedPast(kept); sizeOf(list) <= maxPastLifetimes {
			return list
		}
		fewer := make(map[parties]schema.PastLifetime)
		for _, p := range kept {
			coarser(&p)
			rememberLonger(fewer, p)
		}
		kept = fewer
	}
	return sortedPast(kept)
}

// sortedPast lists the entries in a fixed order, so that equal snapshots have equal bytes.
func sortedPast(kept map[parties]schema.PastLifetime) []schema.PastLifetime {
	list := make([]schema.PastLifetime, 0, len(kept))
	for _, p := range kept {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b schema.PastLifetime) int {
		return cmp.Or(cmp.Compare(a.ClientID, b.ClientID), cmp.Compare(a.Identifier, b.Identifier))
	})
	return list
}

// sizeOf is the length of the list as JSON, as the envelope holds it.
func sizeOf(list []schema.PastLifetime) int {
	b, err := json.Marshal(list)
	if err != nil {
		panic("encode past lifetimes as JSON: " + err.Error())
	}
	return len(b)
}
