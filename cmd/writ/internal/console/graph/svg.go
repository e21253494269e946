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
	char   = 7.3 // width of a character of the 12 px monospaced face
	line   = 17
	pad    = 12
	gapY   = 12
	gapX   = 96
	margin = 16
)

// Style makes a drawing stand on its own. Inside a page that has rules for these
// classes it is left out.
const Style = `<style>
.backdrop { fill: #fff; stroke: none }
rect { stroke: #8a8f98; fill: #fff }
.client rect { fill: #f1f3f6 }
.authorization rect { fill: #fff; stroke-dasharray: 3 3 }
.api rect { fill: #e9edfb; stroke: #3d53c5 }
path { stroke: #a5abb5; stroke-width: 1.25; fill: none }
text { font: 12px ui-monospace, "DejaVu Sans Mono", monospace; fill: #545a66 }
.title { font-weight: bold; fill: #1b1e24 }
@media (prefers-color-scheme: dark) {
.backdrop { fill: #15171b; stroke: none }
rect { stroke: #6a717d; fill: #15171b }
.client rect { fill: #22262d }
.authorization rect { fill: #15171b }
.api rect { fill: #232a4a; stroke: #93a4ff }
path { stroke: #5a616d }
text { fill: #a8afba }
.title { fill: #eceef2 }
}
</style>
`

// A drawnBox is a box with its place.
type drawnBox struct {
	Box
	class      string
	x, y, w, h float64
	at         float64 // where in its column it wants to be: sorted by this
}

func (b *drawnBox) middle() float64 { return b.y + b.h/2 }

// SVG draws the picture. With style it stands on its own; without, the page that
// it is put into has rules for the classes client, authorization and api.
func (p *Picture) SVG(style bool) string {
	clients, auths, apis := drawn(p.Clients, "client"), drawn(p.Authorizations, "authorization"), drawn(p.APIs, "api")
	arrange(clients, auths, apis)
	x, height := float64(margin), 0.0
	columns := [][]*drawnBox{clients, auths, apis}
	for _, column := range columns {
		width, total := stack(column, x)
		x, height = x+width+gapX, max(height, total)
	}
	spread(auths, height)
	level(clients, height, func(b *drawnBox) int { return b.Client }, auths)
	level(apis, height, func(b *drawnBox) int { return b.API }, auths)
	return write(columns, x-gapX+margin, height+2*margin, style)
}

// drawn measures boxes.
func drawn(boxes []Box, class string) []*drawnBox {
	all := make([]*drawnBox, len(boxes))
	for i, b := range boxes {
		b.Detail = b.lines()
		longest := len([]rune(b.Title()))
		for _, text := range b.Detail {
			longest = max(longest, len([]rune(text)))
		}
		all[i] = &drawnBox{
			Box: b, class: class, at: float64(i),
			w: float64(longest)*char + 2*pad, h: float64(1+len(b.Detail))*line + pad,
		}
	}
	return all
}

// sweeps is how often each side is sorted by the other. More changes nothing.
const sweeps = 8

// arrange gives every box its place in its column: each side is sorted in turn
// by the mean place of what it is connected with (the barycentre method of
// Sugiyama, Tagawa and Toda), so that few lines cross, and an authorization
// lies between its client and its API.
func arrange(clients, auths, apis []*drawnBox) {
	for range sweeps {
		settle(apis, func(b *drawnBox) (own, other int) { return b.API, b.Client }, clients, auths)
		settle(clients, func(b *drawnBox) (own, other int) { return b.Client, b.API }, apis, auths)
	}
	for _, a := range auths {
		a.at = (clients[a.Client].at+0.5)/float64(len(clients)) + (apis[a.API].at+0.5)/float64(len(apis))
	}
	rank(auths)
}

// settle sorts a column by the mean place of its neighbours in another.
func settle(column []*drawnBox, ends func(*drawnBox) (own, other int), others, auths []*drawnBox) {
	places := make([][]float64, len(column))
	for _, a := range auths {
		own, other := ends(a)
		places[own] = append(places[own], others[other].at*float64(len(column))/float64(len(others)))
	}
	for i, b := range column {
		b.at = mean(places[i], b.at)
	}
	rank(column)
}

// rank turns what the boxes of a column are sorted by into their places, 0, 1,
// 2. The boxes stay where they are in the slice, as lines refer to them by it.
func rank(column []*drawnBox) {
	for i, b := range inOrder(column) {
		b.at = float64(i)
	}
}

func inOrder(column []*drawnBox) []*drawnBox {
	return slices.SortedStableFunc(slices.Values(column), func(a, b *drawnBox) int { return cmp.Compare(a.at, b.at) })
}

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

// stack puts a column at x, box below box, and returns its width and height.
func stack(column []*drawnBox, x float64) (width, height float64) {
	for _, b := range column {
		width = max(width, b.w)
	}
	y := float64(margin)
	for _, b := range inOrder(column) {
		b.x, b.y, b.w = x, y, width
		y += b.h + gapY
	}
	return width, max(0, y-margin-gapY)
}

// spread lets a column use the whole height.
func spread(column []*drawnBox, height float64) {
	bottom := float64(margin)
	for _, b := range column {
		bottom = max(bottom, b.y+b.h)
	}
	gap := (height + margin - bottom) / float64(len(column)+1)
	for _, b := range column {
		b.y += gap * (b.at + 1)
	}
}

// level moves the boxes of a side to the height of their authorizations, as far
// as their order and their sizes let them, so that lines stay flat.
func level(column []*drawnBox, height float64, own func(*drawnBox) int, auths []*drawnBox) {
	heights := make([][]float64, len(column))
	for _, a := range auths {
		heights[own(a)] = append(heights[own(a)], a.middle())
	}
	for i, b := range column {
		b.y = mean(heights[i], b.middle()) - b.h/2
		b.at = b.y
	}
	sorted := inOrder(column)
	top := float64(margin)
	for _, b := range sorted {
		b.y = max(b.y, top)
		top = b.y + b.h + gapY
	}
	bottom := height + margin
	for _, b := range slices.Backward(sorted) {
		b.y = min(b.y, bottom-b.h)
		bottom = b.y - gapY
	}
}

func write(columns [][]*drawnBox, width, height float64, style bool) string {
	var text strings.Builder
	fmt.Fprintf(&text, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" class=\"graph\">\n", width, height, width, height)
	text.WriteString("<title>Clients, authorizations and APIs</title>\n")
	if style {
		text.WriteString(Style + "<rect class=\"backdrop\" width=\"100%\" height=\"100%\"/>\n")
	}
	clients, auths, apis := columns[0], columns[1], columns[2]
	for _, auth := range auths {
		writeLine(&text, clients[auth.Client], auth, auth.Expired)
		writeLine(&text, auth, apis[auth.API], auth.Expired)
	}
	for _, column := range columns {
		for _, b := range inOrder(column) {
			writeBox(&text, b)
		}
	}
	text.WriteString("</svg>\n")
	return text.String()
}

// writeLine draws a curve from the right side of one box to the left of another,
// dashed where nothing goes along it any more.
func writeLine(text *strings.Builder, from, to *drawnBox, dashed bool) {
	x1, y1, x2, y2 := from.x+from.w, from.middle(), to.x, to.middle()
	bend, dashes := (x2-x1)/2, ""
	if dashed {
		dashes = ` stroke-dasharray="4"`
	}
	fmt.Fprintf(text, "<path d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f\"%s/>\n", x1, y1, x1+bend, y1, x2-bend, y2, x2, y2, dashes)
}

func writeBox(text *strings.Builder, b *drawnBox) {
	fmt.Fprintf(text, "<g class=\"%s\">", b.class)
	if b.Link != "" {
		text.WriteString("<a href=\"")
		text.WriteString(escape(b.Link))
		text.WriteString("\">")
	}
	corner := 3
	if b.class == "client" {
		corner = 12
	}
	fmt.Fprintf(text, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%d\"/>", b.x, b.y, b.w, b.h, corner)
	y := b.y + line
	writeText(text, " class=\"title\"", b.x+pad, y, b.Title())
	for _, detail := range b.Detail {
		y += line
		writeText(text, "", b.x+pad, y, detail)
	}
	if b.Link != "" {
		text.WriteString("</a>")
	}
	text.WriteString("</g>\n")
}

func writeText(text *strings.Builder, class string, x, y float64, words string) {
	fmt.Fprintf(text, "<text%s x=\"%.1f\" y=\"%.1f\">", class, x, y)
	text.WriteString(escape(words))
	text.WriteString("</text>")
}

// escape makes character data of words: encoding/xml does the same and would
// weigh more in the sidecar than the whole drawing.
func escape(words string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar // XML has no way to write it (XML 1.0 section 2.2)
		}
		return r
	}, words))
}
