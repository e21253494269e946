package console

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A manualRequest is a token request as lines for a shell, for a client whose credential is a
// key, a certificate or a token: those stay where the client runs. Code is "" where no line
// would do.
type manualRequest struct{ Title, Text, Code string }

// A proof is how a client shows who it is to the token endpoint, as lines for a shell. Keys
// and tokens are named by files and variables in them, and never stand in them.
type proof struct {
	title, text string
	before      string   // lines that make what the parameters send, "" for none
	params      []string // of curl, each one line; none where curl cannot send it
}

// The parameters that name the type of an assertion and of a token to exchange (RFC 8693
// section 3).
const (
	assertionParam = "client_assertion_type=" + assertionType
	idTokenType    = "subject_token_type=urn:ietf:params:oauth:token-type:id_token"
)

// proofs are the ways in which a client without a secret authenticates, one of
// each kind.
func (p *page) proofs(c schema.Client) []proof {
	var all []proof
	if len(c.PublicKeys) > 0 {
		keys, _ := jose.ParseKeys(c.PublicKeys[0].JWKS, jose.Algs(jose.Assertions)...)
		if len(keys) > 0 {
			all = append(all, proof{"With its key (private_key_jwt)",
				"key.pem is the client’s private key. The lines sign an assertion that lasts a minute and is used once.",
				assertionLines(keys[0], c.ClientID, p.state.Snapshot.Issuer().URL),
				[]string{"-d " + assertionParam, `--data-urlencode "client_assertion=$HEADER.$CLAIMS.$SIGNATURE"`}})
		}
	}
	switch {
	case len(c.Certificates) == 0:
	case strings.HasPrefix(p.tokenEndpoint(), "http://"):
		all = append(all, proof{title: "With its certificate (mutual TLS)",
			text: "This server listens without TLS, and so no line can show it a certificate. Ask a writd that has --tls-cert, and --tls-client-ca or --tls-client-self-signed."})
	default:
		all = append(all, proof{"With its certificate (mutual TLS)",
			"The certificate and its key stand in client.pem and client.key; the server must have been started with --tls-client-ca or --tls-client-self-signed.",
			"", []string{"--cert client.pem --key client.key"}})
	}
	if len(c.Federated) > 0 {
		f := c.Federated[0]
		trusted, _ := p.state.Snapshot.TrustedIssuerByLabel(f.TrustedIssuer)
		all = append(all, proof{"With a token of trusted_issuer." + f.TrustedIssuer,
			fmt.Sprintf("PLATFORM_TOKEN is what the platform gives the workload: iss is %s, sub is %s, aud is %s.",
				trusted.Issuer, f.Subject+f.SubjectPattern, strings.Join(trusted.Audiences, " or ")),
			"", []string{"-d " + assertionParam, `--data-urlencode "client_assertion=$PLATFORM_TOKEN"`}})
	}
	return all
}

// ways are the requests by which a client without a secret gets a token for itself, one for
// each kind of credential that it has. A test runs their lines.
func (p *page) ways(c schema.Client, audience string) []manualRequest {
	var all []manualRequest
	for _, proof := range p.proofs(c) {
		w := manualRequest{proof.title, proof.text, proof.before + p.curl(c, audience, schema.GrantClientCredentials, proof.params)}
		if len(proof.params) == 0 {
			w.Code = ""
		}
		if c.RequireSenderConstrained {
			w.Text += " It takes only tokens bound to a key: without a certificate, send a DPoP proof in the header DPoP, too (RFC 9449)."
		}
		all = append(all, w)
	}
	return all
}

// userWays are the requests by which clients exchange a user's token for one of the API
// (RFC 8693, RFC 7523 section 2.1), and then renew it. At most pageSize are shown.
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
		own := proof{params: []string{`--data-urlencode "client_secret=$CLIENT_SECRET"`}}
		if proofs := p.proofs(c); len(proofs) > 0 && !slices.ContainsFunc(c.Secrets, func(s schema.Secret) bool { return !p.madeUp(s.Label) }) {
			own = proofs[0]
			w.Text += own.text
		}
		if len(own.params) == 0 {
			all = append(all, w)
			continue
		}
		grant, user := schema.GrantJWTBearer, []string{`--data-urlencode "assertion=$USER_TOKEN"`}
		if slices.Contains(c.GrantTypes, schema.GrantTokenExchange) {
			grant, user = schema.GrantTokenExchange, []string{"-d " + idTokenType, `--data-urlencode "subject_token=$USER_TOKEN"`}
		}
		// A refresh token comes only where client, API and request all ask for it.
		refreshes := slices.Contains(c.GrantTypes, schema.GrantRefreshToken) && api.AllowOfflineAccess()
		if refreshes { // which has to be asked for
			user = append(user, "--data-urlencode "+schema.ShellQuoted(strings.Join(append([]string{"scope=offline_access"}, auth.Scopes()...), " ")))
		}
		w.Code = own.before + p.curl(c, api.Identifier(), grant, slices.Concat(own.params, user))
		all = append(all, w)
		if refreshes {
			all = append(all, manualRequest{c.Name + ", when that token has expired",
				"REFRESH_TOKEN is the refresh_token of that answer. With rotation the answer to this one has the next.",
				own.before + p.curl(c, api.Identifier(), schema.GrantRefreshToken, append(slices.Clone(own.params), `--data-urlencode "refresh_token=$REFRESH_TOKEN"`))})
		}
	}
	return all
}

// curl is a request as a command line, each parameter on a line of its own; params identify
// the client and the user. Every value is quoted for the shell.
func (p *page) curl(c schema.Client, audience, grant string, params []string) string {
	lines := append([]string{"curl -sS " + schema.ShellQuoted(p.tokenEndpoint()), "-d grant_type=" + grant, "--data-urlencode " + schema.ShellQuoted("client_id="+c.ClientID)}, params...)
	return strings.Join(append(lines, "--data-urlencode "+schema.ShellQuoted("audience="+audience)), " \\\n  ")
}

// assertionLines sign an assertion with openssl (RFC 7523 section 3) and leave its parts in
// HEADER, CLAIMS and SIGNATURE. key is the client's, as the configuration has it.
func assertionLines(key jose.PublicKey, clientID, issuer string) string {
	// Header and claims are JSON inside of a word of the shell. Each is quoted by its own
	// rules, from the inside out: an id may hold quotes of both kinds.
	quoted := func(s string) string {
		text, _ := json.Marshal(s) // a string has a JSON
		return string(text)
	}
	header := `{"alg":` + quoted(string(key.Alg)) + `,"typ":"JWT"`
	if key.KID != "" {
		header += `,"kid":` + quoted(key.KID)
	}
	claims := fmt.Sprintf(`{"iss":%s,"sub":%[1]s,"aud":%s,`, quoted(clientID), quoted(issuer))
	return strings.Join([]string{
		`base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }`,
		`HEADER=$(printf '%s' ` + schema.ShellQuoted(header+"}") + ` | base64url)`,
		`NOW=$(date +%s)`,
		`CLAIMS=$(printf '%s"jti":"%s","iat":%d,"exp":%d}' ` + schema.ShellQuoted(claims) + ` "$(openssl rand -hex 16)" "$NOW" "$((NOW + 60))" | base64url)`,
		signatureLines(key),
	}, "\n") + "\n"
}

// signatureLines sign HEADER and CLAIMS. openssl writes an ECDSA signature in ASN.1, and JWS
// has its two numbers one after the other (RFC 7518 section 3.4); of Ed25519 it reads only
// files.
func signatureLines(key jose.PublicKey) string {
	switch public := key.Key.(type) {
	case ed25519.PublicKey:
		return `INPUT=$(mktemp)
printf '%s' "$HEADER.$CLAIMS" > "$INPUT"
SIGNATURE=$(openssl pkeyutl -sign -rawin -inkey key.pem -in "$INPUT" | base64url)
rm "$INPUT"`
	case *ecdsa.PublicKey:
		bits := public.Params().BitSize
		digits := (bits + 7) / 8 * 2
		return fmt.Sprintf(`NUMBERS=$(printf '%%s' "$HEADER.$CLAIMS" | openssl dgst -sha%d -sign key.pem | openssl asn1parse -inform DER |
  awk -F: '/INTEGER/ { h = $NF; while (length(h) < %d) h = "0" h; printf "%%s", h }' | sed 's/../\\x&/g')
SIGNATURE=$(printf "$NUMBERS" | base64url)`, min(bits, 512), digits)
	}
	padding := ""
	if strings.HasPrefix(string(key.Alg), "PS") {
		padding = " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"
	}
	return `SIGNATURE=$(printf '%s' "$HEADER.$CLAIMS" | openssl dgst -sha256` + padding + ` -sign key.pem | base64url)`
}
