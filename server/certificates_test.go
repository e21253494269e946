package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/store"
)

// An authority is a test CA.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	a := authority{key: newPair().private.(*ecdsa.PrivateKey)}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.certificate = a.make(t, template, template, &a.key.PublicKey)
	return a
}

func (a authority) make(t *testing.T, template, parent *x509.Certificate, public *ecdsa.PublicKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, a.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// issue makes a certificate for a TLS client, changed.
func (a authority) issue(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "billing", Organization: []string{"Example"}},
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	change(template)
	leaf := a.make(t, template, a.certificate, &key.PublicKey)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A tlsServer is a server behind a real TLS listener.
type tlsServer struct {
	*server.Server
	log     *testenv.Buffer
	address string
	roots   *x509.CertPool
	clients *clientauth.ClientCertificates
	caFile  string
}

// overTLS serves the document to clients with certificates of ca, nil for none.
func overTLS(t *testing.T, doc *schema.Document, ca *authority, selfSigned bool) tlsServer {
	t.Helper()
	dir := t.TempDir()
	own := newAuthority(t)
	pairOf := own.issue(t, func(c *x509.Certificate) {
		c.IPAddresses, c.ExtKeyUsage = []net.IP{net.IPv4(127, 0, 0, 1)}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	key, err := x509.MarshalPKCS8PrivateKey(pairOf.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	ts := tlsServer{roots: x509.NewCertPool()}
	ts.roots.AddCert(own.certificate)
	writePEM(t, filepath.Join(dir, "tls.crt"), "CERTIFICATE", pairOf.Certificate[0])
	writePEM(t, filepath.Join(dir, "tls.key"), "PRIVATE KEY", key)
	if ca != nil {
		ts.caFile = filepath.Join(dir, "ca.crt")
		writePEM(t, ts.caFile, "CERTIFICATE", ca.certificate.Raw)
	}
	certificate, err := server.LoadCertificate(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	if ts.clients, err = clientauth.LoadClientCertificates(ts.caFile, selfSigned); err != nil {
		t.Fatal(err)
	}
	config := certificate.Config()
	ts.clients.Ask(config)
	ts.Server, ts.log = serving(t, doc, server.Options{ClientCertificates: ts.clients, Store: store.NewMemory(store.MemoryOptions{})})
	listener, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ts.address = listener.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ts.Serve(ctx, server.Listeners{Public: listener, TLS: config}) }()
	t.Cleanup(func() { cancel(); <-ended })
	return ts
}

// client presents the certificates, none for none.
func (ts tlsServer) client(t *testing.T, certificates ...tls.Certificate) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ts.roots, Certificates: certificates, ClientSessionCache: tls.NewLRUClientSessionCache(0)}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (ts tlsServer) token(t *testing.T, client *http.Client, v url.Values, headers ...string) result {
	t.Helper()
	return ask(t, client, "https://"+ts.address+"/oauth/token", v, headers...)
}

func certified(doc *schema.Document, id string, block schema.Certificate) {
	block.Label = "cert-" + id
	withClient(doc, schema.Client{Label: id, ClientID: id, Certificates: []schema.Certificate{block}, RequireSenderConstrained: true})
}

func by(id string) url.Values { return form("client_secret", "-", "client_id", id) }

func digest(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return b64url(sum[:])
}

func selfSigned(t *testing.T) tls.Certificate {
	a := authority{key: newPair().private.(*ecdsa.PrivateKey)}
	template := &x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "self"}, NotAfter: time.Now().Add(time.Hour)}
	return tls.Certificate{Certificate: [][]byte{a.make(t, template, template, &a.key.PublicKey).Raw}, PrivateKey: a.key}
}

// Certificates of a CA by each kind of name and self-signed ones, over TLS: the
// token is bound to the certificate, and no certificate does for another client.
func TestClientCertificates(t *testing.T) {
	ca := newAuthority(t)
	spiffe, err := url.Parse("spiffe://example.org/billing")
	if err != nil {
		t.Fatal(err)
	}
	mine := selfSigned(t)
	certificates := map[string]tls.Certificate{
		"dn":   ca.issue(t, func(*x509.Certificate) {}),
		"dns":  ca.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"billing.example.com"} }),
		"uri":  ca.issue(t, func(c *x509.Certificate) { c.Subject, c.URIs = pkix.Name{}, []*url.URL{spiffe} }),
		"self": mine,
	}
	doc := quickDocument()
	certified(doc, "dn", schema.Certificate{SubjectDN: "CN=billing,O=Example"})
	certified(doc, "dns", schema.Certificate{SANDNS: "billing.example.com"})
	certified(doc, "uri", schema.Certificate{SANURI: spiffe.String()})
	certified(doc, "self", schema.Certificate{SHA256: digest(mine)})
	certified(doc, "past", schema.Certificate{SHA256: digest(mine), Window: schema.Window{ExpiresAt: 1}})
	ts := overTLS(t, doc, &ca, true)
	for id, certificate := range certificates {
		res := ts.token(t, ts.client(t, certificate), by(id))
		if res.status != 200 || res.body.TokenType != "Bearer" {
			t.Fatalf("%s: %d %s\n%s", id, res.status, res.raw, ts.log)
		}
		if cnf := confirmation(t, res.body.AccessToken); len(cnf) != 1 || cnf["x5t#S256"] != digest(certificate) {
			t.Errorf("%s: cnf %v", id, cnf)
		}
		if !strings.Contains(ts.log.String(), `"credential":"cert-`+id+`"`) {
			t.Errorf("%s is not in the log", id)
		}
	}
	if log := ts.log.String(); !strings.Contains(log, `"method":"tls_client_auth"`) || !strings.Contains(log, `"method":"self_signed_tls_client_auth"`) {
		t.Errorf("the methods are not in the log\n%s", log)
	}

	other := newAuthority(t)
	chain := ca.issue(t, func(*x509.Certificate) {})
	for range maxChain {
		chain.Certificate = append(chain.Certificate, ca.certificate.Raw)
	}
	wrong := ts.token(t, ts.client(t), form("client_secret", "wrong"))
	for name, row := range map[string]struct {
		client *http.Client
		form   url.Values
		reason string
	}{
		"no certificate":             {ts.client(t), by("dn"), "no-credential"},
		"of another client":          {ts.client(t, certificates["dns"]), by("self"), "wrong-certificate"},
		"a client that is not":       {ts.client(t, certificates["dn"]), by("nobody"), "unknown-client"},
		"a client of secrets":        {ts.client(t, certificates["dn"]), by(clientID), "wrong-certificate"},
		"no client_id":               {ts.client(t, certificates["dn"]), form("client_secret", "-", "client_id", "-"), "no-credential"},
		"of another CA":              {ts.client(t, other.issue(t, func(*x509.Certificate) {})), by("dn"), "unverified-chain"},
		"self-signed with the name":  {ts.client(t, selfSigned(t)), by("self"), "wrong-certificate"},
		"for servers":                {ts.client(t, ca.issue(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })), by("dn"), "unverified-chain"},
		"expired":                    {ts.client(t, ca.issue(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })), by("dn"), "expired"},
		"a block outside its window": {ts.client(t, mine), by("past"), "key-window"},
	} {
		before := len(ts.log.String())
		res := ts.token(t, row.client, row.form)
		res.header.Del("Date")
		wrong.header.Del("Date")
		if res.status != wrong.status || res.raw != wrong.raw || len(res.header) != len(wrong.header) {
			t.Errorf("%s: %d %s", name, res.status, res.raw)
		}
		if line := ts.log.String()[before:]; !strings.Contains(line, `"reason":"`+row.reason+`"`) {
			t.Errorf("%s: not for the reason %s: %s", name, row.reason, line)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+ts.address+"/.well-known/jwks.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := ts.client(t, chain).Do(r); err == nil {
		res.Body.Close()
		t.Error("a chain of six certificates is looked at")
	}

	// A certificate that a mesh presents with everything binds nothing, and a
	// DPoP key takes the place of the certificate's.
	if res := ts.token(t, ts.client(t, certificates["dn"]), form()); res.status != 200 || confirmation(t, res.body.AccessToken) != nil {
		t.Errorf("with a secret: %d %s", res.status, res.raw)
	}
	es := pairs()[schema.ES256]
	res := ts.token(t, ts.client(t, certificates["dn"]), by("dn"), "DPoP", es.proof(issuerURL+"oauth/token", time.Now(), nil))
	if cnf := confirmation(t, res.body.AccessToken); res.status != 200 || res.body.TokenType != "DPoP" || len(cnf) != 1 || cnf["jkt"] != es.thumbprint() {
		t.Errorf("with a proof: %d %s %v", res.status, res.raw, cnf)
	}
}

const maxChain = 5

// A CA that is taken out of the file counts no more, on the connections that are
// open and in sessions that are resumed.
func TestCAIsWithdrawn(t *testing.T) {
	ca, next := newAuthority(t), newAuthority(t)
	doc := quickDocument()
	certified(doc, "dn", schema.Certificate{SubjectDN: "CN=billing,O=Example"})
	ts := overTLS(t, doc, &ca, false)
	client := ts.client(t, ca.issue(t, func(*x509.Certificate) {}))
	if res := ts.token(t, client, by("dn")); res.status != 200 {
		t.Fatalf("%d %s", res.status, res.raw)
	}
	writePEM(t, ts.caFile, "CERTIFICATE", next.certificate.Raw)
	if err := ts.clients.Reload(); err != nil {
		t.Fatal(err)
	}
	if res := ts.token(t, client, by("dn")); res.status != 401 {
		t.Errorf("on the open connection: %d", res.status)
	}
	client.CloseIdleConnections()
	if res := ts.token(t, client, by("dn")); res.status != 401 {
		t.Errorf("in a resumed session: %d", res.status)
	}
	if res := ts.token(t, ts.client(t, next.issue(t, func(*x509.Certificate) {})), by("dn")); res.status != 200 {
		t.Errorf("of the new CA: %d %s", res.status, res.raw)
	}
	if err := os.WriteFile(ts.caFile, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ts.clients.Reload(); err == nil {
		t.Error("a damaged file is taken")
	}
	if res := ts.token(t, ts.client(t, next.issue(t, func(*x509.Certificate) {})), by("dn")); res.status != 200 {
		t.Errorf("after a damaged file: %d %s", res.status, res.raw)
	}
}

// The metadata lists the methods that work: for these clients, on this listener.
func TestMetadataOfMethods(t *testing.T) {
	ca := newAuthority(t)
	mine := selfSigned(t)
	with := func(secret, key, pki, self bool) *schema.Document {
		doc := quickDocument()
		if !secret {
			doc.Clients[0].Secrets = nil
		}
		if key {
			withKeys(doc, "key", schema.PublicKey{Label: "k", JWKS: newPair().jwks("k")})
		}
		if pki {
			certified(doc, "pki", schema.Certificate{SANDNS: "x.example"})
		}
		if self {
			certified(doc, "self", schema.Certificate{SHA256: digest(mine)})
		}
		return doc
	}
	algs := []string{"RS256", "PS256", "ES256", "EdDSA", "ES384", "ES512", "Ed25519"}
	for name, row := range map[string]struct {
		server *server.Server
		want   []string
	}{
		"everything":         {overTLS(t, with(true, true, true, true), &ca, true).Server, []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}},
		"no CA":              {overTLS(t, with(true, true, true, true), nil, true).Server, []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "self_signed_tls_client_auth"}},
		"no self-signed":     {overTLS(t, with(false, false, true, true), &ca, false).Server, []string{"tls_client_auth"}},
		"nobody needs TLS":   {overTLS(t, with(true, false, false, false), &ca, true).Server, []string{"client_secret_basic", "client_secret_post"}},
		"a federated client": {first(serving(t, foreigners()["github"].federated(), server.Options{})), []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}},
		"no TLS":             {first(serving(t, with(true, true, true, true), server.Options{})), []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}},
	} {
		var m map[string]any
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/.well-known/oauth-authorization-server", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(do(t, row.server.Public(), r).raw), &m); err != nil {
			t.Fatal(err)
		}
		for _, endpoint := range []string{"token", "introspection", "revocation"} {
			if got := texts(m[endpoint+"_endpoint_auth_methods_supported"]); !slices.Equal(got, row.want) {
				t.Errorf("%s: %s by %v, want %v", name, endpoint, got, row.want)
			}
			var want []string
			if slices.Contains(row.want, "private_key_jwt") {
				want = algs
			}
			if got := texts(m[endpoint+"_endpoint_auth_signing_alg_values_supported"]); !slices.Equal(got, want) {
				t.Errorf("%s: %s with %v", name, endpoint, got)
			}
		}
		bound := slices.ContainsFunc(row.want, func(method string) bool { return strings.Contains(method, "tls") })
		if (m["tls_client_certificate_bound_access_tokens"] == true) != bound || !slices.Equal(texts(m["dpop_signing_alg_values_supported"]), algs) {
			t.Errorf("%s: %v", name, m)
		}
	}
}

func first(s *server.Server, _ *testenv.Buffer) *server.Server { return s }

func texts(list any) (out []string) {
	values, _ := list.([]any)
	for _, v := range values {
		out = append(out, v.(string))
	}
	return out
}
