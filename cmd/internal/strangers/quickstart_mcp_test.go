//go:build linux

package strangers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/cmd/internal/programs"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/quickstart"
)

// toolArguments are what the tools take.
var toolArguments = map[string]string{"whoami": "{}", "lookup": `{"key":"7"}`}

// askTools puts the questions that matter to an MCP server, as any client may send them.
func (s *shop) askTools(t *testing.T, base string, api quickstart.API) {
	t.Helper()
	tokens := s.tokens[api.Label]
	s.readMetadata(t, base, api)
	call := func(t *testing.T, authorization, tool string, want ...int) string {
		t.Helper()
		return callTool(t, base, api.Identifier, authorization, tool, want...)
	}
	call(t, "", "whoami", http.StatusUnauthorized)
	for _, malformed := range []string{"Basic YTpi", "Bearer "} {
		call(t, malformed, "whoami", http.StatusUnauthorized)
	}
	for kind, token := range tokens {
		t.Run(kind, func(t *testing.T) {
			if kind != "good" && kind != "little" {
				call(t, "Bearer "+token, "whoami", http.StatusUnauthorized)
				return
			}
			if answer := call(t, "Bearer "+token, "whoami", http.StatusOK); !strings.Contains(answer, "A valid token of billing@clients calls this.") {
				t.Errorf("the tool says %s", answer)
			}
		})
	}
	answer := call(t, "Bearer "+tokens["good"], "lookup", http.StatusOK)
	if looked := strings.Contains(answer, "A token with the scope looks up 7."); looked != (len(api.Scopes) > 0) {
		t.Errorf("the tool with the scope says %s", answer)
	}
	if len(api.Scopes) == 0 {
		return
	}
	call(t, "Bearer "+tokens["little"], "lookup", http.StatusForbidden)
	s.callOddly(t, base, api)
}

// readMetadata holds the server's metadata to RFC 9728: the resource is the API, byte for
// byte, and the authorization server is writd.
func (s *shop) readMetadata(t *testing.T, base string, api quickstart.API) {
	t.Helper()
	_, body := get(t, metadataURL(t, base, api.Identifier), "", http.StatusOK)
	var metadata struct {
		Resource string    `json:"resource"`
		Servers  []string  `json:"authorization_servers"`
		Scopes   *[]string `json:"scopes_supported"`
	}
	must(t, json.Unmarshal([]byte(body), &metadata))
	if metadata.Resource != api.Identifier || len(metadata.Servers) != 1 || metadata.Servers[0] != s.issuer {
		t.Errorf("the metadata are %s", body)
	}
	if scopes := metadata.Scopes; (scopes != nil) != (len(api.Scopes) > 0) || scopes != nil && (len(*scopes) != 1 || (*scopes)[0] != api.Scopes[0]) {
		t.Errorf("the scopes in %s", body)
	}
}

// callOddly sends calls that two readers might read in two ways. None gets a tool to run
// without its scope.
func (s *shop) callOddly(t *testing.T, base string, api quickstart.API) {
	t.Helper()
	for name, body := range map[string]string{
		"name twice":     `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","name":"lookup","arguments":{"key":"7"}}}`,
		"twice the name": `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lookup","name":"whoami","arguments":{"key":"7"}}}`,
		"other case":     `{"jsonrpc":"2.0","id":1,"method":"tools/call","Method":"ping","params":{"name":"lookup","Name":"whoami","arguments":{"key":"7"}}}`,
		"a batch":        `[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"lookup","arguments":{"key":"7"}}}]`,
		"escaped":        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"l\u006fokup","arguments":{"key":"7"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, answer := postMCP(t, base, api.Identifier, "Bearer "+s.tokens[api.Label]["little"], body, http.StatusOK, http.StatusForbidden, http.StatusBadRequest)
			if strings.Contains(answer, "looks up") {
				t.Errorf("the tool has run: %s", answer)
			}
		})
	}
}

// callTool calls a tool and wants one of these statuses; a refusal says where the metadata are.
func callTool(t *testing.T, base, identifier, authorization, tool string, want ...int) (answer string) {
	t.Helper()
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + toolArguments[tool] + `}}`
	response, answer := postMCP(t, base, identifier, authorization, body, want...)
	if want[0] != http.StatusUnauthorized && want[0] != http.StatusForbidden {
		return answer
	}
	where, err := url.Parse(identifier)
	must(t, err)
	challenge := response.Header.Get("WWW-Authenticate")
	if metadata := metadataURL(t, where.Scheme+"://"+where.Host, identifier); !strings.Contains(challenge, `resource_metadata="`+metadata+`"`) {
		t.Errorf("the challenge %s does not name %s", challenge, metadata)
	}
	if want[0] == http.StatusForbidden && (!strings.Contains(challenge, `error="insufficient_scope"`) || !strings.Contains(challenge, `scope="read:things"`)) {
		t.Errorf("the challenge of a missing scope is %s", challenge)
	}
	return answer
}

func postMCP(t *testing.T, base, identifier, authorization, body string, want ...int) (*http.Response, string) {
	t.Helper()
	address, err := url.Parse(identifier)
	must(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+address.Path, strings.NewReader(body))
	must(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	return send(t, request, authorization, want...)
}

// metadataURL is where RFC 9728 section 3.1 puts the metadata of a resource.
func metadataURL(t *testing.T, base, identifier string) string {
	t.Helper()
	address, err := url.Parse(identifier)
	must(t, err)
	return base + "/.well-known/oauth-protected-resource" + address.Path
}

// withAgent adds a client that shows who it is with its key (private_key_jwt).
func (s *shop) withAgent(t *testing.T, doc *schema.Document) *schema.Document {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	s.agentKey = filepath.Join(s.dir, "agent.pem")
	put(t, s.agentKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	point, err := key.PublicKey.Bytes()
	must(t, err)
	x, y := base64.RawURLEncoding.EncodeToString(point[1:33]), base64.RawURLEncoding.EncodeToString(point[33:])
	doc.Clients = slices.Insert(doc.Clients, 0, schema.Client{
		Label: "agent", ClientID: "agent", GrantTypes: []string{schema.GrantClientCredentials},
		PublicKeys: []schema.PublicKey{{Label: "k", JWKS: fmt.Sprintf(`{"keys":[{"crv":"P-256","kty":"EC","x":%q,"y":%q}]}`, x, y)}},
	})
	doc.Authorizations = slices.Insert(doc.Authorizations, 0, schema.Authorization{
		Label: "agent-tools", Client: "agent", API: "tools", SubjectType: schema.SubjectClient, Scopes: []string{"read:things"},
	})
	return doc
}

// connect runs the clients of the official SDKs against the server: they begin without a
// token, read its metadata, get one from writd, and call its tools.
func (s *shop) connect(t *testing.T, run launcher) {
	t.Run("clients", func(t *testing.T) {
		address, err := url.Parse(s.tools.Identifier)
		must(t, err)
		run(t, s.tools, "PORT="+address.Port())
		for _, c := range []struct{ name, client, credential string }{
			{"mcp-go", "billing", "CLIENT_SECRET=" + clientSecret},
			{"mcp-node", "billing", "CLIENT_SECRET=" + clientSecret},
			{"mcp-node", "agent", "CLIENT_KEY=" + s.agentKey},
		} {
			t.Run(c.name+"/"+c.client, func(t *testing.T) {
				call := s.prepare(t, s.caller(t, c.name, s.tools, c.client))
				for tool, want := range map[string]string{
					"whoami": "A valid token of " + c.client + "@clients calls this.\n", "lookup": "A token with the scope looks up 7.\n",
				} {
					programs.Eventually(t, func() error {
						said, err := call(t, []string{c.credential}, tool, toolArguments[tool])
						switch {
						case err != nil && strings.Contains(said, "TemporarilyUnavailable"):
							return err // a server that has just begun takes no assertion that it may have seen
						case err != nil || said != want:
							t.Errorf("%s says %q, not %q: %v", tool, said, want, err)
						}
						return nil
					})
				}
			})
		}
		// Why the client names the token endpoint: the SDK refuses writ's metadata.
		t.Run("mcp-node/without the endpoint", func(t *testing.T) {
			snippet := s.caller(t, "mcp-node", s.tools, "billing")
			snippet.Code = strings.Replace(snippet.Code, "discoveryState()", "unused()", 1)
			said, err := s.prepare(t, snippet)(t, []string{"CLIENT_SECRET=" + clientSecret}, "whoami")
			if err == nil || !strings.Contains(said, "authorization_endpoint") {
				t.Errorf("%v: %s", err, said)
			}
		})
	})
}
