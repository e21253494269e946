package main

import (
	"crypto/rand"
	"reflect"
	"testing"

	"github.com/writ-auth/writ/schema"
)

func TestDressLeavesTheDocumentAlone(t *testing.T) {
	document := func() *schema.Document {
		return &schema.Document{
			Issuer: schema.Issuer{URL: "https://auth.example.com/t/"},
			APIs:   []schema.API{{Label: "a", Alg: schema.HS256, SigningSecret: "file:a"}, {Label: "b", Alg: schema.RS256}},
			Clients: []schema.Client{{Label: "c", Secrets: []schema.Secret{
				{Label: "writ-dev", Hash: "sha256:x"}, {Label: "e", Hash: "env:SET"}, {Label: "f", Hash: "env:UNSET"}, {Label: "g", Hash: "file:g"},
			}}},
			TrustedIssuers: []schema.TrustedIssuer{{Label: "i", Audiences: []string{"https://auth.example.com/t/", "other"}}},
			SigningKeys:    []schema.SigningKey{{Label: "k"}},
		}
	}
	throw, err := newThrowAway(rand.Reader, func(name string) string {
		if name == "SET" {
			return "value"
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	original := document()
	dressed := throw.localDocument(original, "http://127.0.0.1:1")
	if !reflect.DeepEqual(original, document()) {
		t.Error("the document was changed")
	}
	if dressed.Issuer.URL != "http://127.0.0.1:1/t/" {
		t.Errorf("issuer %q", dressed.Issuer.URL)
	}
	if got := dressed.APIs[0].SigningSecret; throw.getenv(string(got)[len("env:"):]) != throw.signing {
		t.Errorf("signing secret %q does not resolve", got)
	}
	if dressed.APIs[1].SigningSecret != "" || len(dressed.SigningKeys) != 0 {
		t.Errorf("keys: %+v %+v", dressed.APIs[1], dressed.SigningKeys)
	}
	var labels []string
	for _, s := range dressed.Clients[0].Secrets {
		labels = append(labels, s.Label)
	}
	if want := []string{"writ-dev", "e", "writ-dev-2"}; !reflect.DeepEqual(labels, want) {
		t.Errorf("secrets %q, want %q", labels, want)
	}
	if got := dressed.TrustedIssuers[0].Audiences; !reflect.DeepEqual(got, []string{"http://127.0.0.1:1/t/", "other"}) {
		t.Errorf("audiences %q", got)
	}
}
