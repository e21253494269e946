package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/schema"
)

// strangers is where the Node libraries are installed: npm ci in that folder.
const strangers = "../../.ci/e2e"

// TestStrangersAcceptTokens has "writ dev" serve one API for each token profile
// and asymmetric algorithm, and Node's jose, oauth4webapi and openid-client
// discover it, get a token and verify it.
func TestStrangersAcceptTokens(t *testing.T) {
	t.Parallel()
	needNode(t)
	url, secret := startDev(t, strangersTree(t))
	for _, profile := range []schema.Profile{schema.ProfileRFC9068, schema.ProfileAuth0} {
		for _, alg := range []schema.SigningAlg{schema.RS256, schema.PS256, schema.ES256, schema.EdDSA} {
			t.Run(fmt.Sprintf("%s/%s", profile, alg), func(t *testing.T) {
				audience := strangersAudience(profile, alg)
				cmd := exec.CommandContext(t.Context(), "node", "token.mjs", url, "worker", secret, audience, string(profile), string(alg))
				cmd.Dir = strangers
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				var claims map[string]any
				if err := json.Unmarshal(out, &claims); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				if claims["scope"] != "read:things" || claims["sub"] != "worker@clients" || claims["aud"] != audience {
					t.Errorf("claims: %s", out)
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
	} else if _, err := os.Stat(filepath.Join(strangers, "node_modules", "jose")); err != nil {
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

func strangersAudience(profile schema.Profile, alg schema.SigningAlg) string {
	return strings.ToLower(fmt.Sprintf("https://api.example.com/%s/%s", profile, alg))
}

func strangersTree(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("issuer {\n  url = \"https://auth.example.com/\"\n}\n")
	b.WriteString("client \"worker\" {\n  secret \"s\" { hash = \"env:UNUSED\" }\n}\n")
	for _, profile := range []schema.Profile{schema.ProfileRFC9068, schema.ProfileAuth0} {
		for _, alg := range []schema.SigningAlg{schema.RS256, schema.PS256, schema.ES256, schema.EdDSA} {
			label := string(profile) + "_" + string(alg)
			fmt.Fprintf(&b, "api %q {\n  identifier = %q\n  token_profile = %q\n  signing_alg = %q\n  scope \"read:things\" {}\n}\n",
				label, strangersAudience(profile, alg), profile, alg)
			fmt.Fprintf(&b, "authorization %q {\n  client = client.worker\n  api = api.%s\n  scopes = [\"read:things\"]\n}\n", label, label)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// startDev runs "writ dev" until the test ends, and returns its address and
// the secret that every client takes.
func startDev(t *testing.T, dir string) (url, secret string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"dev", dir, "--listen", "127.0.0.1:0"}, &cli.Env{
			In: strings.NewReader(""), Out: in, Err: in, Now: time.Now, Rand: rand.Reader, Getenv: func(string) string { return "" },
		})
		in.Close()
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != cli.ExitOK {
			t.Errorf("writ dev ended with %d", code)
		}
	})

	greeting := regexp.MustCompile(`(?s)Issuer +(http://\S+).*Secret +([\w-]+) `)
	var seen strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := out.Read(buf)
		seen.Write(buf[:n])
		if m := greeting.FindStringSubmatch(seen.String()); m != nil {
			go io.Copy(io.Discard, out)
			return m[1], m[2]
		}
		if err != nil {
			t.Fatalf("writ dev: %v\n%s", err, &seen)
		}
	}
}
