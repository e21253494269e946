package compiler

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/schema"
)

// A Request is what Explain is asked about: one request for a token.
type Request struct {
	ClientID    string             // as the client sends it
	API         string             // the identifier, as the client sends it; "" when it names none
	Scopes      []string           // what is asked; nil for nothing asked
	SubjectType schema.SubjectType // "" means client
	At          int64              // Unix seconds; 0 judges no window and no expiry
}

// An Explanation is why a request is allowed or refused: the rule path that the
// server follows, with the place of each rule, up to the one that refuses.
type Explanation struct {
	Allowed        bool
	Error          string // the rfc6749 error code of a refusal, "" when allowed
	Client         string // labels of what was found, "" when it was not
	API            string
	Authorization  string
	Scopes         []string // granted
	Lifetime       int64    // seconds
	Steps          []Step
	NearMisses     []NearMiss // for an identifier that names no API
	Authorizations []Reach    // what the client may reach, when the request is refused
	Suggestions    []string   // full sentences
}

// A Step is one question on the rule path and its answer.
type Step struct {
	Rule   string // "client", "grant", "credential", "api", "authorization", "window", "scopes", "lifetime"
	OK     bool
	Text   string // a full sentence
	Ranges []hcl.Range
}

// A NearMiss is a declared identifier that looks like the one asked for.
type NearMiss struct {
	API        string // label
	Identifier string
	Reason     string // "differs from api.orders by a trailing slash"
	Range      hcl.Range
}

// A Reach is one authorization that the client does have.
type Reach struct {
	Authorization string // label
	API           string // label
	Identifier    string
	SubjectType   schema.SubjectType
	Scopes        []string
	Range         hcl.Range
}

// Explain follows a request along the rules. The model must be free of errors.
func Explain(m *Model, req Request) Explanation {
	return Explanation{}
}
