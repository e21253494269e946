package main

import (
	"slices"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
)

// parseChecks reads the values of --check.
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

// runChecks holds a plan to the checks. Each is answered, so that one comment says all
// that is wrong.
func runChecks(p *workspace.Proposal, checks []compiler.AccessCheck, now time.Time) ([]view.CheckResult, error) {
	var results []view.CheckResult
	for _, check := range checks {
		found, err := check.Counterexamples(p.Plan, p.Prior.Document, p.Model, now)
		if err != nil {
			return nil, err
		}
		results = append(results, view.CheckResult{Check: check.Text, Holds: len(found) == 0, Counterexamples: found})
	}
	return results, nil
}

// failed reports whether a check does not hold.
func failed(results []view.CheckResult) bool {
	return slices.ContainsFunc(results, func(r view.CheckResult) bool { return !r.Holds })
}
