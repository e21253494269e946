// Package explain says to people why a request for a token is allowed or refused.
//
// It decides nothing: verdict, error code, scopes and lifetime are those of
// [decide.Decider], and so are the rules that the request met. What is added here
// is words for each rule, the lines of the configuration that decide it, and what
// may have been meant.
package explain

import (
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/token"
)

// A Question is one request for a token, as a person asks about it.
type Question struct {
	ClientID string   // as the client sends it
	API      string   // the identifier, as the client sends it; "" when it names none
	Scopes   []string // what is asked; empty for nothing asked
	// OfUser asks on behalf of a user of whom the token of a trusted issuer says all
	// that is demanded; TrustedIssuer is its label, "" for any that may.
	OfUser        bool
	TrustedIssuer string
}

// An Explanation is why a request is allowed or refused: the rules on its way,
// each with its place, up to the one that refuses. What follows a refusal was not asked: to
// mend one may show the next.
type Explanation struct {
	Allowed bool
	Error   decide.Code // of a refusal, the code in the words of RFC 6749
	Told    decide.Code // the code that the client is told, in the issuer's error_style

	Client, API, Authorization string   // labels of what was found, "" when it was not
	Scopes                     []string // granted, in the API's order
	Lifetime                   int64    // of the token, in seconds

	Steps          []Step
	NearMisses     []NearMiss    // of a refusal: identifiers that the one asked for may have meant
	Authorizations []Alternative // of a refusal: what the client may reach instead
	Suggestions    []string      // of a refusal: full sentences
}

// A Step is one rule on the way and whether it was passed.
type Step struct {
	Rule   decide.Rule
	OK     bool
	Text   string      // a full sentence
	Ranges []hcl.Range // where it says so
}

// What is told of a token that is granted, beside the rules. These are Steps as well, and
// the server has no such rules: they refuse nothing.
const (
	ruleOffline  decide.Rule = "offline"  // whether a refresh token comes with it
	ruleLifetime decide.Rule = "lifetime" // how long it lives
)

// A NearMiss is a declared identifier that the one asked for may have meant.
type NearMiss struct {
	API        string // label
	Identifier string
	Reason     string // "differs from api.orders by a trailing slash"
	Range      hcl.Range
}

// An Alternative is one authorization that the client does have.
type Alternative struct {
	Authorization string // label
	API           string // label
	Identifier    string // the API's
	SubjectType   schema.SubjectType
	Scopes        []string
	Range         hcl.Range
}

// An Explainer answers questions about one configuration: the model, and the
// decider of the snapshot that was made from it. The two must be of one document, as the
// places in the model are found by the labels in the snapshot.
type Explainer struct {
	Model   *compiler.Model
	Decider *decide.Decider
}

// Answer explains what a server would answer to the question at now. A person does not
// present a credential or a token: the client is taken to have one that is valid then, and
// the user's token to say what is demanded of it.
func (x *Explainer) Answer(q Question, now time.Time) Explanation {
	req := decide.Request{
		ClientID: q.ClientID, GrantType: schema.GrantClientCredentials, Audience: q.API, Scope: strings.Join(q.Scopes, " "),
		Confirmation: Proved,
	}
	if !q.OfUser {
		return x.Explain(req, now)
	}
	req.GrantType = x.UserGrant(q.ClientID)
	req.User = &decide.User{TrustedIssuer: q.TrustedIssuer, Subject: "user"}
	if q.TrustedIssuer == "" {
		req.User.TrustedIssuer = x.UserIssuer()
	}
	// Only the decision tells which authorization it would be, and so what is demanded of
	// the token. It is asked once to learn that, and explained with it.
	g, refusal := x.Decider.Decide(req, now)
	if refusal != nil && refusal.Reason == decide.ReasonSubjectClaims {
		demanded, err := clientauth.ReadClaims(g.Authorization.SubjectClaims())
		if err != nil {
			panic("the compiler has made claims that are not JSON: " + err.Error())
		}
		req.User.Claims = demanded
	}
	return x.explain(req, q.TrustedIssuer == "", now)
}

// Proved is the key that the caller is taken to have proved to hold: a question is
// about what may be had, and a client that must bind its tokens does so.
var Proved = token.Confirmation{JKT: "thumbprint-of-the-clients-dpop-key"}

// UserGrant is the grant type by which the client is taken to ask on behalf of a
// user: of the two, one that it may use. It is token exchange where it may use both or
// neither, which RFC 8693 made for this.
func (x *Explainer) UserGrant(clientID string) string {
	for i := range x.Model.Document.Clients {
		if client := &x.Model.Document.Clients[i]; client.ClientID == clientID {
			if !slices.Contains(client.GrantTypes, schema.GrantTokenExchange) && slices.Contains(client.GrantTypes, schema.GrantJWTBearer) {
				return schema.GrantJWTBearer
			}
			break
		}
	}
	return schema.GrantTokenExchange
}

// UserIssuer is the label of the first trusted issuer that vouches for users, "" for none.
// It stands for any of them where a question names none.
func (x *Explainer) UserIssuer() string {
	for i := range x.Model.Document.TrustedIssuers {
		if issuer := &x.Model.Document.TrustedIssuers[i]; slices.Contains(issuer.VouchesFor, schema.SubjectUser) {
			return issuer.Label
		}
	}
	return ""
}

// Explain says why the request is granted or refused at now. The request is taken as it is:
// who sent it is taken to have authenticated.
func (x *Explainer) Explain(req decide.Request, now time.Time) Explanation {
	return x.explain(req, false, now)
}

// explain puts each rule that the request met into words. With anyIssuer the trusted issuer
// of req is a stand-in, and the sentences name all that may vouch for the user.
func (x *Explainer) explain(req decide.Request, anyIssuer bool, now time.Time) Explanation {
	grant, refusal, trace := x.Decider.Trace(req, now)
	e := &explainer{model: x.Model, req: req, anyIssuer: anyIssuer, now: now, grant: grant, refusal: refusal, trace: trace}
	e.findDeclarations()
	for i, rule := range trace.Rules {
		// A refusal ends the trace, so the last rule is the one that refuses.
		if refusal != nil && i == len(trace.Rules)-1 {
			e.out.Error, e.out.Told = refusal.Code, refusal.Code.In(x.Model.Document.Issuer.ErrorStyle)
			sentences[rule].refused(e)
			e.listAlternatives()
			return e.out
		}
		sentences[rule].passed(e)
	}
	e.sayOffline()
	e.sayLifetime()
	e.out.Allowed, e.out.Scopes = true, strings.Fields(grant.Scope)
	return e.out
}

// An explainer makes the Explanation of one decision, out. Its methods for the rules are in
// sentences; they are called in the order of the rules, and each may read what the rules
// before it have found, and nothing else.
type explainer struct {
	model     *compiler.Model
	req       decide.Request
	anyIssuer bool // the user may come from any trusted issuer
	now       time.Time

	grant   decide.Grant
	refusal *decide.Refusal
	trace   decide.Trace

	// What the decision found, and where it was declared; nil for nothing.
	client                *schema.Client
	api                   *schema.API
	authorization         *schema.Authorization
	declaredClient        *config.Client
	declaredAPI           *config.API
	declaredAuthorization *config.Authorization

	out Explanation
}

// findDeclarations looks up what the decision found. The grant of a refusal has as much as
// was found before it.
func (e *explainer) findDeclarations() {
	if e.grant.Client != (snapshot.Client{}) {
		e.out.Client = e.grant.Client.Label()
		e.client, e.declaredClient, _ = e.model.Client(e.out.Client)
	}
	if e.grant.API != (snapshot.API{}) {
		e.out.API = e.grant.API.Label()
		e.api, e.declaredAPI, _ = e.model.API(e.out.API)
	}
	if e.grant.Authorization != (snapshot.Authorization{}) {
		e.out.Authorization = e.grant.Authorization.Label()
		e.authorization, e.declaredAuthorization, _ = e.model.Authorization(e.out.Authorization)
	}
}

// ofUser reports whether the request is on behalf of a user. A refresh token always is one
// of a user.
func (e *explainer) ofUser() bool { return e.req.GrantType != schema.GrantClientCredentials }

// pass adds a rule that the request passed.
func (e *explainer) pass(rule decide.Rule, text string, ranges ...hcl.Range) {
	e.out.Steps = append(e.out.Steps, Step{rule, true, text, ranges})
}

// refuse adds the rule that refused the request.
func (e *explainer) refuse(rule decide.Rule, text string, ranges ...hcl.Range) {
	e.out.Steps = append(e.out.Steps, Step{rule, false, text, ranges})
}

// suggest adds a way to have the request granted. Nobody knows which one is meant, so there
// may be several.
func (e *explainer) suggest(sentence string) {
	e.out.Suggestions = append(e.out.Suggestions, sentence)
}

// listAlternatives adds to a refusal all authorizations of the client, whatever was asked:
// one of another API or subject may be what the caller needs.
func (e *explainer) listAlternatives() {
	if e.client == nil {
		return
	}
	for i := range e.model.Document.Authorizations {
		a := &e.model.Document.Authorizations[i]
		if a.Client != e.client.Label {
			continue
		}
		api, _, _ := e.model.API(a.API)
		_, declared, _ := e.model.Authorization(a.Label)
		e.out.Authorizations = append(e.out.Authorizations, Alternative{
			Authorization: a.Label, API: a.API, Identifier: api.Identifier, SubjectType: a.SubjectType, Scopes: a.Scopes, Range: declared.Range,
		})
	}
}
