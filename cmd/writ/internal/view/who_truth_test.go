package view

import (
	"fmt"
	"testing"
	"time"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
)

// probes are the times after a plan, in seconds, at which its answers are compared:
// a moment before, at and after each time at which something in a random document begins or
// ends.
var probes = []int64{-1, 0, 1, 7199, 7200, 7201, 4*3600 - 1, 4 * 3600, 4*3600 + 1}

// whoAt is what "writ who" says of a time, in the form of decided.
func whoAt(t *testing.T, d *schema.Document, at time.Time) map[string]bool {
	t.Helper()
	list, err := compiler.Who(d, compiler.AccessQuery{}, at)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, a := range list {
		issuers := a.Users
		if a.Authorization.SubjectType == schema.SubjectClient {
			issuers = []string{""}
		}
		for _, issuer := range issuers {
			for _, scope := range append([]string{""}, a.Authorization.Scopes...) {
				rows[fmt.Sprint(a.Client.ClientID, " ", a.API.Identifier, " ", issuer, " ", scope)] = true
			}
		}
		checkUntil(t, d, a, at)
	}
	return rows
}

// checkUntil: a moment before its end an access is there, by a credential that is listed,
// and at its end it is not.
func checkUntil(t *testing.T, d *schema.Document, a compiler.Access, at time.Time) {
	t.Helper()
	if len(a.Credentials) == 0 {
		t.Fatalf("client %q has access at %s by no credential", a.Client.Label, at)
	}
	if a.Until == 0 {
		return
	}
	for offset, want := range map[int64]int{-1: 1, 0: 0} {
		q := compiler.AccessQuery{AccessFilter: compiler.AccessFilter{Client: a.Client.ClientID, API: a.API.Identifier, SubjectType: a.Authorization.SubjectType}}
		if list, err := compiler.Who(d, q, time.Unix(a.Until+offset, 0)); err != nil || len(list) != want {
			t.Fatalf("%d seconds from the end %s of an access: %d, %v", offset, schema.FormatTime(a.Until), len(list), err)
		}
	}
}

// checkChecks holds the two checks of a plan against the rows that it gains, at any of the
// probed times, and against everything that is granted after it.
func checkChecks(t *testing.T, p *compiler.Plan, before *schema.Document, after *compiler.Model, gains, granted bool) {
	t.Helper()
	for text, want := range map[string]bool{"no-new-access": !gains, "no-access=subject_type:client": !granted} {
		check, err := compiler.ParseAccessCheck(text)
		if err != nil {
			t.Fatal(err)
		}
		found, err := check.Counterexamples(p, before, after, planNoon)
		if err != nil {
			t.Fatal(err)
		}
		if holds := len(found) == 0; holds != want {
			t.Fatalf("%s holds: %v; %q", text, holds, found)
		}
	}
}
