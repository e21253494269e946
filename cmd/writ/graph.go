package main

import (
	"context"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/schema"
)

var graphFormats = []string{"dot", "mermaid", "svg"}

func (a *app) graphCommand() command {
	flags := new(configFlags)
	var format string
	return command{
		name: "graph", args: "[DIR]", maxArgs: 1, config: flags,
		summary: "draw clients, authorizations and APIs",
		about:   "The svg is drawn by writ itself: nothing else need be installed.",
		example: "$ writ graph --format svg > access.svg\n$ writ graph --format mermaid\nflowchart LR\n  c0([\"billing\"])\n  ...",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "dot", Usage: "draw as `dot|mermaid|svg`, dot by default", Destination: &format},
		},
		run: func(_ context.Context, args []string) error { return a.graph(args, flags, format) },
	}
}

func (a *app) graph(args []string, flags *configFlags, format string) error {
	views := map[string]func(io.Writer, *picture) error{"dot": drawDot, "mermaid": drawMermaid, "svg": drawSVG}
	draw := views[format]
	if draw == nil {
		usage := usagef("unknown format %q: %s", format, strings.Join(graphFormats, ", "))
		if near := schema.Suggest(format, graphFormats); near != "" {
			usage.hint = "Did you mean \"" + near + "\"?"
		}
		return usage
	}
	w, err := a.workspace(args, flags)
	if err != nil {
		return err
	}
	t, err := w.compile()
	if err != nil {
		return err
	}
	p := pictureOf(t.model.Document)
	if a.json {
		return a.printJSON(graphOf(t.model.Document))
	}
	return draw(a.out, p)
}

// A picture is the configuration as three columns of boxes: clients at the
// left, authorizations in the middle, APIs at the right.
type picture struct{ Clients, Authorizations, APIs []box }

// A box is one object. Of an authorization, Client and API are the places of
// the boxes that it connects.
type box struct {
	Label       string
	Detail      []string // client id, identifier, scopes
	Client, API int
	User        bool // on behalf of users
}

// pictureOf makes the picture, authorizations in the order of their clients
// and then APIs, which keeps most lines from crossing.
func pictureOf(doc *schema.Document) *picture {
	p := &picture{Clients: []box{}, Authorizations: []box{}, APIs: []box{}}
	clients, apis := map[string]int{}, map[string]int{}
	for i, c := range doc.Clients {
		clients[c.Label] = i
		p.Clients = append(p.Clients, box{Label: c.Label, Detail: []string{c.ClientID}})
	}
	for i, api := range doc.APIs {
		apis[api.Label] = i
		p.APIs = append(p.APIs, box{Label: api.Label, Detail: []string{api.Identifier}})
	}
	for _, auth := range doc.Authorizations {
		p.Authorizations = append(p.Authorizations, box{
			Label: auth.Label, Detail: emptyList(auth.Scopes), User: auth.SubjectType == schema.SubjectUser,
			Client: clients[auth.Client], API: apis[auth.API],
		})
	}
	return p
}
