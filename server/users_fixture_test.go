package server_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

const (
	exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
	bearerGrant   = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	idToken       = "urn:ietf:params:oauth:token-type:id_token"
	accessToken   = "urn:ietf:params:oauth:token-type:access_token"
	jwtToken      = "urn:ietf:params:oauth:token-type:jwt"

	corpURL    = "https://login.corp.example"
	partnerURL = "https://id.partner.example/"
	clusterURL = "https://kubernetes.default.svc"
	notesURL   = "https://api.example.com/notes"
)

// corp signs with ES256, partner with RS256, the cluster with EdDSA.
func corp() pair    { return pairs()[schema.ES256] }
func partner() pair { return pairs()[schema.RS256] }
func cluster() pair { return pairs()[schema.EdDSA] }

// userDocument has a client "web" that may act on behalf of users of corp and
// partner for orders, and for notes without offline access; "other" may do the
// same for orders.
func userDocument() *schema.Document {
	doc := quickDocument()
	doc.APIs[0].AllowOfflineAccess = true
	notes := doc.APIs[0]
	notes.Label, notes.Name, notes.Identifier = "notes", "Notes", notesURL
	notes.Profile, notes.AllowOfflineAccess = schema.ProfileAuth0, false
	doc.APIs = append(doc.APIs, notes)
	user, both := []schema.SubjectType{schema.SubjectUser}, []schema.SubjectType{schema.SubjectClient, schema.SubjectUser}
	doc.TrustedIssuers = []schema.TrustedIssuer{
		{Label: "cluster", Issuer: clusterURL, JWKS: cluster().jwks("c1"), Algorithms: []schema.SigningAlg{schema.EdDSA}, Audiences: []string{issuerURL}, VouchesFor: both[:1]},
		{Label: "corp", Issuer: corpURL, JWKS: corp().jwks("k1"), Algorithms: []schema.SigningAlg{schema.ES256}, Audiences: []string{issuerURL, "web-app"}, VouchesFor: user},
		{Label: "partner", Issuer: partnerURL, JWKS: partner().jwks("p1"), Algorithms: []schema.SigningAlg{schema.RS256}, Audiences: []string{issuerURL}, VouchesFor: both, CapsLifetime: true},
	}
	for _, id := range []string{"web", "other"} {
		doc.Clients = append(doc.Clients, schema.Client{
			Label: id, Name: id, ClientID: id, GrantTypes: []string{exchangeGrant, bearerGrant, schema.GrantRefreshToken},
			Secrets: []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}},
		})
		doc.Authorizations = append(doc.Authorizations, schema.Authorization{
			Label: id + "-orders", Client: id, API: "orders", SubjectType: schema.SubjectUser, Scopes: []string{"read:orders", "write:orders"}, TokenLifetime: 600,
			CopyClaims: []string{"email", "groups"},
		})
	}
	doc.Authorizations = append(doc.Authorizations, schema.Authorization{
		Label: "web-notes", Client: "web", API: "notes", SubjectType: schema.SubjectUser, SubjectClaims: `{"groups":"finance"}`,
	})
	return doc
}

// userToken is a good token of a user of corp, changed.
func userToken(changes map[string]any) string {
	return corp().sign(map[string]any{"kid": "k1"}, userClaims(changes))
}

func userClaims(changes map[string]any) map[string]any {
	return changed(map[string]any{
		"iss": corpURL, "sub": "u-4711", "aud": "web-app", "iat": noon.Unix() - 5, "exp": noon.Unix() + 300, "email": "ada@corp.example", "groups": []string{"finance", "staff"},
	}, changes)
}

// signText signs claims that are written as text.
func (p pair) signText(header, claims string) string {
	signed := b64url([]byte(header)) + "." + b64url([]byte(claims))
	signature, err := jwt.GetSigningMethod(string(p.alg)).Sign(signed, p.private)
	if err != nil {
		panic(err)
	}
	return signed + "." + b64url(signature)
}

// exchanged is a good request of "web" to exchange the token, changed.
func exchanged(subject string, changes ...string) url.Values {
	return form(append([]string{
		"grant_type", exchangeGrant, "client_id", "web", "subject_token", subject, "subject_token_type", idToken,
	}, changes...)...)
}

// refreshed is a request of "web" with a refresh token, changed.
func refreshed(token string, changes ...string) url.Values {
	return form(append([]string{"grant_type", "refresh_token", "client_id", "web", "audience", "-", "refresh_token", token}, changes...)...)
}

// A users is a server for users on a clock that the test moves.
type users struct {
	t      testing.TB
	server *server.Server
	log    *testenv.Buffer
	now    time.Time
	serial uint64
}

// newUsers serves the document with a store on the test's clock.
func newUsers(t testing.TB, doc *schema.Document, opts server.Options) *users {
	t.Helper()
	u := &users{t: t, now: noon}
	opts.Now = func() time.Time { return u.now }
	if opts.Store == nil {
		opts.Store, opts.RefreshTokensInMemory = store.NewMemory(store.MemoryOptions{Now: opts.Now}), true
	}
	u.server, u.log = newServer(t, opts)
	u.activate(doc)
	return u
}

func (u *users) activate(doc *schema.Document) {
	u.t.Helper()
	u.serial++
	if err := u.server.Activate(file(u.t, doc, snapshot.Envelope{Serial: u.serial})); err != nil {
		u.t.Fatal(err)
	}
}

// do asks and returns the answer and the line that the log has of it.
func (u *users) do(v url.Values) (result, string) {
	u.t.Helper()
	before := len(u.log.String())
	res := do(u.t, u.server.Public(), post(v))
	return res, u.log.String()[before:]
}

func (u *users) granted(v url.Values) result {
	u.t.Helper()
	res, line := u.do(v)
	if res.status != 200 {
		u.t.Fatalf("%d %s\n%s", res.status, res.raw, line)
	}
	return res
}

// offline exchanges a token for one that can be refreshed.
func (u *users) offline() string {
	u.t.Helper()
	res := u.granted(exchanged(userToken(map[string]any{"iat": u.now.Unix(), "exp": u.now.Unix() + 300}), "scope", "read:orders write:orders offline_access"))
	if res.body.Refresh == "" {
		u.t.Fatalf("no refresh token: %s", res.raw)
	}
	return res.body.Refresh
}

// refused expects an error and its reason.
func (u *users) refused(what string, v url.Values, status int, code, reason string) {
	u.t.Helper()
	res, line := u.do(v)
	if res.status != status || res.body.Error != code {
		u.t.Errorf("%s: %d %s, want %d %s", what, res.status, res.raw, status, code)
	}
	if log := (logLine{}); json.Unmarshal([]byte(line), &log) != nil || log.Reason != reason {
		u.t.Errorf("%s: reason %q, want %q: %s", what, log.Reason, reason, line)
	}
	if res.body.Refresh != "" || res.body.AccessToken != "" {
		u.t.Errorf("%s: %s", what, res.raw)
	}
	if t, ok := u.t.(*testing.T); ok {
		checkErrorAnswer(t, res)
	}
}

// A logLine is what the tests read of a line of the log.
type logLine struct {
	Reason  string `json:"reason"`
	Issuer  string `json:"trusted_issuer"`
	Offline bool   `json:"offline"`
	Active  bool   `json:"active"`
}
