package decide_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/token"
)

const (
	ordersURL = "https://api.example.com/orders"
	notesURL  = "https://api.example.com/notes"

	clientCredentials = schema.GrantClientCredentials
	exchange          = schema.GrantTokenExchange
	bearer            = schema.GrantJWTBearer
	refresh           = schema.GrantRefreshToken
)

var noon = time.Unix(1_800_000_000, 0).UTC()

// document has billing, which asks for itself, and web, which asks for users.
func document() *schema.Document {
	secrets := []schema.Secret{{Label: "a", Hash: "env:SECRET"}}
	return &schema.Document{
		Issuer: schema.Issuer{URL: "https://auth.example.com/", SubStyle: schema.SubClientsSuffix, ErrorStyle: schema.ErrorsRFC6749},
		APIs: []schema.API{
			{
				Label: "notes", Name: "Notes", Identifier: notesURL, Profile: schema.ProfileRFC9068, Alg: schema.EdDSA, TokenLifetime: 600,
				ScopeMode: schema.ScopeNarrow,
			},
			{
				Label: "orders", Name: "Orders", Identifier: ordersURL, Profile: schema.ProfileRFC9068, Alg: schema.EdDSA, TokenLifetime: 3600,
				ScopeMode: schema.ScopeNarrow, AllowOfflineAccess: true, Scopes: []schema.Scope{{Name: "read:orders"}, {Name: "write:orders"}},
			},
		},
		Clients: []schema.Client{
			{Label: "billing", Name: "Billing", ClientID: "billing", GrantTypes: []string{clientCredentials}, Secrets: secrets},
			{Label: "web", Name: "Web", ClientID: "web", GrantTypes: []string{exchange, bearer, refresh}, Secrets: secrets},
		},
		Authorizations: []schema.Authorization{
			{Label: "billing-orders", Client: "billing", API: "orders", SubjectType: schema.SubjectClient, Scopes: []string{"read:orders", "write:orders"}},
			{Label: "web-notes", Client: "web", API: "notes", SubjectType: schema.SubjectUser, SubjectClaims: `{"groups":"finance"}`},
			{Label: "web-orders", Client: "web", API: "orders", SubjectType: schema.SubjectUser, Scopes: []string{"read:orders", "write:orders"}, CopyClaims: []string{"email"}},
		},
		TrustedIssuers: []schema.TrustedIssuer{
			{Label: "cluster", Issuer: "https://cluster.example", JWKSURI: "https://cluster.example/jwks", Audiences: []string{"a"}, VouchesFor: []schema.SubjectType{schema.SubjectClient}},
			{Label: "corp", Issuer: "https://corp.example", JWKSURI: "https://corp.example/jwks", Audiences: []string{"a"}, VouchesFor: []schema.SubjectType{schema.SubjectUser}, CapsLifetime: true},
		},
	}
}

func decider(t testing.TB, doc *schema.Document) *decide.Decider {
	t.Helper()
	return decide.New(open(t, doc), decide.Facts{RefreshTokens: true})
}

func open(t testing.TB, doc *schema.Document) *snapshot.Snapshot {
	t.Helper()
	slices.SortFunc(doc.Clients, func(a, b schema.Client) int { return strings.Compare(a.Label, b.Label) })
	slices.SortFunc(doc.Authorizations, func(a, b schema.Authorization) int { return strings.Compare(a.Label, b.Label) })
	body, err := snapshot.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	content, err := snapshot.Marshal(snapshot.Envelope{Serial: 1}, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(content)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func claims(t testing.TB, object string) clientauth.Claims {
	t.Helper()
	read, err := clientauth.ReadClaims(object)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// asking is billing's request for the orders, for tests to change.
func asking() decide.Request {
	return decide.Request{ClientID: "billing", GrantType: clientCredentials, Audience: ordersURL}
}

func wantReason(t *testing.T, name string, d *decide.Decider, req decide.Request, want decide.Reason) {
	t.Helper()
	_, refusal := d.Decide(req, noon)
	got := decide.ReasonGranted
	if refusal != nil {
		got = refusal.Reason
	}
	if got != want {
		t.Errorf("%s: %s, want %s", name, got, want)
	}
}

func TestScopes(t *testing.T) {
	for _, c := range []struct {
		mode        schema.ScopeMode
		asked, want string
	}{
		{schema.ScopeNarrow, "", "read:orders write:orders"},
		{schema.ScopeNarrow, "read:orders", "read:orders"},
		{schema.ScopeNarrow, "write:orders read:orders", "read:orders write:orders"},
		{schema.ScopeNarrow, "write:orders write:orders", "write:orders"},
		{schema.ScopeAllGranted, "", "read:orders write:orders"},
		{schema.ScopeAllGranted, "read:orders", "read:orders write:orders"},
	} {
		doc, req := document(), asking()
		doc.APIs[1].ScopeMode, req.Scope = c.mode, c.asked
		g, refusal := decider(t, doc).Decide(req, noon)
		if refusal != nil || g.Scope != c.want {
			t.Errorf("%s, %q: %q, %v; want %q", c.mode, c.asked, g.Scope, refusal, c.want)
		}
	}
	doc, req := document(), asking()
	doc.APIs[1].ScopeMode, req.Scope = schema.ScopeAllGranted, "read:orders delete:orders"
	wantReason(t, "all_granted", decider(t, doc), req, decide.ReasonUngrantedScope)
}

func TestLifetime(t *testing.T) {
	for name, c := range map[string]struct {
		own, expires, want int64
	}{
		"the API's":             {0, 0, 3600},
		"the authorization's":   {600, 0, 600},
		"capped by its end":     {600, noon.Unix() + 60, 60},
		"its end is later":      {600, noon.Unix() + 601, 600},
		"its end is a second":   {0, noon.Unix() + 1, 1},
		"its end is now":        {0, noon.Unix(), 0},
		"its end was yesterday": {0, noon.Unix() - 86400, 0},
	} {
		doc := document()
		doc.Authorizations[0].TokenLifetime, doc.Authorizations[0].ExpiresAt = c.own, c.expires
		g, refusal := decider(t, doc).Decide(asking(), noon)
		if (refusal == nil) != (c.want > 0) || refusal == nil && (g.Lifetime() != c.want || g.IssuedAt != noon.Unix()) {
			t.Errorf("%s: %d, %v", name, g.Lifetime(), refusal)
		}
	}
}

func TestTarget(t *testing.T) {
	doc := document()
	other := doc.Clients[0]
	other.Label, other.ClientID, other.DefaultAPI = "defaulted", "defaulted", "orders"
	doc.Clients = append(doc.Clients, other)
	doc.Authorizations = append(doc.Authorizations, schema.Authorization{Label: "d", Client: "defaulted", API: "orders", SubjectType: schema.SubjectClient})
	d := decider(t, doc)
	for name, c := range map[string]struct {
		request decide.Request
		want    decide.Reason
	}{
		"audience":            {decide.Request{ClientID: "billing", Audience: ordersURL}, decide.ReasonGranted},
		"resource":            {decide.Request{ClientID: "billing", Resource: ordersURL}, decide.ReasonGranted},
		"both":                {decide.Request{ClientID: "billing", Audience: ordersURL, Resource: ordersURL}, decide.ReasonGranted},
		"the default":         {decide.Request{ClientID: "defaulted"}, decide.ReasonGranted},
		"none and no default": {decide.Request{ClientID: "billing"}, decide.ReasonNoTarget},
		"both, different":     {decide.Request{ClientID: "billing", Audience: ordersURL, Resource: ordersURL + "/"}, decide.ReasonTargetsDiffer},
		"not authorized":      {decide.Request{ClientID: "billing", Audience: notesURL}, decide.ReasonNoAuthorization},
	} {
		c.request.GrantType = clientCredentials
		wantReason(t, name, d, c.request, c.want)
	}
	req := asking()
	req.Audience += "/"
	_, refusal := d.Decide(req, noon)
	if refusal == nil || refusal.Reason != decide.ReasonUnknownTarget || refusal.Detail != "differs from api.orders by a trailing slash" {
		t.Errorf("%v", refusal)
	}
}

func TestSubject(t *testing.T) {
	for style, want := range map[schema.SubStyle]string{schema.SubClientsSuffix: "billing@clients", schema.SubClientID: "billing"} {
		doc := document()
		doc.Issuer.SubStyle = style
		g, refusal := decider(t, doc).Decide(asking(), noon)
		if refusal != nil || g.Subject != want || g.Issuer != doc.Issuer.URL || g.Audience != ordersURL {
			t.Errorf("%s: %+v %v", style, g.Grant, refusal)
		}
	}
}

// A grant type is offered when somebody can use it.
func TestOfferedGrantTypes(t *testing.T) {
	all := []string{clientCredentials, exchange, bearer, refresh}
	for name, c := range map[string]struct {
		change func(*schema.Document)
		want   []string
	}{
		"all":                {func(*schema.Document) {}, all},
		"nobody names users": {func(d *schema.Document) { d.TrustedIssuers = d.TrustedIssuers[:1] }, []string{clientCredentials, refresh}},
		"one is not listed":  {func(d *schema.Document) { d.Clients[1].GrantTypes = []string{bearer} }, []string{clientCredentials, bearer}},
		"none is listed":     {func(d *schema.Document) { d.Clients[1].GrantTypes = nil }, []string{clientCredentials}},
	} {
		doc := document()
		c.change(doc)
		d := decider(t, doc)
		if got := d.GrantTypes(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		web := decide.Request{ClientID: "web", Audience: ordersURL}
		for _, web.GrantType = range append(all, "password") {
			_, refusal := d.Decide(web, noon)
			offered := refusal == nil || refusal.Code != decide.CodeUnsupportedGrantType
			if offered != slices.Contains(c.want, web.GrantType) {
				t.Errorf("%s: %s: %v", name, web.GrantType, refusal)
			}
		}
	}
	snapshotOf := decider(t, document())
	web := decide.Request{ClientID: "billing", Audience: ordersURL}
	wantReason(t, "no grant type", snapshotOf, web, decide.ReasonNoGrantType)
	web.GrantType = exchange
	wantReason(t, "another client's", snapshotOf, web, decide.ReasonGrantTypeNotAllowed)
}

// Without somebody who has authenticated, the client must have a credential that
// is in force.
func TestCredentialInForce(t *testing.T) {
	past, future := schema.Window{ExpiresAt: noon.Unix()}, schema.Window{NotBefore: noon.Unix() + 1}
	thumbprint := strings.Repeat("ab", 32)
	for name, c := range map[string]struct {
		change func(*schema.Client)
		want   decide.Reason
	}{
		"a secret":      {func(*schema.Client) {}, decide.ReasonGranted},
		"none":          {func(c *schema.Client) { c.Secrets = nil }, decide.ReasonNoCredential},
		"expired":       {func(c *schema.Client) { c.Secrets[0].Window = past }, decide.ReasonNoCredential},
		"not valid yet": {func(c *schema.Client) { c.Secrets[0].Window = future }, decide.ReasonNoCredential},
		"expired, but another": {func(c *schema.Client) {
			c.Secrets[0].Window = past
			c.Certificates = []schema.Certificate{{Label: "c", SHA256: thumbprint}}
		}, decide.ReasonGranted},
		"expired, and another": {func(c *schema.Client) {
			c.Secrets[0].Window = past
			c.Certificates = []schema.Certificate{{Label: "c", SHA256: thumbprint, Window: past}}
		}, decide.ReasonNoCredential},
		"a token of a workload": {func(c *schema.Client) {
			c.Secrets = nil
			c.Federated = []schema.Federated{{Label: "f", TrustedIssuer: "cluster", Claims: `{"sub":"x"}`}}
		}, decide.ReasonGranted},
		"a token of a user": {func(c *schema.Client) {
			c.Secrets = nil
			c.Federated = []schema.Federated{{Label: "f", TrustedIssuer: "corp", Claims: `{"sub":"x"}`}}
		}, decide.ReasonNoCredential},
	} {
		doc := document()
		c.change(&doc.Clients[0])
		d := decider(t, doc)
		wantReason(t, name, d, asking(), c.want)
		_, _, trace := d.Trace(asking(), noon)
		inForce := slices.ContainsFunc(trace.Credentials, func(c decide.Credential) bool { return c.InForce })
		if inForce != (c.want == decide.ReasonGranted) {
			t.Errorf("%s: %v", name, trace.Credentials)
		}
	}
	req := asking()
	req.ClientID = "nobody"
	wantReason(t, "nobody", decider(t, document()), req, decide.ReasonUnknownClient)
}

func TestUsers(t *testing.T) {
	d := decider(t, document())
	ada := &decide.User{TrustedIssuer: "corp", Subject: "u", Claims: claims(t, `{"groups":["finance"],"email":"a@b.example"}`)}
	web := decide.Request{ClientID: "web", GrantType: exchange, Audience: ordersURL, Scope: "read:orders offline_access", User: ada}
	g, refusal := d.Decide(web, noon)
	if refusal != nil || g.Subject != "corp|u" || g.Scope != "read:orders" || !g.Offline || g.Claims != `"email":"a@b.example"` {
		t.Errorf("%+v %v", g, refusal)
	}
	for name, c := range map[string]struct {
		change func(*decide.Request)
		want   decide.Reason
	}{
		"whatever comes with it": {func(r *decide.Request) { *r = asking(); r.User = ada }, decide.ReasonGranted},
		"an issuer for clients":  {func(r *decide.Request) { r.User = &decide.User{TrustedIssuer: "cluster", Subject: "u"} }, decide.ReasonUntrustedIssuer},
		"before what they ask for": {func(r *decide.Request) {
			r.User = &decide.User{TrustedIssuer: "gone", Subject: "u"}
			r.Audience = "urn:x"
		}, decide.ReasonUntrustedIssuer},
		"claims not met": {func(r *decide.Request) {
			r.User = &decide.User{TrustedIssuer: "corp", Subject: "u"}
			r.Audience = notesURL
			r.Scope = ""
		}, decide.ReasonSubjectClaims},
		"claims met": {func(r *decide.Request) { r.Audience, r.Scope = notesURL, "" }, decide.ReasonGranted},
		"their token ends now": {func(r *decide.Request) {
			r.User = &decide.User{TrustedIssuer: "corp", Subject: "u", ExpiresAt: noon.Unix()}
		}, decide.ReasonSubjectExpired},
		"no subject token": {func(r *decide.Request) { r.User = nil }, decide.ReasonNoSubjectToken},
		"no assertion":     {func(r *decide.Request) { r.User, r.GrantType = nil, bearer }, decide.ReasonNoAssertion},
		"no refresh token": {func(r *decide.Request) { r.User, r.GrantType = nil, refresh }, decide.ReasonNoRefreshToken},
		"jwt-bearer":       {func(r *decide.Request) { r.GrantType = bearer }, decide.ReasonGranted},
	} {
		req := web
		c.change(&req)
		wantReason(t, name, d, req, c.want)
	}
}

// What a grant remembers is what a refresh token gives again.
func TestFamilies(t *testing.T) {
	d := decider(t, document())
	ada := &decide.User{TrustedIssuer: "corp", Subject: "u", Claims: claims(t, `{"email":"a@b.example"}`), ExpiresAt: noon.Unix() + 1800}
	g, refusal := d.Decide(decide.Request{ClientID: "web", GrantType: exchange, Audience: ordersURL, Scope: "read:orders offline_access", User: ada}, noon)
	if refusal != nil || !g.Offline {
		t.Fatalf("%+v %v", g, refusal)
	}
	family := g.Family(noon)
	again := decide.Request{ClientID: "web", GrantType: refresh, Family: &family}
	later := noon.Add(10 * time.Minute)
	r, refusal := d.Decide(again, later)
	if refusal != nil || r.Subject != g.Subject || r.Scope != g.Scope || r.Claims != g.Claims || r.ExpiresAt != ada.ExpiresAt || r.Offline {
		t.Errorf("%+v %v", r, refusal)
	}
	for name, c := range map[string]struct {
		change func(*decide.Request, *decide.Family)
		want   decide.Reason
	}{
		"the same audience":    {func(r *decide.Request, _ *decide.Family) { r.Audience = ordersURL }, decide.ReasonGranted},
		"another audience":     {func(r *decide.Request, _ *decide.Family) { r.Audience = notesURL }, decide.ReasonOtherTarget},
		"another resource":     {func(r *decide.Request, _ *decide.Family) { r.Resource = notesURL }, decide.ReasonOtherTarget},
		"another client's":     {func(_ *decide.Request, f *decide.Family) { f.Client = "billing" }, decide.ReasonNotTheCallers},
		"revoked":              {func(_ *decide.Request, f *decide.Family) { f.Revoked = true }, decide.ReasonFamilyRevoked},
		"ended":                {func(_ *decide.Request, f *decide.Family) { f.NotAfter = noon.Unix() }, decide.ReasonFamilyExpired},
		"an API that is gone":  {func(_ *decide.Request, f *decide.Family) { f.API = "urn:x" }, decide.ReasonUnknownTarget},
		"an issuer elsewhere":  {func(_ *decide.Request, f *decide.Family) { f.IssuerURL = "https://else.example" }, decide.ReasonUntrustedIssuer},
		"more than granted":    {func(r *decide.Request, _ *decide.Family) { r.Scope = "write:orders" }, decide.ReasonUngrantedScope},
		"no longer authorized": {func(_ *decide.Request, f *decide.Family) { f.Scope = "read:orders gone" }, decide.ReasonUngrantedScope},
	} {
		req, changed := again, family
		req.Family = &changed
		c.change(&req, &changed)
		wantReason(t, name, d, req, c.want)
	}
}

func TestSenderConstraint(t *testing.T) {
	doc, req := document(), asking()
	doc.Clients[0].RequireSenderConstrained = true
	d := decider(t, doc)
	wantReason(t, "bearer", d, req, decide.ReasonNotSenderConstrained)
	req.Confirmation = token.Confirmation{JKT: "k"}
	wantReason(t, "bound", d, req, decide.ReasonGranted)
}

// A trace names the rules as far as the request came, and whoever traces gets the
// same decision.
func TestTrace(t *testing.T) {
	d := decider(t, document())
	req := asking()
	want := []decide.Rule{
		decide.RuleClient, decide.RuleCredential, decide.RuleGrant, decide.RuleAPI, decide.RuleAuthorization, decide.RuleExpiry, decide.RuleSender, decide.RuleScopes,
	}
	if g, refusal, trace := d.Trace(req, noon); refusal != nil || g.Scope == "" || !slices.Equal(trace.Rules, want) {
		t.Errorf("%v %v", refusal, trace)
	}
	req.Audience = "urn:x"
	if _, refusal, trace := d.Trace(req, noon); refusal == nil || !slices.Equal(trace.Rules, want[:4]) {
		t.Errorf("%v %v", refusal, trace)
	}
	web := decide.Request{ClientID: "web", GrantType: exchange, User: &decide.User{TrustedIssuer: "gone"}}
	if _, _, trace := d.Trace(web, noon); !slices.Equal(trace.Issuers, []string{"corp"}) || trace.Rules[len(trace.Rules)-1] != decide.RuleIssuer {
		t.Errorf("%v", trace)
	}
}

// A token that was issued is held against the configuration of now.
func TestStillGranted(t *testing.T) {
	d := decider(t, document())
	g, refusal := d.Decide(asking(), noon)
	if refusal != nil {
		t.Fatal(refusal)
	}
	for name, c := range map[string]struct {
		change func(*schema.Document)
		want   decide.Reason
	}{
		"nothing changed": {func(*schema.Document) {}, decide.ReasonGranted},
		"revoked":         {func(d *schema.Document) { d.Clients[0].RevokedBefore = noon.Unix() + 1 }, decide.ReasonRevoked},
		"withdrawn":       {func(d *schema.Document) { d.Authorizations = d.Authorizations[1:] }, decide.ReasonNoAuthorization},
		"expired":         {func(d *schema.Document) { d.Authorizations[0].ExpiresAt = noon.Unix() }, decide.ReasonAuthorizationExpired},
		"narrowed":        {func(d *schema.Document) { d.Authorizations[0].Scopes = []string{"read:orders"} }, decide.ReasonUngrantedScope},
	} {
		doc := document()
		c.change(doc)
		snap := open(t, doc)
		issued := issuedFor(t, snap, "billing")
		issued.Subject, issued.Scope = g.Subject, g.Scope
		if got := decide.New(snap, decide.Facts{}).StillGranted(issued, noon); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	snap := open(t, document())
	for subject, want := range map[string]decide.Reason{"corp|u": decide.ReasonGranted, "gone|u": decide.ReasonUntrustedIssuer, "web@clients": decide.ReasonNoAuthorization} {
		issued := issuedFor(t, snap, "web")
		issued.Subject = subject
		if got := decide.New(snap, decide.Facts{}).StillGranted(issued, noon); got != want {
			t.Errorf("%s: %s, want %s", subject, got, want)
		}
	}
}

func issuedFor(t *testing.T, snap *snapshot.Snapshot, clientID string) decide.IssuedToken {
	t.Helper()
	client, known := snap.ClientByID(clientID)
	api, declared := snap.APIByIdentifier(ordersURL)
	if !known || !declared {
		t.Fatalf("no client %q or no orders", clientID)
	}
	return decide.IssuedToken{Client: client, API: api, IssuedAt: noon.Unix()}
}

// The token path allocates nothing for a decision in favour of a client, but for
// its sub.
func TestDecisionsDoNotAllocate(t *testing.T) {
	doc := document()
	doc.Issuer.SubStyle = schema.SubClientID
	d := decider(t, doc)
	req := asking()
	g, _ := d.Decide(req, noon)
	req.Authenticated, req.Scope = g.Client, "read:orders write:orders"
	if n := testing.AllocsPerRun(100, func() { g, _ = d.Decide(req, noon) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
