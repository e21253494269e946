package compiler

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/writ-auth/writ/schema"
)

// Whoever shortens a lifetime today and removes an authorization tomorrow wants to
// know how long tokens stay valid that were issued yesterday. So a snapshot
// remembers lifetimes that are in force no longer, until they have passed.

// maxPastLifetimes is how much a snapshot remembers, in bytes of JSON. Past it
// the clients of an API, and then all, are remembered as one with the longest of
// their lifetimes: what a plan says stays an upper bound.
const maxPastLifetimes = 32 << 10

// pastLifetimes finds what is left of lifetimes that are in force no longer.
type pastLifetimes map[parties]int64 // the Unix time at which the last token ends

// parties are the client and the audience of a token; "" stands for any.
type parties struct{ clientID, identifier string }

func newPastLifetimes(list []schema.PastLifetime) pastLifetimes {
	past := make(pastLifetimes, len(list))
	for _, p := range list {
		past.add(parties{p.ClientID, p.Identifier}, p.End().Unix())
	}
	return past
}

func (l pastLifetimes) add(p parties, end int64) { l[p] = max(l[p], end) }

// left is for how many seconds a token of earlier times can be valid at now.
func (l pastLifetimes) left(clientID, identifier string, now int64) int64 {
	if len(l) == 0 {
		return 0
	}
	end := max(l[parties{clientID, identifier}], l[parties{"", identifier}], l[parties{}])
	return max(end-now, 0)
}

// NextPastLifetimes is what the snapshot after a change remembers: of the prior
// one what has not passed, and what the change shortens or ends at now.
func NextPastLifetimes(prior Prior, next *schema.Document, now time.Time) []schema.PastLifetime {
	c := newComparison(prior, next, nil, now)
	c.compareTimes()
	kept := make(map[parties]schema.PastLifetime)
	for _, p := range prior.PastLifetimes {
		remember(kept, p)
	}
	concerned := c.shortened()
	for key := range kept {
		concerned[key] = true
	}
	if len(concerned) == 0 {
		return nil
	}
	was := c.lifetimes(concerned, c.prior, c.clientBefore, c.apiBefore, c.timesBefore)
	is := c.lifetimes(concerned, c.next, c.clientAfter, c.apiAfter, c.timesAfter)
	for key, lifetime := range was {
		remember(kept, schema.PastLifetime{ClientID: key.clientID, Identifier: key.identifier, Lifetime: lifetime, Ended: time.Unix(c.now, 0).UTC()})
	}
	for key, p := range kept {
		if p.End().Unix() <= c.now+is[key] { // passed, or no longer than what is in force
			delete(kept, key)
		}
	}
	return bounded(kept)
}

// shortened lists whose tokens may live longer than those to come. Most
// authorizations are the same before and after.
func (c *comparison) shortened() map[parties]bool {
	concerned := make(map[parties]bool)
	users := compareVouching(c.prior, c.next)
	for _, p := range c.authorizations {
		before, had := reachOf(p.before, c.clientBefore, c.apiBefore, users.before)
		if !had {
			continue
		}
		after, has := reachOf(p.after, c.clientAfter, c.apiAfter, users.after)
		if !has || before.clientID != after.clientID || before.identifier != after.identifier ||
			c.left(&before, c.timesBefore) > c.left(&after, c.timesAfter) {
			concerned[parties{before.clientID, before.identifier}] = true
		}
	}
	return concerned
}

// lifetimes is for how many seconds tokens can be valid at most that were issued
// until now, of each client for each API of those concerned.
func (c *comparison) lifetimes(concerned map[parties]bool, d *schema.Document, clients map[string]*schema.Client,
	apis map[string]*schema.API, times map[*schema.Client][]span) map[parties]int64 {
	users := len(userIssuers(d)) > 0
	longest := make(map[parties]int64, len(concerned))
	for i := range d.Authorizations {
		r, ok := reachOf(&d.Authorizations[i], clients, apis, users)
		if key := (parties{r.clientID, r.identifier}); ok && concerned[key] {
			longest[key] = max(longest[key], c.left(&r, times))
		}
	}
	return longest
}

// remember keeps of one client and API the lifetime that passes last.
func remember(kept map[parties]schema.PastLifetime, p schema.PastLifetime) {
	key := parties{p.ClientID, p.Identifier}
	if other, known := kept[key]; !known || other.End().Before(p.End()) {
		kept[key] = p
	}
}

// bounded is a list of limited size that remembers no less.
func bounded(kept map[parties]schema.PastLifetime) []schema.PastLifetime {
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
			remember(fewer, p)
		}
		kept = fewer
	}
	return sortedPast(kept)
}

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

func sizeOf(list []schema.PastLifetime) int {
	b, err := json.Marshal(list)
	if err != nil {
		panic("encode past lifetimes as JSON: " + err.Error())
	}
	return len(b)
}
