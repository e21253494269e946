package compiler

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-auth/writ/schema"
)

// TestEffectsAgreeWithPowers: a plan has a widening change exactly when somebody
// can get or do more, by an account that knows nothing of plans.
func TestEffectsAgreeWithPowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawPair(t)
		p := compareDocuments(before, after, nil)
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
		p := compareDocuments(before, after, nil)
		if wide := grew(powersOf(before), powersOf(after)); wide != (p.Summary.Widen > 0) {
			t.Fatalf("somebody gains: %v; the plan says:\n%s", wide, describePlan(p))
		}
	})
}

// TestPlanOfItselfIsEmpty, and so is the plan after an apply.
func TestPlanOfItselfIsEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t, "d")
		if p := compareDocuments(d, d, nil); len(p.Changes) > 0 || len(p.Access) > 0 || !p.Empty() {
			t.Fatal(describePlan(p))
		}
	})
}

// TestPlanMissesNothing: two documents without a plan between them are equal,
// but for what their types do not tell apart.
func TestPlanMissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawPair(t)
		p := compareDocuments(before, after, nil)
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

// reachable is who can get which scope where, by the definition alone: a token
// without scopes is the scope "".
func reachable(d *schema.Document) map[[4]string]bool {
	set := map[[4]string]bool{}
	users := false
	for _, t := range d.TrustedIssuers {
		users = users || slices.Contains(t.VouchesFor, schema.SubjectUser)
	}
	for _, a := range d.Authorizations {
		for _, c := range d.Clients {
			for _, api := range d.APIs {
				grant := schema.GrantClientCredentials
				if a.SubjectType == schema.SubjectUser {
					grant = schema.GrantTokenExchange
				}
				if a.Client != c.Label || a.API != api.Label || !slices.Contains(c.GrantTypes, grant) || a.SubjectType == schema.SubjectUser && !users {
					continue
				}
				for _, s := range append([]string{""}, a.Scopes...) {
					set[[4]string{c.ClientID, api.Identifier, string(a.SubjectType), s}] = true
				}
			}
		}
	}
	return set
}

// TestAccessIsTheSetDifference counts gains and losses of each scope: the rows
// of a plan speak of labels, so they are compared through the documents.
func TestAccessIsTheSetDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawPair(t)
		was, is := reachable(before), reachable(after)
		want := map[string]int{}
		for k := range is {
			if !was[k] {
				want["+"+nameOf(after, k)]++
			}
		}
		for k := range was {
			if !is[k] {
				label := nameOf(before, k)
				if hasEdge(is, k) { // the row has the new labels
					label = nameOf(after, k)
				}
				want["-"+label]++
			}
		}
		got := map[string]int{}
		for _, a := range compareDocuments(before, after, nil).Access {
			key := fmt.Sprint(a.Client, " ", a.API, " ", a.SubjectType, " ")
			for _, s := range a.Gained {
				got["+"+key+s]++
			}
			for _, s := range a.Lost {
				got["-"+key+s]++
			}
			switch a.Token {
			case TokenGained:
				got["+"+key]++
			case TokenLost:
				got["-"+key]++
			}
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("brute force -, plan +:\n%s", diff)
		}
	})
}

func hasEdge(set map[[4]string]bool, k [4]string) bool {
	k[3] = ""
	return set[k]
}

func nameOf(d *schema.Document, k [4]string) string {
	var client, api string
	for _, c := range d.Clients {
		if c.ClientID == k[0] {
			client = c.Label
		}
	}
	for _, a := range d.APIs {
		if a.Identifier == k[1] {
			api = a.Label
		}
	}
	return fmt.Sprint(client, " ", api, " ", k[2], " ", k[3])
}

// TestSavedPlanRoundTrip: what a plan says survives its file.
func TestSavedPlanRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawPair(t)
		saved := &SavedPlan{ConfigDigest: "sha256:c", LockDigest: "sha256:l", Replace: []string{"api.orders"}, Plan: compareDocuments(before, after, nil)}
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
