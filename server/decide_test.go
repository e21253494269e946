package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
)

func open(t testing.TB, doc *schema.Document) *snapshot.Snapshot {
	t.Helper()
	snap, err := snapshot.Open(file(t, doc, snapshot.Envelope{Serial: 1}))
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func TestDecideScope(t *testing.T) {
	for _, c := range []struct {
		mode        schema.ScopeMode
		asked, want string
	}{
		{schema.ScopeNarrow, "", "read:orders write:orders"},
		{schema.ScopeNarrow, "read:orders", "read:orders"},
		{schema.ScopeNarrow, "write:orders read:orders", "read:orders write:orders"},
		{schema.ScopeNarrow, "write:orders write:orders", "write:orders"},
		{schema.ScopeAllGranted, "", "read:orders write:orders"},
		{schema.ScopeAllGranted, "read:orders", "read:orders write:orders"},
	} {
		doc := fast()
		doc.APIs[0].ScopeMode = c.mode
		g, refusal := server.Decide(open(t, doc), server.Request{ClientID: clientID, Audience: ordersURL, Scope: c.asked}, noon)
		if refusal != nil || g.Scope != c.want {
			t.Errorf("%s, %q: %q, %v; want %q", c.mode, c.asked, g.Scope, refusal, c.want)
		}
	}
	doc := fast()
	doc.APIs[0].ScopeMode = schema.ScopeAllGranted
	if _, refusal := server.Decide(open(t, doc), server.Request{ClientID: clientID, Audience: ordersURL, Scope: "read:orders delete:orders"}, noon); refusal == nil {
		t.Error("all_granted grants what is not granted")
	}
}

func TestDecideLifetime(t *testing.T) {
	for name, c := range map[string]struct {
		own, expires, want int64
	}{
		"the API's":             {0, 0, 3600},
		"the authorization's":   {600, 0, 600},
		"capped by its end":     {600, noon.Unix() + 60, 60},
		"its end is later":      {600, noon.Unix() + 601, 600},
		"its end is a second":   {0, noon.Unix() + 1, 1},
		"its end is now":        {0, noon.Unix(), 0},
		"its end was yesterday": {0, noon.Unix() - 86400, 0},
	} {
		doc := fast()
		doc.Authorizations[0].TokenLifetime, doc.Authorizations[0].ExpiresAt = c.own, c.expires
		g, refusal := server.Decide(open(t, doc), server.Request{ClientID: clientID, Audience: ordersURL}, noon)
		if (refusal == nil) != (c.want > 0) || refusal == nil && (g.Lifetime() != c.want || g.IssuedAt != noon.Unix()) {
			t.Errorf("%s: %d, %v", name, g.Lifetime(), refusal)
		}
	}
}

func TestDecideTarget(t *testing.T) {
	doc := fast()
	other := doc.Clients[0]
	other.Label, other.ClientID, other.DefaultAPI = "defaulted", "defaulted", "orders"
	doc.Clients = append(doc.Clients, other)
	doc.Authorizations = append(doc.Authorizations, schema.Authorization{Label: "d", Client: "defaulted", API: "orders", SubjectType: schema.SubjectClient})
	snap := open(t, doc)
	for name, c := range map[string]struct {
		request server.Request
		want    server.Reason
	}{
		"audience":            {server.Request{ClientID: clientID, Audience: ordersURL}, ""},
		"resource":            {server.Request{ClientID: clientID, Resource: ordersURL}, ""},
		"both":                {server.Request{ClientID: clientID, Audience: ordersURL, Resource: ordersURL}, ""},
		"the default":         {server.Request{ClientID: "defaulted"}, ""},
		"none and no default": {server.Request{ClientID: clientID}, server.ReasonNoTarget},
		"both, different":     {server.Request{ClientID: clientID, Audience: ordersURL, Resource: ordersURL + "/"}, server.ReasonTargetsDiffer},
		"unknown client":      {server.Request{ClientID: "nobody", Audience: ordersURL}, server.ReasonUnknownClient},
		"another grant type":  {server.Request{ClientID: clientID, GrantType: "implicit", Audience: ordersURL}, server.ReasonUnsupportedGrantType},
	} {
		_, refusal := server.Decide(snap, c.request, noon)
		if refusal == nil && c.want != "" || refusal != nil && refusal.Reason != c.want {
			t.Errorf("%s: %v", name, refusal)
		}
	}
	_, refusal := server.Decide(snap, server.Request{ClientID: clientID, Audience: ordersURL + "/"}, noon)
	if refusal == nil || !strings.Contains(refusal.Error(), "differs from api.orders by a trailing slash") {
		t.Errorf("%v", refusal)
	}
}

func TestDecideSubject(t *testing.T) {
	for style, want := range map[schema.SubStyle]string{schema.SubClientsSuffix: "billing@clients", schema.SubClientID: "billing"} {
		doc := fast()
		doc.Issuer.SubStyle = style
		g, refusal := server.Decide(open(t, doc), server.Request{ClientID: clientID, Audience: ordersURL}, noon)
		if refusal != nil || g.Subject != want || g.Issuer != issuerURL || g.Audience != ordersURL {
			t.Errorf("%s: %+v %v", style, g.Grant, refusal)
		}
	}
}

// Requests in forms that are as good as the usual one.
func TestAcceptedRequests(t *testing.T) {
	s, _ := serving(t, fast(), server.Options{Now: func() time.Time { return noon }})
	for name, r := range map[string]*http.Request{
		"Basic":                           basic(clientID, clientSecret, form("client_id", "-", "client_secret", "-")),
		"Basic in another case":           with(post(form("client_secret", "-")), "Authorization", "bAsIc "+strings.TrimPrefix(basic(clientID, clientSecret, nil).Header.Get("Authorization"), "Basic ")),
		"Basic and the same client_id":    basic(clientID, clientSecret, form("client_secret", "-")),
		"Basic and an empty secret":       basic(clientID, clientSecret, form("client_secret", "")),
		"charset":                         raw(formType+"; charset=UTF-8", good),
		"content type in another case":    raw("Application/X-WWW-Form-Urlencoded", good),
		"unknown parameter":               raw(formType, good+"&unknown=1&&"),
		"empty scope is none":             post(form("scope", "")),
		"JSON":                            raw("application/json", `{"grant_type":"client_credentials","audience":"`+ordersURL+`","client_id":"billing","client_secret":"`+clientSecret+`"}`),
		"JSON with members of no meaning": raw("application/json", `{"x":{"grant_type":[1]},"grant_type":"client_credentials","scope":null,"resource":"`+ordersURL+`","client_id":"billing","client_secret":"`+clientSecret+`"}`),
		"harmless query":                  query(post(form()), "client_id=other&a=b"),
	} {
		res := do(t, s.Public(), r)
		if res.status != 200 || res.body.TokenType != "Bearer" || res.body.ExpiresIn != 3600 || res.body.Scope != "read:orders write:orders" {
			t.Errorf("%s: %d %s", name, res.status, res.raw)
		}
		if res.header.Get("Cache-Control") != "no-store" || res.header.Get("Pragma") != "no-cache" {
			t.Errorf("%s: %v", name, res.header)
		}
	}
}

// Nothing granted: no scope member and no scope claim.
func TestEmptyGrant(t *testing.T) {
	doc := fast()
	doc.Authorizations[0].Scopes = nil
	s, _ := serving(t, doc, server.Options{})
	res := do(t, s.Public(), post(form()))
	if res.status != 200 || strings.Contains(res.raw, "scope") {
		t.Fatalf("%d %s", res.status, res.raw)
	}
	if _, claims := segments(t, res.body.AccessToken); claims["scope"] != nil {
		t.Errorf("claims %v", claims)
	}
	if res := do(t, s.Public(), post(form("scope", "read:orders"))); res.status != 400 {
		t.Errorf("%d %s", res.status, res.raw)
	}
}
