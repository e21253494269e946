package console

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A way is a request for a token that this page cannot make, as what proves the
// client or its user is not a word that one types.
type way struct{ Title, Text, Code string }

// A proof is how a client shows who it is to the token endpoint.
type proof struct {
	title, text string
	params      []string // of curl, each one line
}

const (
	assertionType = "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	idTokenType   = "subject_token_type=urn:ietf:params:oauth:token-type:id_token"
)

// proofs are the ways in which a client without a secret authenticates, one of
// each kind.
func (p *page) proofs(c schema.Client) []proof {
	var all []proof
	if len(c.PublicKeys) > 0 {
		all = append(all, proof{"With its key (private_key_jwt)",
			fmt.Sprintf("CLIENT_ASSERTION is a JWT that the client signs with its private key: iss and sub are %s, aud is %s, exp is at most five minutes after iat, and jti is used once.",
				c.ClientID, p.state.Snapshot.Issuer().URL),
			[]string{"-d " + assertionType, `--data-urlencode "client_assertion=$CLIENT_ASSERTION"`}})
	}
	if len(c.Certificates) > 0 {
		all = append(all, proof{"With its certificate (mutual TLS)",
			"The certificate and its key stand in client.pem and client.key; the server must have been started with --tls-client-ca or --tls-client-self-signed.",
			[]string{"--cert client.pem --key client.key"}})
	}
	if len(c.Federated) > 0 {
		f := c.Federated[0]
		trusted, _ := p.state.Snapshot.TrustedIssuerByLabel(f.TrustedIssuer)
		all = append(all, proof{"With a token of trusted_issuer." + f.TrustedIssuer,
			fmt.Sprintf("PLATFORM_TOKEN is what the platform gives the workload: iss is %s, sub is %s, aud is %s.",
				trusted.Issuer, f.Subject+f.SubjectPattern, strings.Join(trusted.Audiences, " or ")),
			[]string{"-d " + assertionType, `--data-urlencode "client_assertion=$PLATFORM_TOKEN"`}})
	}
	return all
}

// ways are what a client without a secret sends to get a token for itself.
func (p *page) ways(c schema.Client, audience string) []way {
	var all []way
	for _, proof := range p.proofs(c) {
		w := way{proof.title, proof.text, p.curl(c, audience, schema.GrantClientCredentials, proof.params)}
		if c.RequireSenderConstrained {
			w.Text += " It takes only tokens bound to a key: without a certificate, send a DPoP proof in the header DPoP, too (RFC 9449)."
		}
		all = append(all, w)
	}
	return all
}

// userWays are what clients send to trade a user's token for one of the API.
func (p *page) userWays(api snapshot.API) []way {
	var all []way
	for auth := range api.Authorizations() {
		if auth.SubjectType() != schema.SubjectUser || len(all) == pageSize {
			continue
		}
		c := auth.Client().Schema()
		w := way{Title: c.Name, Text: "USER_TOKEN is the user’s, of an issuer that vouches for users"}
		if says := auth.SubjectClaims(); says != "" {
			w.Text += ", and says " + says
		}
		w.Text += ". "
		params := []string{`--data-urlencode "client_secret=$CLIENT_SECRET"`}
		if proofs := p.proofs(c); len(proofs) > 0 && len(c.Secrets) == 0 {
			params, w.Text = proofs[0].params, w.Text+proofs[0].text
		}
		grant := schema.GrantTokenExchange
		if slices.Contains(c.GrantTypes, grant) {
			params = append(params, "-d "+idTokenType, `--data-urlencode "subject_token=$USER_TOKEN"`)
		} else {
			grant = schema.GrantJWTBearer
			params = append(params, `--data-urlencode "assertion=$USER_TOKEN"`)
		}
		w.Code = p.curl(c, api.Identifier(), grant, params)
		all = append(all, w)
	}
	return all
}

// curl is the request on the command line.
func (p *page) curl(c schema.Client, audience, grant string, params []string) string {
	lines := append([]string{"curl -sS " + quoted(p.tokenEndpoint()), "-d grant_type=" + grant, "--data-urlencode " + quoted("client_id="+c.ClientID)}, params...)
	return strings.Join(append(lines, "--data-urlencode "+quoted("audience="+audience)), " \\\n  ")
}

// quoted is a word of a POSIX shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
