package main

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The measures of the drawing, in pixels.
const (
	svgChar   = 7.2 // width of a character of the 12 px monospaced face
	svgLine   = 16
	svgPad    = 10
	svgGapY   = 14
	svgGapX   = 110
	svgMargin = 20
)

// A drawnBox is a box with its place.
type drawnBox struct {
	box
	class      string
	x, y, w, h float64
	column     int // order in its column, which sorting changes
}

// drawSVG draws the picture in three columns. Authorizations and APIs are
// sorted by the mean height of what they hang on (the barycentre method of
// Sugiyama, Tagawa and Toda), so that few lines cross.
func drawSVG(w io.Writer, p *picture) error {
	clients := drawn(p.Clients, "client")
	apis := drawn(p.APIs, "api")
	auths := drawn(p.Authorizations, "authorization")
	order(auths, func(b *drawnBox) float64 { return float64(b.Client) + float64(b.API)/float64(len(apis)+1) })
	heights := make([][]float64, len(apis))
	for _, auth := range auths {
		heights[auth.API] = append(heights[auth.API], float64(auth.column))
	}
	place := func(b *drawnBox, own int) float64 { return mean(heights[own], float64(own)) }
	order(apis, func(b *drawnBox) float64 { return place(b, b.column) })

	x, height := float64(svgMargin), 0.0
	columns := [][]*drawnBox{clients, auths, apis}
	for _, column := range columns {
		width, total := settleColumn(column, x)
		x, height = x+width+svgGapX, max(height, total)
	}
	for _, column := range columns {
		spread(column, height)
	}
	return writeSVG(w, columns, x-svgGapX+svgMargin, height+2*svgMargin)
}

// drawn measures boxes.
func drawn(boxes []box, class string) []*drawnBox {
	all := make([]*drawnBox, len(boxes))
	for i, b := range boxes {
		longest := len([]rune(b.title()))
		for _, line := range b.Detail {
			longest = max(longest, len([]rune(line)))
		}
		all[i] = &drawnBox{
			box: b, class: class, column: i,
			w: float64(longest)*svgChar + 2*svgPad, h: float64(1+len(b.Detail))*svgLine + svgPad,
		}
	}
	return all
}

// order gives each box its place in the column by a weight. The boxes stay
// where they are in the slice, as lines refer to them by it.
func order(column []*drawnBox, weight func(*drawnBox) float64) {
	weights := make(map[*drawnBox]float64, len(column))
	for _, b := range column {
		weights[b] = weight(b)
	}
	sorted := slices.Clone(column)
	slices.SortStableFunc(sorted, func(a, b *drawnBox) int { return cmp.Compare(weights[a], weights[b]) })
	for i, b := range sorted {
		b.column = i
	}
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

// settleColumn stacks a column at x and returns its width and height.
func settleColumn(column []*drawnBox, x float64) (width, height float64) {
	for _, b := range column {
		width = max(width, b.w)
	}
	sorted := slices.Clone(column)
	slices.SortFunc(sorted, func(a, b *drawnBox) int { return cmp.Compare(a.column, b.column) })
	y := float64(svgMargin)
	for _, b := range sorted {
		b.x, b.y, b.w = x, y, width
		y += b.h + svgGapY
	}
	return width, max(0, y-svgMargin-svgGapY)
}

// spread lets a column use the whole height, so that lines stay flat.
func spread(column []*drawnBox, height float64) {
	bottom := float64(svgMargin)
	for _, b := range column {
		bottom = max(bottom, b.y+b.h)
	}
	gap := (height + svgMargin - bottom) / float64(len(column)+1)
	for _, b := range column {
		b.y += gap * float64(b.column+1)
	}
}

const svgStyle = `<style>
rect { stroke: #555; fill: #fff }
.client rect { fill: #e8f1fb; rx: 12 }
.authorization rect { fill: #fdf6e3; stroke-dasharray: 4 2 }
.api rect { fill: #eaf6ea }
path { stroke: #777; fill: none }
text { font: 12px monospace; fill: #222 }
.title { font-weight: bold }
</style>
`

func writeSVG(w io.Writer, columns [][]*drawnBox, width, height float64) error {
	var text strings.Builder
	fmt.Fprintf(&text, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n", width, height, width, height)
	text.WriteString("<title>Clients, authorizations and APIs</title>\n" + svgStyle)
	clients, auths, apis := columns[0], columns[1], columns[2]
	for _, auth := range auths {
		writeLine(&text, clients[auth.Client], auth)
		writeLine(&text, auth, apis[auth.API])
	}
	for _, column := range columns {
		for _, b := range column {
			writeBox(&text, b)
		}
	}
	text.WriteString("</svg>\n")
	_, err := io.WriteString(w, text.String())
	return err
}

// writeLine draws a curve from the right side of one box to the left of another.
func writeLine(text *strings.Builder, from, to *drawnBox) {
	x1, y1 := from.x+from.w, from.y+from.h/2
	x2, y2 := to.x, to.y+to.h/2
	bend := (x2 - x1) / 2
	fmt.Fprintf(text, "<path d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f\"/>\n", x1, y1, x1+bend, y1, x2-bend, y2, x2, y2)
}

func writeBox(text *strings.Builder, b *drawnBox) {
	fmt.Fprintf(text, "<g class=\"%s\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", b.class, b.x, b.y, b.w, b.h)
	y := b.y + svgLine
	fmt.Fprintf(text, "<text class=\"title\" x=\"%.1f\" y=\"%.1f\">", b.x+svgPad, y)
	xml.EscapeText(text, []byte(b.title()))
	text.WriteString("</text>")
	for _, line := range b.Detail {
		y += svgLine
		fmt.Fprintf(text, "<text x=\"%.1f\" y=\"%.1f\">", b.x+svgPad, y)
		xml.EscapeText(text, []byte(line))
		text.WriteString("</text>")
	}
	text.WriteString("</g>\n")
}
