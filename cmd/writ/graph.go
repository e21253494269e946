package main

import (
	"context"
	"io"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/console/graph"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// graphFormats are the values of --format, in the order in which the error names them.
var graphFormats = []string{"dot", "mermaid", "svg"}

// graphCommand is "writ graph". It draws the configuration in the files, so that a picture
// in a pull request shows what is proposed. It exits with 0 or 1.
func graphCommand() cli.Command {
	flags := new(cli.ConfigFlags)
	o := graphOptions{format: "dot"}
	return cli.Command{
		Name: "graph", Group: cli.GroupReview, Args: "[DIR]", MaxArgs: 1, Config: flags,
		Summary: "draw clients, authorizations and APIs",
		About: `
The svg is drawn by writ itself: nothing else need be installed. A drawing of
more than 200 objects cannot be read: --api and --client choose a part.`,
		Example: "$ writ graph --format svg > access.svg\n$ writ graph --format mermaid\nflowchart LR\n  c0([\"billing\"])\n  ...",
		Flags: []cli.Flag{
			{Name: "format", Usage: "draw as `dot|mermaid|svg`, dot by default", Value: &o.format},
			{Name: "api", Usage: "draw only what has to do with this `API`, by its label or identifier; repeatable", Value: &o.apis, Complete: completeAPIs},
			{Name: "client", Usage: "draw only what has to do with this `CLIENT`, by its label or client_id; repeatable", Value: &o.clients, Complete: completeClients},
		},
		Run: func(_ context.Context, env *cli.Env, args []string) error { return runGraph(env, args, flags, o) },
	}
}

// graphOptions are what to draw and how.
type graphOptions struct {
	format        string
	apis, clients []string // none for all
}

// runGraph draws the configuration or a part of it. An svg of more than graph.MaxObjects
// objects is refused, since nobody can read it; dot and mermaid are input for other
// programs and have no such limit.
func runGraph(env *cli.Env, args []string, flags *cli.ConfigFlags, o graphOptions) error {
	formats := map[string]func(io.Writer, *graph.Picture) error{"dot": view.DrawDot, "mermaid": view.DrawMermaid, "svg": drawSVG}
	draw := formats[o.format]
	if draw == nil {
		usage := diag.Usagef("unknown format %q: %s", o.format, strings.Join(graphFormats, ", "))
		usage.Hint = schema.DidYouMean(o.format, graphFormats)
		return usage
	}
	_, t, err := flags.Compile(env, args)
	if err != nil {
		return err
	}
	doc, err := o.part(t.Model.Document)
	if err != nil {
		return err
	}
	// JSON is the data and not a drawing: --format makes no difference to it.
	if env.JSON {
		return env.PrintJSON(view.GraphOf(doc, env.Now()))
	}
	p := graph.Of(doc, env.Now())
	if n := p.Objects(); n > graph.MaxObjects && o.format == "svg" {
		return diag.Failf("graph-too-large", "Choose a part with --api API or --client CLIENT, or use --format dot and graphviz.",
			"too large to draw: %d objects, and a drawing of more than %d cannot be read", n, graph.MaxObjects)
	}
	return draw(env.Out, p)
}

// part is what of the document is to be drawn: the objects that the flags name, and what
// these have to do with.
func (o graphOptions) part(doc *schema.Document) (*schema.Document, error) {
	for i, name := range o.apis {
		api, err := compiler.FindAPI(doc, name)
		if err != nil {
			return nil, err
		}
		o.apis[i] = api.Label
	}
	for i, name := range o.clients {
		client, err := compiler.FindClient(doc, name)
		if err != nil {
			return nil, err
		}
		o.clients[i] = client.Label
	}
	return graph.Only(doc, o.apis, o.clients), nil
}

// drawSVG writes the picture as writ draws it, with its styles in it, as a file has no page
// around it.
func drawSVG(w io.Writer, p *graph.Picture) error {
	_, err := io.WriteString(w, p.SVG(true))
	return err
}
