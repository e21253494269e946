package snapshot

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-auth/writ/schema"
)

// What is encoded is what comes back, and every lookup agrees with a search
// through the document.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := drawDocument(t)
		s := mustOpen(t, doc)
		if diff := gocmp.Diff(doc, Decode(s)); diff != "" {
			t.Fatalf("the document changed (-encoded +decoded):\n%s", diff)
		}
		checkLookups(t, s, doc)
		checkHandles(t, s, doc)
	})
}

func TestRoundTripEmpty(t *testing.T) {
	s := mustOpen(t, &schema.Document{})
	if diff := gocmp.Diff(&schema.Document{}, Decode(s)); diff != "" {
		t.Errorf("the empty document changed (-encoded +decoded):\n%s", diff)
	}
	if _, ok := s.ClientByID(""); ok {
		t.Error("a client in an empty snapshot")
	}
	if _, _, ok := s.NearIdentifier("https://api.example.com"); ok {
		t.Error("a near identifier in an empty snapshot")
	}
}

// The largest of everything that has a limit.
func TestRoundTripLargest(t *testing.T) {
	long := string(slices.Repeat([]byte("é"), 32<<10))
	doc := smallDocument()
	api := &doc.APIs[0]
	api.Name, api.Metadata, api.TokenLifetime = long, map[string]string{long: long}, math.MaxUint32
	api.Scopes = nil
	var granted []string
	for i := range schema.MaxScopes {
		name := string(slices.Repeat([]byte{'a' + byte(i%26)}, schema.MaxScope-3)) + string([]byte{'0' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)})
		api.Scopes = append(api.Scopes, schema.Scope{Name: name, Description: long})
		if i%2 == 1 {
			granted = append(granted, name)
		}
	}
	for i := range doc.Authorizations {
		if a := &doc.Authorizations[i]; a.API == api.Label {
			a.Scopes, a.Claims, a.ExpiresAt = granted, `{"x":"`+long+`"}`, math.MaxInt64
		}
	}
	s := mustOpen(t, doc)
	if diff := gocmp.Diff(doc, Decode(s)); diff != "" {
		t.Fatal("the document changed")
	}
	checkHandles(t, s, doc)
}

// Encode does not depend on anything but the document.
func TestEncodeIsDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := drawDocument(t)
		first, err := Encode(doc)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Encode(Decode(mustOpen(t, doc)))
		if err != nil {
			t.Fatal(err)
		}
		if Digest(first) != Digest(again) {
			t.Fatal("the decoded document encodes to other bytes")
		}
	})
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func mustOpen(t fataler, doc *schema.Document) *Snapshot {
	t.Helper()
	file, err := marshalDocument(doc)
	if err != nil {
		t.Fatalf("%v", err)
	}
	s, err := Open(file)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return s
}

func checkLookups(t fataler, s *Snapshot, doc *schema.Document) {
	t.Helper()
	granted := map[[3]string]string{}
	for _, a := range doc.Authorizations {
		granted[[3]string{a.Client, a.API, string(a.SubjectType)}] = a.Label
		if found, ok := s.AuthorizationByLabel(a.Label); !ok || found.Label() != a.Label {
			t.Fatalf("authorization %q is not found by its label", a.Label)
		}
	}
	for _, c := range doc.Clients {
		client, ok := s.ClientByID(c.ClientID)
		if byLabel, ok2 := s.ClientByLabel(c.Label); !ok || !ok2 || byLabel != client || client.Label() != c.Label {
			t.Fatalf("client %q is not found", c.Label)
		}
		if other, ok := s.ClientByID(c.ClientID + "\x00"); ok {
			t.Fatalf("client %q is found by what is not its id", other.Label())
		}
		for _, a := range doc.APIs {
			api, ok := s.APIByIdentifier(a.Identifier)
			if byLabel, ok2 := s.APIByLabel(a.Label); !ok || !ok2 || byLabel != api || api.Label() != a.Label {
				t.Fatalf("api %q is not found", a.Label)
			}
			if client.MayIntrospect(api) != slices.Contains(c.Introspects, a.Label) {
				t.Fatalf("client %q, api %q: wrong introspection right", c.Label, a.Label)
			}
			for _, subject := range []schema.SubjectType{schema.SubjectClient, schema.SubjectUser} {
				want, exists := granted[[3]string{c.Label, a.Label, string(subject)}]
				found, ok := s.Authorization(client, api, subject)
				if ok != exists || ok && (found.Label() != want || found.Client() != client || found.API() != api || found.SubjectType() != subject) {
					t.Fatalf("client %q, api %q, subject %q: found %v, want authorization %q", c.Label, a.Label, subject, ok, want)
				}
			}
		}
	}
}

// checkHandles compares the ready-made forms with the document.
func checkHandles(t fataler, s *Snapshot, doc *schema.Document) {
	t.Helper()
	byLabel := map[string]schema.API{}
	for i, a := range doc.APIs {
		byLabel[a.Label] = a
		api := s.API(i)
		for j, scope := range a.Scopes {
			if at, ok := api.ScopeIndex(scope.Name); !ok || at != j || api.Scope(j) != scope {
				t.Fatalf("api %q: scope %q is not found", a.Label, scope.Name)
			}
		}
		if api.HasScope("no:such") || api.HasScope("") {
			t.Fatalf("api %q has a scope that it does not have", a.Label)
		}
		if diff := gocmp.Diff(a, api.Schema()); diff != "" {
			t.Fatalf("api %q: %s", a.Label, diff)
		}
	}
	for _, want := range doc.Authorizations {
		a, _ := s.AuthorizationByLabel(want.Label)
		permissions, _ := json.Marshal(append([]string{}, want.Scopes...))
		var got, exact any
		if json.Unmarshal(permissions, &exact) != nil || json.Unmarshal([]byte(a.scopeSet().permissions.in(s)), &got) != nil || !gocmp.Equal(got, exact) {
			t.Fatalf("authorization %q: permissions %s, want %s", want.Label, a.scopeSet().permissions.in(s), permissions)
		}
		for i, scope := range byLabel[want.API].Scopes {
			if granted := slices.Contains(want.Scopes, scope.Name); a.HasScope(scope.Name) != granted || a.Grants(i) != granted {
				t.Fatalf("authorization %q: scope %q: want granted %v", want.Label, scope.Name, granted)
			}
		}
		if claims := a.Claims(); want.Claims != "" && "{"+claims+"}" != want.Claims || want.Claims == "" && claims != "" {
			t.Fatalf("authorization %q: claims %q, want %q", want.Label, claims, want.Claims)
		}
		if api := byLabel[want.API]; a.Lifetime() != want.Lifetime(&api) {
			t.Fatalf("authorization %q: lifetime %d, want %d", want.Label, a.Lifetime(), want.Lifetime(&api))
		}
	}
	for i, c := range doc.Clients {
		if diff := gocmp.Diff(c, s.Client(i).Schema()); diff != "" {
			t.Fatalf("client %q: %s", c.Label, diff)
		}
		for _, g := range c.GrantTypes {
			if !s.Client(i).HasGrantType(g) {
				t.Fatalf("client %q: grant type %q is missing", c.Label, g)
			}
		}
	}
}

// ---- random documents ----

var anyText = rapid.StringN(0, 12, -1)

func drawDocument(t *rapid.T) *schema.Document {
	doc := &schema.Document{Issuer: schema.Issuer{
		URL:         anyText.Draw(t, "issuer"),
		ErrorStyle:  rapid.SampledFrom(errorStyles).Draw(t, "error style"),
		SubStyle:    rapid.SampledFrom(subStyles).Draw(t, "sub style"),
		Environment: anyText.Draw(t, "environment"),
	}}
	for _, label := range drawLabels(t, "trusted issuers") {
		doc.TrustedIssuers = append(doc.TrustedIssuers, schema.TrustedIssuer{
			Label: label, Issuer: anyText.Draw(t, "issuer"), JWKS: anyText.Draw(t, "jwks"), JWKSURI: anyText.Draw(t, "uri"),
			Algorithms: drawList(t, "algorithms", rapid.SampledFrom([]schema.SigningAlg{"RS256", "ES384"})),
			Audiences:  drawList(t, "audiences", anyText),
			VouchesFor: drawList(t, "vouches for", rapid.SampledFrom([]schema.SubjectType{"client", "user"})),
		})
	}
	for _, label := range drawLabels(t, "signing keys") {
		doc.SigningKeys = append(doc.SigningKeys, schema.SigningKey{
			Label: label, Alg: rapid.SampledFrom(algs).Draw(t, "alg"), PrivateKey: schema.SecretRef(anyText.Draw(t, "key")),
			ActivatesAt: rapid.Int64().Draw(t, "activates"), RetiresAt: rapid.Int64().Draw(t, "retires"),
		})
	}
	apis := drawLabels(t, "apis")
	for i, label := range apis {
		doc.APIs = append(doc.APIs, drawAPI(t, label, apis, i))
	}
	for i, label := range drawLabels(t, "clients") {
		doc.Clients = append(doc.Clients, drawClient(t, label, apis, doc.TrustedIssuers, i))
	}
	drawAuthorizations(t, doc)
	return doc
}

func drawAPI(t *rapid.T, label string, apis []string, i int) schema.API {
	api := schema.API{
		Label: label, Name: anyText.Draw(t, "name"), Identifier: anyText.Draw(t, "identifier") + string(rune('0'+i)),
		Profile: rapid.SampledFrom(profiles).Draw(t, "profile"), Alg: rapid.SampledFrom(algs).Draw(t, "alg"),
		SigningSecret: schema.SecretRef(anyText.Draw(t, "secret")), TokenLifetime: int64(rapid.Uint32().Draw(t, "lifetime")),
		AllowOfflineAccess: rapid.Bool().Draw(t, "offline"), IncludePermissions: rapid.Bool().Draw(t, "permissions"),
		ScopeMode: rapid.SampledFrom(scopeModes).Draw(t, "mode"), PreventDestroy: rapid.Bool().Draw(t, "prevent"),
		DistinctFrom: drawList(t, "distinct", rapid.SampledFrom(apis)), Metadata: drawMetadata(t),
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[!#-\[\]-~]{1,9}`), 0, 20, rapid.ID).Draw(t, "scopes") {
		api.Scopes = append(api.Scopes, schema.Scope{Name: name, Description: anyText.Draw(t, "description")})
	}
	return api
}

func drawClient(t *rapid.T, label string, apis []string, trusted []schema.TrustedIssuer, i int) schema.Client {
	c := schema.Client{
		Label: label, Name: anyText.Draw(t, "name"), ClientID: anyText.Draw(t, "id") + string(rune('0'+i)),
		GrantTypes: drawList(t, "grants", rapid.SampledFrom([]string{schema.GrantClientCredentials, schema.GrantRefreshToken, "x"})),
		Metadata:   drawMetadata(t), RateLimit: rapid.Float64Range(0, 1e9).Draw(t, "rate"), RevokedBefore: rapid.Int64().Draw(t, "revoked"),
		RequireSenderConstrained: rapid.Bool().Draw(t, "constrained"), PreventDestroy: rapid.Bool().Draw(t, "prevent"),
	}
	if len(apis) > 0 {
		c.Introspects = drawList(t, "introspects", rapid.SampledFrom(apis))
		c.DefaultAPI = rapid.SampledFrom(append([]string{""}, apis...)).Draw(t, "default api")
	}
	if rapid.Bool().Draw(t, "refresh") {
		c.RefreshToken = &schema.RefreshToken{Rotation: rapid.SampledFrom(rotations).Draw(t, "rotation"),
			Lifetime: rapid.Int64().Draw(t, "lifetime"), IdleLifetime: rapid.Int64().Draw(t, "idle"), Leeway: rapid.Int64().Draw(t, "leeway")}
	}
	c.Secrets = drawList(t, "secrets", rapid.Custom(drawSecret))
	c.PublicKeys = drawList(t, "public keys", rapid.Custom(func(t *rapid.T) schema.PublicKey {
		return schema.PublicKey{Label: anyText.Draw(t, "label"), JWKS: anyText.Draw(t, "jwks"), Window: drawWindow(t)}
	}))
	c.Certificates = drawList(t, "certificates", rapid.Custom(drawCertificate))
	if len(trusted) > 0 {
		c.Federated = drawList(t, "federated", rapid.Custom(func(t *rapid.T) schema.Federated {
			return schema.Federated{Label: anyText.Draw(t, "label"), TrustedIssuer: rapid.SampledFrom(trusted).Draw(t, "issuer").Label,
				Subject: anyText.Draw(t, "subject"), SubjectPattern: anyText.Draw(t, "pattern"), Claims: drawObject(t), Window: drawWindow(t)}
		}))
	}
	return c
}

func drawSecret(t *rapid.T) schema.Secret {
	sum := sha256.Sum256([]byte(anyText.Draw(t, "secret")))
	hash := rapid.SampledFrom([]string{
		"sha256:" + base64.RawURLEncoding.EncodeToString(sum[:]),
		"$2b$12$" + anyText.Draw(t, "bcrypt"), "env:" + anyText.Draw(t, "env"), "file:" + anyText.Draw(t, "file"),
	}).Draw(t, "hash")
	return schema.Secret{Label: anyText.Draw(t, "label"), Hash: hash, Window: drawWindow(t)}
}

func drawCertificate(t *rapid.T) schema.Certificate {
	c := schema.Certificate{Label: anyText.Draw(t, "label"), Window: drawWindow(t)}
	value := anyText.Draw(t, "value") + "."
	*rapid.SampledFrom([]*string{&c.SubjectDN, &c.SANDNS, &c.SANURI, &c.SHA256}).Draw(t, "selector") = value
	return c
}

func drawAuthorizations(t *rapid.T, doc *schema.Document) {
	if len(doc.Clients) == 0 || len(doc.APIs) == 0 {
		return
	}
	type pair struct {
		client, api int
		subject     schema.SubjectType
	}
	pairs := rapid.SliceOfDistinct(rapid.Custom(func(t *rapid.T) pair {
		return pair{rapid.IntRange(0, len(doc.Clients)-1).Draw(t, "client"), rapid.IntRange(0, len(doc.APIs)-1).Draw(t, "api"),
			rapid.SampledFrom([]schema.SubjectType{schema.SubjectClient, schema.SubjectUser}).Draw(t, "subject")}
	}), rapid.ID).Draw(t, "pairs")
	labels := rapid.SliceOfNDistinct(anyText, len(pairs), len(pairs), rapid.ID).Draw(t, "labels")
	slices.Sort(labels)
	for i, p := range pairs {
		a := schema.Authorization{
			Label: labels[i], Client: doc.Clients[p.client].Label, API: doc.APIs[p.api].Label, SubjectType: p.subject,
			TokenLifetime: int64(rapid.Uint32().Draw(t, "lifetime")), ExpiresAt: rapid.Int64().Draw(t, "expires"),
			Claims: drawObject(t), SubjectClaims: drawObject(t),
		}
		for _, scope := range doc.APIs[p.api].Scopes {
			if rapid.Bool().Draw(t, "granted") {
				a.Scopes = append(a.Scopes, scope.Name)
			}
		}
		doc.Authorizations = append(doc.Authorizations, a)
	}
}

// drawLabels returns sorted labels, as plain blocks and as instances of for_each.
func drawLabels(t *rapid.T, what string) []string {
	labels := rapid.SliceOfNDistinct(rapid.OneOf(
		rapid.StringMatching(`[A-Za-z_][A-Za-z0-9_-]{0,6}`),
		rapid.StringMatching(`worker\["[a-zé世]{0,3}"\]`),
	), 0, 6, rapid.ID).Draw(t, what)
	slices.Sort(labels)
	return labels
}

func drawList[T any](t *rapid.T, what string, element *rapid.Generator[T]) []T {
	if list := rapid.SliceOfN(element, 0, 3).Draw(t, what); len(list) > 0 {
		return list
	}
	return nil
}

func drawMetadata(t *rapid.T) map[string]string {
	if m := rapid.MapOfN(anyText, anyText, 0, 3).Draw(t, "metadata"); len(m) > 0 {
		return maps.Clone(m)
	}
	return nil
}

func drawWindow(t *rapid.T) schema.Window {
	return schema.Window{NotBefore: rapid.Int64().Draw(t, "not before"), ExpiresAt: rapid.Int64().Draw(t, "expires at")}
}

func drawObject(t *rapid.T) string {
	m := rapid.MapOfN(anyText, anyText, 0, 3).Draw(t, "claims")
	if len(m) == 0 {
		return rapid.SampledFrom([]string{"", "{}"}).Draw(t, "none")
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
