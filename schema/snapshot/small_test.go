package snapshot

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
)

// smallDocument holds at least one of everything.
func smallDocument() *schema.Document {
	return &schema.Document{
		Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsAuth0, SubStyle: schema.SubClientID, Environment: "prod", Accept: []string{"long-lifetime"}},
		APIs: []schema.API{
			{
				Label: "invoices", Name: "Invoices", Identifier: "https://api.example.com/invoices/", Profile: schema.ProfileAuth0,
				Alg: schema.HS256, SigningSecret: "env:INVOICES_HS256", TokenLifetime: 3600, ScopeMode: schema.ScopeAllGranted,
				IncludePermissions: true, ReuseWindow: 5, DistinctFrom: []string{`orders["eu"]`}, Accept: []string{"auth0-profile-untyped", "hs256-shared-key"},
				Scopes: []schema.Scope{{Name: "write:invoices", Description: "Change", Sensitive: true}, {Name: "read:invoices", Description: "Read"}},
			},
			{
				Label: `orders["eu"]`, Name: "Orders", Identifier: "https://api.example.com/orders", Profile: schema.ProfileRFC9068,
				Alg: schema.RS256, TokenLifetime: 86400, ScopeMode: schema.ScopeNarrow, AllowOfflineAccess: true, PreventDestroy: true,
				Metadata: map[string]string{"owner": "payments", "größe": "世界"},
				Scopes:   []schema.Scope{{Name: "read:orders", Description: "Read orders"}, {Name: "write:orders", Description: ""}},
			},
		},
		Clients: []schema.Client{
			{
				Label: "billing", Name: "Billing worker", ClientID: "billing", GrantTypes: []string{schema.GrantClientCredentials},
				Metadata: map[string]string{"team": "payments"},
				Secrets: []schema.Secret{
					{Label: "2026-q4", Hash: "sha256:A6xnQhbz4Vx2HuGl4lXwZ5U2I8iziLRFnhP5eNfIRvQ", Window: schema.Window{NotBefore: 1790812800, ExpiresAt: 1798761600}},
					{Label: "old", Hash: "$2b$12$abcdefghijklmnopqrstuuFMjAaEmWZHwUEaXJkJb7l9w4dVqEGTa"},
					{Label: "ref", Hash: "file:billing.hash"},
				},
			},
			{Label: "idle", Name: "idle", ClientID: "idle"},
			{
				Label: "portal", Name: "Portal", ClientID: "portal.v2", GrantTypes: []string{schema.GrantTokenExchange, schema.GrantRefreshToken},
				DefaultAPI: `orders["eu"]`, RateLimit: 2.5, Introspects: []string{"invoices"}, RevokedBefore: 1780000000,
				RequireSenderConstrained: true, PreventDestroy: true, Accept: []string{"expires-soon"},
				PublicKeys: []schema.PublicKey{{Label: "k1", JWKS: `{"keys":[]}`, Window: schema.Window{ExpiresAt: 1798761600}}},
				Certificates: []schema.Certificate{
					{Label: "c1", SubjectDN: "CN=portal,O=Example"}, {Label: "c2", SANDNS: "portal.example.com"},
					{Label: "c3", SANURI: "spiffe://example.com/portal"}, {Label: "c4", SHA256: "A6xnQhbz4Vx2HuGl4lXwZ5U2I8iziLRFnhP5eNfIRvQ"},
				},
				Federated: []schema.Federated{{
					Label: "k8s", TrustedIssuer: "cluster", Subject: "system:serviceaccount:web:portal", SubjectPattern: "", Claims: `{"tier":1}`,
				}},
				RefreshToken: &schema.RefreshToken{Rotation: schema.RotationRotating, Lifetime: 2592000, IdleLifetime: 1296000, Leeway: 5},
			},
		},
		Authorizations: []schema.Authorization{
			{
				Label: "billing-reads-orders", Client: "billing", API: `orders["eu"]`, SubjectType: schema.SubjectClient,
				Scopes: []string{"read:orders"}, TokenLifetime: 600, ExpiresAt: 1814313600, Accept: []string{"long-lifetime"}, Claims: `{"https://example.com/team":"payments","n":1}`,
			},
			{Label: "billing-writes-invoices", Client: "billing", API: "invoices", SubjectType: schema.SubjectClient, Scopes: []string{"write:invoices", "read:invoices"}},
			{
				Label: "users-read-orders", Client: "portal", API: `orders["eu"]`, SubjectType: schema.SubjectUser,
				Scopes: []string{"read:orders", "write:orders"}, SubjectClaims: `{"groups":"finance"}`, CopyClaims: []string{"email", "groups"},
			},
			{Label: "watch", Client: "portal", API: `orders["eu"]`, SubjectType: schema.SubjectClient},
		},
		TrustedIssuers: []schema.TrustedIssuer{
			{
				Label: "cluster", Issuer: "https://kubernetes.default.svc", JWKS: `{"keys":[]}`, Algorithms: []schema.SigningAlg{schema.RS256},
				Audiences: []string{"https://auth.example.com/"}, VouchesFor: []schema.SubjectType{schema.SubjectClient, schema.SubjectUser}, CapsLifetime: true,
				Accept: []string{"loose-subject-pattern"},
			},
		},
		SigningKeys: []schema.SigningKey{
			{Label: "2026-q4", Alg: schema.RS256, PrivateKey: "file:rs256-2026-q4.pem", ActivatesAt: 1790812800, RetiresAt: 1801440000, Accept: []string{"expires-soon"}},
		},
	}
}

// testKey is a fixed key: signatures in tests are the same bytes on every run.
func testKey(seed byte) ed25519.PrivateKey {
	s := make([]byte, ed25519.SeedSize)
	s[0] = seed
	return ed25519.NewKeyFromSeed(s)
}

func testEnvelope() Envelope {
	return Envelope{
		Serial: 7, Previous: "sha256:00", Revision: "4f2d1c0", Created: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		NotAfter: time.Date(2027, 11, 1, 12, 0, 0, 0, time.UTC), Environment: "prod", LockDigest: "sha256:11", WritVersion: "1.0.0",
		PastLifetimes: []schema.PastLifetime{
			{Identifier: "https://api.example.com/invoices", Lifetime: 3600, Ended: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)},
			{ClientID: "billing", Identifier: "https://api.example.com/orders/eu", Lifetime: 86400, Ended: time.Date(2026, 10, 31, 18, 0, 0, 0, time.UTC)},
		},
	}
}

// smallFile is smallDocument with sources, signed when keys are given.
func smallFile(t testing.TB, keys ...ed25519.PrivateKey) []byte {
	t.Helper()
	body, err := Encode(smallDocument())
	if err != nil {
		t.Fatal(err)
	}
	sources, err := NewSources(body, smallPlace)
	if err != nil {
		t.Fatal(err)
	}
	env := testEnvelope()
	env.Bind(body, sources)
	for _, key := range keys {
		Sign(&env, key)
	}
	file, err := Marshal(env, body, sources)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// smallPlace knows where everything but the client "idle" was declared.
func smallPlace(kind Kind, label string) (file string, line int, ok bool) {
	return string(kind) + ".hcl", 10 + len(label), label != "idle"
}
