package compiler

import (
	"cmp"
	"math"
	"slices"

	"github.com/writ-auth/writ/schema"
)

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
