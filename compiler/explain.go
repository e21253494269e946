package compiler

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/schema"
)

// A Request is what Explain is asked about: one request for a token.
type Request struct {
	ClientID    string             // as the client sends it
	API         string             // the identifier, as the client sends it; "" when it names none
	Scopes      []string           // what is asked; empty for nothing asked
	SubjectType schema.SubjectType // "" means client
	// TrustedIssuer is the label of who vouches for the user; "" means anybody who may.
	TrustedIssuer string
	At            int64 // Unix seconds; 0 judges no window and no expiry
}

// An Explanation is why a request is allowed or refused: the rules on its way,
// each with its place, up to the one that refuses.
type Explanation struct {
	Allowed bool
	Error   string // of a refusal, the code that the server answers with error_style rfc6749

	Client, API, Authorization string   // labels of what was found, "" when it was not
	Scopes                     []string // granted, in the API's order
	Lifetime                   int64    // of the token, in seconds

	Steps          []Step
	NearMisses     []NearMiss // of a refusal: identifiers that the one asked for may have meant
	Authorizations []Reach    // of a refusal: what the client may reach instead
	Suggestions    []string   // of a refusal: full sentences
}

// A Step is one rule on the way and whether it was passed.
type Step struct {
	Rule   string // one of the Rule constants
	OK     bool
	Text   string      // a full sentence
	Ranges []hcl.Range // where it says so
}

// The rules on the way of a request, in this order.
const (
	RuleClient        = "client"        // a client has this id
	RuleGrant         = "grant"         // its grant_types list the grant
	RuleCredential    = "credential"    // it can authenticate at this time
	RuleAPI           = "api"           // an API has this identifier
	RuleAuthorization = "authorization" // an authorization connects the two
	RuleExpiry        = "expiry"        // and is in force at this time
	RuleSubject       = "subject"       // a trusted issuer vouches for users
	RuleSender        = "sender"        // the token is bound to a key; always passed
	RuleScopes        = "scopes"        // the authorization covers the scopes
	RuleOffline       = "offline"       // whether a refresh token comes with it; always passed
	RuleLifetime      = "lifetime"      // how long the token lives; always passed
)

// A NearMiss is a declared identifier that the one asked for may have meant.
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
	Identifier    string // the API's
	SubjectType   schema.SubjectType
	Scopes        []string
	Range         hcl.Range
}

// Explain follows a request along the rules that the server applies, and says
// at each what it found and where that was declared. The model must be free of
// errors. Explain is for people: what the server itself answers is decided by
// package server on a snapshot.
func Explain(m *Model, req Request) Explanation {
	if req.SubjectType == "" {
		req.SubjectType = schema.SubjectClient
	}
	e := &explainer{Model: m, req: req}
	for _, rule := range []func() bool{
		e.findClient, e.checkGrant, e.checkCredential, e.findAPI, e.findAuthorization,
		e.checkExpiry, e.checkSubject, e.sayBinding, e.checkScopes, e.sayOffline,
	} {
		if !rule() {
			e.listReach()
			return e.out
		}
	}
	e.sayLifetime()
	e.out.Allowed = true
	return e.out
}

// An explainer is one request on its way.
type explainer struct {
	*Model
	req    Request
	client int32 // index, once found; likewise below
	api    int32
	auth   int
	caps   bool // an issuer of the user's token caps the lifetime of ours
	out    Explanation
}

func (e *explainer) pass(rule, text string, ranges ...hcl.Range) bool {
	e.out.Steps = append(e.out.Steps, Step{rule, true, text, ranges})
	return true
}

func (e *explainer) refuse(rule, code, text string, ranges ...hcl.Range) bool {
	e.out.Steps = append(e.out.Steps, Step{rule, false, text, ranges})
	e.out.Error = code
	return false
}

func (e *explainer) suggest(sentence string) {
	e.out.Suggestions = append(e.out.Suggestions, sentence)
}

// listReach adds what the client may do, to a refusal.
func (e *explainer) listReach() {
	if e.out.Client == "" {
		return
	}
	for i := range e.Document.Authorizations {
		a := &e.Document.Authorizations[i]
		if a.Client != e.out.Client {
			continue
		}
		e.out.Authorizations = append(e.out.Authorizations, Reach{
			Authorization: a.Label, API: a.API,
			Identifier:  e.Document.APIs[e.apiIndex[a.API]].Identifier,
			SubjectType: a.SubjectType, Scopes: a.Scopes,
			Range: e.authorizations[i].Range,
		})
	}
}
