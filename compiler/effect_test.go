package compiler

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/schema"
)

// An effectCase edits the full document once.
type effectCase struct {
	name   string
	edit   func(d *schema.Document)
	effect Effect
	reason string // a part of it
}

var effectCases = []effectCase{
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
	{"custom claims removed", func(d *schema.Document) { d.Authorizations[0].Claims = "" }, EffectNarrow, `Tokens of client.billing on api.orders no longer carry "x"`},
	{"custom claim changed", func(d *schema.Document) { d.Authorizations[0].Claims = `{"x":2}` }, EffectWiden, `Tokens of client.billing on api.orders carry another "x", by which`},
	{"custom claim added", func(d *schema.Document) { d.Authorizations[0].Claims = `{"is_admin":true,"x":1}` }, EffectWiden, `carry the new "is_admin", by which`},
	{"custom claims added and changed", func(d *schema.Document) { d.Authorizations[0].Claims = `{"tenant":"a","x":2}` }, EffectWiden, `the new "tenant" and another "x"`},
	{"custom claim that describes", func(d *schema.Document) { d.Authorizations[0].Claims = `{"name":"Orders","x":1}` }, EffectShape, "other claims"},
	{"claim copied", func(d *schema.Document) { d.Authorizations[0].CopyClaims = []string{"email", "tenant"} }, EffectWiden, `say the user's "tenant"`},
	{"claim copied that describes", func(d *schema.Document) { d.Authorizations[0].CopyClaims = []string{"email", "name"} }, EffectShape, "other claims of the user's token"},
	{"claim no longer copied", func(d *schema.Document) { d.Authorizations[0].CopyClaims = nil }, EffectNarrow, `no longer say the user's "email"`},
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
}

// TestEffects judges one change at a time.
func TestEffects(t *testing.T) {
	for _, test := range effectCases {
		t.Run(test.name, func(t *testing.T) {
			after := full()
			test.edit(after)
			p := planBetween(full(), after)
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

// TestEndsOfAnAuthorization: what has passed is told as passed, whichever end is later.
func TestEndsOfAnAuthorization(t *testing.T) {
	const now = 1000
	for _, test := range []struct {
		before, after int64
		effect        Effect
		reason        string
	}{
		{0, 2000, EffectNarrow, "a ends at 1970-01-01T00:33:20Z."},
		{0, 500, EffectNarrow, "a ends at once: it expired at 1970-01-01T00:08:20Z."},
		{2000, 1000, EffectNarrow, "a ends at once: it expired at 1970-01-01T00:16:40Z."},
		{2000, 3000, EffectWiden, "a lasts longer, until 1970-01-01T00:50:00Z."},
		{2000, 0, EffectWiden, "a no longer expires."},
		{1000, 0, EffectWiden, "a had ended, and no longer expires."},
		{1000, 2000, EffectWiden, "a had ended, and lasts until 1970-01-01T00:33:20Z."},
		{400, 500, EffectWiden, "a had ended at 1970-01-01T00:06:40Z, and 1970-01-01T00:08:20Z has passed too."},
		{500, 400, EffectNarrow, "a had ended at 1970-01-01T00:08:20Z, and 1970-01-01T00:06:40Z has passed too."},
	} {
		d := &differ{address: "a"}
		d.expiry(test.before, test.after, now)
		if len(d.attributes) != 1 || d.effect() != test.effect || d.attributes[0].Reason != test.reason {
			t.Errorf("%d to %d: %s %+v", test.before, test.after, d.effect(), d.attributes)
		}
	}
}

// A judge is found by the name of an attribute: one under another name would never run.
func TestJudgesAreRows(t *testing.T) {
	names := func(block *schema.Block, judges iter.Seq[string]) {
		for name := range judges {
			if a, found := block.Attr(name); !found || !a.IsStored() {
				t.Errorf("%s has no attribute %s to judge", block.Type, name)
			}
		}
	}
	names(schema.BlockOf(&schema.API{}), maps.Keys(apiJudges))
	names(schema.BlockOf(&schema.Client{}), maps.Keys(clientJudges))
	names(schema.BlockOf(&schema.Authorization{}), maps.Keys(authorizationJudges))
	names(schema.BlockOf(&schema.TrustedIssuer{}), maps.Keys(trustedIssuerJudges))
	names(schema.BlockOf(&schema.SigningKey{}), maps.Keys(signingKeyJudges))
}

// What a plan shows of a policy and of an expectation has the names of the language
// reference, in its order, and leaves none out.
func TestGuardsAreShownByTheirRows(t *testing.T) {
	text, n := "x", int64(1)
	expected := &config.Test{
		Client: "x", API: "x", SubjectType: schema.SubjectUser, SubjectClaims: `{"a":1}`, Scopes: []string{"x"}, ScopesSet: true, At: 1, Granted: true,
		Scope: &text, Lifetime: &n, Claims: []config.Claim{{Name: "a", JSON: "1"}}, Error: "x",
	}
	var shown []string
	for _, a := range expectationAttributes(expected) {
		name, _, _ := strings.Cut(a.Name, ".")
		shown = append(shown, name)
	}
	expect := &schema.TestLanguage[0]
	if rows := rowNames(expect); !slices.Equal(shown, rows) {
		t.Errorf("an expectation is shown with %q, the language has %q", shown, rows)
	}
	for _, name := range outcomes {
		if _, found := expect.Attr(name); !found {
			t.Errorf("an expectation has no attribute %s", name)
		}
	}
	cfg, loaded := config.LoadFS(fstest.MapFS{"policy.hcl": {Data: []byte(`issuer { url = "https://auth.example.com/" }
policy "p" {
  for_each_of   = "api"
  condition     = true
  error_message = "no"
  severity      = "warning"
}
`)}}, config.Options{})
	m, _ := Compile(cfg, CompileOptions{Loaded: loaded})
	shown = nil
	for _, a := range m.policyAttributes(m.policies[0]) {
		shown = append(shown, a.Name)
	}
	policy, _ := schema.LanguageBlock("policy")
	if rows := rowNames(policy); !slices.Equal(shown, rows) {
		t.Errorf("a policy is shown with %q, the language has %q", shown, rows)
	}
}

func rowNames(b *schema.Block) []string {
	var names []string
	for _, a := range b.Attributes {
		names = append(names, a.Name)
	}
	return names
}
