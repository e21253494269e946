//go:build linux

package strangers

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/quickstart"
)

// oddIssuer is an issuer URL with the characters that end strings and begin
// directives.
const oddIssuer = `https://localhost/a'b"c$d{e};f(g)h%20i/`

// TestQuickstartsWithAnOddIssuer reads what is printed with each language's own
// parser: an issuer's words, too, end no string and begin no directive.
func TestQuickstartsWithAnOddIssuer(t *testing.T) {
	for _, target := range quickstart.Targets() {
		for _, profile := range target.Profiles {
			api := quickstart.API{
				Issuer: oddIssuer, Label: "odd", Name: "Odd\u2028 */ ?>", Identifier: oddIdentifiers[0], Profile: profile, Alg: schema.RS256,
				Scopes: []string{oddScope},
			}
			if target.Supports(api) != nil || target.NotExecuted {
				continue
			}
			t.Run(target.Name+"/"+string(profile), func(t *testing.T) {
				t.Parallel()
				dir := lay(t, target, api)
				files, err := target.Files(api)
				must(t, err)
				for _, f := range files {
					parses(t, dir, f)
				}
			})
		}
	}
}

// parses runs the parser of the file's language.
func parses(t *testing.T, dir string, f quickstart.File) {
	t.Helper()
	s := new(shop)
	switch f.Language {
	case "go":
		inModule(t, dir, "gofmt", "-l", ".")
	case "javascript":
		if _, err := exec.LookPath("node"); err != nil {
			need(t, "node is not installed")
		}
		put(t, filepath.Join(dir, "read.mjs"), []byte(f.Content))
		s.atOnce(t, dir, "node", "--check", "read.mjs")
	case "python":
		s.atOnce(t, dir, python, "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())", f.Name)
	case "ruby":
		if _, err := exec.LookPath("ruby"); err != nil {
			need(t, "ruby is not installed")
		}
		s.atOnce(t, dir, "ruby", "-c", f.Name)
	case "haproxy":
		for _, name := range []string{"key-1.pem", "key-2.pem"} {
			put(t, filepath.Join(dir, name), publicKey(t))
		}
		s.atOnce(t, dir, installed(t, "haproxy", "haproxy"), "-c", "-f", f.Name)
	case "nginx":
		s.atOnce(t, dir, installed(t, "nginx", "nginx-light"), "-p", dir, "-c", f.Name, "-t")
	case "apache":
		s.atOnce(t, dir, installed(t, "apache2", "apache2-bin"), "-d", dir, "-f", f.Name, "-t")
	default:
		t.Fatalf("nothing here reads %s", f.Language)
	}
}

func publicKey(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
