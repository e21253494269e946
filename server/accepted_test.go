package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/server"
)

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
