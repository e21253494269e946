//go:build linux

package strangers

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/testenv"
)

// Reasons for more than one difference.
const (
	failedHeader = "a client that tries the Authorization header and fails gets 401 and a challenge: RFC 6749 section 5.2"
	droppedScope = "a token with less than what was asked for surprises later; there what is unknown is dropped"
)

// An answer is what an endpoint says to a request, as far as clients act on it.
type answer struct {
	status int
	code   string // the member error, "" for none
}

func (a answer) String() string { return strings.TrimSpace(fmt.Sprintf("%d %s", a.status, a.code)) }

// A question is one request to the token endpoint. Both servers are asked.
type question struct {
	name   string
	method string // POST
	query  string
	basic  string // id:secret, sent form-encoded; "" for no Authorization
	header http.Header
	form   string // the body
	want   answer // of both, unless
	peer   answer // the other server answers otherwise
	why    string // and why we do not
}

const (
	peerResource = "https://api.example.com/rfc9068/rs256"
	grant        = "grant_type=client_credentials&resource=https%3A%2F%2Fapi.example.com%2Frfc9068%2Frs256"
	goodBasic    = "billing:" + clientSecret
	goodPost     = "&client_id=billing&client_secret=" + clientSecret
)

var (
	granted       = answer{http.StatusOK, ""}
	invalid       = answer{http.StatusBadRequest, "invalid_request"}
	invalidClient = answer{http.StatusUnauthorized, "invalid_client"}
	invalidScope  = answer{http.StatusBadRequest, "invalid_scope"}
	invalidTarget = answer{http.StatusBadRequest, "invalid_target"}
	unsupported   = answer{http.StatusBadRequest, "unsupported_grant_type"}
)

var questions = []question{
	{name: "basic", basic: goodBasic, form: grant, want: granted},
	{name: "post", form: grant + goodPost, want: granted},
	{name: "one scope", basic: goodBasic, form: grant + "&scope=read%3Athings", want: granted},
	{name: "both scopes", basic: goodBasic, form: grant + "&scope=write%3Athings+read%3Athings", want: granted},
	{name: "an unknown parameter", basic: goodBasic, form: grant + "&unknown=1", want: granted},
	{name: "client_id beside basic", basic: goodBasic, form: grant + "&client_id=billing", want: granted},
	{name: "form with a charset", basic: goodBasic, form: grant, want: granted,
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}},

	{name: "wrong secret, basic", basic: "billing:wrong", form: grant, want: invalidClient},
	{name: "wrong secret, post", form: grant + "&client_id=billing&client_secret=wrong", want: invalidClient},
	{name: "unknown client, basic", basic: "nobody:" + clientSecret, form: grant, want: invalidClient},
	{name: "unknown client, post", form: grant + "&client_id=nobody&client_secret=" + clientSecret, want: invalidClient},
	{name: "no secret", form: grant + "&client_id=billing", want: invalidClient},
	{name: "no client", form: grant, want: invalidClient,
		peer: invalid, why: "a request without any authentication is invalid_client: RFC 6749 section 5.2"},
	{name: "basic and post", basic: goodBasic, form: grant + goodPost, want: invalid},
	{name: "another client_id than basic's", basic: goodBasic, form: grant + "&client_id=nobody", want: invalid},
	{name: "basic that is not base64", form: grant, header: http.Header{"Authorization": {"Basic !!!"}}, want: invalidClient,
		peer: invalid, why: failedHeader},
	{name: "basic without a colon", form: grant, header: http.Header{"Authorization": {"Basic YmlsbGluZw=="}}, want: invalidClient,
		peer: invalid, why: failedHeader},
	{name: "basic with an empty secret", basic: "billing:", form: grant, want: invalidClient,
		peer: invalid, why: failedHeader},
	{name: "bearer", form: grant, header: http.Header{"Authorization": {"Bearer abc"}}, want: invalidClient,
		peer: invalid, why: failedHeader},
	{name: "secret in the query", query: "?client_id=billing&client_secret=" + clientSecret, form: grant, want: invalid},
	{name: "an assertion of an unknown type", form: grant + "&client_id=billing&client_assertion=abc&client_assertion_type=unknown", want: invalidClient,
		peer: invalid, why: "an authentication that is not supported is invalid_client: RFC 6749 section 5.2"},

	{name: "no grant_type", basic: goodBasic, form: "resource=" + url.QueryEscape(peerResource), want: invalid},
	{name: "an empty grant_type", basic: goodBasic, form: "grant_type=", want: invalid},
	{name: "an unknown grant_type", basic: goodBasic, form: "grant_type=unknown", want: unsupported},
	{name: "password", basic: goodBasic, form: "grant_type=password&username=a&password=b", want: unsupported},
	{name: "authorization_code", basic: goodBasic, form: "grant_type=authorization_code&code=a", want: unsupported,
		peer: invalid, why: "there is no such grant here; there it is one, and lacks a redirect_uri"},
	{name: "grant_type in capitals", basic: goodBasic, form: "grant_type=CLIENT_CREDENTIALS", want: unsupported},
	{name: "a client without the grant", basic: "billing-idle:" + clientSecret, form: grant, want: answer{http.StatusBadRequest, "unauthorized_client"},
		peer: invalid, why: "RFC 6749 section 5.2 has a code for it"},
	{name: "grant_type twice", basic: goodBasic, form: grant + "&grant_type=client_credentials", want: invalid},
	{name: "client_id twice", form: grant + goodPost + "&client_id=billing", want: invalid},
	{name: "scope twice", basic: goodBasic, form: grant + "&scope=read%3Athings&scope=read%3Athings", want: invalid},

	{name: "a scope that is not granted", basic: goodBasic, form: grant + "&scope=delete%3Athings", want: invalidScope,
		peer: granted, why: droppedScope},
	{name: "a scope that is not granted beside one that is", basic: goodBasic, form: grant + "&scope=read%3Athings+delete%3Athings", want: invalidScope,
		peer: granted, why: droppedScope},
	{name: "offline_access", basic: goodBasic, form: grant + "&scope=offline_access", want: invalidScope,
		peer: granted, why: droppedScope},
	{name: "a scope with a quote", basic: goodBasic, form: grant + "&scope=%22", want: invalidScope},
	{name: "an empty scope", basic: goodBasic, form: grant + "&scope=", want: granted},

	{name: "an unknown resource", basic: goodBasic, form: "grant_type=client_credentials&resource=https%3A%2F%2Fapi.example.com%2Fother", want: invalidTarget},
	{name: "a resource with a slash more", basic: goodBasic, form: grant + "%2F", want: invalidTarget},
	{name: "a resource that is not a URI", basic: goodBasic, form: "grant_type=client_credentials&resource=orders", want: invalidTarget},
	{name: "a resource with a fragment", basic: goodBasic, form: grant + "%23a", want: invalidTarget},
	{name: "two resources", basic: goodBasic, form: grant + "&resource=https%3A%2F%2Fapi.example.com%2Fother", want: invalid,
		peer: invalidTarget, why: "no parameter is taken twice, this one neither"},
	{name: "no resource", basic: goodBasic, form: "grant_type=client_credentials", want: invalid,
		peer: granted, why: "a token is always for an API; there it may be for none"},

	{name: "GET", method: http.MethodGet, query: "?" + grant + goodPost, want: answer{http.StatusMethodNotAllowed, "invalid_request"},
		peer: answer{http.StatusNotFound, ""}, why: "the route is there, only the method is not: RFC 9110 section 15.5.6"},
	{name: "PUT", method: http.MethodPut, basic: goodBasic, form: grant, want: answer{http.StatusMethodNotAllowed, "invalid_request"},
		peer: answer{http.StatusNotFound, ""}, why: "the route is there, only the method is not: RFC 9110 section 15.5.6"},
	{name: "no body", basic: goodBasic, want: invalid},
	{name: "plain text", basic: goodBasic, form: grant, header: http.Header{"Content-Type": {"text/plain"}}, want: invalid},
	{name: "no content type", basic: goodBasic, form: grant, header: http.Header{"Content-Type": nil}, want: invalid},
	{name: "JSON", basic: goodBasic, form: `{"grant_type":"client_credentials","resource":"` + peerResource + `"}`,
		header: http.Header{"Content-Type": {"application/json"}}, want: granted,
		peer: invalid, why: "clients written for Auth0 send JSON"},
	{name: "a body of a megabyte", basic: goodBasic, form: grant + "&unknown=" + strings.Repeat("a", 1<<20), want: answer{http.StatusRequestEntityTooLarge, "invalid_request"},
		peer: invalid, why: "413 says what is wrong: RFC 9110 section 15.5.14"},
	{name: "a bad percent sign", basic: goodBasic, form: grant + "&unknown=%zz", want: invalid,
		peer: granted, why: "a form that is malformed is refused whole; there it is repaired"},
}

// The same requests have the same answers as those of another server that
// implements the same standards; where not, the table says why.
func TestAnswersLikePeer(t *testing.T) {
	t.Parallel()
	needNode(t)
	l := listen(t)
	peer := startPeer(t)
	differences := 0
	for _, q := range questions {
		ours := q.ask(t, l.client, l.issuer+"oauth/token")
		theirs := q.ask(t, http.DefaultClient, peer)
		if ours != q.want {
			t.Errorf("%s: %v, want %v", q.name, ours, q.want)
		}
		want := q.want
		if q.why != "" {
			want = q.peer
			differences++
		}
		if theirs != want || q.why != "" && q.peer == q.want {
			t.Errorf("%s: the peer answers %v, want %v", q.name, theirs, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	t.Logf("%d questions, %d answered otherwise by the peer", len(questions), differences)
}

func (q question) ask(t *testing.T, client *http.Client, endpoint string) answer {
	t.Helper()
	method := q.method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), method, endpoint+q.query, strings.NewReader(q.form))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range q.header {
		req.Header[name] = values
	}
	if id, secret, ok := strings.Cut(q.basic, ":"); ok {
		credentials := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(credentials)))
	}
	res, err := client.Do(req)
	must(t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	must(t, err)
	var body struct{ Error string }
	if err := json.Unmarshal(content, &body); err != nil && res.StatusCode == http.StatusOK {
		t.Errorf("%s: %v in %s", q.name, err, content)
	}
	return answer{res.StatusCode, body.Error}
}

// startPeer runs the other server until the test ends and returns its token endpoint.
func startPeer(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("node", "peer.mjs", "billing", clientSecret, peerResource)
	cmd.Dir = e2e
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	var log testenv.Buffer
	cmd.Stderr = &log
	must(t, cmd.Start())
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the peer ended: %v\n%s", err, log.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	var metadata struct {
		TokenEndpoint string `json:"token_endpoint"`
	}
	must(t, json.Unmarshal(line, &metadata))
	return metadata.TokenEndpoint
}
