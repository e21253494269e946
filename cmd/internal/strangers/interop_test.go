//go:build linux

package strangers

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/internal/programs"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// e2e is where the programs of strangers are.
const e2e = "../../../.ci/e2e"

var (
	interopProfiles   = []schema.Profile{schema.ProfileAuth0, schema.ProfileRFC9068}
	interopAlgorithms = jose.Algs(jose.SigningKeys)
)

// A listener is writd behind TLS, as strangers see it.
type listener struct {
	issuer string
	ca     string // file with the authority of its certificate
	client *http.Client
}

// listen starts writd on a port of this machine, with one API for each profile
// and algorithm, all of them granted to one client.
func listen(t *testing.T) listener {
	t.Helper()
	dir := t.TempDir()
	l := listener{ca: filepath.Join(dir, "tls.crt")}
	writeAuthority(t, dir)
	snapshot := filepath.Join(dir, "writ.snapshot")
	writd := programs.Serve(t, snapshot, "--listen", "127.0.0.1:0", "--tls-cert", l.ca, "--tls-key", filepath.Join(dir, "tls.key"))
	l.issuer = localhost(t, writd)
	l.client = l.trusting(t)
	serve(t, writd, snapshot, everyShape(l.issuer))
	return l
}

// trusting is a client that trusts the listener's certificate and no other.
func (l listener) trusting(t *testing.T) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	certificate, err := os.ReadFile(l.ca)
	must(t, err)
	roots.AppendCertsFromPEM(certificate)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: programs.Patience}
}

func shape(profile schema.Profile, alg schema.SigningAlg) string {
	return string(profile) + "/" + strings.ToLower(string(alg))
}

func everyShape(issuer string) *schema.Document {
	doc := onlyBilling(issuer)
	idle := doc.Clients[0]
	idle.Label, idle.ClientID, idle.GrantTypes = "billing-idle", "billing-idle", []string{schema.GrantTokenExchange}
	doc.Clients = append(doc.Clients, idle)
	for _, profile := range interopProfiles {
		for _, alg := range interopAlgorithms {
			name := shape(profile, alg)
			label := strings.ReplaceAll(name, "/", "_")
			doc.APIs = append(doc.APIs, schema.API{
				Label: label, Name: name, Identifier: "https://api.example.com/" + name, Profile: profile, Alg: alg, TokenLifetime: 600,
				ScopeMode: schema.ScopeNarrow, Scopes: []schema.Scope{{Name: "read:things"}, {Name: "write:things"}},
			})
			doc.Authorizations = append(doc.Authorizations, schema.Authorization{
				Label: label, Client: "billing", API: label, SubjectType: schema.SubjectClient, Scopes: []string{"read:things", "write:things"},
			})
		}
	}
	slices.SortFunc(doc.APIs, func(a, b schema.API) int { return strings.Compare(a.Label, b.Label) })
	slices.SortFunc(doc.Authorizations, func(a, b schema.Authorization) int { return strings.Compare(a.Label, b.Label) })
	return doc
}

// writeAuthority makes a certificate for localhost that is its own authority.
func writeAuthority(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	put(t, filepath.Join(dir, "tls.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	put(t, filepath.Join(dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// needNode is for tests that run one of the programs with Node.
func needNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		need(t, "node is not installed")
	}
	if _, err := os.Stat(filepath.Join(e2e, "node_modules", "oidc-provider")); err != nil {
		need(t, "Node's packages are not installed: run npm ci in .ci/e2e")
	}
}

// A finding is what one library did with one API.
type finding struct{ Library, API, Outcome string }

// visit runs a program of strangers against the listener.
func (l listener) visit(t *testing.T, name string, args ...string) []finding {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, append(args, l.issuer, "billing", clientSecret)...)
	cmd.Dir = e2e
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+l.ca, "SSL_CERT_FILE="+l.ca, "REQUESTS_CA_BUNDLE="+l.ca)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, &out, &errs)
	}
	var found []finding
	for line := range bytes.Lines(out.Bytes()) {
		var f finding
		if err := json.Unmarshal(line, &f); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		found = append(found, f)
	}
	return found
}

// An expectation is which APIs a library gets along with: those of the
// profiles and algorithms, nil for all.
type expectation struct {
	profiles   []schema.Profile
	algorithms []schema.SigningAlg
	why        string // what keeps it from the others
}

// compare holds what was found to what is expected of every library.
func compare(t *testing.T, found []finding, want map[string]expectation) {
	t.Helper()
	outcome := map[[2]string]string{}
	for _, f := range found {
		outcome[[2]string{f.Library, f.API}] = f.Outcome
		if _, ok := want[f.Library]; !ok {
			t.Errorf("%s is not expected", f.Library)
		}
	}
	for library, e := range want {
		for _, profile := range interopProfiles {
			for _, alg := range interopAlgorithms {
				got, ran := outcome[[2]string{library, shape(profile, alg)}]
				good := (e.profiles == nil || slices.Contains(e.profiles, profile)) && (e.algorithms == nil || slices.Contains(e.algorithms, alg))
				if err := e.hold(got, ran, good); err != nil {
					t.Errorf("%s, %s: %v", library, shape(profile, alg), err)
				}
			}
		}
	}
	t.Logf("%d uses of %d libraries", len(found), len(want))
}

func (e expectation) hold(got string, ran, good bool) error {
	switch {
	case !ran:
		return errors.New("was not tried")
	case good && got != "ok":
		return fmt.Errorf("%s, want ok", got)
	case !good && got == "ok":
		return fmt.Errorf("ok, though %s", e.why)
	}
	return nil
}
