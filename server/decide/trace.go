package decide

import (
	"iter"
	"slices"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A Rule is one question on the way of a request.
type Rule string

// The rules in the order in which a request meets them. Some ask only certain
// requests.
const (
	RuleClient        Rule = "client"        // a client has this id
	RuleCredential    Rule = "credential"    // it has authenticated, or could now
	RuleGrant         Rule = "grant"         // the grant type is offered, and the client's
	RuleIssuer        Rule = "issuer"        // who names the user vouches for users
	RuleFamily        Rule = "family"        // the refresh token is the client's and has not ended
	RuleAPI           Rule = "api"           // an API has this identifier
	RuleAuthorization Rule = "authorization" // an authorization connects the two
	RuleExpiry        Rule = "expiry"        // and has not expired
	RuleSubject       Rule = "subject"       // it covers this user
	RuleSender        Rule = "sender"        // the token is bound to a key, where it must be
	RuleScopes        Rule = "scopes"        // the authorization covers the scopes
)

// A Trace is how a decision came about: the rules that the request met, of which
// a refused one failed the last and passed the others. What decided beside the
// objects of the Grant is listed here.
type Trace struct {
	Rules []Rule
	// Credentials are those of the client. They are looked at when nobody has
	// authenticated.
	Credentials []Credential
	// Issuers are the labels of the trusted issuers that vouch for users, sorted, when
	// the grant type is one that takes their tokens.
	Issuers []string
}

// meet notes that the request has come to a rule. Nobody has to listen.
func (t *Trace) meet(rule Rule) {
	if t != nil {
		t.Rules = append(t.Rules, rule)
	}
}

// A Credential is one block by which a client authenticates.
type Credential struct {
	Block   string // its type: secret, public_key, certificate, federated
	Label   string
	InForce bool // a server takes it at the time
}

// credentials are those of the client, at now in Unix seconds. That a secret can be
// read, or that the server takes certificates, is not for the configuration to say.
func (d *Decider) credentials(client snapshot.Client, now int64) iter.Seq[Credential] {
	return func(yield func(Credential) bool) {
		for block := range client.Secrets() {
			if !yield(Credential{"secret", block.Label(), block.Window().Contains(now)}) {
				return
			}
		}
		for block := range client.PublicKeys() {
			if !yield(Credential{"public_key", block.Label, block.Window.Contains(now)}) {
				return
			}
		}
		for block := range client.Certificates() {
			if !yield(Credential{"certificate", block.Label, block.Window.Contains(now)}) {
				return
			}
		}
		for block := range client.Federated() {
			issuer, ok := d.snapshot.TrustedIssuerByLabel(block.TrustedIssuer)
			vouches := ok && slices.Contains(issuer.VouchesFor, schema.SubjectClient)
			if !yield(Credential{"federated", block.Label, vouches && block.Window.Contains(now)}) {
				return
			}
		}
	}
}

// couldAuthenticate reports whether one of the client's credentials is in force.
func (d *Decider) couldAuthenticate(client snapshot.Client, now int64, t *Trace) (could bool) {
	for credential := range d.credentials(client, now) {
		could = could || credential.InForce
		if t != nil {
			t.Credentials = append(t.Credentials, credential)
		}
	}
	return could
}
