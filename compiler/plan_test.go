package compiler

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
)

// full is a document with every field set.
func full() *schema.Document {
	window := schema.Window{NotBefore: 10, ExpiresAt: 20}
	return &schema.Document{
		Issuer: schema.Issuer{URL: "https://a.example/", ErrorStyle: schema.ErrorsAuth0, SubStyle: schema.SubClientID, Environment: "prod"},
		APIs: []schema.API{{
			Label: "orders", Name: "Orders", Identifier: "urn:orders", Profile: schema.ProfileAuth0, Alg: schema.HS256,
			SigningSecret: "env:CANARY_REFERENCE", TokenLifetime: 600, AllowOfflineAccess: true, IncludePermissions: true,
			ScopeMode: schema.ScopeAllGranted, PreventDestroy: true, DistinctFrom: []string{"stock"},
			Metadata: map[string]string{"owner": "payments"}, Scopes: []schema.Scope{{Name: "read", Description: "Read"}},
		}, {Label: "stock", Identifier: "urn:stock", TokenLifetime: 60}},
		Clients: []schema.Client{{
			Label: "billing", Name: "Billing", ClientID: "b", GrantTypes: []string{schema.GrantClientCredentials},
			Metadata: map[string]string{"team": "payments"}, DefaultAPI: "orders", RateLimit: 5, Introspects: []string{"orders"},
			RevokedBefore: 5, RequireSenderConstrained: true, PreventDestroy: true,
			Secrets:      []schema.Secret{{Label: "s", Hash: "sha256:canary-hash", Window: window}},
			PublicKeys:   []schema.PublicKey{{Label: "k", JWKS: `{"keys":[{"kid":"1","n":"canary-key"}]}`, Window: window}},
			Certificates: []schema.Certificate{{Label: "c", SubjectDN: "CN=canary-dn", SANDNS: "canary.dns", SANURI: "canary:uri", SHA256: "canary-sha", Window: window}},
			Federated: []schema.Federated{{
				Label: "f", TrustedIssuer: "cluster", Subject: "s", SubjectPattern: "s*", Claims: `{"canary":"claim"}`, Window: window,
			}},
			RefreshToken: &schema.RefreshToken{Rotation: schema.RotationRotating, Lifetime: 60, IdleLifetime: 30, Leeway: 1},
		}},
		Authorizations: []schema.Authorization{{
			Label: "a", Client: "billing", API: "orders", SubjectType: schema.SubjectUser, Scopes: []string{"read"}, TokenLifetime: 60,
			ExpiresAt: 100, SubjectClaims: `{"group":"x"}`, Claims: `{"x":1}`,
		}},
		TrustedIssuers: []schema.TrustedIssuer{{
			Label: "cluster", Issuer: "https://c.example", JWKS: `{"keys":[{"kid":"1"}]}`, JWKSURI: "https://c.example/jwks",
			Algorithms: []schema.SigningAlg{schema.RS256}, Audiences: []string{"x"}, VouchesFor: []schema.SubjectType{schema.SubjectUser},
		}},
		SigningKeys: []schema.SigningKey{{Label: "k", Alg: schema.RS256, PrivateKey: "file:k", ActivatesAt: 10, RetiresAt: 20}},
	}
}

// leaves visits every settable value below v that holds no other, with its path.
func leaves(v reflect.Value, path string, visit func(path string, leaf reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			leaves(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case reflect.Pointer:
		leaves(v.Elem(), path, visit)
	default:
		visit(path, v)
	}
}

// TestPlanSeesEveryField changes each field of a document in turn, those that
// are added to package schema tomorrow included.
func TestPlanSeesEveryField(t *testing.T) {
	var paths []string
	leaves(reflect.ValueOf(full()).Elem(), "", func(path string, leaf reflect.Value) {
		if leaf.IsZero() && !strings.HasPrefix(path, ".APIs[1]") {
			t.Errorf("the full document does not set %s", path)
		}
		paths = append(paths, path)
	})
	for _, path := range paths {
		after := full()
		leaves(reflect.ValueOf(after).Elem(), "", func(p string, leaf reflect.Value) {
			if p == path {
				change(t, leaf)
			}
		})
		if p := compareDocuments(full(), after, nil); len(p.Changes) == 0 {
			t.Errorf("a change of %s is not seen", path)
		}
	}
}

func change(t *testing.T, leaf reflect.Value) {
	switch leaf.Kind() {
	case reflect.String:
		leaf.SetString(leaf.String() + "x")
	case reflect.Int64:
		leaf.SetInt(leaf.Int() + 1)
	case reflect.Float64:
		leaf.SetFloat(leaf.Float() + 1)
	case reflect.Bool:
		leaf.SetBool(!leaf.Bool())
	case reflect.Map:
		leaf.Set(reflect.ValueOf(map[string]string{"other": "value"}))
	default:
		t.Fatalf("a kind of value that this test does not know: %s", leaf.Kind())
	}
}

// TestPlanHoldsNoSecret looks for the values of credentials in everything that a
// plan is written as.
func TestPlanHoldsNoSecret(t *testing.T) {
	changed := full()
	changed.Clients[0].Secrets[0].Hash += "-2"
	changed.Clients[0].PublicKeys[0].JWKS = `{"keys":[{"kid":"1","n":"canary-key-2"}]}`
	changed.Clients[0].Certificates[0].SubjectDN += "-2"
	for name, p := range map[string]*Plan{
		"create": compareDocuments(nil, full(), nil),
		"update": compareDocuments(full(), changed, nil),
		"delete": compareDocuments(full(), &schema.Document{}, nil),
	} {
		b, err := (&SavedPlan{Plan: p}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "canary") {
			t.Errorf("%s shows a credential:\n%s", name, b)
		}
		if !strings.Contains(string(b), `"kind": "secret"`) {
			t.Errorf("%s does not say that there is a secret", name)
		}
	}
}

// TestEffects judges one change at a time. Each row edits the full document.
func TestEffects(t *testing.T) {
	for _, test := range []struct {
		name   string
		edit   func(d *schema.Document)
		effect Effect
		reason string // a part of it
	}{
		{"lifetime longer", func(d *schema.Document) { d.APIs[0].TokenLifetime = 1200 }, EffectWiden, "20m instead of 10m"},
		{"lifetime shorter", func(d *schema.Document) { d.APIs[0].TokenLifetime = 300 }, EffectNarrow, "at most 5m"},
		{"profile", func(d *schema.Document) { d.APIs[0].Profile = schema.ProfileRFC9068 }, EffectShape, "Verifiers of api.orders must accept tokens of the profile rfc9068 first."},
		{"algorithm", func(d *schema.Document) { d.APIs[0].Alg = schema.PS256 }, EffectShape, "Verifiers of api.orders must accept PS256 first."},
		{"another HS256 secret", func(d *schema.Document) { d.APIs[0].SigningSecret = "env:OTHER" }, EffectWiden, "can make tokens"},
		{"no HS256 secret", func(d *schema.Document) { d.APIs[0].SigningSecret = "" }, EffectNarrow, "no longer make tokens"},
		{"no permissions", func(d *schema.Document) { d.APIs[0].IncludePermissions = false }, EffectShape, "lose the permissions claim"},
		{"no offline access", func(d *schema.Document) { d.APIs[0].AllowOfflineAccess = false }, EffectNarrow, "No refresh token"},
		{"offline access", func(d *schema.Document) { d.APIs[1].AllowOfflineAccess = true }, EffectWiden, "Refresh tokens may be issued"},
		{"narrow scopes", func(d *schema.Document) { d.APIs[0].ScopeMode = schema.ScopeNarrow }, EffectNarrow, "gets those and no others"},
		{"all scopes", func(d *schema.Document) { d.APIs[1].ScopeMode = schema.ScopeAllGranted }, EffectWiden, "gets all that are authorized"},
		{"description", func(d *schema.Document) { d.APIs[0].Scopes[0].Description = "x" }, EffectText, "description"},
		{"scope declared", func(d *schema.Document) { d.APIs[0].Scopes = append(d.APIs[0].Scopes, schema.Scope{Name: "write"}) }, EffectShape, "nobody has it before"},
		{"scope removed", func(d *schema.Document) { d.APIs[0].Scopes = nil }, EffectNarrow, "authorization.a had it"},
		{"identifier", func(d *schema.Document) { d.APIs[0].Identifier = "urn:other" }, EffectWiden, "That concerns authorization.a."},
		{"guard", func(d *schema.Document) { d.APIs[0].PreventDestroy = false }, EffectText, "may be removed"},

		{"grant added", func(d *schema.Document) {
			d.Clients[0].GrantTypes = append(d.Clients[0].GrantTypes, schema.GrantRefreshToken)
		}, EffectWiden, "may use the grant"},
		{"grant removed", func(d *schema.Document) { d.Clients[0].GrantTypes = nil }, EffectNarrow, "no longer use"},
		{"rate raised", func(d *schema.Document) { d.Clients[0].RateLimit = 6 }, EffectWiden, "6 tokens a second"},
		{"rate lifted", func(d *schema.Document) { d.Clients[0].RateLimit = 0 }, EffectWiden, "any number"},
		{"rate lowered", func(d *schema.Document) { d.Clients[0].RateLimit = 1 }, EffectNarrow, "at most 1"},
		{"introspects more", func(d *schema.Document) { d.Clients[0].Introspects = []string{"orders", "stock"} }, EffectWiden, `"stock"`},
		{"introspects less", func(d *schema.Document) { d.Clients[0].Introspects = nil }, EffectNarrow, `"orders"`},
		{"revoked later", func(d *schema.Document) { d.Clients[0].RevokedBefore = 6 }, EffectNarrow, "inactive"},
		{"revoked earlier", func(d *schema.Document) { d.Clients[0].RevokedBefore = 4 }, EffectWiden, "active again"},
		{"never revoked", func(d *schema.Document) { d.Clients[0].RevokedBefore = 0 }, EffectWiden, "active again"},
		{"bearer tokens", func(d *schema.Document) { d.Clients[0].RequireSenderConstrained = false }, EffectWiden, "bound to no key"},
		{"default API", func(d *schema.Document) { d.Clients[0].DefaultAPI = "stock" }, EffectShape, "names no API"},
		{"secret replaced", func(d *schema.Document) { d.Clients[0].Secrets[0].Hash = "sha256:x" }, EffectWiden, `secret "s" of client.billing is replaced.`},
		{"secret added", func(d *schema.Document) {
			d.Clients[0].Secrets = append(d.Clients[0].Secrets, schema.Secret{Label: "t", Hash: "sha256:x"})
		}, EffectWiden, `secret "t" is accepted`},
		{"secret removed", func(d *schema.Document) { d.Clients[0].Secrets = nil }, EffectNarrow, "no longer accepted"},
		{"window to the left", func(d *schema.Document) { d.Clients[0].Secrets[0].Window.NotBefore = 5 }, EffectWiden, "earlier"},
		{"window to the right", func(d *schema.Document) { d.Clients[0].Secrets[0].Window.ExpiresAt = 25 }, EffectWiden, "longer"},
		{"window open", func(d *schema.Document) { d.Clients[0].Secrets[0].Window.ExpiresAt = 0 }, EffectWiden, "no longer expires"},
		{"window cut", func(d *schema.Document) { d.Clients[0].Secrets[0].Window.ExpiresAt = 15 }, EffectNarrow, "until 1970-01-01T00:00:15Z"},
		{"window moved", func(d *schema.Document) { d.Clients[0].Secrets[0].Window = schema.Window{NotBefore: 15, ExpiresAt: 25} }, EffectWiden, "longer"},
		{"key added to a set", func(d *schema.Document) {
			d.Clients[0].PublicKeys[0].JWKS = `{"keys":[{"kid":"1","n":"canary-key"},{"kid":"2"}]}`
		}, EffectWiden, "is replaced"},
		{"no key left", func(d *schema.Document) { d.Clients[0].PublicKeys[0].JWKS = `{"keys":[]}` }, EffectWiden, "is replaced"},
		{"federated subject", func(d *schema.Document) { d.Clients[0].Federated[0].Subject = "t" }, EffectWiden, "is replaced"},
		{"federated claims dropped", func(d *schema.Document) { d.Clients[0].Federated[0].Claims = "" }, EffectWiden, "fewer claims"},
		{"federated claims added", func(d *schema.Document) { d.Clients[0].Federated[0].Claims = `{"a":"b","canary":"claim"}` }, EffectNarrow, "more claims"},
		{"refresh tokens reusable", func(d *schema.Document) { d.Clients[0].RefreshToken.Rotation = schema.RotationNonRotating }, EffectWiden, "longer, or more often"},
		{"refresh tokens shorter", func(d *schema.Document) { d.Clients[0].RefreshToken.Lifetime = 50 }, EffectNarrow, "less long"},
		{"refresh tokens by default", func(d *schema.Document) { d.Clients[0].RefreshToken = nil }, EffectWiden, "longer"},

		{"scope lost", func(d *schema.Document) { d.Authorizations[0].Scopes = nil }, EffectNarrow, `loses "read"`},
		{"own lifetime gone", func(d *schema.Document) { d.Authorizations[0].TokenLifetime = 0 }, EffectWiden, "10m instead of 1m"},
		{"own lifetime shorter", func(d *schema.Document) { d.Authorizations[0].TokenLifetime = 30 }, EffectNarrow, "at most 30s"},
		{"expiry later", func(d *schema.Document) { d.Authorizations[0].ExpiresAt = 200 }, EffectWiden, "lasts longer"},
		{"no expiry", func(d *schema.Document) { d.Authorizations[0].ExpiresAt = 0 }, EffectWiden, "no longer expires"},
		{"expiry earlier", func(d *schema.Document) { d.Authorizations[0].ExpiresAt = 50 }, EffectNarrow, "ends at"},
		{"users unchecked", func(d *schema.Document) { d.Authorizations[0].SubjectClaims = "" }, EffectWiden, "other or fewer claims"},
		{"users checked more", func(d *schema.Document) { d.Authorizations[0].SubjectClaims = `{"group":"x","team":"y"}` }, EffectNarrow, "more claims"},
		{"custom claims", func(d *schema.Document) { d.Authorizations[0].Claims = "" }, EffectShape, "other claims"},
		{"for clients instead", func(d *schema.Document) { d.Authorizations[0].SubjectType = schema.SubjectClient }, EffectWiden, "on behalf of users no longer"},

		{"trusted elsewhere", func(d *schema.Document) { d.TrustedIssuers[0].Issuer = "https://x.example" }, EffectWiden, "are believed"},
		{"trusted keys added", func(d *schema.Document) { d.TrustedIssuers[0].JWKS = `{"keys":[{"kid":"1"},{"kid":"2"}]}` }, EffectWiden, "Other keys"},
		{"trusted keys fetched", func(d *schema.Document) { d.TrustedIssuers[0].JWKSURI = "https://x.example" }, EffectWiden, "another place"},
		{"audience added", func(d *schema.Document) { d.TrustedIssuers[0].Audiences = []string{"x", "y"} }, EffectWiden, `"y"`},
		{"audience removed", func(d *schema.Document) { d.TrustedIssuers[0].Audiences = nil }, EffectNarrow, `"x"`},
		{"algorithm added", func(d *schema.Document) {
			d.TrustedIssuers[0].Algorithms = []schema.SigningAlg{schema.RS256, schema.ES256}
		}, EffectWiden, `"ES256"`},
		{"vouches for clients", func(d *schema.Document) {
			d.TrustedIssuers[0].VouchesFor = []schema.SubjectType{schema.SubjectUser, schema.SubjectClient}
		}, EffectWiden, `"client"`},

		{"signing key replaced", func(d *schema.Document) { d.SigningKeys[0].PrivateKey = "file:other" }, EffectWiden, `"file:other"`},
		{"signing key later", func(d *schema.Document) { d.SigningKeys[0].RetiresAt = 30 }, EffectWiden, "longer"},
		{"signing key earlier", func(d *schema.Document) { d.SigningKeys[0].RetiresAt = 15 }, EffectNarrow, "until"},
		{"signing algorithm", func(d *schema.Document) { d.SigningKeys[0].Alg = schema.PS256 }, EffectShape, "PS256"},

		{"issuer", func(d *schema.Document) { d.Issuer.URL = "https://b.example/" }, EffectShape, `the issuer "https://b.example/" first`},
		{"error style", func(d *schema.Document) { d.Issuer.ErrorStyle = schema.ErrorsRFC6749 }, EffectShape, "errors"},
		{"sub style", func(d *schema.Document) { d.Issuer.SubStyle = schema.SubClientsSuffix }, EffectShape, "sub"},
		{"environment", func(d *schema.Document) { d.Issuer.Environment = "dev" }, EffectShape, "refuse"},
	} {
		t.Run(test.name, func(t *testing.T) {
			after := full()
			test.edit(after)
			p := compareDocuments(full(), after, nil)
			if len(p.Changes) != 1 {
				t.Fatalf("%d changes:\n%s", len(p.Changes), describePlan(p))
			}
			c := p.Changes[0]
			if c.Effect != test.effect || !strings.Contains(c.Reason, test.reason) {
				t.Errorf("%s: %q, want %s: ...%q...", c.Effect, c.Reason, test.effect, test.reason)
			}
		})
	}
}

// TestMixedEffects: an object that widens and narrows carries both.
func TestMixedEffects(t *testing.T) {
	after := full()
	after.Authorizations[0].Scopes = []string{"write"}
	after.APIs[0].Name, after.APIs[0].TokenLifetime = "Other", 60
	p := compareDocuments(full(), after, nil)
	if got := p.Changes[0]; got.Address != "authorization.a" || got.Effect != EffectWiden || p.Changes[1].Effect != EffectNarrow {
		t.Error(describePlan(p))
	}
	if attributes := p.Changes[1].Attributes; len(attributes) != 2 || attributes[0].Effect != EffectText || attributes[1].Effect != EffectNarrow {
		t.Error(describePlan(p))
	}
	if want := (Summary{Change: 2, Widen: 1}); p.Summary != want {
		t.Errorf("summary %+v, want %+v", p.Summary, want)
	}
}

// TestRenames: what keeps its identifier keeps everything.
func TestRenames(t *testing.T) {
	after := full()
	after.APIs[0].Label, after.APIs[1].DistinctFrom = "purchases", []string{"purchases"}
	after.Clients[0].Label, after.Clients[0].DefaultAPI, after.Clients[0].Introspects = "invoicing", "purchases", []string{"purchases"}
	after.Authorizations[0].Label, after.Authorizations[0].Client, after.Authorizations[0].API = "b", "invoicing", "purchases"
	before := full()
	before.APIs[1].DistinctFrom = []string{"orders"}
	p := compareDocuments(before, after, nil)
	if want := (Summary{Rename: 3}); p.Summary != want || len(p.Access) > 0 {
		t.Errorf("summary %+v, want %+v\n%s", p.Summary, want, describePlan(p))
	}
	for _, c := range p.Changes {
		if c.Action != ActionRename || c.Effect != EffectNone || c.PreviousAddress == "" {
			t.Errorf("%s: %s %s", c.Address, c.Action, c.Effect)
		}
	}
}

// TestExchangedLabels: two APIs exchange their labels, and the authorization
// stays with the identifier.
func TestExchangedLabels(t *testing.T) {
	before := &schema.Document{
		APIs:           []schema.API{{Label: "a", Identifier: "urn:1", TokenLifetime: 60}, {Label: "b", Identifier: "urn:2", TokenLifetime: 60}},
		Clients:        []schema.Client{{Label: "c", ClientID: "c", GrantTypes: []string{schema.GrantClientCredentials}}},
		Authorizations: []schema.Authorization{{Label: "x", Client: "c", API: "a", SubjectType: schema.SubjectClient, Scopes: []string{"read"}}},
	}
	after := &schema.Document{
		APIs:    []schema.API{{Label: "a", Identifier: "urn:2", TokenLifetime: 60}, {Label: "b", Identifier: "urn:1", TokenLifetime: 60}},
		Clients: before.Clients,
		Authorizations: []schema.Authorization{
			{Label: "x", Client: "c", API: "b", SubjectType: schema.SubjectClient, Scopes: []string{"read"}},
		},
	}
	if p := compareDocuments(before, after, nil); p.Summary != (Summary{Rename: 2}) || len(p.Access) > 0 {
		t.Error(describePlan(p))
	}
	after.Authorizations[0].API = "a"
	p := compareDocuments(before, after, nil)
	if p.Summary.Widen != 1 || len(p.Access) != 2 {
		t.Error(describePlan(p))
	}
}

// TestAccessOfTheRemoved: an authorization goes with its API.
func TestAccessOfTheRemoved(t *testing.T) {
	before := &schema.Document{
		APIs:    []schema.API{{Label: "orders", Identifier: "urn:orders", TokenLifetime: 600}},
		Clients: []schema.Client{{Label: "billing", ClientID: "b", GrantTypes: []string{schema.GrantClientCredentials}}},
		Authorizations: []schema.Authorization{
			{Label: "x", Client: "billing", API: "orders", SubjectType: schema.SubjectClient, Scopes: []string{"write", "read"}, TokenLifetime: 60},
		},
	}
	p := compareDocuments(before, &schema.Document{Clients: before.Clients}, nil)
	want := AccessChange{
		Client: "billing", API: "orders", SubjectType: schema.SubjectClient, Gained: []string{}, Lost: []string{"read", "write"},
		ValidUntilMax: 60, Token: TokenLost,
	}
	if len(p.Access) != 1 || !reflect.DeepEqual(p.Access[0], want) {
		t.Errorf("got %+v, want %+v", p.Access, want)
	}
	b, err := json.Marshal(p.Access)
	if err != nil || string(b) != `[{"client":"billing","api":"orders","subject_type":"client","gained":[],"lost":["read","write"],"valid_until_max":60,"token":"lost"}]` {
		t.Errorf("as JSON: %s, %v", b, err)
	}
}

func TestSavedPlanRefused(t *testing.T) {
	saved := &SavedPlan{ConfigDigest: "c", LockDigest: "l", Plan: compareDocuments(nil, full(), nil)}
	saved.Plan.PriorDigest = "p"
	good, err := saved.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]string{
		"nothing":        "",
		"other JSON":     `{"format_version":"1"}`,
		"a list":         "[]",
		"newer":          strings.Replace(string(good), `"format_version": "1"`, `"format_version": "2"`, 1),
		"newer plan":     strings.Replace(string(good), `{`+"\n"+`    "format_version": "1"`, `{`+"\n"+`    "format_version": "2"`, 1),
		"cut off":        string(good[:len(good)/2]),
		"two":            string(good) + string(good),
		"unknown member": strings.Replace(string(good), `"kind"`, `"more": 1, "kind"`, 1),
		"other prior":    strings.Replace(string(good), `"prior_digest": "p"`, `"prior_digest": "q"`, 1),
		"no plan":        `{"kind":"writ plan","format_version":"1"}`,
	} {
		if _, err := DecodeSavedPlan([]byte(b)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestSavedPlanCheck(t *testing.T) {
	made := func(edit func(s *SavedPlan)) *SavedPlan {
		s := &SavedPlan{ConfigDigest: "c", LockDigest: "l", Plan: compareDocuments(nil, full(), nil)}
		s.Plan.PriorDigest = "p"
		if edit != nil {
			edit(s)
		}
		return s
	}
	for name, edit := range map[string]func(s *SavedPlan){
		"configuration": func(s *SavedPlan) { s.ConfigDigest = "x" },
		"lockfile":      func(s *SavedPlan) { s.LockDigest = "x" },
		"snapshot":      func(s *SavedPlan) { s.Plan.PriorDigest = "x" },
	} {
		err := made(nil).Check(made(edit))
		if !errors.Is(err, ErrStale) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s moved: %v", name, err)
		}
	}
	if err := made(nil).Check(made(nil)); err != nil {
		t.Error(err)
	}
	edited := made(func(s *SavedPlan) { s.Plan.Changes = s.Plan.Changes[1:] })
	if err := edited.Check(made(nil)); err == nil || errors.Is(err, ErrStale) {
		t.Errorf("an edited plan: %v", err)
	}
}
