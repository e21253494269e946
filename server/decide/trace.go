package decide

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
