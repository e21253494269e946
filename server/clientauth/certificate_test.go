package clientauth

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/store/storetest"
)

// A certificateTest makes client certificates under a CA of its own.
type certificateTest struct {
	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey
	now   time.Time
}

func newCertificateTest(t *testing.T) certificateTest {
	c := certificateTest{now: storetest.NewClock().Now(), caKey: newES256().key.(*ecdsa.PrivateKey)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: c.now.Add(-time.Hour), NotAfter: c.now.Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	c.ca = c.sign(t, template, template, c.caKey)
	return c
}

func (c certificateTest) sign(t *testing.T, template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), c.caKey)
	if err != nil {
		t.Fatal(err)
	}
	return must(x509.ParseCertificate(der))
}

// issue makes a good leaf of the CA after change has been applied to it.
func (c certificateTest) issue(t *testing.T, change func(*x509.Certificate)) PeerCertificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "billing", Organization: []string{"Example"}},
		NotBefore: c.now.Add(-time.Hour), NotAfter: c.now.Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	return PeerCertificate{Leaf: c.sign(t, template, c.ca, newES256().key.(*ecdsa.PrivateKey)), ChainVerified: true}
}

func (c certificateTest) match(peer PeerCertificate, blocks ...schema.Certificate) (string, Method, error) {
	return MatchCertificate(peer, slices.Values(blocks), c.now)
}

var byName = schema.Certificate{Label: "c1", SubjectDN: "CN=billing,O=Example"}

func TestMatchCertificate(t *testing.T) {
	c := newCertificateTest(t)
	uri := func(uris ...string) func(*x509.Certificate) {
		return func(x *x509.Certificate) {
			for _, u := range uris {
				x.URIs = append(x.URIs, must(url.Parse(u)))
			}
		}
	}
	dns := func(names ...string) func(*x509.Certificate) {
		return func(x *x509.Certificate) { x.DNSNames = names }
	}
	const spiffe = "spiffe://example.com/billing"
	for _, test := range []struct {
		name   string
		change func(*x509.Certificate)
		block  schema.Certificate
		want   Reason
	}{
		{"subject", nil, byName, ""},
		{"subject of another", func(x *x509.Certificate) { x.Subject.CommonName = "reports" }, byName, ReasonWrongCertificate},
		{"dns", dns("x.example.com", "billing.example.com"), schema.Certificate{SANDNS: "billing.example.com"}, ""},
		{"dns in capitals", dns("BILLING.example.com"), schema.Certificate{SANDNS: "billing.Example.com"}, ""},
		{"dns wildcard", dns("*.example.com"), schema.Certificate{SANDNS: "billing.example.com"}, ReasonWrongCertificate},
		{"dns suffix", dns("evil-billing.example.com"), schema.Certificate{SANDNS: "billing.example.com"}, ReasonWrongCertificate},
		{"dns in the common name only", func(x *x509.Certificate) { x.Subject.CommonName = "billing.example.com" }, schema.Certificate{SANDNS: "billing.example.com"}, ReasonWrongCertificate},
		{"uri", uri(spiffe), schema.Certificate{SANURI: spiffe}, ""},
		{"uri as it is written", uri("https://a/%7Ex?"), schema.Certificate{SANURI: "https://a/%7Ex?"}, ""},
		{"uri written otherwise", uri("https://a/%7Ex"), schema.Certificate{SANURI: "https://a/~x"}, ReasonWrongCertificate},
		{"uri in capitals", uri("spiffe://EXAMPLE.com/billing"), schema.Certificate{SANURI: spiffe}, ReasonWrongCertificate},
		{"two uris", uri(spiffe, "spiffe://example.com/reports"), schema.Certificate{SANURI: spiffe}, ReasonWrongCertificate},
		{"uri beside dns", func(x *x509.Certificate) { uri(spiffe)(x); x.DNSNames = []string{"a.example"} }, schema.Certificate{SANURI: spiffe}, ""},
		{"no names", nil, schema.Certificate{SANURI: spiffe}, ReasonWrongCertificate},

		{"CA", func(x *x509.Certificate) { x.IsCA, x.BasicConstraintsValid = true, true }, byName, ReasonCertificateUse},
		{"may sign certificates", func(x *x509.Certificate) { x.KeyUsage |= x509.KeyUsageCertSign }, byName, ReasonCertificateUse},
		{"may not sign", func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageKeyAgreement }, byName, ReasonCertificateUse},
		{"no key usage", func(x *x509.Certificate) { x.KeyUsage = 0 }, byName, ""},
		{"for servers only", func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, byName, ReasonCertificateUse},
		{"for something unknown", func(x *x509.Certificate) {
			x.ExtKeyUsage, x.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{{1, 2, 3}}
		}, byName, ReasonCertificateUse},
		{"for servers and clients", func(x *x509.Certificate) { x.ExtKeyUsage = append(x.ExtKeyUsage, x509.ExtKeyUsageServerAuth) }, byName, ""},
		{"for anything", func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }, byName, ""},
		{"no extended usage", func(x *x509.Certificate) { x.ExtKeyUsage = nil }, byName, ""},

		{"expired", func(x *x509.Certificate) { x.NotAfter = c.now.Add(-time.Second) }, byName, ReasonExpired},
		{"not yet", func(x *x509.Certificate) { x.NotBefore = c.now.Add(time.Second) }, byName, ReasonExpired},
		{"block not yet", nil, schema.Certificate{SubjectDN: byName.SubjectDN, Window: schema.Window{NotBefore: c.now.Unix() + 1}}, ReasonKeyWindow},
		{"block no longer", nil, schema.Certificate{SubjectDN: byName.SubjectDN, Window: schema.Window{ExpiresAt: c.now.Unix()}}, ReasonKeyWindow},
		{"block without a selector", nil, schema.Certificate{}, ReasonWrongCertificate},
		{"block with two", dns("a.example"), schema.Certificate{SubjectDN: byName.SubjectDN, SANDNS: "a.example"}, ReasonWrongCertificate},
	} {
		test.block.Label = "c1"
		label, method, err := c.match(c.issue(t, test.change), schema.Certificate{Label: "other", SANDNS: "other.example"}, test.block)
		if test.want == "" {
			if err != nil || label != "c1" || method != TLSClientAuth {
				t.Errorf("%s: %q, %q, %v", test.name, label, method, err)
			}
			continue
		}
		wantReason(t, test.name, err, test.want)
		if label != "" || method != "" {
			t.Errorf("%s: %q, %q beside an error", test.name, label, method)
		}
	}
}

func TestCertificateMustBeThereAndVerified(t *testing.T) {
	c := newCertificateTest(t)
	_, _, err := c.match(PeerCertificate{}, byName)
	wantReason(t, "none", err, ReasonNoCertificate)
	peer := c.issue(t, nil)
	peer.ChainVerified = false
	_, _, err = c.match(peer, byName)
	wantReason(t, "chain not verified", err, ReasonUnverifiedChain)
	_, _, err = c.match(c.issue(t, nil))
	wantReason(t, "client without certificates", err, ReasonWrongCertificate)
}

func TestSelfSignedCertificate(t *testing.T) {
	c := newCertificateTest(t)
	self := PeerCertificate{Leaf: c.ca} // tools make self-signed certificates CAs
	block := schema.Certificate{Label: "self", SHA256: self.Thumbprint()}
	label, method, err := c.match(self, block)
	if err != nil || label != "self" || method != SelfSignedTLSClientAuth {
		t.Errorf("%q, %q, %v", label, method, err)
	}
	_, _, err = c.match(c.issue(t, nil), block)
	wantReason(t, "another certificate", err, ReasonWrongCertificate)
	// The same name and key, signed once more: another certificate.
	_, _, err = c.match(PeerCertificate{Leaf: c.sign(t, c.ca, c.ca, c.caKey)}, block)
	wantReason(t, "the same name and key", err, ReasonWrongCertificate)
	c.now = c.now.Add(2 * time.Hour)
	_, _, err = c.match(self, block)
	wantReason(t, "expired", err, ReasonExpired)
}

// The certificate of RFC 8705 appendix A, whose x5t#S256 section 3.1 gives for
// its access token's cnf.
func TestThumbprintOfRFC8705(t *testing.T) {
	block, _ := pem.Decode([]byte(rfc8705Certificate))
	if block == nil {
		t.Fatal("PEM")
	}
	leaf := must(x509.ParseCertificate(block.Bytes))
	if got, want := (PeerCertificate{Leaf: leaf}).Thumbprint(), "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"; got != want {
		t.Errorf("thumbprint %s, want %s", got, want)
	}
	sum := sha256.Sum256(leaf.Raw)
	if b64(sum[:]) != (PeerCertificate{Leaf: leaf}).Thumbprint() {
		t.Error("not the SHA-256 of the DER")
	}
}

const rfc8705Certificate = `-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----`

// A handshake gives PeerCertificateOf what it needs: verified with a CA, not
// verified without.
func TestPeerCertificateOf(t *testing.T) {
	if _, ok := PeerCertificateOf(nil); ok {
		t.Error("a certificate without TLS")
	}
	if _, ok := PeerCertificateOf(&tls.ConnectionState{}); ok {
		t.Error("a certificate where none was sent")
	}
	c := newCertificateTest(t)
	c.now = time.Now()
	c.ca = c.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: c.now.Add(-time.Hour), NotAfter: c.now.Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}, c.ca, c.caKey)
	key := newES256().key.(*ecdsa.PrivateKey)
	leaf := c.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "billing", Organization: []string{"Example"}}, DNSNames: []string{"localhost"},
		NotBefore: c.now.Add(-time.Hour), NotAfter: c.now.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}, c.ca, key)
	roots := x509.NewCertPool()
	roots.AddCert(c.ca)
	identity := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}
	for mode, verified := range map[tls.ClientAuthType]bool{tls.RequireAndVerifyClientCert: true, tls.RequireAnyClientCert: false} {
		server := &tls.Config{Certificates: []tls.Certificate{identity}, ClientAuth: mode, ClientCAs: roots}
		state := handshake(t, server, &tls.Config{Certificates: []tls.Certificate{identity}, RootCAs: roots, ServerName: "localhost"})
		peer, ok := PeerCertificateOf(&state)
		if !ok || peer.ChainVerified != verified {
			t.Fatalf("%s: %v, verified %v", mode, ok, peer.ChainVerified)
		}
		_, method, err := c.match(peer, byName)
		if (err == nil) != verified || verified && method != TLSClientAuth {
			t.Errorf("%s: %q, %v", mode, method, err)
		}
	}
}

func handshake(t *testing.T, server, client *tls.Config) tls.ConnectionState {
	t.Helper()
	left, right := net.Pipe()
	defer left.Close()
	defer right.Close()
	done := make(chan error, 1)
	go func() {
		conn := tls.Client(right, client)
		err := conn.Handshake()
		if err == nil {
			_, err = conn.Read(make([]byte, 1)) // TLS 1.3: the server finishes later
		}
		done <- err
	}()
	conn := tls.Server(left, server)
	if err := errors.Join(conn.Handshake()); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return conn.ConnectionState()
}
