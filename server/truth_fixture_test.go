package server_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/store"
)

// A truth is a server on which a client is registered for every method there
// is, and what the client needs for each.
type truth struct {
	server *server.Server
	now    time.Time
	issuer string
	key    ed25519.PrivateKey
	signed *x509.Certificate // by the CA
	own    *x509.Certificate // self-signed
	serial int
}

func newTruth(t *testing.T, issuer string) *truth {
	t.Helper()
	truth := &truth{issuer: issuer, now: noon}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	truth.key = private
	ca := certificate(t, "ca", private, nil, private)
	truth.own = certificate(t, "own", private, nil, private)
	truth.signed = certificate(t, "billing.example.com", private, ca, private)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	doc := withInspector(everyShape(issuer))
	sum := sha256.Sum256(truth.own.Raw)
	doc.Clients[0].PublicKeys = []schema.PublicKey{{Label: "a", JWKS: `{"keys":[{"alg":"EdDSA","crv":"Ed25519","kty":"OKP","x":"` + encode(public) + `"}]}`}}
	doc.Clients[0].Certificates = []schema.Certificate{{Label: "ca", SANDNS: "billing.example.com"}, {Label: "own", SHA256: encode(sum[:])}}
	certificates, err := clientauth.LoadClientCertificates(file, true)
	if err != nil {
		t.Fatal(err)
	}
	offerOffline(doc)
	truth.server, _ = serving(t, doc, server.Options{
		Store: store.NewMemory(store.MemoryOptions{Now: func() time.Time { return truth.now }}), RefreshTokensInMemory: true,
		Keys: server.KeyOptions{Folder: sharedKeys}, Getenv: env(map[string]string{"HMAC": hmacSecret}), Now: func() time.Time { return truth.now }, ClientCertificates: certificates,
	})
	return truth
}

// offerOffline lets the client ask on behalf of users, with everything there is.
func offerOffline(doc *schema.Document) {
	doc.TrustedIssuers = []schema.TrustedIssuer{{
		Label: "corp", Issuer: corpURL, JWKS: corp().jwks("k1"), Algorithms: []schema.SigningAlg{schema.ES256}, Audiences: []string{"web-app"}, VouchesFor: []schema.SubjectType{schema.SubjectUser},
	}}
	doc.Clients[0].GrantTypes = []string{schema.GrantClientCredentials, exchangeGrant, bearerGrant, schema.GrantRefreshToken}
	for i := range doc.APIs {
		doc.APIs[i].AllowOfflineAccess = true
		doc.Authorizations = append(doc.Authorizations, schema.Authorization{
			Label: "user-" + doc.APIs[i].Label, Client: doc.Clients[0].Label, API: doc.APIs[i].Label, SubjectType: schema.SubjectUser,
		})
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// certificate makes one for a client, or for a CA.
func certificate(t *testing.T, name string, key ed25519.PrivateKey, parent *x509.Certificate, signer ed25519.PrivateKey) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	if name == "ca" {
		template.IsCA, template.KeyUsage, template.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(nil, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// sign makes a compact JWS with the key.
func sign(key ed25519.PrivateKey, header, claims string) string {
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	return signed + "." + encode(ed25519.Sign(key, []byte(signed)))
}

// request is one for the path, authenticated by the method; nil for a method
// that is not tried here.
func (truth *truth) request(method, path string, v url.Values) *http.Request {
	v = maps.Clone(v)
	var state *tls.ConnectionState
	switch method {
	case "client_secret_basic":
		r := formTo(path, v)
		r.SetBasicAuth(clientID, clientSecret)
		return r
	case "client_secret_post":
		v.Set("client_secret", clientSecret)
	case "private_key_jwt":
		truth.serial++
		v.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		v.Set("client_assertion", sign(truth.key, `{"alg":"EdDSA","typ":"JWT"}`, fmt.Sprintf(`{"iss":%q,"sub":%q,"aud":%q,"jti":"j%d","iat":%d,"exp":%d}`,
			clientID, clientID, truth.issuer, truth.serial, truth.now.Unix(), truth.now.Unix()+60)))
	case "tls_client_auth":
		state = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{truth.signed}}
	case "self_signed_tls_client_auth":
		state = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{truth.own}}
	default:
		return nil
	}
	v.Set("client_id", clientID)
	r := formTo(path, v)
	r.TLS = state
	return r
}
