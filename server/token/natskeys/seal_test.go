package natskeys_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/server/token/natskeys"
)

// A seal is 32 bytes however they are written; whatever is not says so and shows none.
func TestReadSeal(t *testing.T) {
	secret := make([]byte, 32)
	rand.Read(secret)
	want, err := natskeys.ParseSeal(secret)
	if err != nil {
		t.Fatal(err)
	}
	read := func(content string) (natskeys.Seal, error) {
		path := filepath.Join(t.TempDir(), "seal")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return natskeys.ReadSeal(path)
	}
	for _, text := range []string{
		string(secret), base64.StdEncoding.EncodeToString(secret) + "\n", base64.RawStdEncoding.EncodeToString(secret),
		base64.URLEncoding.EncodeToString(secret), " " + base64.RawURLEncoding.EncodeToString(secret) + "\r\n",
	} {
		if s, err := read(text); err != nil || s.String() != want.String() {
			t.Errorf("%q: %s, %v", text, s, err)
		}
	}
	for _, text := range []string{
		"", "s3cr3t", string(secret[:31]), string(secret) + "\n", base64.StdEncoding.EncodeToString(secret[:31]), base64.StdEncoding.EncodeToString(append(secret, 1)),
		string(make([]byte, 32)), strings.Repeat("s3cr3t", 200), base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)),
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), "openssl rand -base64 32") || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := natskeys.ReadSeal(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("read a file that is not there")
	}
}
