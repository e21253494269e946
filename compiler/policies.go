package compiler

import (
	"fmt"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// checkPolicies evaluates every policy for every object of its kind. It judges
// the resolved document, so a policy sees defaults and effective lifetimes.
func (c *compilation) checkPolicies() {
	for _, p := range c.Config.Policies {
		if c.refused.has(&p.Decl) {
			continue
		}
		check := policyCheck{c, p, make(map[mistake]bool)}
		switch Kind(p.ForEachOf) {
		case KindAPI:
			for i, declared := range c.apis {
				check.hold(config.Self{API: &c.Document.APIs[i]}, &declared.Decl)
			}
		case KindClient:
			for i, declared := range c.clients {
				check.hold(config.Self{Client: &c.Document.Clients[i]}, &declared.Decl)
			}
		case KindAuthorization:
			for i, declared := range c.authorizations {
				e := c.ends[i]
				check.hold(c.selfOf(i), &declared.Decl, &c.apis[e.api].Decl, &c.clients[e.client].Decl)
			}
		}
	}
}

// A policyCheck is one policy on its way over the objects.
type policyCheck struct {
	*compilation
	policy   *config.Policy
	reported map[mistake]bool // faults of the policy itself, each reported once
}

// hold reports an object that does not satisfy the policy. The object is the
// first of the declarations that the policy can see.
func (p policyCheck) hold(self config.Self, seen ...*config.Decl) {
	if p.refused.has(seen...) {
		return
	}
	object := seen[0]
	ok, message, diags := p.Config.CheckPolicy(p.policy, self)
	p.report(diags, p.reported)
	if ok || diags.HasErrors() {
		return
	}
	p.diags = append(p.diags, diag.Diagnostic{
		Severity: severityOf(p.policy),
		Code:     "policy-failed",
		Summary:  "Policy not satisfied",
		Detail:   fmt.Sprintf("%s does not satisfy %s: %s", object.Address, p.policy.Address, message),
		Range:    object.Range,
		Related:  []diag.Related{declaredHere(&p.policy.Decl)},
	})
}

func severityOf(p *config.Policy) diag.Severity {
	if p.Severity == string(diag.Warning) {
		return diag.Warning
	}
	return diag.Error
}
