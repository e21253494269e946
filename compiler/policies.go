package compiler

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// checkPolicies evaluates every policy for every object of its kind. Policies see
// the resolved document, with defaults and effective lifetimes. One that reads all
// objects of a kind is left out while the configuration has errors: it would judge a
// part for the whole.
func (c *compilation) checkPolicies() {
	partial := c.opts.Loaded.HasErrors() || c.diags.HasErrors()
	for _, p := range c.policies {
		if c.Config.Exhausted() {
			return
		}
		if !c.refused.has(&p.Decl) && !(partial && p.ReadsAll()) {
			c.checkPolicy(p)
		}
	}
}

// checkPolicy evaluates one policy. Violations are reported for each object, mistakes in
// the policy itself once.
func (c *compilation) checkPolicy(p *config.Policy) {
	n, subject := c.policySubjects(p.ForEachOf)
	c.addFindings(checkInParallel(n, func(i int) diag.List {
		s := subject(i)
		if c.refused.has(s.decls...) { // it would judge values that the author did not mean
			return nil
		}
		return findingsOf(c.Config, p, s)
	}))
}

// addFindings reports what policies found: each violation, and each mistake once.
func (c *compilation) addFindings(findings diag.List) {
	var faults diag.List // errors of the policy itself, the same for many objects
	for _, d := range findings {
		if d.Code == "policy-failed" {
			c.diags.Add(d)
		} else {
			faults = append(faults, d)
		}
	}
	c.reportOnce(faults)
}

// findingsOf evaluates a policy for one object and returns the violation, or what is
// wrong with the policy.
func findingsOf(cfg *config.Config, p *config.Policy, s policySubject) diag.List {
	ok, message, diags := cfg.CheckPolicy(p, s.self)
	if ok || diags.HasErrors() {
		return diags
	}
	failed := diag.New("policy-failed", s.at, fmt.Sprintf("%s does not satisfy %s: %s", s.address, p.Address, message), declaredHere(&p.Decl))
	return append(diags, failed.WithSeverity(severityOf(p)))
}

// A policySubject is one object that a policy is evaluated for.
type policySubject struct {
	self    config.Self
	address string
	at      hcl.Range
	decls   []*config.Decl // that it comes from
}

// policySubjects returns how many objects there are of a kind, and each by its index.
// Changes are a plan's: see checkChangePolicies.
func (m *Model) policySubjects(of string) (n int, subject func(i int) policySubject) {
	doc, all := m.Document, m.allObjects()
	declared := func(self config.Self, decls ...*config.Decl) policySubject {
		self.APIs, self.All = doc.APIs, all
		return policySubject{self, decls[0].Address, decls[0].Range, decls}
	}
	switch of {
	case string(KindAPI):
		return len(m.apis), func(i int) policySubject { return declared(config.Self{API: &doc.APIs[i]}, &m.apis[i].Decl) }
	case string(KindClient):
		return len(m.clients), func(i int) policySubject { return declared(config.Self{Client: &doc.Clients[i]}, &m.clients[i].Decl) }
	case string(KindAuthorization):
		return len(m.authorizations), func(i int) policySubject {
			auth := &doc.Authorizations[i]
			api, declaredAPI, _ := m.API(auth.API)
			client, declaredClient, _ := m.Client(auth.Client)
			return declared(config.Self{API: api, Client: client, Authorization: auth}, &m.authorizations[i].Decl, &declaredAPI.Decl, &declaredClient.Decl)
		}
	case string(KindTrustedIssuer):
		return len(m.trustedIssuers), func(i int) policySubject {
			return declared(config.Self{TrustedIssuer: &doc.TrustedIssuers[i]}, &m.trustedIssuers[i].Decl)
		}
	case "federated":
		var places [][2]int // client, block
		for i := range doc.Clients {
			for j := range doc.Clients[i].Federated {
				places = append(places, [2]int{i, j})
			}
		}
		return len(places), func(i int) policySubject {
			client, d := &doc.Clients[places[i][0]], m.clients[places[i][0]]
			f := &client.Federated[places[i][1]]
			decls := []*config.Decl{&d.Decl}
			self := config.Self{Client: client, Federated: f}
			if t, found := search(m.trustedIssuers, f.TrustedIssuer, func(t *config.TrustedIssuer) string { return t.Label }); found {
				self.TrustedIssuer, decls = &doc.TrustedIssuers[t], append(decls, &m.trustedIssuers[t].Decl)
			}
			s := declared(self, decls...)
			s.address, s.at = config.FederatedAddress(client.Label, f.Label), d.NestedRange("federated", f.Label, "")
			return s
		}
	}
	return 0, nil
}

// allObjects returns what policies read as all, which is made once.
func (m *Model) allObjects() *config.All {
	if m.all == nil {
		m.all = config.NewAll(m.Document, nil)
	}
	return m.all
}

// severityOf is the severity of a policy's violations.
func severityOf(p *config.Policy) diag.Severity {
	if p.Severity == string(diag.Warning) {
		return diag.Warning
	}
	return diag.Error
}

// chunk is how many objects a worker takes at a time, so that workers seldom
// contend for the next index.
const chunk = 1024

// checkInParallel calls check for 0 to n-1 on all processors and returns the
// diagnostics in the order of the indexes. It is for checks that evaluate
// expressions; the others are too quick to gain by it. If check panics,
// checkInParallel panics: in a goroutine of its own no caller could recover it.
func checkInParallel(n int, check func(i int) diag.List) diag.List {
	found := make([]diag.List, (n+chunk-1)/chunk)
	var next atomic.Int64
	var crashed atomic.Pointer[crash]
	work := func() {
		defer func() {
			if cause := recover(); cause != nil {
				crashed.CompareAndSwap(nil, &crash{cause, debug.Stack()})
			}
		}()
		for {
			at := int(next.Add(1)) - 1
			if at >= len(found) {
				return
			}
			for i := at * chunk; i < min(n, (at+1)*chunk); i++ {
				found[at] = append(found[at], check(i)...)
			}
		}
	}
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(found)) {
		workers.Go(work)
	}
	workers.Wait()
	if c := crashed.Load(); c != nil {
		panic(c)
	}

	var all diag.List
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}

// A crash is the panic of a worker, with the worker's stack.
type crash struct {
	cause any
	stack []byte
}

func (c *crash) String() string { return fmt.Sprintf("%v\n\nin a worker:\n%s", c.cause, c.stack) }
