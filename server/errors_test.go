package server_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

// errorDocument is the usual document with what the rows of the table need.
func errorDocument(style schema.ErrorStyle) *schema.Document {
	doc := document()
	doc.Issuer.ErrorStyle = style
	doc.APIs[0].Alg = schema.EdDSA // its keys are made at once
	later := noon.Add(time.Hour).Unix()
	doc.APIs = append([]schema.API{{
		Label: "invoices", Name: "Invoices", Identifier: "https://api.example.com/invoices",
		Profile: schema.ProfileRFC9068, Alg: schema.EdDSA, TokenLifetime: 60, ScopeMode: schema.ScopeNarrow,
	}}, doc.APIs...)
	doc.Clients = append(doc.Clients,
		schema.Client{Label: "exchanger", Name: "x", ClientID: "exchanger", GrantTypes: []string{schema.GrantTokenExchange},
			Secrets: []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}}},
		schema.Client{Label: "limited", Name: "x", ClientID: "limited", GrantTypes: []string{schema.GrantClientCredentials}, RateLimit: 0.5,
			Secrets: []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}}},
		schema.Client{Label: "rotating", Name: "x", ClientID: "rotating", GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{
				{Label: "a", Hash: hashOf("expired"), Window: schema.Window{ExpiresAt: noon.Unix()}},
				{Label: "b", Hash: hashOf("early"), Window: schema.Window{NotBefore: later}},
				{Label: "c", Hash: hashOf(clientSecret)},
			}},
		schema.Client{Label: "secretless", Name: "x", ClientID: "secretless", GrantTypes: []string{schema.GrantClientCredentials}},
		schema.Client{Label: "strict", Name: "x", ClientID: "strict", GrantTypes: []string{schema.GrantClientCredentials}, RequireSenderConstrained: true,
			Secrets: []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}}},
	)
	doc.Authorizations = append(doc.Authorizations,
		schema.Authorization{Label: "limited", Client: "limited", API: "orders", SubjectType: schema.SubjectClient},
		schema.Authorization{Label: "strict", Client: "strict", API: "orders", SubjectType: schema.SubjectClient},
		schema.Authorization{Label: "rotating", Client: "rotating", API: "orders", SubjectType: schema.SubjectClient, ExpiresAt: noon.Unix()},
		schema.Authorization{Label: "user", Client: "billing", API: "invoices", SubjectType: schema.SubjectUser},
	)
	return doc
}

// canary is sent wherever input may be echoed.
const canary = "canary-9f2c77e1"

func with(r *http.Request, headers ...string) *http.Request {
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func raw(contentType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

func basic(id, secret string, v url.Values) *http.Request {
	r := post(v)
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return r
}

// query moves a request to another URI.
func query(r *http.Request, q string) *http.Request {
	r.URL.RawQuery = q
	return r
}

const formType = "application/x-www-form-urlencoded"

var good = form().Encode()

// invalidRequest and the like are what both styles or each of them answer.
type outcome struct {
	status int
	code   string
}

var (
	invalidRequest = [2]outcome{{400, "invalid_request"}, {400, "invalid_request"}}
	invalidClient  = [2]outcome{{401, "invalid_client"}, {401, "access_denied"}}
	invalidTarget  = [2]outcome{{400, "invalid_target"}, {403, "access_denied"}}
	invalidProof   = [2]outcome{{400, "invalid_dpop_proof"}, {400, "invalid_dpop_proof"}}
	invalidScope   = [2]outcome{{400, "invalid_scope"}, {403, "access_denied"}}
)

// The error table of server.md, row by row: rfc6749 and auth0.
var errorTable = []struct {
	name    string
	request func() *http.Request
	want    [2]outcome
	reason  server.Reason
}{
	{"GET", func() *http.Request { return httptest.NewRequest(http.MethodGet, "/oauth/token", nil) },
		[2]outcome{{405, "invalid_request"}, {405, "invalid_request"}}, ""},
	{"method in lower case", func() *http.Request { r := post(form()); r.Method = "post"; return r },
		[2]outcome{{405, "invalid_request"}, {405, "invalid_request"}}, ""},

	{"no content type", func() *http.Request { r := post(form()); r.Header.Del("Content-Type"); return r }, invalidRequest, "wrong-content-type"},
	{"text", func() *http.Request { return raw("text/plain", good) }, invalidRequest, "wrong-content-type"},
	{"multipart", func() *http.Request { return raw("multipart/form-data; boundary=x", good) }, invalidRequest, "wrong-content-type"},
	{"latin-1", func() *http.Request { return raw(formType+"; charset=iso-8859-1", good) }, invalidRequest, "wrong-content-type"},
	{"two content types", func() *http.Request { return with(post(form()), "Content-Type", "application/json") }, invalidRequest, "wrong-content-type"},
	{"compressed", func() *http.Request { return with(post(form()), "Content-Encoding", "gzip") }, invalidRequest, "wrong-content-type"},
	{"bad escape", func() *http.Request { return raw(formType, good+"&x=%zz") }, invalidRequest, "malformed-form"},
	{"cut escape", func() *http.Request { return raw(formType, good+"&x=%2") }, invalidRequest, "malformed-form"},
	{"semicolon", func() *http.Request { return raw(formType, good+";x=1") }, invalidRequest, "malformed-form"},
	{"NUL", func() *http.Request { return raw(formType, good+"&x=%00") }, invalidRequest, "malformed-form"},
	{"not UTF-8", func() *http.Request { return raw(formType, good+"&x=%ff") }, invalidRequest, "malformed-form"},
	{"a parameter twice", func() *http.Request { return raw(formType, good+"&audience="+url.QueryEscape(ordersURL)) }, invalidRequest, "duplicate-parameter"},
	{"an unknown parameter twice", func() *http.Request { return raw(formType, good+"&x=1&%78=1") }, invalidRequest, "duplicate-parameter"},
	{"an empty parameter twice", func() *http.Request { return raw(formType, good+"&x=&x") }, invalidRequest, "duplicate-parameter"},
	{"JSON: not an object", func() *http.Request { return raw("application/json", `["grant_type"]`) }, invalidRequest, "malformed-form"},
	{"JSON: cut", func() *http.Request { return raw("application/json", `{"grant_type":"client_credentials"`) }, invalidRequest, "malformed-form"},
	{"JSON: twice", func() *http.Request { return raw("application/json", `{"grant_type":"a","grant_type":"a"}`) }, invalidRequest, "duplicate-parameter"},
	{"JSON: number", func() *http.Request { return raw("application/json", `{"grant_type":1}`) }, invalidRequest, "malformed-form"},
	{"JSON: list", func() *http.Request {
		return raw("application/json", `{"grant_type":"client_credentials","audience":["a"]}`)
	}, invalidRequest, "malformed-form"},
	{"JSON: more after it", func() *http.Request { return raw("application/json", `{} {}`) }, invalidRequest, "malformed-form"},
	{"overlong UTF-8", func() *http.Request { return raw(formType, good+"&x=%c0%ae") }, invalidRequest, "malformed-form"},
	{"half a surrogate pair", func() *http.Request { return raw(formType, good+"&x=%ed%a0%80") }, invalidRequest, "malformed-form"},
	{"JSON: twice, one escaped", func() *http.Request {
		return raw("application/json", `{"grant_type":"a","grant\u005ftype":"b"}`)
	}, invalidRequest, "duplicate-parameter"},
	{"JSON: names in another case", func() *http.Request { return raw("application/json", `{"GRANT_TYPE":"client_credentials"}`) }, invalidRequest, "grant-type-missing"},
	{"JSON: null", func() *http.Request { return raw("application/json", `{"grant_type":null}`) }, invalidRequest, "grant-type-missing"},
	{"JSON: NUL", func() *http.Request { return raw("application/json", `{"grant_type":"client_credentials\u0000"}`) }, invalidRequest, "malformed-form"},
	{"JSON: byte order mark", func() *http.Request { return raw("application/json", "\ufeff{}") }, invalidRequest, "malformed-form"},
	{"JSON: latin-1", func() *http.Request { return raw("application/json; charset=iso-8859-1", "{}") }, invalidRequest, "wrong-content-type"},
	{"JSON: nested 20,000 deep", func() *http.Request {
		return raw("application/json", `{"x":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+"}")
	}, invalidRequest, "malformed-form"},
	{"JSON: over 64 members", func() *http.Request {
		var body strings.Builder
		for i := range 65 {
			fmt.Fprintf(&body, `,"x%d":1`, i)
		}
		return raw("application/json", "{"+body.String()[1:]+"}")
	}, invalidRequest, "too-many-parameters"},
	{"two content types in one", func() *http.Request { return raw(formType+", application/json", good) }, invalidRequest, "wrong-content-type"},
	{"compressed by name only", func() *http.Request { return with(post(form()), "Content-Encoding", "identity") }, invalidRequest, "wrong-content-type"},
	{"secret in the query", func() *http.Request { return query(post(form()), "client_secret="+canary) }, invalidRequest, "credentials-in-query"},
	{"escaped name in the query", func() *http.Request { return query(post(form()), "client%5Fsecret="+canary) }, invalidRequest, "credentials-in-query"},
	{"assertion in the query", func() *http.Request { return query(post(form()), "a=b&client_assertion="+canary) }, invalidRequest, "credentials-in-query"},
	{"unreadable query", func() *http.Request { return query(post(form()), "client_secret=1;a=2") }, invalidRequest, "credentials-in-query"},
	{"Basic and post", func() *http.Request { return basic(clientID, clientSecret, form()) }, invalidRequest, "two-authentication-methods"},
	{"Basic and assertion", func() *http.Request {
		return basic(clientID, clientSecret, form("client_secret", "-", "client_assertion", canary))
	}, invalidRequest, "two-authentication-methods"},
	{"post and assertion", func() *http.Request {
		return post(form("client_assertion", canary, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
	}, invalidRequest, "two-authentication-methods"},
	{"two headers", func() *http.Request {
		return with(basic(clientID, clientSecret, form("client_secret", "-")), "Authorization", "Basic "+canary)
	}, invalidRequest, "two-authentication-methods"},
	{"another client_id than Basic's", func() *http.Request {
		return basic(clientID, clientSecret, form("client_secret", "-", "client_id", "rotating"))
	}, invalidRequest, "client-ids-differ"},

	{"body over 64 KiB", func() *http.Request { return raw(formType, good+"&x="+strings.Repeat("a", 64<<10)) },
		[2]outcome{{413, "invalid_request"}, {413, "invalid_request"}}, "body-too-large"},
	{"over 64 parameters", func() *http.Request {
		var body strings.Builder
		body.WriteString(good)
		for i := range 61 {
			body.WriteString(fmt.Sprintf("&x%d=", i))
		}
		return raw(formType, body.String())
	}, invalidRequest, "too-many-parameters"},

	{"no credential", func() *http.Request { return post(form("client_secret", "-")) }, invalidClient, "no-credential"},
	{"empty secret", func() *http.Request { return post(form("client_secret", "")) }, invalidClient, "no-credential"},
	{"no client_id", func() *http.Request { return post(form("client_id", "-")) }, invalidClient, "no-credential"},
	{"wrong secret by post", func() *http.Request { return post(form("client_secret", canary)) }, invalidClient, "wrong-secret"},
	{"wrong secret by Basic", func() *http.Request { return basic(clientID, canary, form("client_id", "-", "client_secret", "-")) }, invalidClient, "wrong-secret"},
	{"unknown client", func() *http.Request { return post(form("client_id", canary)) }, invalidClient, "unknown-client"},
	{"client_id in other letters that look alike", func() *http.Request { return post(form("client_id", "b\u0456lling")) }, invalidClient, "unknown-client"},
	{"client_id in full width", func() *http.Request { return post(form("client_id", "\uff42illing")) }, invalidClient, "unknown-client"},
	{"client_id with a joiner", func() *http.Request { return post(form("client_id", "billing\u200d")) }, invalidClient, "unknown-client"},
	{"client_id with a space", func() *http.Request { return post(form("client_id", "billing ")) }, invalidClient, "unknown-client"},
	{"client_id in another case", func() *http.Request { return post(form("client_id", "Billing")) }, invalidClient, "unknown-client"},
	{"expired secret", func() *http.Request { return post(form("client_id", "rotating", "client_secret", "expired")) }, invalidClient, "expired-secret"},
	{"secret before its time", func() *http.Request { return post(form("client_id", "rotating", "client_secret", "early")) }, invalidClient, "secret-not-valid-yet"},
	{"client without a secret", func() *http.Request { return post(form("client_id", "secretless")) }, invalidClient, "method-not-registered"},
	{"assertion", func() *http.Request { return post(form("client_secret", "-", "client_assertion", canary)) }, invalidClient, "unsupported-method"},
	{"assertion that is no JWT", func() *http.Request { return post(asserted(canary)) }, invalidClient, "malformed"},
	{"assertion of another type", func() *http.Request {
		return post(asserted(canary, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"))
	}, invalidClient, "unsupported-method"},
	{"assertion of an unknown client", func() *http.Request {
		return post(asserted(pairs()[schema.ES256].assertion("nobody", issuerURL, noon, nil)))
	}, invalidClient, "unknown-client"},
	{"assertion of a client without keys", func() *http.Request {
		return post(asserted(pairs()[schema.ES256].assertion(clientID, issuerURL, noon, nil)))
	}, invalidClient, "unknown-key"},
	{"two proofs", func() *http.Request { return with(post(form()), "DPoP", canary, "DPoP", canary) }, invalidProof, "proof-count"},
	{"proof that is no JWT", func() *http.Request { return with(post(form()), "DPoP", canary) }, invalidProof, "malformed"},
	{"proof for another address", func() *http.Request {
		return with(post(form()), "DPoP", pairs()[schema.ES256].proof("https://example.com/oauth/token", noon, nil))
	}, invalidProof, "wrong-target"},
	{"proof of a client that is none", func() *http.Request {
		return with(post(form("client_secret", "wrong")), "DPoP", canary)
	}, invalidClient, "wrong-secret"},
	{"Bearer", func() *http.Request {
		return with(post(form("client_secret", "-")), "Authorization", "Bearer "+canary)
	}, invalidClient, "unsupported-method"},
	{"Basic without colon", func() *http.Request {
		return with(post(form("client_secret", "-")), "Authorization", "Basic YmlsbGluZw==")
	}, invalidClient, "malformed-basic"},
	{"Basic not base64", func() *http.Request {
		return with(post(form("client_secret", "-")), "Authorization", "Basic "+canary+"!")
	}, invalidClient, "malformed-basic"},

	{"grant_type missing", func() *http.Request { return post(form("grant_type", "-")) }, invalidRequest, "grant-type-missing"},
	{"grant_type empty", func() *http.Request { return post(form("grant_type", "")) }, invalidRequest, "grant-type-missing"},
	{"grant_type unknown", func() *http.Request { return post(form("grant_type", "password")) },
		[2]outcome{{400, "unsupported_grant_type"}, {400, "unsupported_grant_type"}}, "unsupported-grant-type"},
	{"grant_type in another case", func() *http.Request { return post(form("grant_type", "Client_Credentials")) },
		[2]outcome{{400, "unsupported_grant_type"}, {400, "unsupported_grant_type"}}, "unsupported-grant-type"},
	{"grant type not the client's", func() *http.Request { return post(form("client_id", "exchanger")) },
		[2]outcome{{400, "unauthorized_client"}, {403, "unauthorized_client"}}, "grant-type-not-allowed"},

	{"audience unknown", func() *http.Request { return post(form("audience", "https://"+canary)) }, invalidTarget, "unknown-audience"},
	{"audience with a slash more", func() *http.Request { return post(form("audience", ordersURL+"/")) }, invalidTarget, "unknown-audience"},
	{"audience in another case", func() *http.Request { return post(form("audience", strings.ToUpper(ordersURL))) }, invalidTarget, "unknown-audience"},
	{"audience malformed", func() *http.Request { return post(form("audience", "not a uri #")) }, invalidTarget, "unknown-audience"},
	{"resource unknown", func() *http.Request { return post(form("audience", "-", "resource", "urn:"+canary)) }, invalidTarget, "unknown-audience"},
	{"no authorization of this kind", func() *http.Request { return post(form("audience", "https://api.example.com/invoices")) }, invalidTarget, "no-authorization"},
	{"authorization expired", func() *http.Request { return post(form("client_id", "rotating")) }, invalidTarget, "authorization-expired"},
	{"no audience", func() *http.Request { return post(form("audience", "-")) }, invalidRequest, "audience-missing"},
	{"audience and resource differ", func() *http.Request { return post(form("resource", "https://api.example.com/invoices")) }, invalidRequest, "audience-and-resource-differ"},
	{"bearer token for a client that wants none", func() *http.Request { return post(form("client_id", "strict")) }, invalidRequest, "not-sender-constrained"},

	{"scope not granted", func() *http.Request { return post(form("scope", "read:orders delete:orders")) }, invalidScope, "ungranted-scope"},
	{"scope unknown", func() *http.Request { return post(form("scope", canary)) }, invalidScope, "ungranted-scope"},
	{"the beginning of a scope", func() *http.Request { return post(form("scope", "read:order")) }, invalidScope, "ungranted-scope"},
	{"the end of a scope", func() *http.Request { return post(form("scope", "orders")) }, invalidScope, "ungranted-scope"},
	{"scope in another case", func() *http.Request { return post(form("scope", "Read:orders")) }, invalidScope, "ungranted-scope"},
	{"offline_access", func() *http.Request { return post(form("scope", "read:orders offline_access")) }, invalidScope, "ungranted-scope"},
	{"scope with a quote", func() *http.Request { return post(form("scope", `read"`+canary)) }, invalidScope, "malformed-scope"},
	{"scope with two spaces", func() *http.Request { return post(form("scope", "read:orders  write:orders")) }, invalidScope, "malformed-scope"},
	{"scope with a tab", func() *http.Request { return post(form("scope", "read:orders\twrite:orders")) }, invalidScope, "malformed-scope"},
	{"scope that begins with a space", func() *http.Request { return post(form("scope", " read:orders")) }, invalidScope, "malformed-scope"},
}

func TestErrorTable(t *testing.T) {
	for i, style := range []schema.ErrorStyle{schema.ErrorsRFC6749, schema.ErrorsAuth0} {
		for _, row := range errorTable {
			t.Run(string(style)+"/"+row.name, func(t *testing.T) {
				s, log := serving(t, errorDocument(style), server.Options{
					Now: func() time.Time { return noon }, Store: store.NewMemory(store.MemoryOptions{}), // or assertions would be from before the start
				})
				res := do(t, s.Public(), row.request())
				if got := (outcome{res.status, res.body.Error}); got != row.want[i] {
					t.Errorf("got %v, want %v: %s", got, row.want[i], res.raw)
				}
				checkErrorAnswer(t, res)
				if row.reason != "" && !strings.Contains(log.String(), `"reason":"`+string(row.reason)+`"`) {
					t.Errorf("reason %q is not in the log:\n%s", row.reason, log.String())
				}
			})
		}
	}
}

// checkErrorAnswer holds an error answer to what all of them have in common.
func checkErrorAnswer(t *testing.T, res result) {
	t.Helper()
	want := map[string]string{"Cache-Control": "no-store", "Pragma": "no-cache", "Content-Type": "application/json"}
	switch res.status {
	case 405:
		want["Allow"] = "POST"
	case 401:
		want["WWW-Authenticate"] = `Basic realm="oauth"`
	case 429, 503:
		want["Retry-After"] = "1"
	}
	for name, value := range want {
		if got := res.header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if strings.Contains(res.raw, "canary") || res.body.AccessToken != "" {
		t.Errorf("the answer says too much: %s", res.raw)
	}
	if res.body.Description == "" || strings.ContainsAny(res.body.Description, "\"\\\n") {
		t.Errorf("description %q", res.body.Description)
	}
	if !strings.HasPrefix(res.body.URI, answers) {
		t.Errorf("error_uri %q", res.body.URI)
	}
}

// answers is where every error_uri leads.
const answers = "https://github.com/writ-auth/writ/blob/main/docs/answers.md#"

// A client that has authenticated is told which parameter is wrong and what to send, in
// Auth0's style after the sentence that its clients know.
func TestRefusalsSayHowToMend(t *testing.T) {
	const scopes, target = "Client has not been granted the requested scopes. ", "Client is not authorized to access the requested audience. "
	for _, row := range []struct {
		request     *http.Request
		auth0, mend string
		page        string
	}{
		{httptest.NewRequest(http.MethodGet, "/oauth/token", nil), "", "This address takes POST.", "invalid_request"},
		{post(form("audience", "-")), "", "audience is missing: name an API by its identifier, such as " + ordersURL + ".", "audience-missing"},
		{post(form("audience", "-", "client_id", "rotating")), "", "audience is missing: name an API by its identifier.", "audience-missing"},
		{post(form("resource", "urn:x")), "", "audience and resource differ: send one of them.", "audience-and-resource-differ"},
		{post(form("audience", ordersURL+"/")), target, "audience differs by a trailing slash from an API that the client is authorized for: " + ordersURL + ".", "invalid_target"},
		{post(form("audience", "-", "resource", ordersURL+"/")), target, "resource differs by a trailing slash from an API that the client is authorized for: " + ordersURL + ".", "invalid_target"},
		{post(form("scope", "read:orders delete:orders")), scopes, "scope exceeds what is granted, which is: read:orders write:orders.", "ungranted-scope"},
		{post(form("scope", "read:orders", "client_id", "limited")), scopes, "scope exceeds what is granted: leave scope out for all of it.", "ungranted-scope"},
		{post(form("scope", " ")), scopes, "scope is malformed: scopes are separated by single spaces.", "malformed-scope"},
		{raw(formType, good+"&audience=x"), "", "The parameter audience is there twice: send it once.", "duplicate-parameter"},
		{raw(formType, good+"&"+canary+"=1&"+canary+"=1"), "", "A parameter is there twice: send each once.", "duplicate-parameter"},
		{post(form("client_id", "exchanger")), "Grant type not allowed for the client. ", "grant_type is none of the client's, which are: " + schema.GrantTokenExchange + ".", "grant-type-not-allowed"},
		{post(form("client_id", "strict")), "", "The token must be bound to a key: send a DPoP proof, or connect with a client certificate.", "not-sender-constrained"},
		{formTo("/oauth/introspect", form("token", "-")), "", "token is missing.", "token-missing"},
	} {
		for style, first := range map[schema.ErrorStyle]string{schema.ErrorsRFC6749: "", schema.ErrorsAuth0: row.auth0} {
			s, _ := serving(t, errorDocument(style), server.Options{Now: func() time.Time { return noon }})
			r := row.request.Clone(t.Context())
			body, _ := io.ReadAll(row.request.Body)
			row.request.Body, r.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
			res := do(t, s.Public(), r)
			if res.body.Description != first+row.mend || res.body.URI != answers+row.page {
				t.Errorf("%s: %s\nwant %s%s %s", style, res.raw, first, row.mend, row.page)
			}
			checkErrorAnswer(t, res)
		}
	}
}

// Whether an API exists that the client has no authorization for is not told: to a client
// that has none, an unknown audience, the identifier of an API, one slash beside it, and
// an authorization that has expired are one answer. Nor does somebody who has not
// authenticated learn what a client may have.
func TestUnauthorizedAPIsAreNotTold(t *testing.T) {
	for _, style := range []schema.ErrorStyle{schema.ErrorsRFC6749, schema.ErrorsAuth0} {
		s, _ := serving(t, errorDocument(style), server.Options{Now: func() time.Time { return noon }})
		distinct := func(requests ...url.Values) {
			t.Helper()
			answers := map[string]bool{}
			for _, v := range requests {
				res := do(t, s.Public(), post(v))
				answers[fmt.Sprint(res.status, res.header, res.raw)] = true
			}
			if len(answers) != 1 {
				t.Errorf("%s: the answers differ: %q", style, slices.Collect(maps.Keys(answers)))
			}
		}
		const invoices = "https://api.example.com/invoices" // billing has it on behalf of users alone
		distinct(form("audience", "urn:x"), form("audience", invoices), form("audience", invoices+"/"), form("audience", strings.ToUpper(invoices)),
			form("audience", "-", "resource", invoices+"/"), form("audience", ordersURL, "client_id", "rotating"), form("audience", ordersURL+"/", "client_id", "rotating"))
		wrong := func(changes ...string) url.Values { return form(append(changes, "client_secret", "wrong")...) }
		distinct(wrong(), wrong("audience", "-"), wrong("audience", ordersURL+"/"), wrong("scope", "delete:orders"), wrong("client_id", "exchanger"), wrong("client_id", "nobody"))
	}
}

// None of what authenticates or stands for somebody may come in a URI, at any
// endpoint, whatever the body holds.
func TestNoCredentialInTheQuery(t *testing.T) {
	s, _ := serving(t, errorDocument(schema.ErrorsRFC6749), server.Options{})
	for _, path := range []string{"/oauth/token", "/oauth/introspect", "/oauth/revoke"} {
		for _, name := range []string{"client_secret", "client_assertion", "assertion", "subject_token", "actor_token", "refresh_token", "access_token", "token"} {
			r := query(formTo(path, form("token", "x")), name+"="+canary)
			if res := do(t, s.Public(), r); res.status != 400 || res.body.Error != "invalid_request" || strings.Contains(res.raw, canary) {
				t.Errorf("%s?%s: %d %s", path, name, res.status, res.raw)
			}
		}
		if res := do(t, s.Public(), query(formTo(path, form("token", "x")), "client_id=other&grant_type=password&audience=x")); res.status != 200 {
			t.Errorf("%s with what is no credential: %d %s", path, res.status, res.raw)
		}
	}
}

func TestUnavailable(t *testing.T) {
	s, _ := newServer(t, server.Options{})
	res := do(t, s.Public(), post(form()))
	if res.status != 503 || res.body.Error != "temporarily_unavailable" {
		t.Errorf("%d %s", res.status, res.raw)
	}
	checkErrorAnswer(t, res)
}

func TestRateLimit(t *testing.T) {
	now := noon
	s, log := serving(t, errorDocument(schema.ErrorsAuth0), server.Options{Now: func() time.Time { return now }})
	limited := func() result { return do(t, s.Public(), post(form("client_id", "limited"))) }
	if res := limited(); res.status != 200 {
		t.Fatalf("%d %s", res.status, res.raw)
	}
	res := limited()
	if res.status != 429 || res.body.Error != "too_many_requests" || !strings.Contains(log.String(), "client-rate-limit") {
		t.Errorf("%d %s", res.status, res.raw)
	}
	checkErrorAnswer(t, res)
	now = now.Add(2 * time.Second)
	if res := limited(); res.status != 200 {
		t.Errorf("after two seconds: %d %s", res.status, res.raw)
	}
}

func TestFailureLimit(t *testing.T) {
	now := noon
	s, _ := serving(t, document(), server.Options{Now: func() time.Time { return now }})
	for i := range 50 {
		if res := do(t, s.Public(), post(form("client_secret", "wrong"))); res.status != 401 {
			t.Fatalf("failure %d: %d", i, res.status)
		}
	}
	res := do(t, s.Public(), post(form("client_secret", "wrong")))
	if res.status != 429 {
		t.Errorf("%d %s", res.status, res.raw)
	}
	checkErrorAnswer(t, res)
	now = now.Add(time.Second)
	for range 1000 { // successes are not counted
		if res := do(t, s.Public(), httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil)); res.status != 200 {
			t.Fatalf("%d", res.status)
		}
	}
	if res := do(t, s.Public(), post(form())); res.status != 200 {
		t.Errorf("after a second: %d %s", res.status, res.raw)
	}
}

// The limit of an address counts what comes from it, whichever address and client
// each failure claims in its headers.
func TestForwardedHeadersEvadeNoLimit(t *testing.T) {
	s, _ := serving(t, document(), server.Options{Now: func() time.Time { return noon }})
	ask := func(i int) int {
		r := post(form("client_id", fmt.Sprint("guess-", i), "client_secret", "x"))
		for _, name := range []string{"X-Forwarded-For", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "Forwarded"} {
			r.Header.Set(name, fmt.Sprintf("198.51.%d.%d", i/250, i%250))
		}
		return do(t, s.Public(), r).status
	}
	for i := range 250 {
		if status := ask(i); status != http.StatusUnauthorized {
			t.Fatalf("failure %d: %d", i, status)
		}
	}
	if status := ask(250); status != http.StatusTooManyRequests {
		t.Errorf("one more: %d", status)
	}
}

// An unknown client and a wrong secret get the same bytes, by either method.
func TestUnknownClientLooksLikeWrongSecret(t *testing.T) {
	for _, style := range []schema.ErrorStyle{schema.ErrorsRFC6749, schema.ErrorsAuth0} {
		s, _ := serving(t, errorDocument(style), server.Options{Now: func() time.Time { return noon }})
		var first string
		for _, r := range []*http.Request{
			post(form("client_secret", "wrong")), post(form("client_id", "nobody")), post(form("client_id", "secretless")),
			post(form("client_id", "rotating", "client_secret", "expired")),
			basic(clientID, "wrong", form("client_id", "-", "client_secret", "-")), basic("nobody", "wrong", form("client_id", "-", "client_secret", "-")),
		} {
			res := do(t, s.Public(), r)
			got := fmt.Sprint(res.status, res.header, res.raw)
			if first == "" {
				first = got
			}
			if got != first {
				t.Errorf("answers differ:\n%s\n%s", first, got)
			}
		}
	}
}

// Of the input the log repeats no secret, and tells the near match.
func TestNearMatchIsLogged(t *testing.T) {
	s, log := serving(t, document(), server.Options{Keys: server.KeyOptions{Folder: sharedKeys}})
	do(t, s.Public(), post(form("audience", ordersURL+"/")))
	if !strings.Contains(log.String(), "differs from api.orders by a trailing slash") {
		t.Errorf("log:\n%s", log.String())
	}
}
