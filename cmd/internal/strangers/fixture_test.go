//go:build linux

// Package strangers has other people's libraries, gateways, frameworks and providers take
// writd's tokens and give theirs, and runs the code that "writ quickstart" prints. It has
// tests only, which are not with writd because they take longer than all others of it.
package strangers

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"testing"

	"github.com/writ-auth/writ/cmd/internal/programs"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

func TestMain(m *testing.M) { programs.Main(m) }

// clientSecret is the secret of each client that has one.
const clientSecret = "jMpy2RT_pcIUnhqVRMjHDrBZjbBNoFsCRyGz4vRlSXM"

// hashOf is a secret as a configuration holds it.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// onlyBilling is a document with one client and nothing to call.
func onlyBilling(issuer string) *schema.Document {
	return &schema.Document{
		Issuer: schema.Issuer{URL: issuer, ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix},
		Clients: []schema.Client{{
			Label: "billing", Name: "Billing", ClientID: "billing", GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}},
		}},
	}
}

// localhost is the issuer of a writd behind TLS, whose certificate is for that name.
func localhost(t *testing.T, writd *programs.Writd) (issuer string) {
	t.Helper()
	_, port, err := net.SplitHostPort(writd.Address(t))
	must(t, err)
	return "https://localhost:" + port + "/"
}

// serve puts the first snapshot in force.
func serve(t *testing.T, writd *programs.Writd, path string, doc *schema.Document) {
	t.Helper()
	body, err := snapshot.Encode(doc)
	must(t, err)
	file, err := snapshot.Marshal(snapshot.Envelope{Serial: 1}, body, nil)
	must(t, err)
	put(t, path, file)
	writd.WaitReady(t)
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// put writes a file.
func put(t *testing.T, path string, content []byte) {
	t.Helper()
	must(t, os.WriteFile(path, content, 0o600))
}

// need skips where something is missing, and fails there in CI.
func need(t *testing.T, missing string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}
