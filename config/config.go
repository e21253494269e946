// Package config turns HCL bytes into the declared model: every block of the
// tree evaluated into the vocabulary of package schema, every value with its
// source range.
//
// It owns evaluation (variables, locals, for_each, references, functions) and
// every rule that can be seen inside one block. Rules between blocks, defaults
// and the lockfile belong to package compiler; reading and parsing files within
// limits belongs to package config/source.
package config

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// A Config is a configuration as declared: evaluated, checked block by block,
// nothing compared with anything else yet. Each list is sorted by label, but for Issuers
// and Tests, so that it does not depend on how the files are called.
//
// Load has finished with a Config when it returns it. From then on its fields are only
// read, and EvalClaims and CheckPolicy may be called by many goroutines.
type Config struct {
	Issuers        []*Issuer // exactly one in a valid tree; package compiler says so
	APIs           []*API
	Clients        []*Client
	Authorizations []*Authorization
	TrustedIssuers []*TrustedIssuer
	SigningKeys    []*SigningKey
	Policies       []*Policy
	Tests          []*Test // what *.test.hcl files expect, by file and place

	// Sources holds the bytes of every configuration file by its name relative
	// to the root, with forward slashes: what a snippet is cut from.
	Sources map[string][]byte
	// Digest is the SHA-256 of every file name and content, of the files read by
	// file(), and of the variable values: what a saved plan is bound to.
	Digest [32]byte
	// LeftOut names the variables that Options.OnlyDeclared left out, sorted.
	LeftOut []string
	// Partial says that whole objects are missing, because a for_each failed or a
	// file did not parse. Then nothing follows from what is not there.
	Partial bool

	eval *eval.Evaluator // of claims and policies, with a budget of its own
}

// A Decl is where something was declared. All instances of a block with for_each have the
// ranges of that block.
type Decl struct {
	Address string        // "api.orders", `client.worker["eu"]`, "issuer"
	Range   hcl.Range     // the block's header
	block   *source.Block // nil in a Decl that was not loaded; then Range stands for every place in it
}

// An Issuer is the issuer block with its defaults.
type Issuer struct {
	Decl
	schema.Issuer
	Defaults schema.Defaults
}

// An API is an api block, one per instance where for_each is used. As in every object, an
// attribute that was not set has the language's default. It is zero if it may be inherited
// from another block: package compiler, which sees all blocks, then sets it to what it
// inherits or to the default.
type API struct {
	Decl
	schema.API
	claims *claims
}

// A Client is a client block or one instance of it.
type Client struct {
	Decl
	schema.Client
	claims *claims
}

// An Authorization is an authorization block or one instance of it. Load has reported a
// reference to something that is not declared; its label is "".
type Authorization struct {
	Decl
	schema.Authorization
	claims *claims
}

// A TrustedIssuer is a trusted_issuer block.
type TrustedIssuer struct {
	Decl
	schema.TrustedIssuer
}

// A SigningKey is a signing_key block.
type SigningKey struct {
	Decl
	schema.SigningKey
}

// A Policy is an invariant of this configuration, evaluated by Config.CheckPolicy.
type Policy struct {
	Decl
	Label     string
	ForEachOf string // a value of the attribute for_each_of
	Severity  string // "error" or "warning"

	// Both are nil if Load found them wrong and said so. The policy is then not evaluated.
	condition, errorMessage *deferred
}

// A Test is one expectation of a *.test.hcl file. It names client and API as a request
// does, by client_id and identifier, and not by reference: so it fails if one of them is
// renamed or gone, as a request of that client would.
type Test struct {
	Decl
	Name   string
	Client string // client_id
	API    string // identifier

	SubjectType   schema.SubjectType // on whose behalf
	SubjectClaims string             // what the user's token says, a JSON object; "" for nothing

	Scopes    []string
	ScopesSet bool  // scopes was written
	At        int64 // Unix seconds; 0 for now
	Granted   bool
	Scope     *string // nil when nothing is expected
	Lifetime  *int64  // seconds; nil when nothing is expected
	Claims    []Claim // sorted by name; nil when nothing is expected
	Error     string  // the OAuth error code; "" when nothing is expected
}

// AttrRange returns the range of an attribute's value, the block's header when
// the attribute was not written.
func (d *Decl) AttrRange(name string) hcl.Range {
	if d.block != nil {
		if a := d.block.Body.Attribute(name); a != nil {
			return a.Expr.Range()
		}
	}
	return d.Range
}

// NestedRange returns the range of an attribute's value in a nested block:
// ("secret", "2026-q4", "hash"). Where the attribute was not written, or attr
// is "", it is the nested block's header; without such a block, d.Range. A
// label of "" is the first block of the type.
func (d *Decl) NestedRange(blockType, label, attr string) hcl.Range {
	if d.block == nil {
		return d.Range
	}
	for _, b := range d.block.Body.Blocks {
		if b.Type != blockType || label != "" && (len(b.Labels) == 0 || b.Labels[0] != label) {
			continue
		}
		if a := b.Body.Attribute(attr); a != nil {
			return a.Expr.Range()
		}
		return b.DefRange()
	}
	return d.Range
}

// Has reports whether an attribute was written, and not as null.
func (d *Decl) Has(name string) bool {
	if d.block == nil {
		return false
	}
	a := d.block.Body.Attribute(name)
	return a != nil && !a.Expr.IsNull()
}

// ScopeRange returns where scope i of an authorization was written. Where the
// scopes are what an expression gives it is all of the expression.
func (a *Authorization) ScopeRange(i int) hcl.Range { return a.ElementRange("scopes", i) }

// ElementRange is where element i of a list was written; the whole list where an
// expression gave it.
func (d *Decl) ElementRange(name string, i int) hcl.Range {
	if d.block != nil {
		if a := d.block.Body.Attribute(name); a != nil {
			if _, written, ok := literalStrings(&a.Expr); ok && i < len(written) {
				return written[i].Range()
			}
		}
	}
	return d.AttrRange(name)
}
