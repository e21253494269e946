package view

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
)

// A plan as findings at lines, for hosts such as GitHub. It has the statements of the other
// views, so that no host hears something else than a reader of the plan.

// MaxFindings is how many findings of a plan a host is given: GitHub shows no more results
// of one run of SARIF.
const MaxFindings = 5000

// findingCodes are the codes under which hosts of repositories are told what a section says.
// Sections that nobody has to act upon have none: an annotation on a pull request interrupts.
var findingCodes = map[int]string{
	sectionReach:      "access-gained",
	sectionLonger:     "access-extended",
	sectionCredential: "credential-added",
	sectionCutOff:     "access-lost",
	sectionNarrow:     "access-lost", // of its statements those about access
	sectionVerifiers:  "verifiers-affected",
	sectionGuards:     "guard-loosened", // of its statements those that loosen
}

// Findings is what a plan means for hosts of repositories, each consequence at the line that
// causes it: first what contradicts a check, then who gains, who loses, whose verifiers must
// change, in the order of the other views. What happens to several objects is one finding if
// one line causes it, and one for each object otherwise.
func Findings(r *Review) diag.List {
	var list diag.List
	for i := range r.Checks {
		for _, c := range r.Checks[i].Counterexamples {
			list = append(list, diag.New("failed-check", r.located(Place{Range: c.Range}).Range, fmt.Sprintf("--check %s does not hold: %s", r.Checks[i].Check, c.Text)))
		}
	}
	m := meaningOf(r)
	for i := range m.sections {
		for _, s := range m.sections[i].statements {
			if i == sectionNarrow && !s.isAccess() || i == sectionGuards && !s.loosens || findingCodes[i] == "" {
				continue
			}
			// A statement about objects in several places has no line of its own to stand at.
			statements := []*statement{s}
			if s.place.Range.Filename == "" {
				statements = s.apart()
			}
			for _, one := range statements {
				list = append(list, diag.New(findingCodes[i], r.located(one.place, one.addresses[0], one.api).Range, one.text()))
			}
		}
	}
	if more := len(list) - MaxFindings; more > 0 {
		list = append(list[:MaxFindings], diag.Newf("limit-exceeded", r.located(Place{}).Range,
			"Only the first %d consequences of the change are reported, and there are %d more: writ plan --full prints all.", MaxFindings, more).WithSeverity(diag.Warning))
	}
	return list
}

// located is a place in the configuration as it is now, since hosts show no other: of what
// is gone that of the first of the addresses which is still there, and of the issuer where
// none is. A finding without any place would be shown nowhere.
func (r *Review) located(p Place, addresses ...string) Place {
	for _, address := range append(addresses, string(compiler.KindIssuer)) {
		if p.Range.Filename != "" && !p.Gone {
			return p
		}
		if r.Place != nil && address != "" {
			p = r.Place(address, "", "")
		}
	}
	if p.Gone {
		return Place{Range: hcl.Range{}}
	}
	return p
}
