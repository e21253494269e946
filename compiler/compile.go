// Package compiler turns a declared configuration into what a server needs to
// know: it applies defaults, resolves references, checks every rule that
// involves two places, compares with the lockfile and the prior snapshot, and
// plans and applies the difference.
//
// The way of the data:
//
//	config.Config ─ Compile ─▶ Model ─ CheckLock ─▶ next lockfile
//	                             └──── NewPlan ───▶ Plan ─ Apply
//
// Rules that can be seen inside one block belong to package config, the bytes of
// the lockfile to compiler/lockfile, the bytes of the snapshot to
// schema/snapshot. Apart from Apply nothing here does I/O, and no error depends
// on the clock.
package compiler

import (
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// CompileOptions are the inputs of Compile besides the configuration.
type CompileOptions struct {
	// Now is what the warnings about credentials that expired or soon will
	// compare with; the zero time gives none of them. No error depends on it.
	Now time.Time
	// Loaded is what config.Load reported. A block that has an error there gets
	// no follow-up errors here.
	Loaded diag.List
}

// Compile resolves a configuration and checks every rule that involves two
// places. It collects everything it finds, sorted by place, and does not repeat
// what config.Load has already refused.
//
// The stages build on one another: defaults make the objects, resolution makes
// the authorizations out of references, and only then can rules look across.
// Claims and policies come last because their expressions see the result.
func Compile(cfg *config.Config, opts CompileOptions) (*Model, diag.List) {
	c := newCompilation(cfg, opts)

	c.compileIssuer()
	c.compileAPIs()
	c.compileClients()
	c.compileTrustedIssuers()
	c.compileSigningKeys()
	c.compileAuthorizations()
	c.sortPolicies()

	c.checkIdentifiers()
	c.checkClientIDs()
	c.checkSigningSecrets()
	c.checkCredentials()
	c.checkSharedSecrets()
	c.checkTrustedIssuers()
	c.checkFederated()
	c.checkFederation()
	c.checkDefaultAPIs()
	c.checkOfflineAccess()
	c.checkGrants()
	c.checkUserIssuers()
	c.checkKeySchedules()
	c.checkProfilesAndLifetimes()
	c.checkUnusedClients()
	c.checkExpiry()
	c.checkExpiredAuthorizations()

	c.compileClaims()
	c.checkUnusedClaims()
	c.checkPolicies()

	found := c.diags.Sorted()
	if !opts.Loaded.HasErrors() && !found.HasErrors() && c.acceptance.blocks != nil {
		c.Accept(slices.Clone(opts.Loaded)) // those are warnings that there are, too
		c.checkAccepts()
		found = c.diags.Sorted()
	}
	return c.Model, found
}

// A compilation is one run of Compile: the model in the making and what was
// found so far.
type compilation struct {
	*Model
	opts       CompileOptions
	issuer     *config.Issuer // the first one declared; the zero value when there is none
	refused    refusedBlocks
	byClient   [][]int32 // by client: the indexes of its authorizations
	ends       []ends    // by authorization
	scopes     []scopeIndex
	held       []bool          // working memory of resolveScopes
	unresolved map[string]bool // labels of clients of authorizations that did not resolve
	shown      struct {        // of the last unknown scope: its API and the scopes that the API has
		api   int32
		names []string
	}
	diags diag.Bounded

	comparisons int  // of names, for suggestions
	exhausted   bool // the budget of claims and policies, which is reported once
}

// newCompilation returns a compilation that has found nothing yet.
func newCompilation(cfg *config.Config, opts CompileOptions) *compilation {
	accepts := newAcceptance(cfg)
	return &compilation{
		Model:   &Model{Document: &schema.Document{}, Config: cfg, acceptance: accepts},
		opts:    opts,
		issuer:  &config.Issuer{},
		refused: findRefused(cfg, opts.Loaded),
		diags:   diag.Bounded{Accepts: accepts.accepts},
	}
}

// report adds a diagnostic with the severity and the summary of its code.
func (c *compilation) report(r hcl.Range, code, detail string, related ...diag.Related) {
	c.diags.Add(diag.New(code, r, detail, related...))
}

// reportTitled is report with a summary that says which case of the code it is.
func (c *compilation) reportTitled(r hcl.Range, code, summary, detail string, related ...diag.Related) {
	c.diags.Add(diag.New(code, r, detail, related...).Titled(summary))
}

// declaredHere points at a declaration as the second place of a diagnostic.
func declaredHere(d *config.Decl) diag.Related {
	return diag.Related{Message: d.Address + " is declared here", Range: d.Range}
}

// maxComparisons bounds the search for similar names to about a fifth of a second: each
// comparison takes about a microsecond.
const maxComparisons = 200_000

// didYouMean is the function didYouMean within maxComparisons, and "" beyond.
func (c *compilation) didYouMean(name string, candidates []string) string {
	if c.comparisons += len(candidates); c.comparisons > maxComparisons {
		return ""
	}
	return didYouMean(name, candidates)
}

// didYouMean is the last sentence of a detail about an unknown name: empty when
// no similar name is declared.
func didYouMean(name string, candidates []string) string {
	if sentence := schema.DidYouMean(name, candidates); sentence != "" {
		return " " + sentence
	}
	return ""
}
