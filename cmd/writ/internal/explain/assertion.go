package explain

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/clientauth"
)

// An Assertion is what a token of another issuer would be taken for, if a client
// presented it as its credential.
type Assertion struct {
	Issuer, Subject string // the claims iss and sub; "" for none
	Audiences       []string
	Candidates      []Candidate // by trusted issuer, client and block
	Clients         []string    // labels of the clients that match, sorted: exactly one is a login
}

// A Candidate is one federated block that the token was held against, or a trusted
// issuer that no federated block names.
type Candidate struct {
	TrustedIssuer string // label
	Client        string // label; "" for a trusted issuer
	Block         string // address: "client.billing.federated.ci", "trusted_issuer.github"
	Matches       bool
	// Reason is ReasonMatches, a reason of the server's for its log, or ReasonNamesUsers.
	Reason clientauth.Reason
	Detail string // a clause for people
	Range  hcl.Range
	// Signed says that the signature was verified, with keys that the configuration
	// pins. Those that a server fetches are not known here.
	Signed bool
	// OfIssuer says that the issuer itself takes no such token, whatever its blocks say.
	OfIssuer    bool
	IssuerRange hcl.Range // of the trusted issuer
}

// Reasons of a Candidate beside those of package clientauth.
const (
	ReasonMatches    clientauth.Reason = "matches"
	ReasonNamesUsers clientauth.Reason = "names_users" // the issuer's tokens authenticate no client
)

// Identify holds a token against every trusted issuer and every federated block,
// by the code with which the server does. An error says why it is no token that anybody
// would read. Nothing is fetched: keys at a jwks_uri are not known, and Candidate.Signed
// says where the signature was therefore not verified.
func Identify(m *compiler.Model, compact string, now time.Time) (*Assertion, error) {
	t, err := clientauth.ReadToken(compact, clientauth.MaxAssertion)
	if err != nil {
		return nil, err
	}
	a := &Assertion{Issuer: t.UnverifiedIssuer(), Subject: t.UnverifiedSubject(), Audiences: t.UnverifiedAudiences()}
	blocks := map[string][]Candidate{} // by the label of the trusted issuer
	credentials := map[string]schema.Federated{}
	for i := range m.Document.Clients {
		client, declared, _ := m.Client(m.Document.Clients[i].Label)
		for _, f := range client.Federated {
			address := compiler.Address(compiler.KindClient, client.Label) + ".federated." + f.Label
			credentials[address] = f
			blocks[f.TrustedIssuer] = append(blocks[f.TrustedIssuer], Candidate{
				TrustedIssuer: f.TrustedIssuer, Client: client.Label, Block: address, Range: declared.NestedRange("federated", f.Label, ""),
			})
		}
	}
	for i := range m.Document.TrustedIssuers {
		issuer := &m.Document.TrustedIssuers[i]
		verdict, err := judgeIssuer(issuer, t, now)
		if err != nil {
			return nil, err
		}
		address := compiler.Address(compiler.KindTrustedIssuer, issuer.Label)
		declared := m.Decl(address).Range
		candidates := blocks[issuer.Label]
		if len(candidates) == 0 {
			candidates = []Candidate{{TrustedIssuer: issuer.Label, Block: address, Range: declared}}
		}
		for _, c := range candidates {
			c.IssuerRange = declared
			c.judge(verdict, credentials[c.Block], slices.Contains(issuer.VouchesFor, schema.SubjectClient), now)
			if c.Matches && !slices.Contains(a.Clients, c.Client) {
				a.Clients = append(a.Clients, c.Client)
			}
			a.Candidates = append(a.Candidates, c)
		}
	}
	slices.Sort(a.Clients)
	return a, nil
}

// An issuerVerdict is what one trusted issuer makes of a token, before any federated block
// is looked at. Both claimed and refusal are set for a token that is refused for its time.
type issuerVerdict struct {
	claimed *clientauth.Verified // nil where it is refused for more than its time
	refusal error                // a *clientauth.Refusal; also of a token that was valid once
	signed  bool
}

// judgeIssuer checks everything but the blocks. A token that has expired is looked at
// once more as it was before, so that somebody who has kept one learns what it was.
func judgeIssuer(issuer *schema.TrustedIssuer, t *clientauth.Token, now time.Time) (issuerVerdict, error) {
	trusted := clientauth.TrustedIssuer{Issuer: issuer.Issuer, Audiences: issuer.Audiences}
	if issuer.JWKS != "" {
		algs := issuer.Algorithms
		if len(algs) == 0 {
			algs = clientauth.AssertionAlgorithms()
		}
		var err error
		if trusted.Keys, err = clientauth.ParseKeys(issuer.JWKS, algs...); err != nil {
			return issuerVerdict{}, fmt.Errorf("keys of trusted_issuer.%s: %w", issuer.Label, err)
		}
	}
	check := func(at time.Time) (*clientauth.Verified, error) {
		if trusted.Keys == nil {
			return trusted.UnsafeWithoutSignature(t, at)
		}
		return trusted.Verify(t, at)
	}
	v := issuerVerdict{signed: trusted.Keys != nil}
	v.claimed, v.refusal = check(now)
	// The second look is at the last second in which the token was valid. Its refusal, if
	// there is one, says more than that it has expired.
	if refused, ok := errors.AsType[*clientauth.Refusal](v.refusal); ok && refused.Reason == clientauth.ReasonExpired {
		claimed, refusal := check(time.Unix(t.UnverifiedExpiry()-1, 0))
		if v.claimed = claimed; refusal != nil {
			v.refusal = refusal
		}
	}
	v.signed = v.signed && v.claimed != nil
	return v, nil
}

// judge says whether a token that the issuer takes, or refuses, is for the block.
func (c *Candidate) judge(v issuerVerdict, credential schema.Federated, authenticates bool, now time.Time) {
	c.Signed = v.signed
	if v.claimed == nil {
		c.OfIssuer = true
		c.refuse(v.refusal)
		return
	}
	switch {
	case !authenticates:
		c.Reason, c.Detail = ReasonNamesUsers, "its tokens name users to exchange and authenticate no client"
		return
	case c.Client == "":
		c.Reason, c.Detail = clientauth.ReasonNotRegistered, "no client has a federated block of it"
		return
	}
	if _, err := clientauth.MatchFederated(v.claimed, c.TrustedIssuer, slices.Values([]schema.Federated{credential}), now); err != nil {
		c.refuse(err)
		return
	}
	if v.refusal != nil { // all else is right
		c.refuse(v.refusal)
		c.Detail += "; before that it matched"
		return
	}
	c.Matches, c.Reason, c.Detail = true, ReasonMatches, "it is taken for "+compiler.Address(compiler.KindClient, c.Client)
}

// refuse takes reason and detail from the server's refusal. Every error of a judgement is
// one, so anything else is a mistake in this program.
func (c *Candidate) refuse(err error) {
	refused, ok := errors.AsType[*clientauth.Refusal](err)
	if !ok {
		panic("a token is judged without a reason: " + err.Error())
	}
	c.Reason, c.Detail = refused.Reason, refused.Detail
}
