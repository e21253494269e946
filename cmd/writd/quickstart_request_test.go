//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/server/quickstart"
)

// TestQuickstartRequests runs the requests that a client is shown, with the
// secret in the environment and with the secret in the code.
func TestQuickstartRequests(t *testing.T) {
	s := openShop(t)
	for _, api := range s.apis {
		if api.Label != "rfc9068-EdDSA" && !strings.Contains(api.Label, "odd") && api.Label != "bare" {
			continue
		}
		for _, secret := range []string{"", clientSecret} {
			request := quickstart.Request{
				TokenEndpoint: s.issuer + "oauth/token", ClientID: "billing", Secret: secret, Identifier: api.Identifier,
			}
			if len(api.Scopes) > 1 {
				request.Scopes = api.Scopes[:2]
			}
			for _, snippet := range request.Snippets() {
				t.Run(api.Label+"/"+snippet.Name+map[bool]string{true: "/environment", false: "/code"}[secret == ""], func(t *testing.T) {
					t.Parallel()
					s.holds(t, s.runSnippet(t, snippet), request)
				})
			}
		}
	}
}

// holds wants the token in what was printed.
func (s *shop) holds(t *testing.T, printed string, request quickstart.Request) {
	t.Helper()
	token := printed
	if _, rest, ok := strings.Cut(printed, `"access_token":"`); ok { // curl prints the answer
		token, _, _ = strings.Cut(rest, `"`)
	}
	parsed, _, err := jwt.NewParser().ParseUnverified(strings.TrimSpace(token), jwt.MapClaims{})
	if err != nil {
		t.Fatalf("%v in %s", err, printed)
	}
	claims := parsed.Claims.(jwt.MapClaims)
	scope, _ := claims["scope"].(string)
	if claims["aud"] != request.Identifier || scope != strings.Join(request.Scopes, " ") {
		t.Errorf("claims %v", claims)
	}
}

// runSnippet runs the code as a person would who has pasted it.
func (s *shop) runSnippet(t *testing.T, snippet quickstart.Snippet) (printed string) {
	t.Helper()
	dir := t.TempDir()
	commands := map[string][]string{
		"curl": {"sh", "request.sh"}, "go": {"go", "run", "."}, "node": {"node", "request.mjs"}, "python": {python, "request.py"},
	}
	command := commands[snippet.Name]
	if command == nil {
		t.Fatal("nothing here runs it")
	}
	if _, err := exec.LookPath(command[0]); err != nil {
		need(t, command[0]+" is not installed")
	}
	put(t, filepath.Join(dir, snippet.File), []byte(snippet.Code))
	switch snippet.Name {
	case "curl":
		if _, err := exec.LookPath("curl"); err != nil {
			need(t, "curl is not installed")
		}
	case "go":
		goModule(t, dir)
		inModule(t, dir, "gofmt", "-l", ".")
	case "python":
		if out, err := exec.CommandContext(t.Context(), python, "-c", "import requests").CombinedOutput(); err != nil {
			need(t, "python3-requests is missing: "+strings.TrimSpace(string(out)))
		}
	}
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CLIENT_SECRET="+clientSecret, "GOFLAGS=-mod=readonly",
		"NODE_EXTRA_CA_CERTS="+s.ca, "SSL_CERT_FILE="+s.ca, "REQUESTS_CA_BUNDLE="+s.ca, "CURL_CA_BUNDLE="+s.ca)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, snippet.Code)
	}
	return string(out)
}
