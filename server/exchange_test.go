package server_test

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
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

// Tokens that must not be taken for a user, whatever else of them is right.
func TestHostileSubjectTokens(t *testing.T) {
	doc := userDocument()
	// Somebody trusts our own issuer, with a key of ours, and one issuer twice.
	doc.TrustedIssuers = append(doc.TrustedIssuers, schema.TrustedIssuer{
		Label: "self", Issuer: issuerURL, JWKS: corp().jwks("k1"), Algorithms: []schema.SigningAlg{schema.ES256}, Audiences: []string{issuerURL, ordersURL, "web-app"}, VouchesFor: []schema.SubjectType{schema.SubjectUser},
	})
	u := newUsers(t, doc, server.Options{})
	own := u.granted(exchanged(userToken(nil))).body.AccessToken
	public, err := x509.MarshalPKIXPublicKey(corp().private.Public().(*ecdsa.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	hs256 := func(secret []byte) string {
		claims, _ := json.Marshal(userClaims(nil))
		signed := b64url([]byte(`{"alg":"HS256","kid":"k1"}`)) + "." + b64url(claims)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(signed))
		return signed + "." + b64url(mac.Sum(nil))
	}
	good := userToken(nil)
	parts := strings.Split(good, ".")
	es := func(header map[string]any) string {
		return corp().sign(changed(map[string]any{"kid": "k1"}, header), userClaims(nil))
	}
	text := func(claims string) string { return corp().signText(`{"alg":"ES256","kid":"k1"}`, claims) }
	for name, row := range map[string]struct{ token, reason string }{
		"alg none":                 {b64url([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", "malformed"},
		"alg none with signature":  {b64url([]byte(`{"alg":"none"}`)) + "." + parts[1] + "." + parts[2], "unsupported-algorithm"},
		"HS256 with the DER":       {hs256(public), "unsupported-algorithm"},
		"HS256 with the PEM":       {hs256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), "unsupported-algorithm"},
		"HS256 with the JWKS":      {hs256([]byte(corp().jwks("k1"))), "unsupported-algorithm"},
		"wrong kid":                {es(map[string]any{"kid": "k2"}), "unknown-key"},
		"crit":                     {es(map[string]any{"crit": []string{"exp"}}), "critical-header"},
		"jwk in the header":        {newPair().sign(map[string]any{"kid": "k1", "jwk": newPair().jwk()}, userClaims(nil)), "bad-signature"},
		"another key":              {newPair().sign(map[string]any{"kid": "k1"}, userClaims(nil)), "bad-signature"},
		"signature cut":            {good[:len(good)-2], "bad-signature"},
		"padded":                   {good + "==", "malformed"},
		"four parts":               {good + ".x", "malformed"},
		"line break":               {good[:10] + "\n" + good[10:], "malformed"},
		"claims of another":        {parts[0] + "." + b64url([]byte(`{"iss":"`+corpURL+`","sub":"root","aud":"web-app","exp":9999999999}`)) + "." + parts[2], "bad-signature"},
		"key of another issuer":    {partner().sign(map[string]any{"kid": "p1"}, userClaims(nil)), "unknown-key"},
		"our own token":            {own, "token-of-our-own"},
		"our issuer declared":      {userToken(map[string]any{"iss": issuerURL}), "token-of-our-own"},
		"unknown issuer":           {userToken(map[string]any{"iss": "https://evil.example"}), "issuer-not-trusted-for-users"},
		"issuer with a slash":      {userToken(map[string]any{"iss": corpURL + "/"}), "issuer-not-trusted-for-users"},
		"no issuer":                {userToken(map[string]any{"iss": nil}), "issuer-not-trusted-for-users"},
		"issuer as a list":         {userToken(map[string]any{"iss": []string{corpURL}}), "issuer-not-trusted-for-users"},
		"issuer of workloads":      {cluster().sign(map[string]any{"kid": "c1"}, userClaims(map[string]any{"iss": clusterURL, "aud": issuerURL})), "issuer-not-trusted-for-users"},
		"at+jwt as id_token":       {es(map[string]any{"typ": "at+jwt"}), "wrong-type"},
		"a proof":                  {es(map[string]any{"typ": "dpop+jwt"}), "wrong-type"},
		"a logout token":           {es(map[string]any{"typ": "logout+jwt"}), "wrong-type"},
		"a security event":         {es(map[string]any{"typ": "secevent+jwt"}), "wrong-type"},
		"expired":                  {userToken(map[string]any{"exp": noon.Unix() - 11}), "expired"},
		"no exp":                   {userToken(map[string]any{"exp": nil}), "missing-claim"},
		"exp as text":              {userToken(map[string]any{"exp": "9999999999"}), "missing-claim"},
		"exp with a fraction":      {text(`{"iss":"` + corpURL + `","sub":"u","aud":"web-app","exp":9999999999.5}`), "missing-claim"},
		"future iat":               {userToken(map[string]any{"iat": noon.Unix() + 11}), "too-early"},
		"future nbf":               {userToken(map[string]any{"nbf": noon.Unix() + 60}), "too-early"},
		"no aud":                   {userToken(map[string]any{"aud": nil}), "wrong-audience"},
		"another aud":              {userToken(map[string]any{"aud": "other-app"}), "wrong-audience"},
		"array aud with another":   {userToken(map[string]any{"aud": []string{"web-app", "https://evil.example"}}), "wrong-audience"},
		"empty array aud":          {userToken(map[string]any{"aud": []string{}}), "wrong-audience"},
		"array aud with a number":  {userToken(map[string]any{"aud": []any{"web-app", 1}}), "wrong-audience"},
		"no sub":                   {userToken(map[string]any{"sub": nil}), "missing-claim"},
		"empty sub":                {userToken(map[string]any{"sub": ""}), "missing-claim"},
		"sub as a number":          {userToken(map[string]any{"sub": 1}), "missing-claim"},
		"sub of 256 bytes":         {userToken(map[string]any{"sub": strings.Repeat("x", 256)}), "unacceptable-sub"},
		"sub with a newline":       {userToken(map[string]any{"sub": "u\n"}), "unacceptable-sub"},
		"sub with NUL":             {userToken(map[string]any{"sub": "u\x00"}), "unacceptable-sub"},
		"sub with an override":     {userToken(map[string]any{"sub": "u\u202e"}), "unacceptable-sub"},
		"sub with DEL":             {userToken(map[string]any{"sub": "u\x7f"}), "unacceptable-sub"},
		"sub with U+0085":          {userToken(map[string]any{"sub": "u\u0085"}), "unacceptable-sub"},
		"iss twice":                {text(`{"iss":"https://evil.example","iss":"` + corpURL + `","sub":"u","aud":"web-app","exp":9999999999}`), "malformed"},
		"sub twice, one escaped":   {text(`{"iss":"` + corpURL + `","sub":"u","s\u0075b":"root","aud":"web-app","exp":9999999999}`), "malformed"},
		"claims nested too deep":   {text(`{"iss":"` + corpURL + `","sub":"u","aud":"web-app","exp":9999999999,"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`), "malformed"},
		"claims that are a list":   {text(`[]`), "malformed"},
		"over 16 KiB":              {userToken(map[string]any{"x": strings.Repeat("x", 16<<10)}), "too-large"},
		"copied claims over 4 KiB": {userToken(map[string]any{"email": strings.Repeat("x", 5<<10)}), "copied-claims-too-long"},
		"act that is text":         {userToken(map[string]any{"act": "root"}), "malformed-act"},
		"act without sub":          {userToken(map[string]any{"act": map[string]any{}}), "malformed-act"},
		"act of another issuer":    {userToken(map[string]any{"act": map[string]any{"iss": clusterURL, "sub": "system:admin"}}), "act-of-another-issuer"},
		"act with iss as a list":   {userToken(map[string]any{"act": map[string]any{"iss": []string{corpURL}, "sub": "a"}}), "act-of-another-issuer"},
		"act with an empty iss":    {userToken(map[string]any{"act": map[string]any{"iss": "", "sub": "a"}}), "act-of-another-issuer"},
		"act over 1 KiB":           {userToken(map[string]any{"act": map[string]any{"sub": "a", "act": map[string]any{"sub": strings.Repeat("x", 2<<10)}}}), "malformed-act"},
	} {
		u.refused(name, exchanged(row.token), 400, "invalid_request", row.reason)
	}
	u.refused("at+jwt as jwt", exchanged(es(map[string]any{"typ": "at+jwt"}), "subject_token_type", jwtToken), 400, "invalid_request", "wrong-type")
}

// No sub of a trusted issuer makes a subject that could be a client's, and
// introspection tells them apart.
func TestUsersAreNotClients(t *testing.T) {
	doc := userDocument()
	doc.Issuer.SubStyle = schema.SubClientID
	doc.Clients[1].ClientID, doc.Clients[1].Label = "corp", "corp" // a client that is called like the issuer
	for i := range doc.Authorizations {
		if doc.Authorizations[i].Client == "web" {
			doc.Authorizations[i].Client = "corp"
		}
	}
	u := newUsers(t, doc, server.Options{})
	for _, sub := range []string{"x@clients", "billing@clients", "corp", "corp@clients", "billing", "|", "|billing", "a|b", "é", strings.Repeat("x", 255), `"\`, " "} {
		compact := u.granted(exchanged(userToken(map[string]any{"sub": sub}), "client_id", "corp")).body.AccessToken
		_, claims := segments(t, compact)
		if claims["sub"] != "corp|"+sub {
			t.Errorf("%q: sub %q", sub, claims["sub"])
		}
		if res := present(t, u.server, "/oauth/introspect", "corp", compact); !strings.Contains(res.raw, `"active":true`) {
			t.Errorf("%q: %s", sub, res.raw)
		}
	}
	// It is the authorization on behalf of users that keeps such a token active.
	compact := u.granted(exchanged(userToken(map[string]any{"sub": "billing@clients"}), "client_id", "corp")).body.AccessToken
	doc.Authorizations = slices.DeleteFunc(doc.Authorizations, func(a schema.Authorization) bool {
		return a.Client == "corp" && a.SubjectType == schema.SubjectUser
	})
	doc.Authorizations = append(doc.Authorizations, schema.Authorization{Label: "self", Client: "corp", API: "orders", SubjectType: schema.SubjectClient, Scopes: []string{"read:orders", "write:orders"}})
	u.activate(doc)
	wantInactive(t, "without an authorization for users", present(t, u.server, "/oauth/introspect", "corp", compact))
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

// Claims are copied byte for byte, in the order of the configuration, beside
// those that it sets.
func TestCopiedClaims(t *testing.T) {
	doc := userDocument()
	for i := range doc.Authorizations {
		if doc.Authorizations[i].Label == "web-orders" {
			doc.Authorizations[i].Claims = `{"https://example.com/x":1}`
			doc.Authorizations[i].CopyClaims = []string{"groups", "absent", "email"}
		}
	}
	u := newUsers(t, doc, server.Options{})
	const groups, email = `[ "a<b",  1.50e+03, {"x" : "\u00e9\/"} ]`, `"\u0041da & Co \ud83d\ude00"`
	claims := `{"iss":"` + corpURL + `","email":` + email + `,"sub":"u","aud":"web-app","exp":9999999999,"groups": ` + groups + ` ,"secret":"canary"}`
	compact := u.granted(exchanged(corp().signText(`{"alg":"ES256","kid":"k1"}`, claims))).body.AccessToken
	payload := payloadText(t, compact)
	if !strings.HasSuffix(payload, `,"https://example.com/x":1,"groups":`+groups+`,"email":`+email+`}`) || strings.Contains(payload, "canary") {
		t.Errorf("%s", payload)
	}
}

// What the user's token must say: an equal claim, or a list with it in it.
func TestSubjectClaims(t *testing.T) {
	for _, row := range []struct {
		rule, claims string
		want         bool
	}{
		{`{"g":"a"}`, `"g":"a"`, true},
		{`{"g":"a"}`, `"g":["b","a"]`, true},
		{`{"g":"a"}`, `"g":["b"]`, false},
		{`{"g":"a"}`, `"g":[]`, false},
		{`{"g":"a"}`, `"G":"a"`, false},
		{`{"g":"a"}`, `"g":"A"`, false},
		{`{"g":"a"}`, `"g":[["a"]]`, false},
		{`{"g":"a"}`, `"g":{"a":true}`, false},
		{`{"g":"a"}`, `"g":"a b"`, false},
		{`{"g":["a"]}`, `"g":["a"]`, true},
		{`{"g":["a"]}`, `"g":[["a"],"b"]`, true},
		{`{"g":["a"]}`, `"g":["a","b"]`, false},
		{`{"g":["a"]}`, `"g":"a"`, false},
		{`{"g":["a","b"]}`, `"g":["b","a"]`, false},
		{`{"n":1}`, `"n":1`, true},
		{`{"n":1}`, `"n":[2,1]`, true},
		{`{"n":1}`, `"n":"1"`, false},
		{`{"n":1}`, `"n":1.0`, false},
		{`{"n":1}`, `"n":true`, false},
		{`{"n":9007199254740993}`, `"n":9007199254740992`, false},
		{`{"b":true}`, `"b":true`, true},
		{`{"b":true}`, `"b":"true"`, false},
		{`{"z":null}`, `"z":null`, true},
		{`{"z":null}`, `"y":null`, false},
		{`{"o":{"x":1,"y":"z"}}`, `"o":{"y":"z","x":1}`, true},
		{`{"o":{"x":1,"y":"z"}}`, `"o":[{"y":"z","x":1}]`, true},
		{`{"o":{"x":1}}`, `"o":{"x":1,"y":2}`, false},
		{`{"o":{"x":"a"}}`, `"o":{"x":["a"]}`, false},
		{`{"g":"a","n":1}`, `"g":["a"],"n":1`, true},
		{`{"g":"a","n":1}`, `"g":["a"]`, false},
		{``, ``, true},
	} {
		claims := strings.TrimSuffix(`{"iss":"`+corpURL+`","sub":"u","aud":"web-app","exp":9999999999,`+row.claims, ",") + "}"
		token := corp().signText(`{"alg":"ES256","kid":"k1"}`, claims)
		doc := userDocument()
		for i := range doc.Authorizations {
			doc.Authorizations[i].SubjectClaims = row.rule
			if doc.Authorizations[i].SubjectType == schema.SubjectClient {
				doc.Authorizations[i].SubjectClaims = ""
			}
		}
		res, line := newUsers(t, doc, server.Options{}).do(exchanged(token))
		if (res.status == 200) != row.want {
			t.Errorf("%s of %s: %d %s", row.rule, row.claims, res.status, line)
		}
		read, err := clientauth.ReadClaims(claims)
		if err != nil {
			t.Fatal(err)
		}
		if got := read.Says(row.rule); got != row.want {
			t.Errorf("Says(%s) of %s: %v", row.rule, row.claims, got)
		}
	}
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

// Who acts for a user is named by the act claim, if the user's token lets them;
// who acted before is inside.
func TestActor(t *testing.T) {
	u := newUsers(t, userDocument(), server.Options{})
	mayAct := map[string]any{"iss": clusterURL, "sub": "system:serviceaccount:a:agent"}
	agent := func(changes map[string]any) string {
		return cluster().sign(map[string]any{"kid": "c1"}, changed(map[string]any{
			"iss": clusterURL, "sub": "system:serviceaccount:a:agent", "aud": issuerURL, "exp": noon.Unix() + 60, "iat": noon.Unix(),
		}, changes))
	}
	ask := func(subject map[string]any, actor string) url.Values {
		return exchanged(userToken(subject), "actor_token", actor, "actor_token_type", jwtToken)
	}
	for name, row := range map[string]struct {
		subject map[string]any
		act     string
	}{
		"first":  {map[string]any{"may_act": mayAct}, `{"sub":"cluster|system:serviceaccount:a:agent"}`},
		"second": {map[string]any{"may_act": mayAct, "act": map[string]any{"sub": "helpdesk"}}, `{"sub":"cluster|system:serviceaccount:a:agent","act":{"sub":"helpdesk"}}`},
		"third": {map[string]any{"may_act": mayAct, "act": map[string]any{"sub": "b", "act": map[string]any{"sub": "a"}}},
			`{"sub":"cluster|system:serviceaccount:a:agent","act":{"act":{"sub":"a"},"sub":"b"}}`},
	} {
		if payload := payloadText(t, u.granted(ask(row.subject, agent(nil))).body.AccessToken); !strings.Contains(payload, `,"act":`+row.act+`,`) {
			t.Errorf("%s: %s", name, payload)
		}
	}
	// Nobody new: who acted still does, named in the space of who says so.
	payload := payloadText(t, u.granted(exchanged(userToken(map[string]any{"act": map[string]any{"sub": "billing@clients", "act": map[string]any{"sub": "a"}}}))).body.AccessToken)
	if !strings.Contains(payload, `"act":{"sub":"corp|billing@clients","act":{"sub":"a"}}`) {
		t.Errorf("%s", payload)
	}
	payload = payloadText(t, u.granted(exchanged(userToken(map[string]any{"act": map[string]any{"iss": corpURL, "sub": "helpdesk"}}))).body.AccessToken)
	if !strings.Contains(payload, `"act":{"sub":"corp|helpdesk"}`) {
		t.Errorf("an act that names the same issuer: %s", payload)
	}
	good := map[string]any{"may_act": mayAct}
	for name, row := range map[string]struct {
		form   url.Values
		reason string
	}{
		"no may_act":               {ask(nil, agent(nil)), "actor-not-in-may-act"},
		"another sub":              {ask(map[string]any{"may_act": map[string]any{"iss": clusterURL, "sub": "other"}}, agent(nil)), "actor-not-in-may-act"},
		"another iss":              {ask(map[string]any{"may_act": map[string]any{"iss": corpURL, "sub": mayAct["sub"]}}, agent(nil)), "actor-not-in-may-act"},
		"no iss":                   {ask(map[string]any{"may_act": map[string]any{"sub": mayAct["sub"]}}, agent(nil)), "actor-not-in-may-act"},
		"no sub":                   {ask(map[string]any{"may_act": map[string]any{"iss": clusterURL}}, agent(nil)), "actor-not-in-may-act"},
		"may_act a list":           {ask(map[string]any{"may_act": []any{mayAct}}, agent(nil)), "actor-not-in-may-act"},
		"may_act of text":          {ask(map[string]any{"may_act": mayAct["sub"]}, agent(nil)), "actor-not-in-may-act"},
		"the actor's own may_act":  {ask(nil, agent(map[string]any{"may_act": mayAct})), "actor-not-in-may-act"},
		"actor expired":            {ask(good, agent(map[string]any{"exp": noon.Unix() - 60})), "expired"},
		"actor for another":        {ask(good, agent(map[string]any{"aud": "elsewhere"})), "wrong-audience"},
		"actor of nobody":          {ask(good, agent(map[string]any{"iss": "https://evil.example"})), "issuer-not-trusted-for-users"},
		"actor with a key of corp": {ask(good, corp().sign(map[string]any{"kid": "c1"}, map[string]any{"iss": clusterURL, "sub": mayAct["sub"], "aud": issuerURL, "exp": noon.Unix() + 60})), "unknown-key"},
		"actor is our own token":   {ask(good, u.granted(exchanged(userToken(nil))).body.AccessToken), "token-of-our-own"},
		"actor is not a token":     {ask(good, canary), "malformed"},
		"actor an access token":    {ask(good, cluster().sign(map[string]any{"kid": "c1", "typ": "at+jwt"}, map[string]any{"iss": clusterURL, "sub": mayAct["sub"], "aud": issuerURL, "exp": noon.Unix() + 60})), "wrong-type"},
	} {
		u.refused(name, row.form, 400, "invalid_request", row.reason)
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

// The decision alone, as "writ check" and "writ explain" ask for it.
func TestDecideForUsers(t *testing.T) {
	s, _ := serving(t, userDocument(), server.Options{})
	snap := s.Active().Snapshot()
	claims, err := clientauth.ReadClaims(`{"groups":["finance"],"email":"a@b.example"}`)
	if err != nil {
		t.Fatal(err)
	}
	user := &server.User{TrustedIssuer: "corp", Subject: "u", Claims: claims}
	grant, refusal := server.Decide(snap, server.Request{ClientID: "web", Audience: ordersURL, Scope: "read:orders offline_access", User: user}, noon)
	if refusal != nil || grant.Subject != "corp|u" || grant.Scope != "read:orders" || !grant.Offline || grant.Claims != `"email":"a@b.example","groups":["finance"]` {
		t.Errorf("%+v %v", grant, refusal)
	}
	for reason, req := range map[server.Reason]server.Request{
		server.ReasonUnsupportedGrantType: {ClientID: "web", Audience: ordersURL, GrantType: schema.GrantClientCredentials, User: user},
		server.ReasonGrantTypeNotAllowed:  {ClientID: clientID, Audience: ordersURL, User: user},
		server.ReasonUntrustedIssuer:      {ClientID: "web", Audience: ordersURL, User: &server.User{TrustedIssuer: "cluster", Subject: "u"}},
		server.ReasonSubjectClaims:        {ClientID: "web", Audience: notesURL, User: &server.User{TrustedIssuer: "corp", Subject: "u"}},
	} {
		if _, refusal := server.Decide(snap, req, noon); refusal == nil || refusal.Reason != reason {
			t.Errorf("%s: %v", reason, refusal)
		}
	}
	for _, grantType := range []string{exchangeGrant, bearerGrant, "refresh_token", "password"} {
		if _, refusal := server.Decide(snap, server.Request{ClientID: "web", Audience: ordersURL, GrantType: grantType}, noon); refusal == nil || refusal.Code != server.CodeUnsupportedGrantType {
			t.Errorf("%s without a user: %v", grantType, refusal)
		}
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
