package server_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
)

// inspector is a client that has no token and introspects those of one API;
// stranger is one that does neither.
func withInspector(doc *schema.Document, apis ...string) *schema.Document {
	grants := []string{schema.GrantClientCredentials}
	doc.Clients = append(doc.Clients,
		schema.Client{Label: "inspector", Name: "Inspector", ClientID: "inspector", Introspects: apis, GrantTypes: grants,
			Secrets: []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}}},
		schema.Client{Label: "stranger", Name: "Stranger", ClientID: "stranger", GrantTypes: grants,
			Secrets: []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}}})
	return doc
}

// present posts a token to an endpoint as a client.
func present(t testing.TB, s *server.Server, path, client, compact string) result {
	t.Helper()
	return do(t, s.Public(), formTo(path, url.Values{"token": {compact}, "client_id": {client}, "client_secret": {clientSecret}}))
}

func formTo(path string, v url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", formType)
	return r
}

func issued(t testing.TB, s *server.Server, changes ...string) string {
	t.Helper()
	res := do(t, s.Public(), post(form(changes...)))
	if res.status != http.StatusOK {
		t.Fatalf("%d %s", res.status, res.raw)
	}
	return res.body.AccessToken
}

func withBasic(r *http.Request) *http.Request {
	r.SetBasicAuth(clientID, clientSecret)
	return r
}

const inactive = `{"active":false}`

func wantInactive(t *testing.T, what string, res result) {
	t.Helper()
	if res.status != http.StatusOK || res.raw != inactive || res.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %d %s %v", what, res.status, res.raw, res.header)
	}
}

// Tokens of every shape are active to the client that they were issued to and
// to the resource server of their API, and to nobody else.
func TestIntrospect(t *testing.T) {
	var labels []string
	for _, profile := range profiles {
		for _, alg := range algorithms {
			labels = append(labels, label(profile, alg))
		}
	}
	now := noon
	s, log := serving(t, withInspector(everyShape(issuerURL), labels...), server.Options{
		Keys: server.KeyOptions{Folder: sharedKeys}, Getenv: env(map[string]string{"HMAC": hmacSecret}), Now: func() time.Time { return now },
	})
	for _, profile := range profiles {
		for _, alg := range algorithms {
			audience := "https://api.example.com/" + label(profile, alg)
			compact := issued(t, s, "audience", audience, "scope", "write")
			for _, caller := range []string{clientID, "inspector"} {
				res := present(t, s, "/oauth/introspect", caller, compact)
				var answer map[string]any
				if err := json.Unmarshal([]byte(res.raw), &answer); err != nil || res.status != 200 || res.header.Get("Cache-Control") != "no-store" {
					t.Fatalf("%s as %s: %d %s", audience, caller, res.status, res.raw)
				}
				for name, want := range map[string]any{
					"active": true, "client_id": clientID, "token_type": "Bearer", "scope": "write", "aud": audience, "iss": issuerURL,
					"sub": clientID + "@clients", "iat": float64(noon.Unix()), "exp": float64(noon.Unix() + 600), "https://example.com/team": "payments",
				} {
					if answer[name] != want {
						t.Errorf("%s: %s is %v, want %v", audience, name, answer[name], want)
					}
				}
				if (answer["jti"] != nil) != (profile == schema.ProfileRFC9068) {
					t.Errorf("%s: jti %v", audience, answer["jti"])
				}
			}
			wantInactive(t, "a stranger", present(t, s, "/oauth/introspect", "stranger", compact))
			now = noon.Add(10 * time.Minute)
			wantInactive(t, "expired", present(t, s, "/oauth/introspect", clientID, compact))
			now = noon
		}
	}
	for _, reason := range []string{"granted", "token-of-another-client", "token-expired"} {
		if !strings.Contains(log.String(), `"reason":"`+reason+`"`) {
			t.Errorf("the log does not say %s", reason)
		}
	}
}

// Every single-character change of a token, and everything that some reader
// might take for the same token, is inactive.
func TestIntrospectForgeries(t *testing.T) {
	doc := everyShape(issuerURL)
	for i := range doc.APIs {
		if doc.APIs[i].Label == "auth0-hs256" {
			doc.APIs[i].SigningSecret = "env:OTHER"
		}
	}
	s, _ := serving(t, doc, server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Getenv: env(map[string]string{"HMAC": hmacSecret, "OTHER": "the-secret-of-another-api-of-32-bytes"})})
	ask := func(what, compact string) {
		t.Helper()
		wantInactive(t, what, present(t, s, "/oauth/introspect", clientID, compact))
	}
	eddsa := issued(t, s, "audience", "https://api.example.com/auth0-eddsa")
	for i := range eddsa {
		other := byte('A')
		if eddsa[i] == other {
			other = 'B'
		}
		ask("a character changed", eddsa[:i]+string(other)+eddsa[i+1:])
	}
	parts := strings.Split(eddsa, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	for what, compact := range map[string]string{
		"no signature": parts[0] + "." + parts[1] + ".", "two parts": parts[0] + "." + parts[1], "padded": eddsa + "==", "newline": eddsa + "\n",
		"newline within": parts[0] + "." + parts[1] + ".\n" + parts[2], "four parts": eddsa + "." + parts[2], "space": " " + eddsa, "JSON": `{"payload":"` + parts[1] + `"}`,
		"alg none": b64([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + ".", "dots": "..", "dot": ".", "garbage": "x", "long": strings.Repeat("a.", 20000),
	} {
		ask(what, compact)
	}
	// The public key as an HMAC secret, and the secret of one API for another.
	sign := func(header, claims, secret string) string {
		signed := b64([]byte(header)) + "." + b64([]byte(claims))
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(signed))
		return signed + "." + b64(mac.Sum(nil))
	}
	const header = `{"alg":"HS256","typ":"JWT"}`
	claims := func(aud string) string {
		return `{"iss":"` + issuerURL + `",` + aud + `,"sub":"billing@clients","iat":` + jsonTime(time.Now()) + `,"exp":` + jsonTime(time.Now().Add(time.Hour)) + `,"azp":"billing"}`
	}
	mine, others := `"https://api.example.com/rfc9068-hs256"`, `"https://api.example.com/auth0-hs256"`
	if res := present(t, s, "/oauth/introspect", clientID, sign(header, claims(`"aud":`+mine), hmacSecret)); !strings.Contains(res.raw, `"active":true`) {
		t.Fatalf("the forgeries are not made right: %s", res.raw)
	}
	ask("another API's audience", sign(header, claims(`"aud":`+others), hmacSecret))
	ask("audience in two cases", sign(header, claims(`"aud":`+others+`,"AUD":`+mine), hmacSecret))
	ask("audience in two cases", sign(header, claims(`"AUD":`+mine+`,"aud":`+others), hmacSecret))
	ask("audience twice", sign(header, claims(`"aud":`+mine+`,"aud":`+others), hmacSecret))
	ask("an asymmetric API's audience", sign(header, claims(`"aud":"https://api.example.com/auth0-rs256"`), hmacSecret))
	ask("a list", sign(header, claims(`"aud":[`+mine+`]`), hmacSecret))
	ask("header in another order", sign(`{"typ":"JWT","alg":"HS256"}`, claims(`"aud":`+mine), hmacSecret))
	ask("crit", sign(`{"alg":"HS256","typ":"JWT","crit":["x"],"x":1}`, claims(`"aud":`+mine), hmacSecret))
	ask("another issuer", sign(header, strings.Replace(claims(`"aud":`+mine), issuerURL, "https://evil.example.com/", 1), hmacSecret))
}

func jsonTime(t time.Time) string {
	b, _ := json.Marshal(t.Unix())
	return string(b)
}

// The snapshot of now decides, whatever decided when the token was issued.
func TestIntrospectFollowsTheSnapshot(t *testing.T) {
	now := noon
	for what, change := range map[string]func(*schema.Document){
		"client gone":            func(d *schema.Document) { d.Clients, d.Authorizations = d.Clients[1:], nil },
		"client id replaced":     func(d *schema.Document) { d.Clients[0].ClientID = "billing-2" },
		"authorization gone":     func(d *schema.Document) { d.Authorizations = nil },
		"authorization over":     func(d *schema.Document) { d.Authorizations[0].ExpiresAt = noon.Unix() + 1 },
		"for users":              func(d *schema.Document) { d.Authorizations[0].SubjectType = schema.SubjectUser },
		"scope no longer":        func(d *schema.Document) { d.Authorizations[0].Scopes = []string{"read:orders"} },
		"identifier replaced":    func(d *schema.Document) { d.APIs[0].Identifier += "/v2" },
		"issuer replaced":        func(d *schema.Document) { d.Issuer.URL = "https://other.example.com/" },
		"revoked before":         func(d *schema.Document) { d.Clients[0].RevokedBefore = noon.Unix() + 1 },
		"introspects no longer":  func(d *schema.Document) { d.Clients[1].Introspects = nil },
		"nothing (still active)": func(*schema.Document) {},
		"revoked up to then (still active)": func(d *schema.Document) {
			d.Clients[0].RevokedBefore = noon.Unix()
		},
	} {
		t.Run(what, func(t *testing.T) {
			now = noon
			s, _ := serving(t, withInspector(fast(), "orders"), server.Options{Now: func() time.Time { return now }})
			compact := issued(t, s)
			doc := withInspector(fast(), "orders")
			change(doc)
			if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 2})); err != nil {
				t.Fatal(err)
			}
			now = noon.Add(time.Second)
			res := present(t, s, "/oauth/introspect", "inspector", compact)
			if strings.Contains(what, "still active") {
				if !strings.HasPrefix(res.raw, `{"active":true`) {
					t.Errorf("%d %s", res.status, res.raw)
				}
				return
			}
			wantInactive(t, what, res)
		})
	}
}

// Who asks must say who they are, in the same ways and under the same limits as
// at the token endpoint, in the words of the issuer's style.
func TestIntrospectAndRevokeAuthenticate(t *testing.T) {
	s, _ := serving(t, withInspector(fast()), server.Options{})
	compact := issued(t, s)
	for _, path := range []string{"/oauth/introspect", "/oauth/revoke"} {
		good := url.Values{"token": {compact}, "client_id": {clientID}, "client_secret": {clientSecret}}
		for what, c := range map[string]struct {
			r      *http.Request
			status int
			code   string
		}{
			"nobody":          {formTo(path, url.Values{"token": {compact}}), 401, "invalid_client"},
			"wrong secret":    {formTo(path, url.Values{"token": {compact}, "client_id": {clientID}, "client_secret": {"x"}}), 401, "invalid_client"},
			"bearer":          {with(formTo(path, url.Values{"token": {compact}}), "Authorization", "Bearer "+compact), 401, "invalid_client"},
			"no token":        {formTo(path, url.Values{"client_id": {clientID}, "client_secret": {clientSecret}}), 400, "invalid_request"},
			"two methods":     {with(formTo(path, good), "Authorization", "Basic eDp5"), 400, "invalid_request"},
			"token in query":  {formTo(path+"?token="+compact, good), 400, "invalid_request"},
			"token not text":  {with(httptest.NewRequest("POST", path, strings.NewReader(`{"token":[1]}`)), "Content-Type", "application/json"), 400, "invalid_request"},
			"method":          {httptest.NewRequest(http.MethodGet, path, nil), 405, "invalid_request"},
			"parameter twice": {with(httptest.NewRequest("POST", path, strings.NewReader(good.Encode()+"&token=x")), "Content-Type", formType), 400, "invalid_request"},
		} {
			res := do(t, s.Public(), c.r)
			if res.status != c.status || res.body.Error != c.code || c.status == 401 && res.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s, %s: %d %s", path, what, res.status, res.raw)
			}
		}
		good.Del("client_id")
		good.Del("client_secret")
		if res := do(t, s.Public(), withBasic(formTo(path, good))); res.status == 401 {
			t.Errorf("%s with Basic: %d %s", path, res.status, res.raw)
		}
	}
}

// Revocation does not pretend: an access token of the caller's is of a type
// that cannot be revoked, and anything else is not worth an error.
func TestRevoke(t *testing.T) {
	now := noon
	s, _ := serving(t, withInspector(fast(), "orders"), server.Options{Now: func() time.Time { return now }})
	compact := issued(t, s)
	res := present(t, s, "/oauth/revoke", clientID, compact)
	if res.status != 400 || res.body.Error != "unsupported_token_type" || res.header.Get("Cache-Control") != "no-store" {
		t.Errorf("one's own: %d %s", res.status, res.raw)
	}
	for what, res := range map[string]result{
		"another's": present(t, s, "/oauth/revoke", "stranger", compact),
		"its API's": present(t, s, "/oauth/revoke", "inspector", compact),
		"unknown":   present(t, s, "/oauth/revoke", clientID, "8xLOxBtZp8"),
		"broken":    present(t, s, "/oauth/revoke", clientID, compact[:len(compact)-2]),
	} {
		if res.status != 200 {
			t.Errorf("%s: %d %s", what, res.status, res.raw)
		}
	}
	now = noon.Add(24 * time.Hour)
	if res := present(t, s, "/oauth/revoke", clientID, compact); res.status != 200 {
		t.Errorf("expired: %d %s", res.status, res.raw)
	}
}
