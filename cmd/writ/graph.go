package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/console/graph"
)

var graphFormats = []string{"dot", "mermaid", "svg"}

func (a *app) graphCommand() command {
	flags := new(configFlags)
	var o graphOptions
	return command{
		name: "graph", args: "[DIR]", maxArgs: 1, config: flags,
		summary: "draw clients, authorizations and APIs",
		about: `
The svg is drawn by writ itself: nothing else need be installed. A drawing of
more than 200 objects cannot be read: --api and --client choose a part.`,
		example: "$ writ graph --format svg > access.svg\n$ writ graph --format mermaid\nflowchart LR\n  c0([\"billing\"])\n  ...",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "dot", Usage: "draw as `dot|mermaid|svg`, dot by default", Destination: &o.format},
			&cli.StringSliceFlag{Name: "api", Usage: "draw only what has to do with the API of this `LABEL`; repeatable", Destination: &o.apis},
			&cli.StringSliceFlag{Name: "client", Usage: "draw only what has to do with the client of this `LABEL`; repeatable", Destination: &o.clients},
		},
		run: func(_ context.Context, args []string) error { return a.graph(args, flags, o) },
	}
}

// graphOptions are what to draw and how.
type graphOptions struct {
	format        string
	apis, clients []string // labels; none for all
}

func (a *app) graph(args []string, flags *configFlags, o graphOptions) error {
	views := map[string]func(io.Writer, *graph.Picture) error{"dot": drawDot, "mermaid": drawMermaid, "svg": drawSVG}
	draw := views[o.format]
	if draw == nil {
		usage := diag.Usagef("unknown format %q: %s", o.format, strings.Join(graphFormats, ", "))
		if near := schema.Suggest(o.format, graphFormats); near != "" {
			usage.Hint = "Did you mean \"" + near + "\"?"
		}
		return usage
	}
	_, t, err := a.compiled(args, flags)
	if err != nil {
		return err
	}
	doc, err := o.part(t.Model.Document)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(graphOf(doc, a.now()))
	}
	p := graph.Of(doc, a.now())
	if n := p.Objects(); n > graph.MaxObjects && o.format == "svg" {
		return diag.Failf("graph-too-large", "Choose a part with --api LABEL or --client LABEL, or use --format dot and graphviz.",
			"too large to draw: %d objects, and a drawing of more than %d cannot be read", n, graph.MaxObjects)
	}
	return draw(a.out, p)
}

// part is what of the document is to be drawn.
func (o graphOptions) part(doc *schema.Document) (*schema.Document, error) {
	apis, clients := make([]string, len(doc.APIs)), make([]string, len(doc.Clients))
	for i := range doc.APIs {
		apis[i] = doc.APIs[i].Label
	}
	for i := range doc.Clients {
		clients[i] = doc.Clients[i].Label
	}
	for i, label := range o.apis {
		o.apis[i] = strings.TrimPrefix(label, "api.")
		if err := known("api", o.apis[i], apis); err != nil {
			return nil, err
		}
	}
	for i, label := range o.clients {
		o.clients[i] = strings.TrimPrefix(label, "client.")
		if err := known("client", o.clients[i], clients); err != nil {
			return nil, err
		}
	}
	return graph.Only(doc, o.apis, o.clients), nil
}

// known refuses a label that nothing has.
func known(kind, label string, labels []string) error {
	if slices.Contains(labels, label) {
		return nil
	}
	hint := ""
	if near := schema.Suggest(label, labels); near != "" {
		hint = "Did you mean \"" + near + "\"?"
	}
	return diag.Failf("unknown-label", hint, "there is no %s.%s", kind, label)
}

// drawSVG writes the picture as writ draws it.
func drawSVG(w io.Writer, p *graph.Picture) error {
	_, err := io.WriteString(w, p.SVG(true))
	return err
}
