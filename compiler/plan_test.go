package compiler

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
)

// full is a document with every field set.
func full() *schema.Document {
	window := schema.Window{NotBefore: 10, ExpiresAt: 20}
	return &schema.Document{
		Issuer: schema.Issuer{URL: "https://a.example/", ErrorStyle: schema.ErrorsAuth0, SubStyle: schema.SubClientID, Environment: "prod", Accept: []string{"long-lifetime"}},
		APIs: []schema.API{{
			Label: "orders", Name: "Orders", Identifier: "urn:orders", Profile: schema.ProfileAuth0, Alg: schema.HS256,
			SigningSecret: "env:CANARY_REFERENCE", TokenLifetime: 600, AllowOfflineAccess: true, IncludePermissions: true,
			ScopeMode: schema.ScopeAllGranted, ReuseWindow: 5, PreventDestroy: true, DistinctFrom: []string{"stock"}, Accept: []string{"long-lifetime"},
			Metadata: map[string]string{"owner": "payments"}, Scopes: []schema.Scope{{Name: "read", Description: "Read", Sensitive: true}},
		}, {Label: "stock", Identifier: "urn:stock", TokenLifetime: 60}},
		Clients: []schema.Client{{
			Label: "billing", Name: "Billing", ClientID: "b", GrantTypes: []string{schema.GrantClientCredentials},
			Metadata: map[string]string{"team": "payments"}, DefaultAPI: "orders", RateLimit: 5, Introspects: []string{"orders"},
			RevokedBefore: 5, RequireSenderConstrained: true, PreventDestroy: true, Accept: []string{"long-lifetime"},
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
			ExpiresAt: 100, SubjectClaims: `{"group":"x"}`, CopyClaims: []string{"email"}, Claims: `{"x":1}`, Accept: []string{"long-lifetime"},
		}},
		TrustedIssuers: []schema.TrustedIssuer{{
			Label: "cluster", Issuer: "https://c.example", JWKS: `{"keys":[{"kid":"1"}]}`, JWKSURI: "https://c.example/jwks",
			Algorithms: []schema.SigningAlg{schema.RS256}, Audiences: []string{"x"}, VouchesFor: []schema.SubjectType{schema.SubjectUser},
			CapsLifetime: true, Accept: []string{"long-lifetime"},
		}},
		SigningKeys: []schema.SigningKey{{Label: "k", Alg: schema.RS256, PrivateKey: "file:k", ActivatesAt: 10, RetiresAt: 20, Accept: []string{"long-lifetime"}}},
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

// planBetween is a plan made at a time when every window of full is open.
func planBetween(before, after *schema.Document) *Plan {
	return compareDocuments(Prior{Document: before}, after, nil, time.Unix(15, 0))
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
		if p := planBetween(full(), after); len(p.Changes) == 0 {
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
		"create": planBetween(nil, full()),
		"update": planBetween(full(), changed),
		"delete": planBetween(full(), &schema.Document{}),
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

// TestMixedEffects: an object that widens and narrows carries both.
func TestMixedEffects(t *testing.T) {
	after := full()
	after.Authorizations[0].Scopes = []string{"write"}
	after.APIs[0].Name, after.APIs[0].TokenLifetime = "Other", 60
	p := planBetween(full(), after)
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
	p := planBetween(before, after)
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
	if p := planBetween(before, after); p.Summary != (Summary{Rename: 2}) || len(p.Access) > 0 {
		t.Error(describePlan(p))
	}
	after.Authorizations[0].API = "a"
	p := planBetween(before, after)
	if p.Summary.Widen != 1 || len(p.Access) != 2 {
		t.Error(describePlan(p))
	}
}

// TestLabelOfTheRemoved: an API goes and another takes its label, as happens
// between two applies or on the way back to an old snapshot. What refers to the
// label is about something else from then on.
func TestLabelOfTheRemoved(t *testing.T) {
	before := &schema.Document{
		APIs: []schema.API{{Label: "a", Identifier: "urn:1", TokenLifetime: 60}, {Label: "b", Identifier: "urn:2", TokenLifetime: 60}},
		Clients: []schema.Client{
			{Label: "c", ClientID: "c1", GrantTypes: []string{schema.GrantClientCredentials}, DefaultAPI: "b", Introspects: []string{"a", "b"}},
			{Label: "d", ClientID: "d1", GrantTypes: []string{schema.GrantClientCredentials}},
		},
		Authorizations: []schema.Authorization{
			{Label: "x", Client: "c", API: "b", SubjectType: schema.SubjectClient, Scopes: []string{"read"}},
			{Label: "y", Client: "d", API: "a", SubjectType: schema.SubjectClient, Scopes: []string{"read"}},
		},
	}
	after := &schema.Document{
		APIs: []schema.API{{Label: "b", Identifier: "urn:1", TokenLifetime: 60}},
		Clients: []schema.Client{
			{Label: "d", ClientID: "c1", GrantTypes: []string{schema.GrantClientCredentials}, DefaultAPI: "b", Introspects: []string{"b"}},
		},
		Authorizations: []schema.Authorization{
			{Label: "x", Client: "d", API: "b", SubjectType: schema.SubjectClient, Scopes: []string{"read"}},
		},
	}
	p := planBetween(before, after)
	if want := (Summary{Add: 1, Change: 1, Destroy: 4, Rename: 2, Widen: 1}); p.Summary != want {
		t.Errorf("summary %+v, want %+v", p.Summary, want)
	}
	const want = "client.d may get tokens for api.b, and client.c for api.b (urn:2) no longer."
	if got := p.Changes[0]; got.Address != "authorization.x" || got.Effect != EffectWiden || got.Reason != want {
		t.Error(describePlan(p))
	}
}

// TestRenamesKeepSets: a set is written by label, and another order of labels
// is no change of it.
func TestRenamesKeepSets(t *testing.T) {
	before := &schema.Document{
		APIs:    []schema.API{{Label: "a", Identifier: "urn:1"}, {Label: "b", Identifier: "urn:2"}, {Label: "c", Identifier: "urn:3", DistinctFrom: []string{"a", "b"}}},
		Clients: []schema.Client{{Label: "c", ClientID: "c", Introspects: []string{"a", "b"}}},
	}
	after := &schema.Document{
		APIs:    []schema.API{{Label: "b", Identifier: "urn:2"}, {Label: "c", Identifier: "urn:3", DistinctFrom: []string{"b", "z"}}, {Label: "z", Identifier: "urn:1"}},
		Clients: []schema.Client{{Label: "c", ClientID: "c", Introspects: []string{"b", "z"}}},
	}
	if p := planBetween(before, after); p.Summary != (Summary{Rename: 1}) {
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
	p := planBetween(before, &schema.Document{Clients: before.Clients})
	want := AccessChange{
		Client: "billing", API: "orders", ClientID: "b", Identifier: "urn:orders", SubjectType: schema.SubjectClient, Authorization: "x", Gained: []string{}, Lost: []string{"read", "write"},
		ValidUntilMax: 60, Token: TokenLost,
	}
	if len(p.Access) != 1 || !reflect.DeepEqual(p.Access[0], want) {
		t.Errorf("got %+v, want %+v", p.Access, want)
	}
	b, err := json.Marshal(p.Access)
	if err != nil || string(b) != `[{"client":"billing","api":"orders","client_id":"b","identifier":"urn:orders","subject_type":"client","authorization":"x","gained":[],"lost":["read","write"],"valid_until_max":60,"token":"lost"}]` {
		t.Errorf("as JSON: %s, %v", b, err)
	}
}

func TestSavedPlanRefused(t *testing.T) {
	saved := &SavedPlan{ConfigDigest: "c", LockDigest: "l", Plan: planBetween(nil, full())}
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
		s := &SavedPlan{ConfigDigest: "c", LockDigest: "l", Plan: planBetween(nil, full())}
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
	if err := edited.Check(made(nil)); !errors.Is(err, ErrOtherPlan) || errors.Is(err, ErrStale) {
		t.Errorf("an edited plan: %v", err)
	}
}

// TestPlanBetween: what a rollback widens is what the changes since narrowed.
func TestPlanBetween(t *testing.T) {
	now := full()
	now.Authorizations[0].Scopes, now.APIs[0].TokenLifetime = nil, 1200
	p := PlanBetween(Prior{Document: now, Digest: "sha256:now", Serial: 7}, full(), "sha256:old", time.Unix(15, 0))
	if p.PriorDigest != "sha256:now" || p.Digest != "sha256:old" || p.LockChanged {
		t.Errorf("bound to %q, %q; lock %v", p.PriorDigest, p.Digest, p.LockChanged)
	}
	if len(p.Changes) != 2 || p.Changes[0].Address != "authorization.a" || p.Changes[0].Effect != EffectWiden ||
		p.Changes[1].Address != "api.orders" || p.Changes[1].Effect != EffectNarrow {
		t.Error(describePlan(p))
	}
}

// TestRenameWithoutSnapshot: where nothing was served yet, the lockfile alone
// knows the old label.
func TestRenameWithoutSnapshot(t *testing.T) {
	m := &Model{Document: full()}
	p, list := NewPlan(Prior{}, m, PlanOptions{Digest: "d", Renames: []Rename{{Kind: KindAPI, From: "old", To: "orders"}}, LockChanged: true})
	if list.HasErrors() || p.Empty() {
		t.Fatal(list)
	}
	for _, c := range p.Changes {
		if has := strings.Contains(c.Reason, "The lockfile has it as api.old."); has != (c.Address == "api.orders") || c.Action != ActionCreate {
			t.Errorf("%s %s: %s", c.Action, c.Address, c.Reason)
		}
	}
	if want := (Summary{Add: 6, Widen: 4}); p.Summary != want {
		t.Errorf("summary %+v, want %+v", p.Summary, want)
	}
}
