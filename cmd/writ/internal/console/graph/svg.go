package graph

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode"
)

// The measures of the drawing, in pixels.
const (
	char     = 7.3 // width of a character of the 12 px monospaced face
	lineHigh = 17
	pad      = 12
	port     = 20  // between the ends of two lines at an API
	gapY     = 14  // between two boxes
	bandTop  = 28  // of a band: the owner's name
	curve    = 140 // the width in which lines cross
	margin   = 20
)

// maxTitle and maxScopes are how many characters of a name and of the scopes of a line are
// drawn. All of them are in the title, which a pointer shows and a screen reader reads.
const (
	maxTitle  = 30
	maxScopes = 38
)

// Style makes a drawing stand on its own. Inside a page that has rules for these
// classes it is left out.
const Style = `<style>
.backdrop { fill: #fff; stroke: none }
rect { stroke: #8a8f98; fill: #f1f3f6 }
.band rect { stroke: none; fill: #f7f8fa }
.api rect { fill: #e9edfb; stroke: #3d53c5 }
path { stroke: #a5abb5; stroke-width: 1.25; fill: none }
.users path { stroke-dasharray: 1.5 3.5 }
.expired path { stroke-dasharray: 6 4 }
text { font: 12px ui-monospace, "DejaVu Sans Mono", monospace; fill: #545a66 }
.title { font-weight: bold; fill: #1b1e24 }
@media (prefers-color-scheme: dark) {
.backdrop { fill: #15171b; stroke: none }
rect { stroke: #6a717d; fill: #22262d }
.band rect { fill: #1b1e23 }
.api rect { fill: #232a4a; stroke: #93a4ff }
path { stroke: #5a616d }
text { fill: #a8afba }
.title { fill: #eceef2 }
}
</style>
`

// A node is a client or an API with its place, in pixels from the top left corner.
type node struct {
	Box
	lines      []string // below the name
	x, y, w, h float64
	at         float64 // where in its column it wants to be: sorted by this
	ends       []*edge // the lines that begin or end here, from top to bottom
}

// middle is the height at which lines meet the node, if there is one.
func (n *node) middle() float64 { return n.y + n.h/2 }

// An edge is an authorization: a line from a client to an API, with its scopes on it. y1
// and y2 are the heights of its ends.
type edge struct {
	Box
	text     string
	from, to *node
	y1, y2   float64
}

// A band is what an owner has of a column, one below the other: a rectangle behind the boxes.
type band struct {
	owner      string
	x, y, w, h float64
}

// SVG draws the picture: clients at the left, APIs at the right, and between them one line
// for each authorization, which comes to its API at a height of its own, so that the scopes
// on it lie over nothing else. What has an owner lies in the owner's band. With style the
// drawing stands on its own; without, the page that it is put into has rules for its classes.
func (p *Picture) SVG(style bool) string {
	clients, apis := nodesOf(p.Clients), nodesOf(p.APIs)
	edges := make([]*edge, len(p.Authorizations))
	for i, b := range p.Authorizations {
		e := &edge{Box: b, text: b.scopes(), from: clients[b.Client], to: apis[b.API]}
		e.from.ends, e.to.ends = append(e.from.ends, e), append(e.to.ends, e)
		edges[i] = e
	}
	// First the order in each column, then the places from the APIs to the clients: an API
	// is as high as its lines need, and everything else follows from where these end.
	for range sweeps {
		settle(apis, len(clients), func(e *edge) *node { return e.from })
		settle(clients, len(apis), func(e *edge) *node { return e.to })
	}
	longest := 0
	for _, e := range edges {
		longest = max(longest, width(e.text))
	}
	clientsWide, apisWide := widest(clients), widest(apis)
	flat := float64(longest)*char + 3*pad // of the straight part, which ends behind the band's edge
	x := margin + clientsWide + curve + flat
	for _, n := range apis {
		n.h = max(n.h, float64(len(n.ends))*port+pad)
	}
	apiBands, height := stack(apis, x, apisWide)
	clientBands, total := stack(clients, margin, clientsWide)
	for _, n := range apis {
		// Lines end in the order of their clients, so that two of one API never cross.
		slices.SortStableFunc(n.ends, func(a, b *edge) int { return cmp.Compare(a.from.at, b.from.at) })
		for i, e := range n.ends {
			e.y2 = n.middle() + (float64(i)-float64(len(n.ends)-1)/2)*port
		}
	}
	switch {
	case total >= height:
	case len(clientBands) > 0:
		spread(clients, clientBands, height-total)
	default:
		level(clients, height)
	}
	for _, n := range clients {
		slices.SortStableFunc(n.ends, func(a, b *edge) int { return cmp.Compare(a.y2, b.y2) })
		for i, e := range n.ends {
			e.y1 = n.y + n.h*float64(i+1)/float64(len(n.ends)+1)
		}
	}
	d := &drawing{width: x + apisWide + margin, height: max(height, total) + margin}
	d.begin(style)
	d.bands(clientBands)
	d.bands(apiBands)
	for i, e := range edges {
		d.edge(i, e, x-flat)
	}
	d.nodes("client", clients)
	d.nodes("api", apis)
	d.text.WriteString("</svg>\n")
	return d.text.String()
}

// scopes is what is written on the line of an authorization: as many as fit, and how many
// more there are.
func (b Box) scopes() string {
	text := strings.Join(b.Detail, ", ")
	if len(b.Detail) == 0 {
		text = "no scopes"
	}
	for kept := len(b.Detail) - 1; kept > 0 && width(text) > maxScopes; kept-- {
		text = fmt.Sprintf("%s and %d more", strings.Join(b.Detail[:kept], ", "), len(b.Detail)-kept)
	}
	return clip(text, maxScopes)
}

// nodesOf measures boxes. A line that only repeats the name is left out.
func nodesOf(boxes []Box) []*node {
	all := make([]*node, len(boxes))
	for i, b := range boxes {
		// A font cannot be asked from here: widths are those of a monospaced face, which
		// Style names.
		n := &node{Box: b, at: float64(i)}
		for _, line := range b.Detail {
			if !strings.EqualFold(line, b.Name) {
				n.lines = append(n.lines, clip(line, maxTitle+10))
			}
		}
		longest := width(clip(b.Name, maxTitle))
		for _, line := range n.lines {
			longest = max(longest, width(line))
		}
		n.w, n.h = float64(longest)*char+2*pad, float64(1+len(n.lines))*lineHigh+pad
		all[i] = n
	}
	return all
}

// widest is the width of a column: all of its boxes have that of the widest.
func widest(column []*node) (w float64) {
	for _, n := range column {
		w = max(w, n.w)
	}
	return w
}

// sweeps is how often each side is sorted by the other. The order settles long before.
const sweeps = 8

// settle sorts a column by the mean place of what its nodes are connected with (the
// barycentre method of Sugiyama, Tagawa and Toda), so that few lines cross. What one owner
// has stays together: owners are sorted by the mean of theirs first.
func settle(column []*node, others int, other func(*edge) *node) {
	byOwner := map[string][]float64{}
	for _, n := range column {
		places := []float64{}
		for _, e := range n.ends {
			places = append(places, other(e).at*float64(len(column))/float64(others))
		}
		n.at = mean(places, n.at)
		byOwner[n.Owner] = append(byOwner[n.Owner], n.at)
	}
	sorted := slices.SortedStableFunc(slices.Values(column), func(a, b *node) int {
		return cmp.Or(cmp.Compare(mean(byOwner[a.Owner], 0), mean(byOwner[b.Owner], 0)), strings.Compare(a.Owner, b.Owner), cmp.Compare(a.at, b.at))
	})
	for i, n := range sorted {
		n.at = float64(i)
	}
}

// inOrder is a column from top to bottom. The column itself keeps the order of the
// document, by which edges and pages name its nodes.
func inOrder(column []*node) []*node {
	return slices.SortedStableFunc(slices.Values(column), func(a, b *node) int { return cmp.Compare(a.at, b.at) })
}

// mean is the mean of values, and otherwise for none.
func mean(values []float64, otherwise float64) float64 {
	if len(values) == 0 {
		return otherwise
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// stack puts a column at x, box below box, and returns its bands and its height. One owner
// of everything is no band: it would say nothing. wide is the width of all boxes.
func stack(column []*node, x, wide float64) (bands []band, height float64) {
	// A band begins with each new owner, since settle has put the nodes of one owner together.
	sorted := inOrder(column)
	owned := slices.ContainsFunc(sorted, func(n *node) bool { return n.Owner != sorted[0].Owner })
	y, end := float64(margin), float64(margin)
	for i, n := range sorted {
		if owned && (i == 0 || n.Owner != sorted[i-1].Owner) {
			bands = append(bands, band{n.Owner, x - pad, y, wide + 2*pad, 0})
			y += bandTop
		}
		n.x, n.y, n.w = x, y, wide
		end = y + n.h
		y = end + gapY
		if owned {
			last := &bands[len(bands)-1]
			last.h = end + pad - last.y
			if i+1 < len(sorted) && sorted[i+1].Owner != n.Owner {
				y += pad
			}
		}
	}
	if owned {
		end += pad
	}
	return bands, end
}

// level moves the clients to the height of their APIs, as far as their order and their sizes
// let them, so that lines stay flat. height is the lower edge of the APIs, in pixels.
func level(column []*node, height float64) {
	// Each goes to the mean height of its lines, then down past the one above, then up past
	// the one below and into the drawing.
	sorted := inOrder(column)
	for _, n := range sorted {
		var heights []float64
		for _, e := range n.ends {
			heights = append(heights, e.y2)
		}
		n.y = mean(heights, n.middle()) - n.h/2
	}
	top := float64(margin)
	for _, n := range sorted {
		n.y = max(n.y, top)
		top = n.y + n.h + gapY
	}
	bottom := height
	for _, n := range slices.Backward(sorted) {
		n.y = min(n.y, bottom-n.h)
		bottom = n.y - gapY
	}
}

// spread lets bands use the room that is left, so that they lie beside what they lead to.
// There are at least two bands, see stack.
func spread(column []*node, bands []band, room float64) {
	at := -1
	for _, n := range inOrder(column) {
		if at < 0 || n.Owner != bands[at].owner {
			at++
		}
		n.y += room * float64(at) / float64(len(bands)-1)
	}
	for i := range bands {
		bands[i].y += room * float64(i) / float64(len(bands)-1)
	}
}

// A drawing is the text of an SVG while it is written, and its size in pixels.
type drawing struct {
	text          strings.Builder
	width, height float64
}

// begin writes the root. It has a title, which a screen reader says first.
func (d *drawing) begin(style bool) {
	fmt.Fprintf(&d.text, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" class=\"graph\">\n", d.width, d.height, d.width, d.height)
	d.text.WriteString("<title>Clients, APIs, and the scopes that each may ask for</title>\n")
	if style {
		d.text.WriteString(Style + "<rect class=\"backdrop\" width=\"100%\" height=\"100%\"/>\n")
	}
}

// bands writes what lies behind the boxes: one rectangle for each owner, with the owner's name.
func (d *drawing) bands(all []band) {
	for _, b := range all {
		fmt.Fprintf(&d.text, "<g class=\"band\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"6\"/>", b.x, b.y, b.w, b.h)
		d.words("", b.x+pad, b.y+bandTop-9, clip(cmp.Or(b.owner, "no owner"), int(b.w/char)-2))
		d.text.WriteString("</g>\n")
	}
}

// edge draws a curve from the client to flat, and from there on straight to the API, with
// the scopes on the straight part. data-edge names both ends by their places, for the
// page's script.
func (d *drawing) edge(i int, e *edge, flat float64) {
	class := "edge"
	if e.User {
		class += " users"
	}
	if e.Expired {
		class += " expired"
	}
	fmt.Fprintf(&d.text, "<g class=\"%s\" data-edge=\"c%d a%d\"><title>", class, e.Client, e.API)
	d.text.WriteString(escape(e.says()))
	x, bend := e.from.x+e.from.w, (flat-e.from.x-e.from.w)/2
	fmt.Fprintf(&d.text, "</title><path d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1fH%.1f\"/>", x, e.y1, x+bend, e.y1, flat-bend, e.y2, flat, e.y2, e.to.x)
	d.words("", flat+4, e.y2-4, e.text)
	d.text.WriteString("</g>\n")
}

// says is the line in words, with all of its scopes: for a pointer and for a screen reader.
func (e *edge) says() string {
	text := "no scopes"
	if len(e.Detail) > 0 {
		text = strings.Join(e.Detail, ", ")
	}
	return e.from.Name + " on " + e.to.Name + ": " + text + " (authorization." + e.Title() + ")"
}

// nodes writes the boxes of a column from top to bottom, so that Tab goes down it.
// data-node has the place in the document, by which the page's script finds the lines of a
// box.
func (d *drawing) nodes(class string, column []*node) {
	index := map[*node]int{}
	for i, n := range column {
		index[n] = i
	}
	for _, n := range inOrder(column) {
		fmt.Fprintf(&d.text, "<g class=\"%s node\" data-node=\"%c%d\">", class, class[0], index[n])
		if n.Link != "" {
			d.text.WriteString("<a href=\"" + escape(n.Link) + "\">")
		}
		d.text.WriteString("<title>" + escape(class+"."+n.Label) + "</title>")
		corner := 3
		if class == "client" {
			corner = 12
		}
		fmt.Fprintf(&d.text, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%d\"/>", n.x, n.y, n.w, n.h, corner)
		y := n.middle() - float64(len(n.lines))*lineHigh/2 + 4
		d.words(" class=\"title\"", n.x+pad, y, clip(n.Name, maxTitle))
		for _, line := range n.lines {
			y += lineHigh
			d.words("", n.x+pad, y, line)
		}
		if n.Link != "" {
			d.text.WriteString("</a>")
		}
		d.text.WriteString("</g>\n")
	}
}

// words writes text at a place; class is an attribute with the space before it, or "".
func (d *drawing) words(class string, x, y float64, words string) {
	fmt.Fprintf(&d.text, "<text%s x=\"%.1f\" y=\"%.1f\">%s</text>", class, x, y, escape(words))
}

// width is how many columns of a monospaced face a text takes: most scripts of East Asia,
// and pictures, take two for a character. It is an estimate, and a box has room on either side.
func width(text string) int {
	n := 0
	for _, r := range text {
		if n++; r >= 0x1100 && (r <= 0x115F || r >= 0x2E80 && r <= 0xA4CF || r >= 0xAC00 && r <= 0xD7A3 || r >= 0xF900 && r <= 0xFAFF || r >= 0xFE30 && r <= 0xFE6F || r >= 0xFF00 && r <= 0xFF60 || r >= 0x1F300) {
			n++
		}
	}
	return n
}

// clip is a text of at most so many columns, the last of them an ellipsis where it is cut.
func clip(text string, most int) string {
	if width(text) <= most {
		return text
	}
	n := 0
	for i, r := range text {
		if n += width(string(r)); n >= most {
			return text[:i] + "…"
		}
	}
	return text
}

// escape makes character data of words: encoding/xml does the same and would weigh more
// than the whole drawing. Names are written by authors, and the drawing is put into pages.
func escape(words string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar // XML has no way to write it (XML 1.0 section 2.2)
		}
		return r
	}, words))
}
