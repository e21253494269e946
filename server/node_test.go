package server_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
)

// nodeLibraries is where the Node libraries are installed: npm ci in that folder.
const nodeLibraries = "../.ci/e2e"

// Node's oauth4webapi and openid-client authenticate with a key of each
// algorithm and bind tokens to another, with a nonce and without.
func TestNodeProvesKeys(t *testing.T) {
	needNode(t)
	for _, nonce := range []string{"", "nonce"} {
		issuer, _, log := overListener(t, server.Options{ProofNonce: nonce != ""}, func(issuer string) *schema.Document {
			doc := signers(quickDocument())
			doc.Issuer.URL = issuer
			return doc
		})
		for alg, p := range pairs() {
			t.Run(string(alg)+nonce, func(t *testing.T) {
				cmd := exec.CommandContext(t.Context(), "node", "credentials.mjs", issuer, "signer", ordersURL, string(alg), nonce)
				cmd.Dir, cmd.Stdin = nodeLibraries, strings.NewReader(p.privateJWK(t))
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s\n%s", err, out, log)
				}
				var claims struct {
					Audience     string `json:"aud"`
					Subject      string `json:"sub"`
					Confirmation struct {
						JKT string `json:"jkt"`
					} `json:"cnf"`
				}
				if err := json.Unmarshal(out, &claims); err != nil || claims.Audience != ordersURL || claims.Subject != "signer@clients" || len(claims.Confirmation.JKT) != 43 {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
	}
}

// needNode skips where Node or its packages are missing, and fails there in CI.
func needNode(t *testing.T) {
	t.Helper()
	missing := ""
	if _, err := exec.LookPath("node"); err != nil {
		missing = "node is not installed"
	} else if _, err := os.Stat(filepath.Join(nodeLibraries, "node_modules", "oauth4webapi")); err != nil {
		missing = "its packages are not installed: run npm ci in .ci/e2e"
	}
	switch {
	case missing == "":
	case os.Getenv("CI") == "true":
		t.Fatal(missing)
	default:
		t.Skip(missing)
	}
}

// privateJWK is the whole key under its kid.
func (p pair) privateJWK(t *testing.T) string {
	t.Helper()
	members := p.jwk()
	members["kid"], members["alg"] = "kid-"+string(p.alg), string(p.alg)
	switch key := p.private.(type) {
	case *rsa.PrivateKey:
		members["d"] = b64url(key.D.Bytes())
		for name, n := range map[string]*big.Int{"p": key.Primes[0], "q": key.Primes[1], "dp": key.Precomputed.Dp, "dq": key.Precomputed.Dq, "qi": key.Precomputed.Qinv} {
			members[name] = b64url(n.Bytes())
		}
	case *ecdsa.PrivateKey:
		scalar, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		members["d"] = b64url(scalar)
	case ed25519.PrivateKey:
		members["d"] = b64url(key.Seed())
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
