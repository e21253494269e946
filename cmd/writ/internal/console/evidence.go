package console

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/keyfile"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/snapshot"
)

// Files that show who a client is. They are read from the form, go into one request and are
// kept nowhere: no type that a template gets has a field for them.

// An evidence is what a request shows of who its client is: one of these. It goes into the
// request and nowhere else.
type evidence struct {
	secret      string
	assertion   string           // a JWT, signed with a chosen key or chosen itself
	certificate *tls.Certificate // of the connection
}

// assertionType is the client_assertion_type of a JWT (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// certificateKey is the key of a context under which ClientCertificate finds the certificate.
type certificateKey struct{}

// ClientCertificate is the certificate that a request of the Test view is to be sent with,
// nil for none. The handler of Options.Tokens presents it to the token endpoint.
func ClientCertificate(ctx context.Context) *tls.Certificate {
	certificate, _ := ctx.Value(certificateKey{}).(*tls.Certificate)
	return certificate
}

// A fileForm asks for the files that show who a client is. It has no field for what is in
// them, so that no template can show it. Problem says what is wrong, and quotes nothing of
// a file.
type fileForm struct {
	Key, Certificate, Token bool   // which kinds the client authenticates with
	Obstacle                string // why its certificates cannot be shown to the server; "" for nothing
	Problem                 string // what is wrong with the files that were chosen
}

// fileForm is the form for a client, nil where the client has no use for one or this browser
// may not send a file.
func (p *page) fileForm(c schema.Client) *fileForm {
	f := &fileForm{Key: len(c.PublicKeys) > 0, Certificate: len(c.Certificates) > 0, Token: len(c.Federated) > 0}
	if f.Certificate {
		f.Obstacle = p.certificateObstacle(c)
		f.Certificate = f.Obstacle == ""
	}
	if p.console.opts.Tokens == nil || !p.trusted || !f.Key && !f.Certificate && !f.Token {
		return nil
	}
	return f
}

// certificateObstacle says why no certificate of the client can be shown to the server from
// here, "" where one can.
func (p *page) certificateObstacle(c schema.Client) string {
	if p.console.opts.Certificates == nil {
		return "this page does not reach the server over TLS"
	}
	obstacle := ""
	for _, block := range c.Certificates {
		if obstacle = p.console.opts.Certificates(block.SHA256 == ""); obstacle == "" {
			return ""
		}
	}
	return obstacle
}

// Label names the field for the first file.
func (f *fileForm) Label() string {
	switch {
	case f.Token && (f.Key || f.Certificate):
		return "Private key, or token of the platform"
	case f.Token:
		return "Token of the platform"
	}
	return "Private key"
}

// maxFileForm bounds the form with files, in bytes. All of it is kept in memory: a private
// key must not come to lie in a temporary file.
const maxFileForm = 4 * keyfile.MaxBytes

// errTooLarge says that the files of a form are too large, and so nothing of it was read.
var errTooLarge = fmt.Errorf("the files are too large: a key or a certificate has under %d KiB", keyfile.MaxBytes>>10)

// files reads a form with files. Its fields are returned as those of any other form, the
// files in the order key, certificate. The error is errTooLarge, or says nothing that a
// page could show.
func (p *page) files() (values url.Values, contents [][]byte, err error) {
	// Both limits are the same, so that nothing is left to be written to a temporary file.
	p.r.Body = http.MaxBytesReader(p.w, p.r.Body, maxFileForm)
	if err := p.r.ParseMultipartForm(maxFileForm); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			err = errTooLarge
		}
		return nil, nil, err
	}
	form := p.r.MultipartForm
	for _, name := range []string{"key", "certificate"} {
		for _, header := range form.File[name] {
			content, err := readPart(header)
			if err != nil {
				return nil, nil, err
			}
			contents = append(contents, content)
		}
	}
	return form.Value, contents, nil
}

// readPart reads one file of a form, which lies in memory: see maxFileForm.
func readPart(header *multipart.FileHeader) ([]byte, error) {
	part, err := header.Open()
	if err != nil {
		return nil, err
	}
	defer part.Close()
	return io.ReadAll(part)
}

// evidence makes of chosen files what shows the token endpoint that the request is the
// client's. An error says what is wrong with the files.
func (p *page) evidence(c schema.Client, contents [][]byte) (evidence, error) {
	f, err := keyfile.Read(contents...)
	switch {
	case err != nil:
		return evidence{}, err
	case f.Token != "":
		return evidence{assertion: f.Token}, p.checkToken(c, f.Token)
	case f.Leaf != nil && len(c.Certificates) > 0:
		return evidence{certificate: f.Certificate()}, p.checkCertificate(c, f)
	}
	return p.sign(c, f)
}

// sign makes an assertion with a key: of the client's own, or of a trusted issuer whose keys
// stand in the configuration, as that would vouch for the client.
func (p *page) sign(c schema.Client, f keyfile.File) (evidence, error) {
	// The key that was chosen is found among the declared ones by its thumbprint (RFC
	// 7638), since a file says nothing of a kid or an algorithm.
	thumbprint := jose.Thumbprint(f.Key.Public())
	var has []string
	for _, block := range c.PublicKeys {
		keys, _ := jose.ParseKeys(block.JWKS, jose.Algs(jose.Assertions)...)
		for _, key := range keys {
			if key.Thumbprint != thumbprint {
				has = append(has, fmt.Sprintf("%s of public_key.%s", key.Thumbprint, block.Label))
				continue
			}
			signed, err := f.Assertion(key.Alg, key.KID, c.ClientID, c.ClientID, p.state.Snapshot.Issuer().URL, nil, p.state.Now)
			return evidence{assertion: signed}, err
		}
	}
	for _, block := range c.Federated {
		trusted, _ := p.state.Snapshot.TrustedIssuerByLabel(block.TrustedIssuer)
		keys, _ := jose.ParseKeys(trusted.JWKS, trusted.Algorithms...)
		at := slices.IndexFunc(keys, func(k jose.PublicKey) bool { return k.Thumbprint == thumbprint })
		switch {
		case at < 0:
		case block.Subject == "":
			return evidence{}, fmt.Errorf("the key is one of trusted_issuer.%s, and federated.%s takes any subject like %q: choose a token that has one", trusted.Label, block.Label, block.SubjectPattern)
		default:
			audience := p.state.Snapshot.Issuer().URL
			if len(trusted.Audiences) > 0 {
				audience = trusted.Audiences[0]
			}
			var claims map[string]any
			_ = json.Unmarshal([]byte(block.Claims), &claims) // canonical, or ""
			signed, err := f.Assertion(keys[at].Alg, keys[at].KID, trusted.Issuer, block.Subject, audience, claims, p.state.Now)
			return evidence{assertion: signed}, err
		}
	}
	switch {
	case f.Leaf == nil && len(c.Certificates) > 0 && len(has) == 0:
		return evidence{}, errors.New("the client authenticates with a certificate: choose that too, or a file that has both")
	case len(has) == 0:
		return evidence{}, fmt.Errorf("the client authenticates with no key of its own: choose what %s", wanted(c))
	}
	return evidence{}, fmt.Errorf("this key is none of the client’s: its thumbprint (RFC 7638) is %s, and the client has %s", thumbprint, strings.Join(has, ", "))
}

// wanted says what a client without keys authenticates with.
func wanted(c schema.Client) string {
	if len(c.Federated) > 0 {
		return "trusted_issuer." + c.Federated[0].TrustedIssuer + " gave it"
	}
	return "its blocks name"
}

// checkToken refuses a token that cannot be the client's, with words that the server keeps to
// its log.
func (p *page) checkToken(c schema.Client, token string) error {
	if len(c.Federated) == 0 {
		return errors.New("this is a token, and the client authenticates with none: choose its private key")
	}
	// Only the issuer is compared. Signature, subject and audience are the server's to
	// check, with keys that may not be here.
	claims := unverified(token)
	var issuers []string
	for _, block := range c.Federated {
		trusted, _ := p.state.Snapshot.TrustedIssuerByLabel(block.TrustedIssuer)
		if trusted.Issuer == claims.Issuer {
			return nil
		}
		issuers = append(issuers, trusted.Issuer)
	}
	if claims.Issuer == "" {
		return errors.New("the token is malformed, or it names no issuer (iss)")
	}
	return fmt.Errorf("the token is of %q, and the client takes those of %s", claims.Issuer, strings.Join(issuers, ", "))
}

// tokenClaims are claims of a token that nobody has verified.
type tokenClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience any    `json:"aud"`
	Expires  int64  `json:"exp"`
}

// unverified reads the claims of a token without verifying it, to tell a person what was
// chosen. Of a malformed token it gives none.
func unverified(token string) (claims tokenClaims) {
	parts := strings.Split(token, ".")
	if text, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)]); err == nil {
		_ = json.Unmarshal(text, &claims) // of a malformed token nothing is known
	}
	return claims
}

// checkCertificate refuses a certificate that is none of those which the client declares by
// their digest. Names are the server's to compare.
func (p *page) checkCertificate(c schema.Client, f keyfile.File) error {
	if obstacle := p.certificateObstacle(c); obstacle != "" {
		return errors.New("the certificate cannot be shown from here: " + obstacle)
	}
	sum := sha256.Sum256(f.Leaf.Raw)
	digest := base64.RawURLEncoding.EncodeToString(sum[:])
	var declared []string
	for _, block := range c.Certificates {
		if block.SHA256 == "" || block.SHA256 == digest {
			return nil
		}
		declared = append(declared, fmt.Sprintf("%s of certificate.%s", block.SHA256, block.Label))
	}
	return fmt.Errorf("this certificate is none of the client’s: its sha256 is %s, and the client has %s", digest, strings.Join(declared, ", "))
}

// evidenceRefused explains that the server takes no files of the client although they belong
// to it, as far as a page can tell.
func (p *page) evidenceRefused(client snapshot.Client, q request) *refusal {
	r := &refusal{Link: clientURL(client.Label()), Linked: "Credentials of " + client.Name()}
	kind := "public_key"
	switch {
	case q.certificate != nil:
		kind = "certificate"
		leaf := q.certificate.Leaf
		r.Meaning = "The server does not take this certificate as the client’s."
		r.WayOut = "It has to name what the client’s certificate block names, be valid now, be meant for clients (clientAuth), and come from a CA that the server was started with."
		names := append(slices.Clone(leaf.DNSNames), leaf.Subject.String())
		for _, uri := range leaf.URIs {
			names = append(names, uri.String())
		}
		r.Notes = append(r.Notes, fmt.Sprintf("It names %s, is valid from %s to %s, and was issued by %s.", strings.Join(names, ", "),
			leaf.NotBefore.UTC().Format("2006-01-02 15:04"), leaf.NotAfter.UTC().Format("2006-01-02 15:04"), leaf.Issuer))
	case unverified(q.assertion).Issuer != q.clientID:
		kind = "federated"
		claims := unverified(q.assertion)
		r.Meaning = "The server does not take this token of the platform as the client’s."
		r.WayOut = "Its signature, issuer, subject and audience have to be those of the client’s federated block and of its trusted_issuer, and it must not have expired."
		r.Notes = append(r.Notes, fmt.Sprintf("It says iss %s, sub %s, aud %v, and ends %s.", claims.Issuer, claims.Subject, claims.Audience, ago(unix(claims.Expires), p.state.Now)))
	default:
		r.Meaning = "The key is the client’s, and the server does not take it now."
		r.WayOut = "Look at the window of its public_key block, and at the clock of this machine."
	}
	r.Notes = append(r.Notes, p.credentialNotes(client, kind)...)
	return r
}

// kindName is the type of a credential's block in words.
func kindName(kind string) string { return strings.ReplaceAll(kind, "_", " ") }

// sentence is an error as a page says it.
func sentence(err error) string { return schema.UpperFirst(err.Error()) + "." }
