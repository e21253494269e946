package console_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
)

// A drawing is of what can be read, and a matrix of all else. Neither grows with the
// configuration beyond a page.
func TestGraphOfEverySize(t *testing.T) {
	for _, c := range []struct {
		apis, clients int
		drawing       bool
	}{{1, 1, true}, {20, 3, true}, {24, 2, true}, {24, 3, false}, {25, 1, false}, {500, 50, false}, {5000, 1000, false}} {
		doc := &schema.Document{Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientID}}
		for i := range c.apis {
			doc.APIs = append(doc.APIs, schema.API{Label: fmt.Sprintf("a%04d", i), Name: fmt.Sprintf("API %d", i), Identifier: fmt.Sprintf("urn:a:%d", i), Profile: schema.ProfileRFC9068, Alg: schema.RS256,
				TokenLifetime: 60, ScopeMode: schema.ScopeNarrow, Scopes: []schema.Scope{{Name: "read"}, {Name: "write"}}, Metadata: map[string]string{"owner": fmt.Sprint("team", i%3)}})
		}
		for i := range c.clients {
			client := fmt.Sprintf("c%04d", i)
			doc.Clients = append(doc.Clients, schema.Client{Label: client, Name: client, ClientID: client, GrantTypes: []string{schema.GrantClientCredentials}})
			for j := range min(c.apis, 24) {
				api := fmt.Sprintf("a%04d", (i*7+j)%c.apis)
				doc.Authorizations = append(doc.Authorizations, schema.Authorization{Label: client + "-" + api, Client: client, API: api, SubjectType: schema.SubjectClient, Scopes: []string{"read", "write"}[:1+j%2]})
			}
		}
		name := fmt.Sprintf("%d APIs and %d clients", c.apis, c.clients)
		s := newSite(t, doc, false)
		body := s.page(t, "/console/graph")
		checkMarkup(t, name, body)
		if got := strings.Contains(body, "<svg"); got != c.drawing {
			t.Errorf("%s: drawn: %v", name, got)
		}
		if got := strings.Contains(body, `class="drawing matrix"`); got == c.drawing {
			t.Errorf("%s: a matrix: %v", name, got)
		}
		if len(body) > 1<<20 {
			t.Errorf("%s: %d bytes", name, len(body))
		}
		if c.drawing { // every line has its scopes, and the same stands in the list
			if drawn, listed := strings.Count(body, "data-edge="), strings.Count(body, `">API `); drawn != len(doc.Authorizations) || listed < drawn {
				t.Errorf("%s: %d lines, %d listed", name, drawn, listed)
			}
			continue
		}
		body = s.page(t, "/console/graph?client=c0000&api=a000")
		if c.apis > 100 && !strings.Contains(body, "<svg") {
			t.Errorf("%s: a part of it is not drawn", name)
		}
	}
}

// A filter is a label, or a part of a name; a cell says how many scopes, names them and leads
// to the authorization.
func TestMatrix(t *testing.T) {
	doc := large(60)
	doc.APIs[3].Name = strings.Repeat("A family of services, ", 3) + "the third"
	doc.Clients[0].Name = `</a><script>alert(1)</script>` + "\u202e"
	users := doc.Authorizations[0]
	users.Label, users.SubjectType = "users", schema.SubjectUser
	ended := &doc.Authorizations[1]
	ended.ExpiresAt = noon.Unix() - 1
	endedClient, endedAPI := ended.Client, ended.API
	doc.Authorizations = append(doc.Authorizations, users)
	s := newSite(t, doc, false)
	body := s.page(t, "/console/graph")
	checkMarkup(t, "matrix", body)
	for _, words := range []string{
		"60 clients by 60 APIs", "APIs 1–40 of 60", `href="?columns=2&amp;page=1"`, "<span>api0003</span>",
		`title="do0:` + users.API + `; for users: do0:` + users.API + `">1&#43;1</a>`, `?q=` + users.Client,
	} {
		if !strings.Contains(body, words) {
			t.Errorf("no %q", words)
		}
	}
	if body := s.page(t, "/console/graph?columns=2&page=1"); !strings.Contains(body, "APIs 41–60 of 60") || !strings.Contains(body, `rel="prev">APIs before`) {
		t.Error("no second page of columns")
	}
	s.page(t, "/console/graph?columns=-1&page=99")
	if body := s.page(t, "/console/graph?client="+endedClient); !strings.Contains(body, "<svg") || !strings.Contains(body, `class="edge expired"`) || strings.Count(body, `class="client node"`) != 1 {
		t.Errorf("%s on %s: %s", endedClient, endedAPI, body)
	}
	if n := len(regexp.MustCompile(`class="api node"`).FindAllString(s.page(t, "/console/graph?api=api000&client=client0001"), -1)); n == 0 {
		t.Error("a part of a label matches nothing")
	}
}
