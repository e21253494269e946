package compiler

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-auth/writ/schema"
)

// TestEffectsAgreeWithPowers: a plan has a widening change exactly when somebody
// can get or do more, by an account that knows nothing of plans.
func TestEffectsAgreeWithPowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawPair(t)
		p := planBetween(before, after)
		if wide := grew(powersOf(before), powersOf(after)); wide != (p.Summary.Widen > 0) {
			t.Fatalf("somebody gains: %v; the plan says:\n%s", wide, describePlan(p))
		}
	})
}

// TestLabelsAloneAgreeWithPowers is the same where only labels, identifiers and
// connections differ, so that nothing else widens.
func TestLabelsAloneAgreeWithPowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawNames(t, "before"), drawNames(t, "after")
		p := planBetween(before, after)
		if wide := grew(powersOf(before), powersOf(after)); wide != (p.Summary.Widen > 0) {
			t.Fatalf("somebody gains: %v; the plan says:\n%s", wide, describePlan(p))
		}
	})
}

// TestPlanOfItselfIsEmpty, and so is the plan after an apply.
func TestPlanOfItselfIsEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t, "d")
		if p := planBetween(d, d); len(p.Changes) > 0 || len(p.Access) > 0 || !p.Empty() {
			t.Fatal(describePlan(p))
		}
	})
}

// TestPlanMissesNothing: two documents without a plan between them are equal,
// but for what their types do not tell apart.
func TestPlanMissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawPair(t)
		p := planBetween(before, after)
		if len(p.Changes) > 0 {
			return
		}
		was, _ := json.Marshal(before)
		is, _ := json.Marshal(after)
		if !sameJSON(was, is) {
			t.Fatalf("no changes, yet\n%s\n%s", was, is)
		}
	})
}

func sameJSON(a, b []byte) bool {
	clean := func(b []byte) any {
		var v any
		_ = json.Unmarshal(b, &v)
		return v
	}
	return gocmp.Equal(clean(a), clean(b), gocmp.FilterValues(func(x, y any) bool { return empty(x) && empty(y) }, gocmp.Comparer(func(x, y any) bool { return true })))
}

// empty reports whether a JSON value is null or a list without elements.
func empty(v any) bool {
	list, isList := v.([]any)
	return v == nil || isList && len(list) == 0
}

func describePlan(p *Plan) string {
	b, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// A gain is one scope that one client can get somewhere, "" for any token. The
// issuer is that of the users on whose behalf, label and URL.
type gain struct{ clientID, identifier, subject, issuer, scope string }

// reachable is who can get which scope where at a time, by the definition alone.
func reachable(d *schema.Document, at int64) map[gain]bool {
	set := map[gain]bool{}
	for _, a := range d.Authorizations {
		for _, c := range d.Clients {
			for _, api := range d.APIs {
				grant, issuers := schema.GrantClientCredentials, []string{""}
				if a.SubjectType == schema.SubjectUser {
					grant, issuers = schema.GrantTokenExchange, vouchers(d)
				}
				if a.Client != c.Label || a.API != api.Label || !slices.Contains(c.GrantTypes, grant) || !authenticates(c, at) || a.ExpiresAt != 0 && at >= a.ExpiresAt {
					continue
				}
				for _, issuer := range issuers {
					for _, s := range append([]string{""}, a.Scopes...) {
						set[gain{c.ClientID, api.Identifier, string(a.SubjectType), issuer, s}] = true
					}
				}
			}
		}
	}
	return set
}

func vouchers(d *schema.Document) []string {
	var list []string
	for _, t := range d.TrustedIssuers {
		if slices.Contains(t.VouchesFor, schema.SubjectUser) {
			list = append(list, t.Label+" "+t.Issuer)
		}
	}
	return list
}

// authenticates takes a client without credentials, which does not compile, for
// one that can.
func authenticates(c schema.Client, at int64) bool {
	any := false
	for _, s := range c.Secrets {
		any = true
		if s.Window.Contains(at) {
			return true
		}
	}
	for _, f := range c.Federated {
		any = true
		if f.Window.Contains(at) {
			return true
		}
	}
	return !any
}

// TestAccessIsTheSetDifference compares what a plan says with brute force at
// every time at which anything begins or ends.
func TestAccessIsTheSetDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawPair(t)
		at := pick(t, "at", int64(5), 15, 500, 1500, 2500)
		p := compareDocuments(Prior{Document: before}, after, nil, time.Unix(at, 0))
		for _, now := range []int64{5, 10, 15, 20, 500, 1000, 1500, 2000, 2500} {
			if now < at {
				continue
			}
			was, is := reachable(before, now), reachable(after, now)
			want := map[string]bool{}
			for k := range is {
				if !was[k] {
					want[fmt.Sprint("+", k)] = true
				}
			}
			for k := range was {
				if !is[k] {
					want[fmt.Sprint("-", k)] = true
				}
			}
			if diff := gocmp.Diff(want, saidAt(p, before, after, now)); diff != "" {
				t.Fatalf("at %d of %d, brute force -, plan +:\n%s\n%s", now, at, diff, describePlan(p))
			}
		}
	})
}

// saidAt is what a plan says of one time.
func saidAt(p *Plan, before, after *schema.Document, now int64) map[string]bool {
	said := map[string]bool{}
	say := func(sign string, a AccessChange, d *schema.Document, scope string) {
		issuers := []string{""}
		if a.SubjectType == schema.SubjectUser {
			issuers = vouchers(d)
		}
		for _, issuer := range issuers {
			if label, _, _ := strings.Cut(issuer, " "); a.TrustedIssuer == "" || a.TrustedIssuer == label {
				said[fmt.Sprint(sign, gain{a.ClientID, a.Identifier, string(a.SubjectType), issuer, scope})] = true
			}
		}
	}
	for _, a := range p.Access {
		from, until := timeIn(a.From), timeIn(a.Until)
		if now < from || until != 0 && now >= until {
			continue
		}
		gained, lost := a.Gained, a.Lost
		switch a.Token {
		case TokenGained:
			gained = append([]string{""}, gained...)
		case TokenLost:
			lost = append([]string{""}, lost...)
		}
		for _, scope := range gained {
			say("+", a, after, scope)
		}
		for _, scope := range lost {
			say("-", a, before, scope)
		}
	}
	return said
}

func timeIn(text string) int64 {
	if text == "" {
		return 0
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t.Unix()
}

// TestSavedPlanRoundTrip: what a plan says survives its file.
func TestSavedPlanRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawPair(t)
		saved := &SavedPlan{ConfigDigest: "sha256:c", LockDigest: "sha256:l", Replace: []string{"api.orders"}, Plan: planBetween(before, after)}
		saved.Plan.PriorDigest = "sha256:p"
		b, err := saved.Encode()
		if err != nil {
			t.Fatal(err)
		}
		read, err := DecodeSavedPlan(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := read.Check(saved); err != nil {
			t.Fatal(err)
		}
	})
}
