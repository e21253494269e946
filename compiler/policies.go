package compiler

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// checkPolicies evaluates every policy for every object of its kind. Policies see
// the resolved document, with defaults and effective lifetimes.
func (c *compilation) checkPolicies() {
	for _, p := range c.policies {
		if c.Config.Exhausted() {
			return
		}
		if !c.refused.has(&p.Decl) {
			c.checkPolicy(p)
		}
	}
}

// checkPolicy evaluates one policy. Violations are reported for each object, mistakes in
// the policy itself once.
func (c *compilation) checkPolicy(p *config.Policy) {
	n := 0
	switch Kind(p.ForEachOf) {
	case KindAPI:
		n = len(c.apis)
	case KindClient:
		n = len(c.clients)
	case KindAuthorization:
		n = len(c.authorizations)
	}
	var faults diag.List // errors of the policy itself, the same for many objects
	for _, d := range checkInParallel(n, func(i int) diag.List { return c.policyFindings(p, i) }) {
		if d.Code == "policy-failed" {
			c.diags.Add(d)
		} else {
			faults = append(faults, d)
		}
	}
	c.reportOnce(faults)
}

// policyFindings evaluates a policy for object i and returns the violation, or what is
// wrong with the policy. It skips objects with errors of their own: the policy would
// judge values that the author did not mean.
func (c *compilation) policyFindings(p *config.Policy, i int) diag.List {
	self, seen := c.policySelf(Kind(p.ForEachOf), i)
	if c.refused.has(seen...) {
		return nil
	}
	ok, message, diags := c.Config.CheckPolicy(p, self)
	if ok || diags.HasErrors() {
		return diags
	}
	object := seen[0]
	failed := diag.New("policy-failed", object.Range,
		fmt.Sprintf("%s does not satisfy %s: %s", object.Address, p.Address, message), declaredHere(&p.Decl))
	return append(diags, failed.WithSeverity(severityOf(p)))
}

// policySelf returns what a policy sees of object i, and the declarations that
// this comes from, the object's own first.
func (c *compilation) policySelf(kind Kind, i int) (config.Self, []*config.Decl) {
	switch kind {
	case KindAPI:
		return config.Self{API: &c.Document.APIs[i], APIs: c.Document.APIs}, []*config.Decl{&c.apis[i].Decl}
	case KindClient:
		return config.Self{Client: &c.Document.Clients[i], APIs: c.Document.APIs}, []*config.Decl{&c.clients[i].Decl}
	}
	e := c.ends[i]
	return c.selfOf(i), []*config.Decl{&c.authorizations[i].Decl, &c.apis[e.api].Decl, &c.clients[e.client].Decl}
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
