package compiler

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/schema"
)

// TestRecordsThatAreGivenUp: a name that ever was in use stays with its object,
// in use or retired, or the plan says that it does not.
func TestRecordsThatAreGivenUp(t *testing.T) {
	entries := func(pairs ...string) []lockfile.Entry {
		var list []lockfile.Entry
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, lockfile.Entry{Label: pairs[i], Value: pairs[i+1]})
		}
		return list
	}
	for name, test := range map[string]struct {
		live, retired, liveAfter, retiredAfter []lockfile.Entry
		address, reason                        string // "" for no change
	}{
		"kept":                     {live: entries("a", "1"), liveAfter: entries("a", "1")},
		"renamed":                  {live: entries("a", "1"), liveAfter: entries("b", "1")},
		"retired":                  {live: entries("a", "1"), retiredAfter: entries("a", "1")},
		"replaced":                 {live: entries("a", "1"), liveAfter: entries("a", "2"), retiredAfter: entries("a", "1")},
		"new":                      {liveAfter: entries("a", "1"), retiredAfter: entries("b", "2")},
		"brought back":             {retired: entries("a", "1"), liveAfter: entries("a", "1")},
		"rewritten":                {entries("a", "1"), nil, entries("a", "2"), nil, "client", "neither in use nor retired"},
		"dropped":                  {entries("a", "1"), nil, nil, nil, "client", "neither in use nor retired"},
		"retired for another":      {entries("a", "1"), nil, nil, entries("b", "1"), "client", "keeps it for %.b instead"},
		"released":                 {nil, entries("a", "1"), nil, nil, "retired_client", "neither in use nor retired"},
		"released to another":      {nil, entries("a", "1"), entries("b", "1"), nil, "retired_client", "%.b has it now"},
		"kept retired for another": {nil, entries("a", "1"), nil, entries("b", "1"), "retired_client", "keeps it for %.b instead"},
	} {
		for kind, block := range map[Kind]string{KindAPI: "api", KindClient: "client"} {
			before, after := &lockfile.File{}, &lockfile.File{}
			if kind == KindAPI {
				before.APIs, before.RetiredAPIs, after.APIs, after.RetiredAPIs = test.live, test.retired, test.liveAfter, test.retiredAfter
			} else {
				before.Clients, before.RetiredClients, after.Clients, after.RetiredClients = test.live, test.retired, test.liveAfter, test.retiredAfter
			}
			plan, _ := NewPlan(Prior{Document: &schema.Document{}, Records: before}, &Model{Document: &schema.Document{}}, PlanOptions{Lock: after})
			if test.address == "" {
				if len(plan.Changes) > 0 || !plan.Empty() {
					t.Errorf("%s, %s: %+v", name, kind, plan.Changes)
				}
				continue
			}
			address := "lock." + strings.Replace(test.address, "client", block, 1) + ".a"
			reason := strings.ReplaceAll(test.reason, "%", block)
			if len(plan.Changes) != 1 || plan.Summary != (Summary{Widen: 1}) || plan.Empty() {
				t.Errorf("%s, %s: %+v", name, kind, plan)
				continue
			}
			if c := plan.Changes[0]; c.Address != address || c.Effect != EffectWiden || c.Action != ActionDelete || !strings.Contains(c.Reason, reason) {
				t.Errorf("%s, %s: %+v, want %s %q", name, kind, c, address, reason)
			}
		}
	}
}
