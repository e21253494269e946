package compiler

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// An acceptance knows which warnings the blocks of a configuration acknowledge: those of
// the block that a warning stands in, and those of the issuer, which count for every
// block, and for what stands in none.
type acceptance struct {
	issuer acceptingObject
	blocks map[string][]acceptingObject // by file, in the order of the file; nil when no block accepts anything
	used   map[acceptedCode]bool        // some warning was acknowledged by it
}

// An acceptedCode is a code in the accept of a block, by its place. Those that an expression
// gives share one.
type acceptedCode struct {
	at   hcl.Range
	code string
}

// An acceptingObject is one object and the codes that its block accepts. Those of a for_each
// stand in one place, and may accept different codes.
type acceptingObject struct {
	decl  *config.Decl
	codes []string
}

// newAcceptance collects what the blocks accept. Most configurations accept nothing, and
// for these it only looks.
func newAcceptance(cfg *config.Config) *acceptance {
	a := &acceptance{}
	some := false
	eachDeclaration(cfg, func(_ *config.Decl, codes []string) { some = some || len(codes) > 0 })
	if !some {
		return a
	}
	a.blocks, a.used = map[string][]acceptingObject{}, map[acceptedCode]bool{}
	eachDeclaration(cfg, func(d *config.Decl, codes []string) {
		a.blocks[d.Range.Filename] = append(a.blocks[d.Range.Filename], acceptingObject{d, codes})
	})
	for _, blocks := range a.blocks {
		slices.SortStableFunc(blocks, func(x, y acceptingObject) int { return x.decl.Range.Start.Byte - y.decl.Range.Start.Byte })
	}
	if len(cfg.Issuers) > 0 {
		a.issuer = acceptingObject{&cfg.Issuers[0].Decl, cfg.Issuers[0].Accept}
	}
	return a
}

// eachDeclaration calls visit for each block that declares something, with the warnings that
// it accepts. A policy accepts none. Blocks are visited by kind, in each kind as they are in
// cfg; variables and locals are not among them.
func eachDeclaration(cfg *config.Config, visit func(d *config.Decl, codes []string)) {
	for _, d := range cfg.Issuers {
		visit(&d.Decl, d.Accept)
	}
	for _, d := range cfg.APIs {
		visit(&d.Decl, d.Accept)
	}
	for _, d := range cfg.Clients {
		visit(&d.Decl, d.Accept)
	}
	for _, d := range cfg.Authorizations {
		visit(&d.Decl, d.Accept)
	}
	for _, d := range cfg.TrustedIssuers {
		visit(&d.Decl, d.Accept)
	}
	for _, d := range cfg.SigningKeys {
		visit(&d.Decl, d.Accept)
	}
	for _, d := range cfg.Policies {
		visit(&d.Decl, nil)
	}
}

// accepts reports whether a warning is acknowledged, and remembers by what.
func (a *acceptance) accepts(d *diag.Diagnostic) bool {
	if a.blocks == nil || d.Severity != diag.Warning {
		return false
	}
	accepted := a.in(a.around(d), d)
	return a.in([]acceptingObject{a.issuer}, d) || accepted
}

// in reports whether the objects of a block all accept the warning.
func (a *acceptance) in(objects []acceptingObject, d *diag.Diagnostic) bool {
	accepted := len(objects) > 0
	for _, o := range objects {
		i := slices.Index(o.codes, d.Code)
		if i >= 0 {
			a.used[o.code(i)] = true
		}
		accepted = accepted && i >= 0
	}
	return accepted
}

// around is the block that a diagnostic stands in, the last one to begin before it in the
// file: its object, or those of its for_each that the diagnostic may be about. What is
// said of one of these names it; what is said of all does not.
func (a *acceptance) around(d *diag.Diagnostic) []acceptingObject {
	blocks := a.blocks[d.Range.Filename]
	end, _ := slices.BinarySearchFunc(blocks, d.Range.Start.Byte+1, func(o acceptingObject, at int) int { return o.decl.Range.Start.Byte - at })
	start := end
	for start > 0 && blocks[start-1].decl.Range.Start == blocks[end-1].decl.Range.Start {
		start--
	}
	objects := blocks[start:end]
	if len(objects) < 2 {
		return objects
	}
	named := slices.DeleteFunc(slices.Clone(objects), func(o acceptingObject) bool { return !strings.Contains(d.Detail, o.decl.Address) })
	if len(named) > 0 {
		return named
	}
	return objects
}

// code is the code at an index of what an object accepts.
func (o acceptingObject) code(i int) acceptedCode {
	return acceptedCode{o.decl.ElementRange("accept", i), o.codes[i]}
}

// Accept marks the warnings that the configuration acknowledges. The list is changed in
// place.
func (m *Model) Accept(list diag.List) diag.List {
	for i := range list {
		list[i].Accepted = m.acceptance.accepts(&list[i])
	}
	return list
}

// checkAccepts warns about codes that are accepted and that nothing is reported with.
func (c *compilation) checkAccepts() {
	for _, file := range slices.Sorted(maps.Keys(c.acceptance.blocks)) {
		for _, o := range c.acceptance.blocks[file] {
			for i, code := range o.codes {
				e := o.code(i)
				if c.acceptance.used[e] || !c.isDecided(code) {
					continue
				}
				c.acceptance.used[e] = true // once for all instances
				c.report(e.at, "unused-accept", fmt.Sprintf("%s accepts %s, and there is no such warning any more. Leave it out, so that a new one is seen.", o.decl.Address, code))
			}
		}
	}
}

// isDecided reports whether all warnings of a code are found by compiling. Others come of
// a comparison with a lockfile, a snapshot or the clock, which may yet be made.
func (c *compilation) isDecided(code string) bool {
	switch code {
	case "policy-failed": // those for changes are a plan's
		return !slices.ContainsFunc(c.policies, func(p *config.Policy) bool { return p.ForEachOf == "change" })
	case "expired-authorization", "expired-credential", "expires-soon":
		return !c.opts.Now.IsZero()
	case "unused-accept":
		return false // it may be about this very list
	}
	row, _ := diag.LookUp(code)
	return row.Severity == diag.Warning && !row.IsCommand()
}
