package console

import (
	"net/http"
	"strings"

	"github.com/writ-auth/writ/schema/snapshot"
)

// A refusal is why there is no token, and what to do about it.
type refusal struct {
	Reason  string // the code that the server's log has, "" where this page does not know it
	Meaning string
	WayOut  string
	Detail  string   // what exactly: scopes, a near match
	Notes   []string // what is known of the client's secrets
	Link    string   // a page that helps; "" for none
	Linked  string   // its words
}

// explainRefusal explains a response without a token. The server tells clients little on
// purpose; this page tells the operator what the server's log has.
func (p *page) explainRefusal(status int, q request) *refusal {
	switch {
	case status == http.StatusUnauthorized:
		return p.notAuthenticated(q)
	case status == http.StatusTooManyRequests:
		return &refusal{Meaning: "Too many requests: the client has used up its rate_limit, or too many authentications from this address have failed.",
			WayOut: "Wait a few seconds and try again."}
	}
	reason, detail := p.state.Explain(q.clientID, q.audience, q.scope)
	r := &refusal{Reason: reason, Detail: detail}
	if words, ok := refusals[reason]; ok {
		r.Meaning, r.WayOut = words.meaning, words.wayOut
	}
	switch {
	case reason == "unknown-audience" && detail != "":
		if near, _, ok := p.state.Snapshot.NearIdentifier(q.audience); ok {
			r.WayOut = "Ask for " + near.Identifier() + ", byte for byte."
		}
	case status == http.StatusServiceUnavailable, r.Meaning == "":
		r.Meaning = "The server could not make a token now, although the client may have it: a key or a secret cannot be had, or it is busy."
		r.WayOut = "See what the server reports below the list of APIs, and try again."
		r.Link, r.Linked = Path, "Problems of the server"
	}
	return r
}

// notAuthenticated explains a failed authentication. It cannot say how the secret differs, as
// the snapshot holds hashes only.
func (p *page) notAuthenticated(q request) *refusal {
	r := &refusal{
		Meaning: "The client is known, and the secret that you typed is none of those that it may use now.",
		WayOut:  "Type it again, without spaces around it; or make a new one with “writ secret new” and commit its hash.",
	}
	client, ok := p.state.Snapshot.ClientByID(q.clientID)
	if !ok {
		return r
	}
	r.Link, r.Linked = clientURL(client.Label()), "Credentials of "+client.Name()
	r.Notes = p.secretNotes(client)
	if strings.TrimSpace(q.secret) != q.secret {
		r.Notes = append(r.Notes, "What you typed begins or ends with a space.")
	}
	return r
}

// secretNotes says which secrets of the client are not accepted now, and what the server
// reports about the client.
func (p *page) secretNotes(client snapshot.Client) []string {
	var notes []string
	for _, cred := range p.credentials(client) {
		switch {
		case cred.Kind != "secret":
		case cred.State == expired:
			notes = append(notes, "Its secret “"+cred.Label+"” expired "+ago(unix(cred.Window.ExpiresAt), p.state.Now)+".")
		case cred.State == early:
			notes = append(notes, "Its secret “"+cred.Label+"” is accepted only "+ago(unix(cred.Window.NotBefore), p.state.Now)+".")
		}
	}
	for _, problem := range p.state.Problems {
		if problem.Address == "client."+client.Label() {
			notes = append(notes, "The server reports: "+problem.Reason+".")
		}
	}
	return notes
}

// refusals are the reason codes of package decide in words.
var refusals = map[string]struct{ meaning, wayOut string }{
	"unknown-audience": {"No API has this identifier. Identifiers are compared byte for byte: a slash, a letter's case or a port makes another one.",
		"Ask for the identifier that this page shows at its top."},
	"audience-missing": {"The request names no API, and the client has no default_api.",
		"Name the API's identifier as the audience."},
	"no-authorization": {"The API exists, and no authorization lets this client ask for its tokens.",
		"Add an authorization block for the client and the API, with the scopes that it needs."},
	"authorization-expired": {"The authorization has expired: its expires_at has passed.",
		"Move expires_at of the authorization, or remove it."},
	"grant-type-not-allowed": {"The client may not use the client_credentials grant.",
		"Add \"client_credentials\" to its grant_types."},
	"not-sender-constrained": {"The client takes only tokens that are bound to a key, by DPoP or a client certificate. This form has neither.",
		"Ask with the client's own key, or leave out require_sender_constrained."},
	"malformed-scope": {"The scopes are not written as RFC 6749 has it: printable ASCII without quotes and backslashes, one space between two.",
		"Correct the spelling."},
	"ungranted-scope": {"The request asks for scopes that the authorization does not grant. Nothing is granted then, rather than less than was asked for.",
		"Leave these scopes out, or add them to the authorization's scopes. Beware of scopes that look alike: each is compared letter by letter."},
}
