package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// This file holds a change to what guards it: the checks of the command line, the policies,
// and the expectations.

// parseChecks reads the values of --check. A mistake in one is a usage error, found before
// any file is read.
func parseChecks(texts []string) ([]compiler.AccessCheck, error) {
	checks := make([]compiler.AccessCheck, len(texts))
	for i, text := range texts {
		var err error
		if checks[i], err = compiler.ParseAccessCheck(text); err != nil {
			return nil, diag.Usagef("--check: %s", err)
		}
	}
	return checks, nil
}

// runChecks holds a plan to the checks. All are answered, the ones after a failure too, so
// that one comment says everything that is wrong. An error is about a filter that names
// something which is not declared: a check of a misspelled client must not hold.
func runChecks(env *cli.Env, p *workspace.Proposal, checks []compiler.AccessCheck) ([]view.CheckResult, error) {
	var results []view.CheckResult
	for _, check := range checks {
		found, err := check.Counterexamples(p.Plan, p.Prior.Document, p.Model, env.Now())
		if err != nil {
			return nil, err
		}
		result := view.CheckResult{Check: check.Text, Holds: len(found) == 0, Counterexamples: found}
		env.Test(diag.Case{Suite: "checks", Name: check.Text, Failure: strings.Join(result.Sentences(), "\n")})
		results = append(results, result)
	}
	return results, nil
}

// anyFails reports whether a check does not hold.
func anyFails(results []view.CheckResult) bool {
	return slices.ContainsFunc(results, func(r view.CheckResult) bool { return !r.Holds })
}

// onlyPolicies reports whether nothing but policies for changes refuses a plan, so that the
// comment holds the plan and their messages.
func onlyPolicies(refused error) bool {
	return !slices.ContainsFunc(diag.ProblemsOf(refused).List, func(d diag.Diagnostic) bool {
		return d.Severity == diag.Error && d.Code != "policy-failed"
	})
}

// guardsOf holds a change to policies and expectations and says how they come out. refused
// is the error of a plan that policies about changes refuse, nil for none. It is the one
// place that asks, so that plan in each of its formats, apply and the console show and obey
// the same answer. Guards.Refusal is set when one of them does not hold; the error is only
// about a failure to ask.
func guardsOf(env *cli.Env, t *workspace.Tree, refused error, where *places) (*view.Guards, error) {
	m := t.Model
	g := &view.Guards{Policies: len(m.Config.Policies), Expectations: len(m.Config.Tests), Exercisable: len(m.Document.Authorizations),
		Failed: []view.Finding{}, Unexercised: []string{}} // lists that are empty, and not null, in JSON
	problems := t.Refused()
	if refused != nil { // its list has the warnings of the tree, which must not be there twice
		problems.List = slices.Concat(t.Unsatisfied, diag.ProblemsOf(refused).List)
	}
	// Warnings of policies are findings too, and refuse nothing.
	for _, d := range problems.List {
		if d.Code == "policy-failed" {
			g.Failed = append(g.Failed, policyFinding(d, where))
		}
	}
	if g.Expectations > 0 { // without any there is no snapshot to make
		report, err := checkAll(env, t, true)
		if err != nil {
			return nil, err
		}
		for i, result := range report.Tests {
			if !result.Passed {
				test := m.Config.Tests[i]
				g.Failed = append(g.Failed, expectationFinding(test, result, where))
				problems.List = append(problems.List, diag.New("failed-expectation", test.Range, result.failure()))
			}
		}
		for _, gap := range report.Uncovered {
			if gap.Whole {
				g.Unexercised = append(g.Unexercised, gap.Address)
			}
		}
	}
	if problems.List.HasErrors() {
		g.Refusal = problems
	}
	return g, nil
}

// guardedReview is a plan with how its policies and expectations come out.
func guardedReview(env *cli.Env, p *workspace.Proposal, refused error, c *commits) (*view.Review, error) {
	review, where := reviewOf(p, c)
	var err error
	review.Guards, err = guardsOf(env, p.Tree, refused, where)
	return review, err
}

// policyFinding is the finding about an object that does not satisfy a policy. It stands at
// the line of the object, which is what the author of the change can mend; Guard names the
// policy.
func policyFinding(d diag.Diagnostic, where *places) view.Finding {
	f := view.Finding{Text: d.Detail, Place: where.atHead(d.Range), Warning: d.Severity != diag.Error}
	for _, related := range d.Related { // where the policy is declared
		f.Guard = strings.TrimSuffix(related.Message, " is declared here")
	}
	return f
}

// expectationFinding says what an expectation expected, what came instead and why.
func expectationFinding(test *config.Test, result testResult, where *places) view.Finding {
	var said []string
	for _, m := range result.Failures {
		said = append(said, fmt.Sprintf("%s: expected %s, got %s", m.What, m.Expected, m.Actual))
	}
	sentences := append([]string{strings.Join(said, "; ") + "."}, result.Why...)
	return view.Finding{Guard: test.Address, Text: strings.Join(sentences, " "), Place: where.atHead(test.Range)}
}
