package graph_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/console/graph"
	"github.com/writ-auth/writ/schema"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// document has n APIs, each with a client of its own, and one client for all.
func document(n int) *schema.Document {
	doc := &schema.Document{Clients: []schema.Client{{Label: "all", ClientID: "all"}}}
	for i := range n {
		api, client := fmt.Sprintf("a%02d", i), fmt.Sprintf("c%02d", i)
		doc.APIs = append(doc.APIs, schema.API{Label: api, Identifier: "https://" + api + ".example.com/"})
		doc.Clients = append(doc.Clients, schema.Client{Label: client, ClientID: client})
		doc.Authorizations = append(doc.Authorizations,
			schema.Authorization{Label: client + "-" + api, Client: client, API: api},
			schema.Authorization{Label: "all-" + api, Client: "all", API: api, SubjectType: schema.SubjectUser})
	}
	return doc
}

func TestSVGIsWellFormedAndInert(t *testing.T) {
	hostile := `<script>alert("x")</script>&amp;' onload=` + "\x00\x1b\xff"
	doc := document(3)
	doc.Clients[0].ClientID, doc.APIs[0].Identifier, doc.Authorizations[0].Scopes = hostile, hostile, []string{hostile}
	p := graph.Of(doc, noon)
	p.APIs[1].Link = `/console/"><script>`
	for _, style := range []bool{true, false} {
		svg := p.SVG(style)
		elements := map[string]int{}
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v:\n%s", err, svg)
			}
			if e, ok := token.(xml.StartElement); ok {
				elements[e.Name.Local]++
			}
		}
		if elements["script"] > 0 || elements["path"] != 6 || elements["g"] != 13 || elements["a"] != 1 {
			t.Errorf("elements %v", elements)
		}
		if got := elements["style"] == 1; got != style {
			t.Errorf("style element: %v, want %v", got, style)
		}
	}
}

func TestOnly(t *testing.T) {
	doc := document(5)
	for _, c := range []struct {
		apis, clients       []string
		clientsLeft, labels string
		auths               int
	}{
		{nil, nil, "all c00 c01 c02 c03 c04", "a00 a01 a02 a03 a04", 10},
		{[]string{"a01"}, nil, "all c01", "a01", 2},
		{nil, []string{"c03"}, "c03", "a03", 1},
		{[]string{"a01"}, []string{"c03"}, "c03", "a01", 0},
	} {
		part := graph.Only(doc, c.apis, c.clients)
		var clients, apis []string
		for _, client := range part.Clients {
			clients = append(clients, client.Label)
		}
		for _, api := range part.APIs {
			apis = append(apis, api.Label)
		}
		if strings.Join(clients, " ") != c.clientsLeft || strings.Join(apis, " ") != c.labels || len(part.Authorizations) != c.auths {
			t.Errorf("apis %v, clients %v: %v, %v, %d authorizations", c.apis, c.clients, clients, apis, len(part.Authorizations))
		}
	}
}

// A long list of scopes does not push everything else off the page; all of it is in the title.
func TestLongListsAreCut(t *testing.T) {
	doc := document(1)
	for i := range 100 {
		doc.Authorizations[0].Scopes = append(doc.Authorizations[0].Scopes, fmt.Sprintf("scope:%d", i))
	}
	svg := graph.Of(doc, noon).SVG(true)
	_, drawn, _ := strings.Cut(svg, "</title><path")
	if !strings.Contains(drawn, "scope:0, scope:1, scope:2 and 97 more<") || !strings.Contains(svg, "scope:99") {
		t.Errorf("%s", svg)
	}
}

// TestExpiredIsMarked: what gives no more tokens is said, and its lines are dashed.
func TestExpiredIsMarked(t *testing.T) {
	doc := document(1)
	doc.Authorizations[0].ExpiresAt = noon.Unix()
	doc.Authorizations[1].ExpiresAt = noon.Unix() + 1
	p := graph.Of(doc, noon)
	if title := p.Authorizations[0].Title(); title != "c00-a00 (expired)" {
		t.Errorf("title %q", title)
	}
	if title := p.Authorizations[1].Title(); title != "all-a00 (users)" {
		t.Errorf("title %q", title)
	}
	svg := p.SVG(false)
	if !strings.Contains(svg, `class="edge expired" data-edge="c1 a0"`) || !strings.Contains(svg, `class="edge users" data-edge="c0 a0"`) {
		t.Error(svg)
	}
}

func TestEmpty(t *testing.T) {
	if svg := graph.Of(&schema.Document{}, noon).SVG(true); !strings.HasSuffix(svg, "</svg>\n") || strings.Contains(svg, "NaN") {
		t.Error(svg)
	}
}
