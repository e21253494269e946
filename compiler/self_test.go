package compiler_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// unreadable are the attributes that no expression reads: what for_each gives is
// each.value, and claims read objects themselves.
var unreadable = []string{"for_each", "claims"}

// unlikeDefault gives values where the example of an attribute is its default,
// or would refer to the object itself.
var unlikeDefault = map[string]string{
	"api.token_lifetime":   `"2h"`,
	"api.scope_mode":       `"all_granted"`,
	"authorization.scopes": `["write"]`,
	"authorization.client": `client.tested`,
	"authorization.api":    `api.tested`,
	"client.default_api":   `api.tested`,
	"client.introspects":   `[api.other]`,
	"api.distinct_from":    `[api.other]`,
	"api.identifier":       `"https://api.example.com/tested/2"`,
}

// companions are the attributes without which another means nothing.
var companions = map[string]map[string]string{
	"api.signing_secret":           {"signing_alg": `"HS256"`},
	"authorization.subject_claims": {"subject_type": `"user"`},
	"authorization.copy_claims":    {"subject_type": `"user"`},
}

// TestSelfIsWhatAReferenceGives sets every attribute that the language has and
// reads it as self of a policy and of claims, beside the reference that names
// the object. A self that answered null for what is set would let a policy pass
// that must fail.
func TestSelfIsWhatAReferenceGives(t *testing.T) {
	for _, kind := range []string{"api", "client", "authorization"} { // the others stand in no claims
		block, _ := schema.LanguageBlock(kind)
		names := []string{"address", "label"}
		if kind == "api" {
			names = append(names, "scopes", "sensitive_scopes")
		}
		for _, a := range block.Attributes {
			names = append(names, a.Name)
		}
		for _, name := range names {
			t.Run(kind+"."+name, func(t *testing.T) {
				if slices.Contains(unreadable, name) {
					isUnreadable(t, kind, name)
					return
				}
				set := map[string]map[string]string{kind: {}}
				if value := valueOf(block, name); value != "" {
					set[kind][name] = value
				}
				maps.Copy(set[kind], companions[kind+"."+name])
				isSeen(t, kind, name, set)
				if kind != "authorization" {
					isSeen(t, kind, name, nil)
				}
			})
		}
	}
}

func valueOf(block *schema.Block, name string) string {
	if v, found := unlikeDefault[block.Type+"."+name]; found {
		return v
	}
	a, found := block.Attr(name)
	if !found {
		return ""
	}
	for _, v := range a.Enum {
		if v := fmt.Sprintf("%q", v); a.Type == schema.TypeString && v != a.Default {
			return v
		}
	}
	return a.Example
}

// isSeen compiles a configuration in which a policy for each way to an attribute
// demands that self and the reference agree, and two claims show both.
func isSeen(t *testing.T, kind, name string, set map[string]map[string]string) {
	t.Helper()
	named := fmt.Sprintf("%s.tested.%s", kind, name)
	policies := map[string]string{kind: "self." + name}
	if kind != "authorization" {
		policies["authorization"] = fmt.Sprintf("self.%s.%s", kind, name)
	}
	src := testedTree(set, fmt.Sprintf("seen = self.%s.%s, named = %s", kind, name, named))
	for of, read := range policies {
		src += fmt.Sprintf("policy \"%s\" {\n  for_each_of = %q\n  condition = self.label != \"tested\" || jsonencode(%s) == jsonencode(%s)\n  error_message = jsonencode([%s, %s])\n}\n",
			of, of, read, named, read, named)
	}
	m := modelOf(t, src)
	a := m.Document.Authorizations[0]
	claims := map[string]json.RawMessage{}
	if a.Claims != "" {
		if err := json.Unmarshal([]byte(a.Claims), &claims); err != nil {
			t.Fatal(err)
		}
	}
	if string(claims["seen"]) != string(claims["named"]) {
		t.Errorf("self is %s in claims, %s is %s", claims["seen"], named, claims["named"])
	}
	if value := set[kind][name]; value != "" {
		if claims["seen"] == nil { // a null takes a claim away
			t.Errorf("%s = %s is seen as null", name, value)
		}
		isPlanned(t, m, kind, name, claims["seen"])
	}
}

// isPlanned compares what self says of an attribute with what the plan that creates the
// object prints, where a reference is the label of what it names.
func isPlanned(t *testing.T, m *compiler.Model, kind, name string, seen json.RawMessage) {
	t.Helper()
	plan, _ := compiler.NewPlan(compiler.Prior{}, m, compiler.PlanOptions{})
	block, _ := schema.LanguageBlock(kind)
	if a, found := block.Attr(name); found && a.Of != "" && a.Type != schema.TypeStrings {
		type named struct {
			Label string `json:"label"`
		}
		var one named
		var all []named
		if json.Unmarshal(seen, &one) == nil {
			seen, _ = json.Marshal(one.Label)
		} else if err := json.Unmarshal(seen, &all); err == nil {
			labels := make([]string, len(all))
			for i := range all {
				labels[i] = all[i].Label
			}
			seen, _ = json.Marshal(labels)
		}
	}
	for _, change := range plan.Changes {
		if change.Address == kind+".tested" {
			planned, err := json.Marshal(change.After.Get(name))
			if err != nil || string(planned) != string(seen) {
				t.Errorf("self says %s, the plan %s: %v", seen, planned, err)
			}
			return
		}
	}
	t.Errorf("the plan does not create %s.tested", kind)
}

func isUnreadable(t *testing.T, kind, name string) {
	t.Helper()
	src := testedTree(nil, "") + fmt.Sprintf("policy \"p\" {\n  for_each_of = %q\n  condition = self.%s == null\n  error_message = \"no\"\n}\n", kind, name)
	_, diags := compile(fstest.MapFS{"tree.hcl": {Data: []byte(defaultIssuer + src)}}, time.Time{})
	if !slices.ContainsFunc(diags, func(d diag.Diagnostic) bool { return d.Code == "unknown-reference" }) {
		t.Errorf("self.%s can be read: %v", name, diags)
	}
}

// testedTree is a configuration with an API, a client and an authorization
// labelled "tested", which have what they need and the attributes given.
func testedTree(set map[string]map[string]string, claims string) string {
	base := map[string]map[string]string{
		"api":           {"identifier": `"https://api.example.com/tested"`},
		"client":        {"grant_types": `["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"]`},
		"authorization": {"client": "client.tested", "api": "api.tested", "scopes": `["read"]`},
	}
	if claims != "" {
		base["authorization"]["claims"] = "{ " + claims + " }"
	}
	src := "api \"other\" {\n  identifier = \"https://api.example.com/other\"\n}\n" +
		"trusted_issuer \"users\" {\n  issuer = \"https://login.example.com/\"\n  jwks_uri = \"https://login.example.com/jwks\"\n  vouches_for = [\"user\"]\n}\n"
	for _, kind := range slices.Sorted(maps.Keys(base)) {
		maps.Copy(base[kind], set[kind])
		src += kind + " \"tested\" {\n"
		for _, name := range slices.Sorted(maps.Keys(base[kind])) {
			src += "  " + name + " = " + base[kind][name] + "\n"
		}
		switch kind {
		case "api":
			src += "  scope \"read\" {}\n  scope \"write\" {\n    sensitive = true\n  }\n"
		case "client":
			src += "  secret \"a\" {\n    hash = \"sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8\"\n  }\n"
		}
		src += "}\n"
	}
	return src
}
