package compiler

import (
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/schema"
)

// A served is one client on one API after another apply.
type served struct {
	Prior
	now time.Time
}

// apply moves to the next document, as "writ apply" does, some time later.
func (s *served) apply(later time.Duration, next *schema.Document) {
	s.now = s.now.Add(later)
	s.PastLifetimes = NextPastLifetimes(s.Prior, next, s.now)
	s.Document = next
}

// outlives is what a plan that removes everything says, some time later.
func (s *served) outlives(t *testing.T, later time.Duration) time.Duration {
	t.Helper()
	p := compareDocuments(s.Prior, &schema.Document{}, nil, s.now.Add(later))
	if len(p.Access) != 1 {
		t.Fatal(describePlan(p))
	}
	return time.Duration(p.Access[0].ValidUntilMax) * time.Second
}

// living is a document with tokens of a lifetime in seconds; 0 authorizes nobody.
func living(lifetime int64) *schema.Document {
	d := &schema.Document{
		APIs:    []schema.API{{Label: "orders", Identifier: "urn:orders", TokenLifetime: max(lifetime, 60)}},
		Clients: []schema.Client{{Label: "billing", ClientID: "b", GrantTypes: []string{schema.GrantClientCredentials}}},
	}
	if lifetime > 0 {
		d.Authorizations = []schema.Authorization{{Label: "x", Client: "billing", API: "orders", SubjectType: schema.SubjectClient}}
	}
	return d
}

// TestShorterLifetimeIsRemembered: shortening first and removing later is what a
// careful person does, and the tokens from before the shortening are still out.
func TestShorterLifetimeIsRemembered(t *testing.T) {
	const day = 24 * 3600
	s := &served{now: time.Unix(1_800_000_000, 0)}
	s.apply(0, living(day))
	s.apply(time.Hour, living(600))
	for _, test := range []struct{ later, want time.Duration }{
		{0, 24 * time.Hour},
		{time.Hour, 23 * time.Hour},
		{24*time.Hour - 11*time.Minute, 11 * time.Minute},
		{24*time.Hour - time.Minute, 10 * time.Minute}, // the lifetime in force is longer
		{48 * time.Hour, 10 * time.Minute},
	} {
		if got := s.outlives(t, test.later); got != test.want {
			t.Errorf("%v after the shortening: up to %v, want %v", test.later, got, test.want)
		}
	}
	// Carried forward by applies of anything else, such as a removal and its undoing,
	// and forgotten when it has passed.
	s.apply(time.Hour, living(0))
	s.apply(time.Hour, living(600))
	if got := s.outlives(t, time.Hour); got != 21*time.Hour {
		t.Errorf("after a removal and its undoing: up to %v", got)
	}
	s.apply(22*time.Hour, living(600))
	if len(s.PastLifetimes) > 0 {
		t.Errorf("still remembered: %v", s.PastLifetimes)
	}
	// A longer lifetime in force says it all.
	s.apply(0, living(60))
	s.apply(time.Minute, living(day))
	if len(s.PastLifetimes) > 0 {
		t.Errorf("remembered beside a longer one: %v", s.PastLifetimes)
	}
}

// TestPastLifetimesEnd: no token outlives its authorization, and none was issued
// after the last credential.
func TestPastLifetimesEnd(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for name, test := range map[string]struct {
		edit func(d *schema.Document)
		want int64
	}{
		"as it is":                 {func(*schema.Document) {}, 3600},
		"authorization ends":       {func(d *schema.Document) { d.Authorizations[0].ExpiresAt = now.Unix() + 60 }, 60},
		"authorization has ended":  {func(d *schema.Document) { d.Authorizations[0].ExpiresAt = now.Unix() }, 0},
		"credential has ended":     {window(0, now.Unix()-600), 3000},
		"credential ended earlier": {window(0, now.Unix()-3600), 0},
		"credential to come":       {window(now.Unix()+1, 0), 0},
	} {
		before := living(3600)
		test.edit(before)
		var got int64
		if past := NextPastLifetimes(Prior{Document: before}, living(0), now); len(past) > 0 {
			got = past[0].Lifetime
		}
		if got != test.want {
			t.Errorf("%s: %d seconds are remembered, want %d", name, got, test.want)
		}
	}
}

func window(from, until int64) func(d *schema.Document) {
	return func(d *schema.Document) {
		d.Clients[0].Secrets = []schema.Secret{{Label: "s", Window: schema.Window{NotBefore: from, ExpiresAt: until}}}
	}
}

// TestPastLifetimesAreBounded: what is too much is remembered as one, and never
// as shorter than it was.
func TestPastLifetimesAreBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, test := range []struct{ apis, clients, entries int }{{3, 10, 30}, {20, 50, 20}, {1000, 2, 1}} {
		before := &schema.Document{}
		for i := range test.apis {
			before.APIs = append(before.APIs, schema.API{Label: fmt.Sprintf("a%04d", i), Identifier: fmt.Sprintf("https://api.example.com/&&&&&&&&/%d", i), TokenLifetime: int64(60 + i)})
		}
		for i := range test.clients {
			before.Clients = append(before.Clients, schema.Client{Label: fmt.Sprintf("c%04d", i), ClientID: fmt.Sprintf("c%04d", i), GrantTypes: []string{schema.GrantClientCredentials}})
			for j, api := range before.APIs {
				before.Authorizations = append(before.Authorizations, schema.Authorization{
					Label: fmt.Sprintf("x%04d-%04d", i, j), Client: before.Clients[i].Label, API: api.Label, SubjectType: schema.SubjectClient,
				})
			}
		}
		past := NextPastLifetimes(Prior{Document: before}, &schema.Document{}, now)
		if len(past) != test.entries || sizeOf(past) > maxPastLifetimes {
			t.Errorf("%d APIs, %d clients: %d entries of %d bytes, want %d entries", test.apis, test.clients, len(past), sizeOf(past), test.entries)
		}
		known := newPastLifetimes(past)
		for _, a := range before.APIs {
			if left := known.secondsLeft("c0000", a.Identifier, now.Unix()); left < a.TokenLifetime {
				t.Fatalf("%d seconds left of %d", left, a.TokenLifetime)
			}
		}
		if again := NextPastLifetimes(Prior{PastLifetimes: past}, &schema.Document{}, now); gocmp.Diff(past, again) != "" {
			t.Errorf("another order: %s", gocmp.Diff(past, again))
		}
	}
}
