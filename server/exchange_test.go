package server_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
)

// A user's token is traded for ours by either grant type, for every type that it
// may be presented as.
func TestExchange(t *testing.T) {
	u := newUsers(t, userDocument(), server.Options{})
	at := corp().sign(map[string]any{"kid": "k1", "typ": "application/at+JWT"}, userClaims(nil))
	for name, v := range map[string]url.Values{
		"id_token":           exchanged(userToken(nil)),
		"jwt":                exchanged(userToken(nil), "subject_token_type", jwtToken),
		"access token":       exchanged(at, "subject_token_type", accessToken),
		"untyped as access":  exchanged(userToken(nil), "subject_token_type", accessToken),
		"requested":          exchanged(userToken(nil), "requested_token_type", accessToken),
		"requested as JWT":   exchanged(userToken(nil), "requested_token_type", jwtToken),
		"by resource":        exchanged(userToken(nil), "audience", "-", "resource", ordersURL),
		"aud as a list":      exchanged(userToken(map[string]any{"aud": []string{"web-app", issuerURL}})),
		"assertion":          form("grant_type", bearerGrant, "client_id", "web", "assertion", userToken(nil)),
		"without an iat":     exchanged(userToken(map[string]any{"iat": nil})),
		"a second too early": exchanged(userToken(map[string]any{"iat": noon.Unix() + 10, "nbf": noon.Unix() + 10})),
	} {
		res, line := u.do(v)
		if res.status != 200 {
			t.Errorf("%s: %d %s\n%s", name, res.status, res.raw, line)
			continue
		}
		header, claims := segments(t, res.body.AccessToken)
		want := map[string]any{
			"iss": issuerURL, "aud": ordersURL, "sub": "corp|u-4711", "client_id": "web", "scope": "read:orders write:orders",
			"iat": float64(noon.Unix()), "exp": float64(noon.Unix() + 600), "email": "ada@corp.example",
		}
		for claim, value := range want {
			if claims[claim] != value {
				t.Errorf("%s: %s is %v, want %v", name, claim, claims[claim], value)
			}
		}
		if header["typ"] != "at+jwt" || claims["act"] != nil || claims["gty"] != nil || res.body.Scope != "read:orders write:orders" || res.body.ExpiresIn != 600 || res.body.TokenType != "Bearer" {
			t.Errorf("%s: %v %v %s", name, header, claims, res.raw)
		}
		if issued := map[bool]string{true: accessToken, false: ""}[v.Get("assertion") == ""]; res.body.IssuedType != issued {
			t.Errorf("%s: issued_token_type %q", name, res.body.IssuedType)
		}
		if res.body.Refresh != "" || !strings.Contains(line, `"trusted_issuer":"corp"`) || strings.Contains(line, "4711") || strings.Contains(line, "ada@") {
			t.Errorf("%s: %s %s", name, res.raw, line)
		}
	}
}

// The parameters may come as JSON, as Auth0 takes them.
func TestExchangeInJSON(t *testing.T) {
	u := newUsers(t, userDocument(), server.Options{})
	members := map[string]string{}
	for name, values := range exchanged(userToken(nil)) {
		members[name] = values[0]
	}
	body, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	if res := do(t, u.server.Public(), raw("application/json", string(body))); res.status != 200 {
		t.Errorf("%d %s", res.status, res.raw)
	}
	if res := do(t, u.server.Public(), raw("application/json", strings.Replace(string(body), `"requested`, `"x`, 1)[:len(body)-1]+`,"actor_token":{}}`)); res.status != 400 {
		t.Errorf("an object as actor_token: %d %s", res.status, res.raw)
	}
}

// Auth0's profile says who asked in azp, and no gty: it has none for these grants.
func TestExchangeInAuth0Profile(t *testing.T) {
	u := newUsers(t, userDocument(), server.Options{})
	header, claims := segments(t, u.granted(exchanged(userToken(nil), "audience", notesURL)).body.AccessToken)
	for _, name := range []string{"gty", "client_id", "jti", "scope", "email"} {
		if _, ok := claims[name]; ok {
			t.Errorf("%s is %v", name, claims[name])
		}
	}
	if header["typ"] != "JWT" || claims["azp"] != "web" || claims["sub"] != "corp|u-4711" {
		t.Errorf("%v %v", header, claims)
	}
}

var (
	refusedSubject = [2]outcome{{400, "invalid_request"}, {400, "invalid_request"}}
	refusedGrant   = [2]outcome{{400, "invalid_grant"}, {400, "invalid_grant"}}
	notAllowed     = [2]outcome{{400, "unauthorized_client"}, {403, "unauthorized_client"}}
)

// The error table for requests on behalf of users: rfc6749 and auth0.
func exchangeErrors() map[string]struct {
	form   url.Values
	want   [2]outcome
	reason server.Reason
} {
	type row = struct {
		form   url.Values
		want   [2]outcome
		reason server.Reason
	}
	good := userToken(nil)
	return map[string]row{
		"no subject token":            {exchanged("-"), invalidRequest, "subject-token-missing"},
		"empty subject token":         {exchanged(""), invalidRequest, "subject-token-missing"},
		"no subject token type":       {exchanged(good, "subject_token_type", "-"), invalidRequest, "subject-token-missing"},
		"a refresh token as subject":  {exchanged(good, "subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), invalidRequest, "unsupported-token-type"},
		"SAML":                        {exchanged(good, "subject_token_type", "urn:ietf:params:oauth:token-type:saml2"), invalidRequest, "unsupported-token-type"},
		"type in another case":        {exchanged(good, "subject_token_type", strings.ToUpper(idToken)), invalidRequest, "unsupported-token-type"},
		"an id_token wanted":          {exchanged(good, "requested_token_type", idToken), invalidRequest, "unsupported-token-type"},
		"a refresh token wanted":      {exchanged(good, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), invalidRequest, "unsupported-token-type"},
		"actor token without a type":  {exchanged(good, "actor_token", good), invalidRequest, "actor-token-or-type-missing"},
		"actor type without a token":  {exchanged(good, "actor_token_type", jwtToken), invalidRequest, "actor-token-or-type-missing"},
		"actor of an unknown type":    {exchanged(good, "actor_token", good, "actor_token_type", canary), invalidRequest, "unsupported-token-type"},
		"subject token refused":       {exchanged(canary), refusedSubject, "malformed"},
		"assertion missing":           {form("grant_type", bearerGrant, "client_id", "web"), invalidRequest, "assertion-missing"},
		"assertion refused":           {form("grant_type", bearerGrant, "client_id", "web", "assertion", canary), refusedGrant, "malformed"},
		"assertion expired":           {form("grant_type", bearerGrant, "client_id", "web", "assertion", userToken(map[string]any{"exp": noon.Unix() - 60})), refusedGrant, "expired"},
		"assertion an access token":   {form("grant_type", bearerGrant, "client_id", "web", "assertion", corp().sign(map[string]any{"typ": "at+jwt", "kid": "k1"}, userClaims(nil))), refusedGrant, "wrong-type"},
		"assertion: claims not met":   {form("grant_type", bearerGrant, "client_id", "web", "audience", notesURL, "assertion", userToken(map[string]any{"groups": "staff"})), refusedGrant, "subject-claims-not-met"},
		"refresh token missing":       {refreshed("-"), invalidRequest, "refresh-token-missing"},
		"refresh token malformed":     {refreshed(canary), refusedGrant, "unknown-refresh-token"},
		"refresh token unknown":       {refreshed(strings.Repeat("A", 64)), refusedGrant, "unknown-refresh-token"},
		"unknown audience":            {exchanged(good, "audience", ordersURL+"/"), invalidTarget, "unknown-audience"},
		"audience and resource":       {exchanged(good, "resource", notesURL), invalidRequest, "audience-and-resource-differ"},
		"no audience":                 {exchanged(good, "audience", "-"), invalidRequest, "audience-missing"},
		"no authorization for users":  {exchanged(good, "audience", notesURL, "client_id", "other"), invalidTarget, "no-authorization"},
		"authorized for itself only":  {exchanged(good, "client_id", "selfish"), invalidTarget, "no-authorization"},
		"grant type not the client's": {exchanged(good, "client_id", clientID), notAllowed, "grant-type-not-allowed"},
		"refresh not the client's":    {refreshed(strings.Repeat("A", 64), "client_id", clientID), notAllowed, "grant-type-not-allowed"},
		"client credentials of web":   {form("client_id", "web"), notAllowed, "grant-type-not-allowed"},
		"scope beyond":                {exchanged(good, "scope", "read:orders delete:orders"), invalidScope, "ungranted-scope"},
		"scope malformed":             {exchanged(good, "scope", "offline_access  read:orders"), invalidScope, "malformed-scope"},
		"openid":                      {exchanged(good, "scope", "openid read:orders"), invalidScope, "ungranted-scope"},
		"claims not met":              {exchanged(userToken(map[string]any{"groups": []string{"staff"}}), "audience", notesURL), refusedSubject, "subject-claims-not-met"},
		"wrong secret":                {exchanged(good, "client_secret", canary), invalidClient, "wrong-secret"},
		"only bound tokens":           {exchanged(good, "client_id", "bound"), invalidRequest, "not-sender-constrained"},
	}
}

func TestExchangeErrorTable(t *testing.T) {
	for i, style := range []schema.ErrorStyle{schema.ErrorsRFC6749, schema.ErrorsAuth0} {
		doc := userDocument()
		doc.Issuer.ErrorStyle = style
		for _, id := range []string{"selfish", "bound"} {
			doc.Clients = append(doc.Clients, schema.Client{
				Label: id, Name: id, ClientID: id, GrantTypes: []string{exchangeGrant}, RequireSenderConstrained: id == "bound",
				Secrets: []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}},
			})
			subject := map[string]schema.SubjectType{"selfish": schema.SubjectClient, "bound": schema.SubjectUser}[id]
			doc.Authorizations = append(doc.Authorizations, schema.Authorization{Label: id, Client: id, API: "orders", SubjectType: subject})
		}
		u := newUsers(t, doc, server.Options{})
		for name, row := range exchangeErrors() {
			u.refused(string(style)+": "+name, row.form, row.want[i].status, row.want[i].code, string(row.reason))
		}
	}
}

// A token of a user is active as long as its issuer is trusted for users.
func TestIntrospectUserTokens(t *testing.T) {
	u := newUsers(t, withInspector(userDocument(), "orders"), server.Options{})
	compact := u.granted(exchanged(userToken(nil))).body.AccessToken
	for _, client := range []string{"web", "inspector"} {
		res := present(t, u.server, "/oauth/introspect", client, compact)
		if !strings.Contains(res.raw, `"active":true`) || !strings.Contains(res.raw, `"sub":"corp|u-4711"`) || !strings.Contains(res.raw, `"email":"ada@corp.example"`) {
			t.Errorf("%s: %s", client, res.raw)
		}
	}
	wantInactive(t, "another client", present(t, u.server, "/oauth/introspect", "other", compact))
	doc := withInspector(userDocument(), "orders")
	doc.TrustedIssuers[1].VouchesFor = []schema.SubjectType{schema.SubjectClient}
	u.activate(doc)
	wantInactive(t, "an issuer that vouches for clients now", present(t, u.server, "/oauth/introspect", "web", compact))
	doc.TrustedIssuers = slices.Delete(doc.TrustedIssuers, 1, 2)
	u.activate(doc)
	wantInactive(t, "an issuer that is gone", present(t, u.server, "/oauth/introspect", "web", compact))
}

// A token lives no longer than the user's where the issuer says so, only there,
// and never longer than authorized.
func TestCappedLifetime(t *testing.T) {
	u := newUsers(t, userDocument(), server.Options{})
	ask := func(exp int64) result {
		token := partner().sign(map[string]any{"kid": "p1"}, userClaims(map[string]any{"iss": partnerURL, "aud": issuerURL, "exp": exp}))
		res, _ := u.do(exchanged(token))
		return res
	}
	for left, want := range map[int64]int64{60: 60, 1: 1, 599: 599, 600: 600, 6000: 600} {
		if res := ask(noon.Unix() + left); res.status != 200 || res.body.ExpiresIn != want {
			t.Errorf("%d seconds left: %d %s", left, res.status, res.raw)
		}
	}
	for _, exp := range []int64{noon.Unix(), noon.Unix() - 9} { // still taken, for clocks that differ
		if res := ask(exp); res.status != 400 || res.body.Error != "invalid_request" {
			t.Errorf("at its end: %d %s", res.status, res.raw)
		}
	}
	if res := u.granted(exchanged(userToken(map[string]any{"exp": noon.Unix() + 1}))); res.body.ExpiresIn != 600 {
		t.Errorf("an issuer that does not cap: %s", res.raw)
	}
}

// Keys that have not been fetched yet refuse nobody: they are no answer at all.
func TestKeysOfUsersNotFetchedYet(t *testing.T) {
	host := httptest.NewServer(http.NotFoundHandler())
	defer host.Close()
	doc := userDocument()
	doc.TrustedIssuers[1].JWKS, doc.TrustedIssuers[1].JWKSURI = "", host.URL+"/jwks"
	u := newUsers(t, doc, server.Options{})
	u.refused("exchange", exchanged(userToken(nil)), 503, "temporarily_unavailable", "trusted-issuer-keys-missing")
	u.refused("assertion", form("grant_type", bearerGrant, "client_id", "web", "assertion", userToken(nil)), 503, "temporarily_unavailable", "trusted-issuer-keys-missing")
	if res := do(t, u.server.Public(), post(form())); res.status != 200 {
		t.Errorf("another client: %d %s", res.status, res.raw)
	}
}

// payloadText is the claims of a token as they were signed.
func payloadText(t testing.TB, compact string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

// grantTypes are those that the metadata lists.
func grantTypes(t testing.TB, s *server.Server) []string {
	t.Helper()
	w := httptest.NewRecorder()
	s.Public().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.well-known/openid-configuration", nil))
	var m server.Metadata
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	return m.GrantTypes
}
