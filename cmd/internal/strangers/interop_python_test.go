//go:build linux

package strangers

import (
	"os/exec"
	"strings"
	"testing"
)

// python is Debian's own, which sees Debian's packages.
const python = "/usr/bin/python3"

// Python's libraries, as clients and as owners of an API.
func TestPythonLibraries(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command(python, "-c", "import authlib, jwt, requests_oauthlib, cryptography").CombinedOutput(); err != nil {
		need(t, "python3-authlib, python3-jwt or python3-requests-oauthlib is missing: "+strings.TrimSpace(string(out)))
	}
	found := listen(t).visit(t, python, "libraries.py")
	compare(t, found, map[string]expectation{
		"authlib client_secret_basic":       {},
		"authlib client_secret_post":        {},
		"requests-oauthlib basic":           {},
		"requests-oauthlib body":            {},
		"pyjwt":                             {},
		"pyjwt another audience":            {},
		"authlib verifier":                  {},
		"authlib verifier another audience": {},
	})
}
