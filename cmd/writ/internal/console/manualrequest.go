package console

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A manualRequest is a token request that the page cannot send, because the credential is a
// key, a certificate or a token and cannot be typed into a form.
type manualRequest struct{ Title, Text, Code string }

// A proof is how a client shows who it is to the token endpoint.
type proof struct {
	title, text string
	params      []string // of curl, each one line
}

// The parameters that name the type of an assertion (RFC 7523 section 2.2) and of a token to
// exchange (RFC 8693 section 3).
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

// ways are the requests by which a client without a secret gets a token for itself.
func (p *page) ways(c schema.Client, audience string) []manualRequest {
	var all []manualRequest
	for _, proof := range p.proofs(c) {
		w := manualRequest{proof.title, proof.text, p.curl(c, audience, schema.GrantClientCredentials, proof.params)}
		if c.RequireSenderConstrained {
			w.Text += " It takes only tokens bound to a key: without a certificate, send a DPoP proof in the header DPoP, too (RFC 9449)."
		}
		all = append(all, w)
	}
	return all
}

// userWays are the requests by which clients exchange a user's token for one of the API.
func (p *page) userWays(api snapshot.API) []manualRequest {
	var all []manualRequest
	for auth := range api.Authorizations() {
		if auth.SubjectType() != schema.SubjectUser || len(all) == pageSize {
			continue
		}
		c := auth.Client().Schema()
		w := manualRequest{Title: c.Name, Text: "USER_TOKEN is the user’s, of an issuer that vouches for users"}
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

// curl is a request as a command line; params identify the client and the user.
func (p *page) curl(c schema.Client, audience, grant string, params []string) string {
	lines := append([]string{"curl -sS " + schema.ShellQuoted(p.tokenEndpoint()), "-d grant_type=" + grant, "--data-urlencode " + schema.ShellQuoted("client_id="+c.ClientID)}, params...)
	return strings.Join(append(lines, "--data-urlencode "+schema.ShellQuoted("audience="+audience)), " \\\n  ")
}
