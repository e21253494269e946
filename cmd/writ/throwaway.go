package main

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// What "writ dev" and "writ token --embedded" do otherwise than a server with the same
// files: other issuer, other secrets, keys of their own. Everything else, every decision
// above all, is the same code.

// A throwAway holds what "writ dev" and "writ token --embedded" use in the place of real
// secrets: one client secret that every client accepts, and one signing secret for every
// HS256 API. Both are random, live in memory and end with the process.
type throwAway struct {
	secret  string
	signing string
	environ func(string) string
}

// throwAwaySigning is the name under which the server finds the signing secret.
const throwAwaySigning = "WRIT_DEV_SIGNING_SECRET"

// newThrowAway makes both secrets; environ reads the variables of the process.
func newThrowAway(random io.Reader, environ func(string) string) (*throwAway, error) {
	secret, err := newSecret(random)
	if err != nil {
		return nil, err
	}
	signing, err := newSecret(random)
	return &throwAway{secret: secret, signing: signing, environ: environ}, err
}

// getenv is how the server resolves "env:NAME": the signing secret has a name of its own,
// and other names are variables of the process.
func (t *throwAway) getenv(name string) string {
	if name == throwAwaySigning {
		return t.signing
	}
	return t.environ(name)
}

// localDocument is a copy of a document that a developer's machine can serve. The issuer is
// at origin, and trusted issuers that expect the real issuer as audience expect that one.
// The server makes its own signing keys, since the private keys are on the real servers.
// doc itself does not change.
func (t *throwAway) localDocument(doc *schema.Document, origin string) *schema.Document {
	// Each list that changes is cloned: the caller's document is compared with later ones.
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

// secrets adds the throw-away secret to a client's own. Of these, a reference to a variable
// stays only if the variable is set, and one to a file never does: the server would report
// each as unusable. The label of the new one is free, as labels are unique in a client.
func (t *throwAway) secrets(own []schema.Secret) []schema.Secret {
	var secrets []schema.Secret
	for _, s := range own {
		name, isEnv := strings.CutPrefix(s.Hash, "env:")
		if strings.HasPrefix(s.Hash, "file:") || isEnv && t.environ(name) == "" {
			continue
		}
		secrets = append(secrets, s)
	}
	// The console knows the secret by this label, and shows it as made up.
	label := "writ-dev"
	for n := 2; slices.ContainsFunc(own, func(s schema.Secret) bool { return s.Label == label }); n++ {
		label = fmt.Sprintf("writ-dev-%d", n)
	}
	return append(secrets, schema.Secret{Label: label, Hash: hashSecret(t.secret)})
}

// rebase is an issuer at another origin: its path stays, so that the paths of its endpoints do.
func rebase(issuer, origin string) string {
	parsed, err := url.Parse(issuer)
	if err != nil {
		return origin + "/"
	}
	return origin + parsed.EscapedPath()
}
