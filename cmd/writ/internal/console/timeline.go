package console

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// A timeline draws spans of time below one another on one scale, in Unix seconds. Drawings
// carry no words of their own: what they show is said beside them, as no one is to tell a
// state by its colour.
type timeline struct{ from, to, now int64 }

// newTimeline has a scale with room for now and for all times, but 0, which stands for
// none. An eighth on either side, a day at least, is for what has no end.
func newTimeline(now int64, times ...int64) timeline {
	t := timeline{now, now, now}
	for _, at := range times {
		if at != 0 {
			t.from, t.to = min(t.from, at), max(t.to, at)
		}
	}
	room := max((t.to-t.from)/8, 24*3600) // an open end goes on to the edge
	t.from, t.to = t.from-room, t.to+room
	return t
}

// A stretch is one span of a timeline: from 0 is since ever, to 0 without an end. Class is
// its looks: "early", "good", "warn" or "bad".
type stretch struct {
	from, to int64
	class    string
}

// place is where a time stands, in percent of the width; otherwise is that of no time.
func (t timeline) place(at int64, otherwise float64) float64 {
	if at == 0 {
		return otherwise
	}
	return min(100, max(0, 100*float64(at-t.from)/float64(t.to-t.from)))
}

// row draws the stretches of one thing, with now as a line across.
func (t timeline) row(stretches ...stretch) template.HTML {
	var b strings.Builder
	b.WriteString(`<svg class="timeline" width="100%" height="20" aria-hidden="true"><rect class="track" x="0" y="9" width="100%" height="2"/>`)
	for _, s := range stretches {
		from, to := t.place(s.from, 0), t.place(s.to, 100)
		fmt.Fprintf(&b, `<rect class="%s" x="%.2f%%" y="5" width="%.2f%%" height="10" rx="2"/>`, s.class, from, max(0.6, to-from))
	}
	now := t.place(t.now, 0)
	fmt.Fprintf(&b, `<line class="now" x1="%.2f%%" x2="%.2f%%" y1="0" y2="20"/></svg>`, now, now)
	return template.HTML(b.String())
}

// Scale is the head of the column: where now is, between the first and the last day.
func (t timeline) Scale() template.HTML {
	now, anchor := t.place(t.now, 0), "middle"
	first, last := dayOf(t.from), dayOf(t.to)
	switch { // the words of one place are not written over those of another
	case now < 35:
		first, anchor = "", "start"
	case now > 65:
		last, anchor = "", "end"
	}
	return template.HTML(fmt.Sprintf(`<svg class="timeline scale" width="100%%" height="20" role="img" aria-label="From %s to %s"><text x="0" y="14">%s</text><text class="now" x="%.2f%%" y="14" text-anchor="%s">now</text><text x="100%%" y="14" text-anchor="end">%s</text></svg>`,
		dayOf(t.from), dayOf(t.to), first, now, anchor, last))
}

// dayOf is a day in UTC, as the configuration has its times.
func dayOf(seconds int64) string { return unix(seconds).Format(time.DateOnly) }
