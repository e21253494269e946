package snapshot

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
)

func TestParseTrustedKeys(t *testing.T) {
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keys.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	if err := os.WriteFile(path, append(block, block...), 0o600); err != nil {
		t.Fatal(err)
	}
	for v, n := range map[string]int{path: 2, base64.StdEncoding.EncodeToString(public): 1, base64.RawURLEncoding.EncodeToString(public): 1} {
		keys, err := ParseTrustedKeys(v, os.ReadFile)
		if err != nil || len(keys) != n || !keys[0].Equal(public) {
			t.Errorf("%q: %v, %v", v, keys, err)
		}
	}
}
