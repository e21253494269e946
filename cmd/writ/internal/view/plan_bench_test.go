package view

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
)

// everywhere is a change of each of n APIs and ten times as many authorizations: tokens live
// longer, and each client gains a scope of its own.
func everywhere(n int) *Review {
	document := func(lifetime int64, scopes int) *schema.Document {
		d := &schema.Document{}
		for i := range n {
			label := fmt.Sprintf("object_%06d", i)
			d.APIs = append(d.APIs, schema.API{Label: label, Name: label, Identifier: "https://api.example.com/" + label, TokenLifetime: lifetime, Metadata: map[string]string{"owner": "team-" + label}})
			d.Clients = append(d.Clients, schema.Client{Label: label, Name: label, ClientID: label, GrantTypes: []string{schema.GrantClientCredentials}, Secrets: []schema.Secret{{Label: "s", Hash: "env:S"}}})
			for j := range 10 {
				d.Authorizations = append(d.Authorizations, schema.Authorization{
					Label: fmt.Sprintf("%s_%d", label, j), Client: label, API: fmt.Sprintf("object_%06d", (i+j*7)%n), SubjectType: schema.SubjectClient,
					Scopes: []string{"read", fmt.Sprintf("write:%d", i)}[:scopes],
				})
			}
		}
		return d
	}
	plan := compiler.PlanBetween(compiler.Prior{Document: document(3600, 1)}, document(7200, 2), "sha256:next", time.Unix(1_800_000_000, 0))
	return &Review{Plan: plan, Place: func(address, _, _ string) Place {
		return Place{Owner: "team", Range: hcl.Range{Filename: "f.hcl", Start: hcl.Pos{Line: 1}}, URL: "https://github.com/acme/auth/blob/def5678/f.hcl#L1"}
	}}
}

// BenchmarkEverywhere prints a change that touches everything.
func BenchmarkEverywhere(b *testing.B) {
	r := everywhere(10_000)
	for _, view := range []Plan{PlanMarkdown{Command: "writ plan --full"}, PlanText{}, PlanText{Full: true}} {
		b.Run(strings.ReplaceAll(fmt.Sprintf("%T/%+v", view, view), " ", ""), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := view.Render(io.Discard, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestEverywhereFits: a change of everything is a comment that a platform takes, and a
// terminal's worth of text, and both say what they leave out.
func TestEverywhereFits(t *testing.T) {
	r := everywhere(1_000)
	comment := render(t, PlanMarkdown{Command: "writ plan --full"}, r)
	if n := len(comment); n > MarkdownLimit || n < MarkdownLimit/2 {
		t.Errorf("%d bytes", n)
	}
	if !strings.Contains(comment, "of 10000 gains") || !strings.Contains(comment, "of 11000 objects are shown") {
		t.Errorf("it begins\n%.1000s", comment)
	}
	text := render(t, PlanText{}, r)
	if n := strings.Count(text, "\n"); n > 12_000 {
		t.Errorf("%d lines", n)
	}
	if !strings.Contains(text, "and 9000 more. --full prints all.") || !strings.Contains(text, "and 10000 more objects. --full prints all.") {
		t.Errorf("it does not say what is left out: %.300s", text)
	}
}
