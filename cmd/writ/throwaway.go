package main

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// A throwAway is what "writ dev" and "writ token --embedded" put in the place of
// secrets: one client secret that every client accepts, and one signing secret
// for every HS256 API. Both live in memory and end with the process.
type throwAway struct {
	secret  string
	signing string
	environ func(string) string
}

// throwAwaySigning is the name under which the server finds the signing secret.
const throwAwaySigning = "WRIT_DEV_SIGNING_SECRET"

func newThrowAway(random io.Reader, environ func(string) string) (*throwAway, error) {
	secret, err := newSecret(random)
	if err != nil {
		return nil, err
	}
	signing, err := newSecret(random)
	return &throwAway{secret: secret, signing: signing, environ: environ}, err
}

// getenv resolves "env:NAME" for the server.
func (t *throwAway) getenv(name string) string {
	if name == throwAwaySigning {
		return t.signing
	}
	return t.environ(name)
}

// localDocument makes a copy of a document that a developer's machine can serve: the
// issuer at origin, keys of the server's own, the throw-away secrets.
func (t *throwAway) localDocument(doc *schema.Document, origin string) *schema.Document {
	dressed := *doc
	dressed.Issuer.URL = rebase(doc.Issuer.URL, origin)
	dressed.SigningKeys = nil // the server makes its own
	dressed.APIs = slices.Clone(doc.APIs)
	for i := range dressed.APIs {
		if dressed.APIs[i].SigningSecret != "" {
			dressed.APIs[i].SigningSecret = "env:" + throwAwaySigning
		}
	}
	dressed.Clients = slices.Clone(doc.Clients)
	for i := range dressed.Clients {
		dressed.Clients[i].Secrets = t.secrets(dressed.Clients[i].Secrets)
	}
	dressed.TrustedIssuers = slices.Clone(doc.TrustedIssuers)
	for i := range dressed.TrustedIssuers {
		audiences := slices.Clone(dressed.TrustedIssuers[i].Audiences)
		for j := range audiences {
			if audiences[j] == doc.Issuer.URL {
				audiences[j] = dressed.Issuer.URL
			}
		}
		dressed.TrustedIssuers[i].Audiences = audiences
	}
	return &dressed
}

// secrets adds the throw-away secret to a client's own. Of these, references
// stay only where this machine has what they name.
func (t *throwAway) secrets(own []schema.Secret) []schema.Secret {
	var secrets []schema.Secret
	for _, s := range own {
		name, isEnv := strings.CutPrefix(s.Hash, "env:")
		if strings.HasPrefix(s.Hash, "file:") || isEnv && t.environ(name) == "" {
			continue
		}
		secrets = append(secrets, s)
	}
	label := "writ-dev"
	for n := 2; slices.ContainsFunc(own, func(s schema.Secret) bool { return s.Label == label }); n++ {
		label = fmt.Sprintf("writ-dev-%d", n)
	}
	return append(secrets, schema.Secret{Label: label, Hash: hashSecret(t.secret)})
}

// rebase puts an issuer's path behind another origin.
func rebase(issuer, origin string) string {
	parsed, err := url.Parse(issuer)
	if err != nil {
		return origin + "/"
	}
	return origin + parsed.EscapedPath()
}
