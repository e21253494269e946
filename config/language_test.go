package config_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// around is what examples refer to. What is tested has other labels.
var around = map[string]string{
	"api": `
api "orders" {
  identifier = "https://api.example.com/orders"
  scope "read:orders" {}
}
api "orders_v1" { identifier = "https://api.example.com/orders/v1" }`,
	"client":         `client "billing" { metadata = { team = "payments" } }`,
	"trusted_issuer": "trusted_issuer \"cluster\" {\n  issuer = \"https://kubernetes.default.svc\"\n  jwks_uri = \"https://kubernetes.default.svc/jwks\"\n}",
	"variable":       `variable "env" { default = "dev" }`,
}

// alternatives are the attributes of which a block takes exactly one, by the
// path of the block; the first stands where none of them is tested.
var alternatives = map[string][]string{
	"client.public_key":  {"jwks", "pem"},
	"client.certificate": {"san_dns", "subject_dn", "san_uri", "sha256"},
	"client.federated":   {"subject", "subject_pattern"},
	"trusted_issuer":     {"jwks", "jwks_uri"},
}

// beside are the values without which an attribute means nothing.
var beside = map[string]map[string]string{
	"authorization.subject_claims": {"subject_type": `"user"`},
	"authorization.copy_claims":    {"subject_type": `"user"`},
	"expect.subject_claims":        {"subject_type": `"user"`},
	"expect.scope":                 {"granted": "true"},
	"expect.lifetime":              {"granted": "true"},
	"expect.claims":                {"granted": "true"},
	"expect.error":                 {"granted": "false"},
}

// unseen are attributes that a Config does not show.
var unseen = []string{"variable.type", "variable.default", "variable.description", "api.claims", "client.claims"}

// other gives values for attributes whose example is their default.
var other = map[string]string{
	"client.refresh_token.lifetime":      `"40d"`,
	"client.refresh_token.idle_lifetime": `"5d"`,
	"client.refresh_token.leeway":        `"5s"`,
	"trusted_issuer.algorithms":          `["ES256"]`,
	"trusted_issuer.vouches_for":         `["user"]`,
}

// TestEveryAttributeIsDecoded writes each attribute of the language table and
// expects that it changes what is declared, and that leaving out a required
// one is reported.
func TestEveryAttributeIsDecoded(t *testing.T) {
	for _, blocks := range [][]schema.Block{schema.Language, schema.TestLanguage} {
		for i := range blocks {
			walkBlock(t, &blocks[i], nil)
		}
	}
}

func walkBlock(t *testing.T, b *schema.Block, parents []*schema.Block) {
	path := append(slices.Clip(parents), b)
	for i := range b.Attributes {
		testAttribute(t, path, &b.Attributes[i])
	}
	for i := range b.Blocks {
		walkBlock(t, &b.Blocks[i], path)
	}
}

func testAttribute(t *testing.T, path []*schema.Block, a *schema.Attribute) {
	name := pathName(path)
	block := path[len(path)-1]
	base := map[string]string{}
	for i := range block.Attributes {
		if block.Attributes[i].Required {
			base[block.Attributes[i].Name] = block.Attributes[i].Example
		}
	}
	if choices := alternatives[name]; !slices.Contains(choices, a.Name) && len(choices) > 0 {
		first, _ := block.Attr(choices[0])
		base[first.Name] = first.Example
	}
	maps.Copy(base, beside[name+"."+a.Name])
	delete(base, a.Name)

	with := maps.Clone(base)
	with[a.Name] = testValue(name, a)
	if a.Name == "for_each" && name == "client" {
		with["client_id"] = `"x-${each.key}"`
	}
	t.Run(name+"."+a.Name, func(t *testing.T) {
		changed, problems := loadBlocks(t, path, with)
		for _, p := range problems {
			t.Errorf("with it: [%s] %s", p, with[a.Name])
		}
		plain, problems := loadBlocks(t, path, base)
		switch needed := a.Required || slices.Contains(alternatives[name], a.Name); {
		case needed && !slices.Contains(problems, "missing-attribute"):
			t.Errorf("left out, it is not missed: %v", problems)
		case !needed && changed == plain && !slices.Contains(unseen, name+"."+a.Name):
			t.Errorf("%s changes nothing", with[a.Name])
		}
	})
}

func testValue(path string, a *schema.Attribute) string {
	if v, ok := other[path+"."+a.Name]; ok {
		return v
	}
	for _, v := range a.Enum {
		if v := fmt.Sprintf("%q", v); a.Type == schema.TypeString && v != a.Default {
			return v
		}
	}
	return a.Example
}

func pathName(path []*schema.Block) string {
	names := make([]string, len(path))
	for i, b := range path {
		names[i] = b.Type
	}
	return strings.Join(names, ".")
}

// loadBlocks loads a block with these attributes inside its parents, which have
// what they require.
func loadBlocks(t *testing.T, path []*schema.Block, attrs map[string]string) (model string, codes []string) {
	t.Helper()
	text := ""
	for i := len(path) - 1; i >= 0; i-- {
		b := path[i]
		body := text
		lines := attrs
		if i < len(path)-1 {
			lines = map[string]string{}
			for _, a := range b.Attributes {
				if a.Required {
					lines[a.Name] = a.Example
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(lines)) {
			body += fmt.Sprintf("%s = %s\n", name, lines[name])
		}
		label := ""
		if b.Label != "" {
			label = ` "tested"`
		}
		text = b.Type + label + " {\n" + body + "}\n"
	}
	name := "tested.hcl"
	if path[0].Type == "expect" {
		name = "tested.test.hcl"
	}
	pairs := []string{name, text}
	for _, key := range []string{"keys/billing.jwks.json", "keys/billing.pem", "trust/cluster.jwks.json"} {
		b, err := os.ReadFile("testdata/valid/language/" + key)
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, key, string(b))
	}
	for kind, blocks := range around {
		pairs = append(pairs, kind+".hcl", blocks+"\n")
	}
	opts := config.Options{}
	if path[0].Type == "variable" {
		opts.Vars = map[string]string{"tested": "x"}
	}
	c, problems := config.LoadFS(files(pairs...), opts)
	for _, p := range problems {
		codes = append(codes, p.Code)
		if p.Severity == diag.Error && p.Code != "missing-attribute" {
			codes = append(codes, p.Detail)
		}
	}
	return declared(t, c), codes
}
