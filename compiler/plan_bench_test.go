package compiler

import (
	"fmt"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
)

// large is a document of n APIs, n clients and 10*n authorizations.
func large(n int) *schema.Document {
	d := &schema.Document{Issuer: schema.Issuer{URL: "https://auth.example.com/"}}
	scopes := []string{"read", "write", "admin"}
	for i := range n {
		label := fmt.Sprintf("object_%06d", i)
		api := schema.API{Label: label, Name: label, Identifier: "https://api.example.com/" + label, TokenLifetime: 3600}
		for _, s := range scopes {
			api.Scopes = append(api.Scopes, schema.Scope{Name: s})
		}
		d.APIs = append(d.APIs, api)
		d.Clients = append(d.Clients, schema.Client{
			Label: label, Name: label, ClientID: label, GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{{Label: "s", Hash: "sha256:x"}},
		})
		for j := range 10 {
			d.Authorizations = append(d.Authorizations, schema.Authorization{
				Label: fmt.Sprintf("%s_%d", label, j), Client: label, API: fmt.Sprintf("object_%06d", (i+j*7)%n),
				SubjectType: schema.SubjectClient, Scopes: scopes[:2],
			})
		}
	}
	return d
}

// BenchmarkPlan plans over a million authorizations: with nothing to do, with
// one lifetime and one scope of every hundredth changed, and from nothing.
func BenchmarkPlan(b *testing.B) {
	before, after := large(100_000), large(100_000)
	changed := large(100_000)
	for i := 0; i < len(changed.Authorizations); i += 100 {
		changed.Authorizations[i].Scopes = changed.Authorizations[i].Scopes[:1]
		changed.APIs[i/10].TokenLifetime = 600
	}
	b.Run("same", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if p := planBetween(before, after); len(p.Changes) > 0 {
				b.Fatal("changes")
			}
		}
	})
	b.Run("changed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if p := planBetween(before, changed); p.Summary.Change != 20_000 {
				b.Fatal(p.Summary)
			}
		}
	})
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if p := planBetween(nil, after); p.Summary.Add != 1_200_000 {
				b.Fatal(p.Summary)
			}
		}
	})
}

// BenchmarkWho asks who has access among 10,000 APIs and 100,000 authorizations.
func BenchmarkWho(b *testing.B) {
	d := large(10_000)
	const label = "object_005000"
	for name, q := range map[string]AccessQuery{
		"api":    {AccessFilter: AccessFilter{API: label, Scope: "write"}},
		"client": {AccessFilter: AccessFilter{Client: label}},
		"all":    {},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if list, err := Who(d, q, time.Unix(1_800_000_000, 0)); err != nil || len(list) == 0 {
					b.Fatal(len(list), err)
				}
			}
		})
	}
}
