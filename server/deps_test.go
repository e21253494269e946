package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/writ-auth/writ/"

// What the sidecar must not link, directly or through others, and why.
var unlinked = map[string]string{
	"github.com/hashicorp/hcl":          "the sidecar is handed what was compiled; hcl would add 29 packages and 2.3 MB",
	"github.com/zclconf/go-cty":         "expressions are evaluated by the compiler; a token request evaluates nothing",
	module + "config":                   "the declared model belongs to the compiler",
	module + "compiler":                 "the sidecar reads snapshots and makes none",
	module + "cmd/writ":                 "a program is not a library",
	"net/http/pprof":                    "it registers itself with every handler that uses the default mux",
	"testing":                           "tests stay out of the program",
	"github.com/lestrrat-go/jwx/v2/jwe": "writ neither takes nor makes encrypted tokens, and their decoding is where bombs were found",
	"github.com/nats-io/nats-server":    "tests run it; the sidecar has the client",
	"google.golang.org/grpc":            "data is sent by OTLP over HTTP; gRPC is 7 MB, and its debugging pages come with html/template",
	"golang.org/x/net/trace":            "debugging pages of gRPC, which register with the default mux",
	"html/template":                     "pages belong to the workbench; templates call methods by name, so that the linker keeps every exported method of every type",
	"text/template":                     "as above",
	"golang.org/x/crypto/openpgp":       "unsafe by design",
}

// What only some packages may import themselves, and why.
var confined = map[string]struct {
	to     []string
	reason string
}{
	"github.com/lestrrat-go/jwx/v2":      {[]string{"server/token"}, "jwx v2 is at the end of its line: its successor is to be a change in one package"},
	"github.com/fsnotify/fsnotify":       {[]string{"server/watch"}, "events are hints: only the package that looks itself may hear them"},
	"go.etcd.io/bbolt":                   {[]string{"server/store"}, "the state has one interface and its backends are behind it"},
	"github.com/nats-io":                 {[]string{"schema/natsbucket", "schema/location", "server/store/natskv", "server/token/natskeys"}, "the shared state, the shared keys and the place of the snapshot are behind interfaces; nothing else may depend on how they are kept"},
	"oras.land/oras-go":                  {[]string{"schema/location"}, "what is in a registry is a location; nothing else may depend on how it is kept"},
	"go.opentelemetry.io":                {[]string{"server/telemetry"}, "who traces requests does so from outside, behind server.Tracer"},
	"github.com/prometheus":              {[]string{"server/metrics", "server/telemetry"}, "what is counted has names of its own; one package knows how it is exposed, one how it is sent"},
	"golang.org/x/crypto":                {[]string{"server/clientauth"}, "slow hashes are for imported secrets, behind their limits"},
	"golang.org/x/time":                  {[]string{"server/internal/endpoint"}, "a client's limits are checked where the client is known, not inside what the endpoints call"},
	"github.com/coreos/go-systemd":       {[]string{"cmd/writd"}, "who starts the program is the program's business"},
	module + "server/internal/endpoint":  {[]string{"server"}, "an endpoint is asked over HTTP"},
	module + "server/internal/active":    {[]string{"server", "server/internal/endpoint"}, "the facts are handed to those below the endpoints"},
	module + "server/internal/refresh":   {[]string{"server", "server/internal/endpoint"}, "a decision has its family handed in, and remembers nothing"},
	module + "server/internal/transport": {[]string{"server", "server/internal/endpoint"}, "a request is read in one place"},
	module + "server/quickstart":         {nil, "code that people paste has no part in making a token"},
	"github.com/writ-auth/writ/schema/snapshot": {[]string{
		"server/clientauth", "server/decide", "server/internal/active", "server/internal/endpoint", "server/internal/refresh", "cmd/writd", "schema/location",
	}, "making a token needs a grant, not a snapshot"},
}

type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Standard,Imports"}, args...)...)
	cmd.Stderr = os.Stderr // which says why it ends with an error
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// below reports whether path is the package or one under it.
func below(path, pkg string) bool { return path == pkg || strings.HasPrefix(path, pkg+"/") }

func TestDependencies(t *testing.T) {
	roots := []string{"-deps", module + "cmd/writd"}
	for _, p := range list(t, roots...) {
		for pkg, reason := range unlinked {
			if below(p.ImportPath, pkg) {
				t.Errorf("%s is linked into the sidecar: %s", p.ImportPath, reason)
			}
		}
	}
	for _, p := range list(t, module+"server/...") {
		if !strings.HasSuffix(p.ImportPath, "test") { // suites for tests, as net/http/httptest
			roots = append(roots, p.ImportPath)
		}
	}
	linked := list(t, roots...)
	if len(linked) < 100 {
		t.Fatalf("only %d packages are listed", len(linked))
	}
	for _, p := range linked {
		if !below(p.ImportPath, strings.TrimSuffix(module, "/")) {
			continue
		}
		own := strings.TrimPrefix(p.ImportPath, module)
		for pkg, rule := range confined {
			for _, imported := range p.Imports {
				if below(imported, pkg) && !slices.Contains(rule.to, own) {
					t.Errorf("%s imports %s: %s", own, imported, rule.reason)
				}
			}
		}
	}
}

// What a package must not import itself, and why. That it imports packages of ours
// which do is another matter: it takes their types.
var forbidden = map[string]map[string]string{
	"server/decide": {
		"net":                   "what HTTP says is handed to a decision",
		"os":                    "a decision reads no file",
		"io":                    "a decision reads nothing",
		"context":               "a decision waits for nothing",
		"sync":                  "a decision remembers nothing",
		"log":                   "who asks logs the answer",
		"crypto/rand":           "the same request at the same time gets the same answer",
		"math/rand":             "as above",
		module + "server/store": "what is remembered is handed to a decision",
	},
	"server/internal/transport": {
		strings.TrimSuffix(module, "/"): "it bounds and reads requests before anybody knows what they mean",
	},
	"server/internal/active": {
		"net/http": "a state is made from files and knows no request",
	},
	"server/internal/refresh": {
		"net/http":                 "what is remembered does not depend on how it was asked for",
		module + "server/internal": "as above",
	},
}

func TestForbiddenImports(t *testing.T) {
	for own, rules := range forbidden {
		for _, imported := range list(t, module+own)[0].Imports {
			for pkg, reason := range rules {
				if below(imported, pkg) {
					t.Errorf("%s imports %s: %s", own, imported, reason)
				}
			}
		}
	}
}

// One place decides, and it is a function of configuration, request and time.
func TestDecisionsAskNoClock(t *testing.T) {
	files, err := filepath.Glob("decide/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of server/decide: %v", err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") && bytes.Contains(source, []byte("time.Now")) {
			t.Errorf("%s asks what time it is: the time is handed to a decision", name)
		}
	}
}
