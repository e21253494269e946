//go:build linux

package strangers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
					printed, err := s.prepare(t, snippet)(t, []string{"CLIENT_SECRET=" + clientSecret})
					if err != nil {
						t.Fatalf("%v\n%s", err, snippet.Code)
					}
					s.holds(t, printed, request)
				})
			}
		}
	}
}

// TestQuickstartCallers runs the code of clients against an API that takes their token, that
// refuses the first one, and that refuses every one.
func TestQuickstartCallers(t *testing.T) {
	s := openShop(t)
	i := slices.IndexFunc(s.apis, func(api quickstart.API) bool { return api.Label == "rfc9068-odd-0" })
	for _, name := range []string{"go", "node", "python"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := s.prepare(t, s.caller(t, name, s.apis[i], "billing"))
			for _, c := range []struct {
				name          string
				refuse        int // so many tokens, of those that come
				lifetime      int // that the answer claims, in seconds
				asks          int // so many requests in one run
				tokens, calls int32
				status        string
			}{
				{"the token is kept", 0, 3600, 3, 1, 3, "200"},
				{"not until its end", 0, 20, 3, 3, 3, "200"},
				{"refused, it is replaced", 1, 3600, 2, 2, 3, "200"},
				{"refused again, that is the answer", 99, 3600, 1, 2, 2, "401"},
			} {
				t.Run(c.name, func(t *testing.T) {
					stage := s.openStage(t, c.refuse, c.lifetime)
					var urls []string
					for range c.asks {
						urls = append(urls, stage.URL+"/api/private")
					}
					printed, err := run(t, []string{"CLIENT_SECRET=" + clientSecret, "TOKEN_ENDPOINT=" + stage.URL + "/token"}, urls...)
					must(t, err)
					if lines := strings.Count(printed, c.status); lines != c.asks {
						t.Errorf("%d answers are %s:\n%s", lines, c.status, printed)
					}
					if tokens, calls := stage.tokens.Load(), stage.calls.Load(); tokens != c.tokens || calls != c.calls {
						t.Errorf("%d tokens for %d calls, want %d and %d", tokens, calls, c.tokens, c.calls)
					}
				})
			}
		})
	}
}

// caller is the code of a client that calls the API.
func (s *shop) caller(t *testing.T, name string, api quickstart.API, client string) quickstart.Snippet {
	t.Helper()
	request := quickstart.Request{Issuer: s.issuer, TokenEndpoint: s.issuer + "oauth/token", ClientID: client, Identifier: api.Identifier, Scopes: api.Scopes[:1]}
	callers := request.Callers()
	i := slices.IndexFunc(callers, func(c quickstart.Snippet) bool { return c.Name == name })
	if i < 0 || callers[i].NotExecuted {
		t.Fatalf("no caller %s that is said to be run", name)
	}
	return callers[i]
}

// A stage is a token endpoint before that of writd, and an API beside it. It counts.
type stage struct {
	*httptest.Server
	tokens, calls atomic.Int32
}

func (s *shop) openStage(t *testing.T, refuse, lifetime int) *stage {
	t.Helper()
	opened := new(stage)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		opened.tokens.Add(1)
		response, err := s.client.Post(s.issuer+"oauth/token", r.Header.Get("Content-Type"), r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		answer := map[string]any{}
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		answer["expires_in"] = lifetime
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(response.StatusCode)
		json.NewEncoder(w).Encode(answer)
	})
	var mu sync.Mutex
	refused := map[string]bool{}
	mux.HandleFunc("GET /api/private", func(w http.ResponseWriter, r *http.Request) {
		opened.calls.Add(1)
		mu.Lock()
		defer mu.Unlock()
		token := r.Header.Get("Authorization")
		if !strings.HasPrefix(token, "Bearer ey") || refused[token] || len(refused) < refuse {
			refused[token] = true
			http.Error(w, "refused", http.StatusUnauthorized)
			return
		}
		fmt.Fprintln(w, "read")
	})
	opened.Server = httptest.NewServer(mux)
	t.Cleanup(opened.Close)
	return opened
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

// A pastedCode is a client's code, ready to run with more variables in its environment.
type pastedCode func(t *testing.T, environment []string, args ...string) (printed string, err error)

// prepare installs and builds the code as a person would who has pasted it.
func (s *shop) prepare(t *testing.T, snippet quickstart.Snippet) pastedCode {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, snippet.File), []byte(snippet.Code))
	var command []string
	switch snippet.Language {
	case "shell":
		for _, name := range []string{"sh", "curl"} {
			if _, err := exec.LookPath(name); err != nil {
				need(t, name+" is not installed")
			}
		}
		command = []string{"sh", snippet.File}
	case "go":
		goModule(t, dir)
		inModule(t, dir, "gofmt", "-l", ".")
		inModule(t, dir, "go", "vet", ".")
		inModule(t, dir, "go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", "program", ".")
		command = []string{filepath.Join(dir, "program")}
	case "javascript":
		linkModules(t, dir)
		command = []string{"node", snippet.File}
	case "python":
		command = []string{s.callersPython(t, snippet).path, snippet.File}
	default:
		t.Fatal("nothing here runs it")
	}
	return func(t *testing.T, environment []string, args ...string) (string, error) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), command[0], append(command[1:len(command):len(command)], args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+s.ca, "SSL_CERT_FILE="+s.ca, "REQUESTS_CA_BUNDLE="+s.ca, "CURL_CA_BUNDLE="+s.ca)
		cmd.Env = append(cmd.Env, environment...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
		return string(out), err
	}
}

// callersPython is one virtual environment for all callers: they import the same.
func (s *shop) callersPython(t *testing.T, snippet quickstart.Snippet) interpreter {
	t.Helper()
	s.pythonMu.Lock()
	defer s.pythonMu.Unlock()
	if s.python.path == "" {
		s.python = virtualEnvironment(t, filepath.Join(s.dir, "callers"), pipPins(snippet.Install), "requests")
	}
	return s.python
}
