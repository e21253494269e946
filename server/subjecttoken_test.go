package server_test

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
)

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
