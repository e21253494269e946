package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/console/graph"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// The formats of "writ graph" for other programs. The drawing itself is package graph's.

// A GraphJSON is what "writ graph --format json" prints. Authorizations refer to clients and
// APIs by label.
type GraphJSON struct {
	Clients        []graphClient        `json:"clients"`
	Authorizations []graphAuthorization `json:"authorizations"`
	APIs           []graphAPI           `json:"apis"`
}

// A graphClient is one client of the picture, and has no credentials.
type graphClient struct {
	Label    string `json:"label"`
	ClientID string `json:"client_id"`
}

// A graphAuthorization is an arrow from a client to an API, by their labels.
type graphAuthorization struct {
	Label       string             `json:"label"`
	Client      string             `json:"client"`
	API         string             `json:"api"`
	Scopes      []string           `json:"scopes"`
	SubjectType schema.SubjectType `json:"subject_type"`
	ExpiresAt   string             `json:"expires_at,omitempty"` // RFC 3339
	Expired     bool               `json:"expired,omitempty"`    // that is past
}

// A graphAPI is one API of the picture.
type graphAPI struct {
	Label      string `json:"label"`
	Identifier string `json:"identifier"`
}

// GraphOf is the picture of a document for machines. now decides which authorizations have
// expired: they are in it and marked, as a picture that leaves them out would hide what a
// longer time gives back.
func GraphOf(doc *schema.Document, now time.Time) GraphJSON {
	g := GraphJSON{Clients: []graphClient{}, Authorizations: []graphAuthorization{}, APIs: []graphAPI{}}
	for _, c := range doc.Clients {
		g.Clients = append(g.Clients, graphClient{c.Label, c.ClientID})
	}
	for _, auth := range doc.Authorizations {
		g.Authorizations = append(g.Authorizations, graphAuthorization{
			auth.Label, auth.Client, auth.API, emptyList(auth.Scopes), auth.SubjectType,
			rfc3339(auth.ExpiresAt), auth.ExpiresAt != 0 && auth.ExpiresAt <= now.Unix(),
		})
	}
	for _, api := range doc.APIs {
		g.APIs = append(g.APIs, graphAPI{api.Label, api.Identifier})
	}
	return g
}

// DrawDot writes the picture for graphviz. Nodes are named by their places in the lists, so
// that no label has to be a valid identifier; an authorization is a node of its own, with
// its scopes, and dashed once it has expired.
func DrawDot(w io.Writer, p *graph.Picture) error {
	var text strings.Builder
	text.WriteString("digraph writ {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n")
	for i, b := range p.Clients {
		fmt.Fprintf(&text, "  c%d [shape=box, style=rounded, label=%s];\n", i, dotLabel(b))
	}
	for i, b := range p.APIs {
		fmt.Fprintf(&text, "  a%d [shape=box, label=%s];\n", i, dotLabel(b))
	}
	for i, b := range p.Authorizations {
		box, edge := "shape=note", ""
		if b.Expired {
			box, edge = "shape=note, style=dashed", " [style=dashed]"
		}
		fmt.Fprintf(&text, "  z%d [%s, label=%s];\n  c%d -> z%d%s;\n  z%d -> a%d%s;\n", i, box, dotLabel(b), b.Client, i, edge, i, b.API, edge)
	}
	text.WriteString("}\n")
	_, err := io.WriteString(w, text.String())
	return err
}

// dotLabel is the text of a box as a DOT string.
func dotLabel(b graph.Box) string { return quotedLabel(b, dotEscapes, `\n`) }

// mermaidLabel is the text of a box as a string of mermaid.
func mermaidLabel(b graph.Box) string { return quotedLabel(b, mermaidEscapes, "<br/>") }

// quotedLabel is the title and the details of a box as one string, one below another. What its
// text holds is written by authors, and none of it may end the string or take effect.
func quotedLabel(b graph.Box, escapes *strings.Replacer, lineBreak string) string {
	lines := append([]string{b.Title()}, b.Detail...)
	for i, line := range lines {
		lines[i] = escapes.Replace(diag.OneLine(line))
	}
	return `"` + strings.Join(lines, lineBreak) + `"`
}

// Inside a DOT string a backslash and a quote mean something. Mermaid writes entities with #
// in the place of &, and every character that means something to it becomes one.
var (
	dotEscapes     = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	mermaidEscapes = strings.NewReplacer(`#`, "#35;", `"`, "#quot;", `<`, "#lt;", `>`, "#gt;", `&`, "#amp;", "`", "#96;", `*`, "#42;", `_`, "#95;")
)

// DrawMermaid writes the picture for Markdown that renders mermaid, as GitHub's does.
func DrawMermaid(w io.Writer, p *graph.Picture) error {
	var text strings.Builder
	text.WriteString("flowchart LR\n")
	for i, b := range p.Clients {
		fmt.Fprintf(&text, "  c%d([%s])\n", i, mermaidLabel(b))
	}
	for i, b := range p.APIs {
		fmt.Fprintf(&text, "  a%d[%s]\n", i, mermaidLabel(b))
	}
	for i, b := range p.Authorizations {
		arrow := "-->"
		if b.Expired {
			arrow = "-.->"
		}
		fmt.Fprintf(&text, "  z%d{{%s}}\n  c%d %s z%d %s a%d\n", i, mermaidLabel(b), b.Client, arrow, i, arrow, b.API)
	}
	_, err := io.WriteString(w, text.String())
	return err
}
