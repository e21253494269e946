//go:build pkcs11

package pkcs11

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"

	"github.com/writ-auth/writ/schema"
)

const (
	module = "/usr/lib/softhsm/libsofthsm2.so"
	pin    = "canary-pin-4711"
)

var rsaKey = schema.PKCS11Key{Token: "writ", Object: "rsa"}

// newToken makes a SoftHSM token with one RSA key. Without SoftHSM the test is
// skipped, in CI it fails.
func newToken(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(module); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("SoftHSM is not installed: apt-get install softhsm2")
		}
		t.Skip("SoftHSM is not installed: apt-get install softhsm2")
	}
	dir := t.TempDir()
	conf, key := filepath.Join(dir, "softhsm2.conf"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nlog.level = ERROR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	for _, command := range [][]string{
		{"softhsm2-util", "--init-token", "--free", "--label", "writ", "--pin", pin, "--so-pin", "so-pin"},
		{"openssl", "genpkey", "-algorithm", "RSA", "-out", key},
		{"softhsm2-util", "--import", key, "--token", "writ", "--label", "rsa", "--id", "01", "--pin", pin},
	} {
		if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", command, err, out)
		}
	}
}

// A wrong PIN reaches the token once, a right one opens it; a session that has
// ended is opened anew under load, and no other key passes for the first.
func TestTokens(t *testing.T) {
	newToken(t)
	tokens := New(module, 4)
	t.Cleanup(func() { // the next run has another token
		for _, token := range tokens.open {
			token.Close()
		}
	})
	for i, want := range []string{"CKR_PIN_INCORRECT", "refused this PIN before", "refused this PIN before"} {
		if _, err := tokens.Signer(rsaKey, "wrong-canary"); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("attempt %d: %v", i, err)
		}
	}
	signer, err := tokens.Signer(rsaKey, pin)
	if err != nil {
		t.Fatal(err)
	}
	sign := func() error {
		digest := sha256.Sum256(nil)
		signature, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			return err
		}
		return rsa.VerifyPKCS1v15(signer.Public().(*rsa.PublicKey), crypto.SHA256, digest[:], signature)
	}
	if err := sign(); err != nil {
		t.Fatal(err)
	}
	endSessions(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				if err := sign(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := tokens.Signer(schema.PKCS11Key{Token: "writ", Object: "none"}, pin); !errors.Is(err, errFound) {
		t.Errorf("a key that is not there: %v", err)
	}
	if _, err := tokens.Signer(schema.PKCS11Key{Token: "none", Object: "rsa"}, pin); err == nil {
		t.Error("a token that is not there")
	}
}

// endSessions does what taking the token out and putting it back does.
func endSessions(t *testing.T) {
	t.Helper()
	p := pkcs11.New(module)
	slots, err := p.GetSlotList(true)
	if err != nil {
		t.Fatal(err)
	}
	for _, slot := range slots {
		if err := p.CloseAllSessions(slot); err != nil {
			t.Fatal(err)
		}
	}
}
