package console_test

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/decide"
)

// large is n APIs with ten scopes, as many clients, and ten authorizations for each.
func large(n int) *schema.Document {
	doc := &schema.Document{Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix}}
	for i := range n {
		label := fmt.Sprintf("api%04d", i)
		api := schema.API{
			Label: label, Name: "API " + label, Identifier: "https://" + label + ".example.com/", Profile: schema.ProfileRFC9068, Alg: schema.RS256,
			TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow,
		}
		var scopes []string
		for j := range 10 {
			scopes = append(scopes, fmt.Sprintf("do%d:%s", j, label))
			api.Scopes = append(api.Scopes, schema.Scope{Name: scopes[j], Description: "May do it"})
		}
		doc.APIs = append(doc.APIs, api)
		client := fmt.Sprintf("client%04d", i)
		doc.Clients = append(doc.Clients, schema.Client{
			Label: client, Name: "Client " + client, ClientID: client, GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{{Label: "a", Hash: "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"}},
		})
		for j := range 10 {
			with := fmt.Sprintf("client%04d", (i+j*97)%n)
			doc.Authorizations = append(doc.Authorizations, schema.Authorization{
				Label: with + "-" + label, Client: with, API: label, SubjectType: schema.SubjectClient, Scopes: scopes[:1+j],
			})
		}
	}
	return doc
}

// BenchmarkPages/1000 is to stay below 50 ms a page, BenchmarkPages/5000 below 100 ms.
func BenchmarkPages(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		s := newSite(b, large(n), true)
		decider := decide.New(s.state.Snapshot, decide.Facts{}) // as a server has one
		s.state.Explain = func(clientID, audience, scope string) (string, string) {
			_, refusal := decider.Decide(decide.Request{ClientID: clientID, GrantType: schema.GrantClientCredentials, Audience: audience, Scope: scope}, noon)
			if refusal == nil {
				return string(decide.ReasonGranted), ""
			}
			return string(refusal.Reason), refusal.Detail
		}
		for name, path := range map[string]string{
			"apis": "/console/", "search": "/console/?q=api0999", "quickstart": "/console/apis/api0500", "settings": "/console/apis/api0500/settings",
			"scopes": "/console/apis/api0500/scopes", "clients-of-api": "/console/apis/api0500/clients", "authorize": "/console/apis/api0500/clients?authorize=client0501",
			"test": "/console/apis/api0500/test", "clients": "/console/clients", "client": "/console/clients/client0500", "create": "/console/apis/new",
			"create-client": "/console/new-client?api=api0500", "undo": "/console/undo",
			"graph-of-api": "/console/graph?api=api0500", "graph": "/console/graph", "keys": "/console/keys",
		} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					w := httptest.NewRecorder()
					s.handler.ServeHTTP(w, httptest.NewRequest("GET", origin+path, nil))
					if w.Code != 200 {
						b.Fatal(w.Code)
					}
				}
			})
		}
	}
}
