package snapshot

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
)

// Encode refuses what could not be found or given back.
func TestEncodeRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*schema.Document)
		want   string
	}{
		{"apis out of order", func(d *schema.Document) { slices.Reverse(d.APIs) }, `api "invoices": not sorted by label, or twice`},
		{"an api twice", func(d *schema.Document) { d.APIs[1].Label = "invoices" }, `api "invoices": not sorted`},
		{"clients out of order", func(d *schema.Document) { slices.Reverse(d.Clients) }, `client "idle": not sorted`},
		{"authorizations out of order", func(d *schema.Document) { slices.Reverse(d.Authorizations) }, `authorization "users-read-orders": not sorted`},
		{"signing keys out of order", func(d *schema.Document) { d.SigningKeys = append(d.SigningKeys, d.SigningKeys[0]) }, `signing_key "2026-q4": not sorted`},
		{"an identifier twice", func(d *schema.Document) { d.APIs[0].Identifier = d.APIs[1].Identifier }, `identifier "https://api.example.com/orders": twice`},
		{"a client_id twice", func(d *schema.Document) { d.Clients[0].ClientID = "idle" }, `client_id "idle": twice`},
		{"no such api", func(d *schema.Document) { d.Authorizations[0].API = "order" }, `there is no api "order"`},
		{"no such client", func(d *schema.Document) { d.Authorizations[0].Client = "bill" }, `there is no client "bill"`},
		{"no such default api", func(d *schema.Document) { d.Clients[0].DefaultAPI = "order" }, `client "billing": default_api: there is no api "order"`},
		{"no such api to introspect", func(d *schema.Document) { d.Clients[0].Introspects = []string{"order"} }, `introspects: there is no api "order"`},
		{"no such look-alike", func(d *schema.Document) { d.APIs[0].DistinctFrom = []string{"order"} }, `distinct_from: there is no api "order"`},
		{"no such trusted issuer", func(d *schema.Document) { d.TrustedIssuers = nil }, `federated "k8s": trusted_issuer: there is no trusted_issuer "cluster"`},
		{"the same right twice", func(d *schema.Document) {
			d.Authorizations[2].Client, d.Authorizations[2].API, d.Authorizations[2].SubjectType = "portal", `orders["eu"]`, schema.SubjectClient
		}, `authorization "watch": the same client, API and subject type as "users-read-orders"`},
		{"unknown subject type", func(d *schema.Document) { d.Authorizations[0].SubjectType = "robot" }, `unknown subject type "robot"`},
		{"unknown algorithm", func(d *schema.Document) { d.APIs[0].Alg = "none" }, `signing_alg: unknown value "none"`},
		{"unknown signing algorithm", func(d *schema.Document) { d.SigningKeys[0].Alg = "RS1" }, `algorithm: unknown value "RS1"`},
		{"unknown error style", func(d *schema.Document) { d.Issuer.ErrorStyle = "loud" }, `error_style: unknown value "loud"`},
		{"unknown rotation", func(d *schema.Document) { d.Clients[2].RefreshToken.Rotation = "often" }, `rotation: unknown value "often"`},
		{"a scope twice", func(d *schema.Document) { d.APIs[0].Scopes[1].Name = "write:invoices" }, `scope "write:invoices": twice`},
		{"a scope with a space", func(d *schema.Document) { d.APIs[0].Scopes[1].Name = "a b" }, `scope "a b"`},
		{"a scope with a quote", func(d *schema.Document) { d.APIs[0].Scopes[1].Name = `a"b` }, `scope "a\"b"`},
		{"a scope of no API", func(d *schema.Document) { d.Authorizations[0].Scopes = []string{"read:order"} }, `scope "read:order": not a scope of the API`},
		{"scopes in another order", func(d *schema.Document) { slices.Reverse(d.Authorizations[1].Scopes) }, `scope "write:invoices": not a scope of the API, or not in`},
		{"a scope granted twice", func(d *schema.Document) {
			d.Authorizations[0].Scopes = []string{"read:orders", "read:orders"}
		}, `scope "read:orders": not a scope of the API, or not in`},
		{"negative lifetime", func(d *schema.Document) { d.APIs[0].TokenLifetime = -1 }, `a duration of -1 seconds`},
		{"endless lifetime", func(d *schema.Document) { d.Authorizations[0].TokenLifetime = math.MaxUint32 + 1 }, `a duration of 4294967296 seconds`},
		{"no rate", func(d *schema.Document) { d.Clients[0].RateLimit = math.NaN() }, `rate limit of NaN`},
		{"negative rate", func(d *schema.Document) { d.Clients[0].RateLimit = -1 }, `rate limit of -1`},
		{"endless rate", func(d *schema.Document) { d.Clients[0].RateLimit = math.Inf(1) }, `rate limit of +Inf`},
		{"claims that are no object", func(d *schema.Document) { d.Authorizations[0].Claims = `[1]` }, `claims: "[1]" is not a JSON object`},
		{"claims that are no JSON", func(d *schema.Document) { d.Authorizations[0].Claims = `{a:1}` }, `is not a JSON object`},
		{"claims with space around", func(d *schema.Document) { d.Authorizations[0].SubjectClaims = ` {}` }, `subject_claims: " {}" is not a JSON object`},
		{"federated claims", func(d *schema.Document) { d.Clients[2].Federated[0].Claims = `1` }, `federated "k8s": claims: "1"`},
		{"a plain secret", func(d *schema.Document) { d.Clients[0].Secrets[0].Hash = "hunter2" }, `secret "2026-q4": the hash is neither`},
		{"half a hash", func(d *schema.Document) { d.Clients[0].Secrets[0].Hash = "sha256:A6xn" }, `secret "2026-q4": the hash is neither`},
		{"no selector", func(d *schema.Document) { d.Clients[2].Certificates[0].SubjectDN = "" }, `certificate "c1": 0 selectors`},
		{"two selectors", func(d *schema.Document) { d.Clients[2].Certificates[0].SANDNS = "x" }, `certificate "c1": 2 selectors`},
	} {
		doc := smallDocument()
		test.change(doc)
		body, err := Encode(doc)
		if err == nil || !strings.Contains(err.Error(), test.want) || body != nil {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error repeats the secret", test.name)
		}
	}
}

// Documents that differ have different bodies, and those that are equal share one.
func TestDigestFollowsTheDocument(t *testing.T) {
	digest := func(change func(*schema.Document)) string {
		doc := smallDocument()
		change(doc)
		body, err := Encode(doc)
		if err != nil {
			t.Fatal(err)
		}
		return Digest(body)
	}
	plain := digest(func(*schema.Document) {})
	if digest(func(d *schema.Document) { d.Clients[1].Secrets = []schema.Secret{} }) != plain {
		t.Error("an empty list and none have different digests")
	}
	for name, change := range map[string]func(*schema.Document){
		"scope description":     func(d *schema.Document) { d.APIs[0].Scopes[0].Description += "." },
		"scope order":           func(d *schema.Document) { slices.Reverse(d.APIs[1].Scopes); slices.Reverse(d.Authorizations[2].Scopes) },
		"grant type order":      func(d *schema.Document) { slices.Reverse(d.Clients[2].GrantTypes) },
		"metadata":              func(d *schema.Document) { d.Clients[0].Metadata["team"] = "x" },
		"prevent_destroy":       func(d *schema.Document) { d.APIs[0].PreventDestroy = true },
		"window":                func(d *schema.Document) { d.Clients[0].Secrets[1].Window.NotBefore = 1 },
		"expiry":                func(d *schema.Document) { d.Authorizations[3].ExpiresAt = 1 },
		"lifetime as the API's": func(d *schema.Document) { d.Authorizations[3].TokenLifetime = 86400 },
	} {
		if digest(change) == plain {
			t.Errorf("%s: the digest did not change", name)
		}
	}
}
