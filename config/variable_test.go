package config_test

import (
	"slices"
	"testing"

	"github.com/writ-auth/writ/config"
)

func loadWith(t *testing.T, src string, opts config.Options) (*config.Config, []string) {
	t.Helper()
	c, problems := config.LoadFS(files("writ.hcl", src), opts)
	var codes []string
	for _, p := range problems {
		codes = append(codes, p.Code)
		checkWording(t, p)
	}
	return c, codes
}

func TestVariables(t *testing.T) {
	for name, test := range map[string]struct {
		typ, given, file, want string
	}{
		"default":            {`string`, ``, ``, `"none"`},
		"text":               {`string`, `a "b" ${c}`, ``, `"a \"b\" ${c}"`},
		"untyped is text":    {`any`, `[1]`, ``, `"[1]"`},
		"number":             {`number`, `42`, ``, `42`},
		"bool":               {`bool`, `true`, ``, `true`},
		"list":               {`list(string)`, `["a", "b"]`, ``, `["a","b"]`},
		"map":                {`map(number)`, `{ a = 1 }`, ``, `{"a":1}`},
		"optional attribute": {`object({ a = string, b = optional(number, 3) })`, `{ a = "x" }`, ``, `{"a":"x","b":3}`},
		"file":               {`string`, ``, `v = "from file"`, `"from file"`},
		"flag over file":     {`string`, `flag`, `v = "from file"`, `"flag"`},
		"function in file":   {`string`, ``, `v = upper("a")`, `"A"`},
		"null is default":    {`list(string)`, `null`, ``, `"none"`},
	} {
		t.Run(name, func(t *testing.T) {
			fallback := `"none"`
			if name != "default" && name != "null is default" && test.typ != "string" {
				fallback = "null"
			}
			if name == "null is default" {
				fallback, test.want = `["none"]`, `["none"]`
			}
			opts := config.Options{}
			if test.given != "" {
				opts.Vars = map[string]string{"v": test.given}
			}
			if test.file != "" {
				opts.VarFiles = []config.VarFile{{Name: "first.hcl", Bytes: []byte(`v = "overridden"`)}, {Name: "prod.hcl", Bytes: []byte(test.file)}}
			}
			c, codes := loadWith(t, `variable "v" {
  type    = `+test.typ+`
  default = `+fallback+`
}
client "c" { name = jsonencode(var.v) }`, opts)
			if len(codes) != 0 || c.Clients[0].Name != test.want {
				t.Errorf("got %s, %v, want %s", c.Clients[0].Name, codes, test.want)
			}
		})
	}
}

func TestVariableErrors(t *testing.T) {
	const declared = `variable "env" { type = string }
variable "list" {
  type    = list(string)
  default = []
}
variable "n" {
  type    = number
  default = 1
}`
	env := map[string]string{"env": "dev"}
	with := func(k, v string) map[string]string { return map[string]string{"env": "dev", k: v} }
	for name, test := range map[string]struct {
		opts config.Options
		want string
	}{
		"none":            {config.Options{Vars: env}, ""},
		"missing":         {config.Options{}, "invalid-variable"},
		"undeclared":      {config.Options{Vars: with("envv", "x")}, "invalid-variable"},
		"undeclared file": {config.Options{Vars: env, VarFiles: []config.VarFile{{Name: "f", Bytes: []byte("envv = 1")}}}, "invalid-variable"},
		"wrong type":      {config.Options{Vars: with("n", "many")}, "invalid-variable"},
		"wrong list":      {config.Options{Vars: with("list", "[[]]")}, "invalid-variable"},
		"two expressions": {config.Options{Vars: with("list", "[]\nother = 1")}, "invalid-variable"},
		"no expression":   {config.Options{Vars: with("list", "[")}, "syntax"},
		"reference":       {config.Options{Vars: with("list", "var.env")}, "unknown-reference"},
		"file syntax":     {config.Options{Vars: env, VarFiles: []config.VarFile{{Name: "f", Bytes: []byte("n =")}}}, "syntax"},
		"file block":      {config.Options{Vars: env, VarFiles: []config.VarFile{{Name: "f", Bytes: []byte("b {}\n")}}}, "unknown-block"},
		"file reference":  {config.Options{Vars: env, VarFiles: []config.VarFile{{Name: "f", Bytes: []byte("n = local.x")}}}, "unknown-reference"},
		"null":            {config.Options{VarFiles: []config.VarFile{{Name: "f", Bytes: []byte("env = null")}}}, "invalid-variable"},
	} {
		_, codes := loadWith(t, declared, test.opts)
		if test.want == "" && len(codes) == 0 {
			continue
		}
		if len(codes) != 1 || codes[0] != test.want {
			t.Errorf("%s: got %v, want %s", name, codes, test.want)
		}
	}
}

// TestUnknownVariableIsPointedAt: what is wrong is the name, not the value.
func TestUnknownVariableIsPointedAt(t *testing.T) {
	file := config.VarFile{Name: "f", Bytes: []byte("env  = \"dev\"\nenvv = \"x\"\n")}
	_, problems := config.LoadFS(files("writ.hcl", "variable \"env\" {}\n"), config.Options{VarFiles: []config.VarFile{file}})
	if len(problems) != 1 || problems[0].Range.Start.Line != 2 || problems[0].Range.Start.Column != 1 || problems[0].Range.End.Column != 5 {
		t.Errorf("got %+v", problems)
	}
}

func TestDigest(t *testing.T) {
	base := `variable "v" { default = "a" }
client "c" {
  name   = var.v
  claims = { text = file("text.txt"), id = self.client.client_id }
}`
	digest := func(src, text string, opts config.Options) [32]byte {
		c, problems := config.LoadFS(files("writ.hcl", src, "text.txt", text, "other.txt", "", "a.test.hcl", text[:0]), opts)
		fail(t, problems)
		return c.Digest
	}
	want := digest(base, "x", config.Options{})
	for name, got := range map[string][32]byte{
		"comment": digest(base+"# comment", "x", config.Options{}),
		"file":    digest(base, "y", config.Options{}),
		"var":     digest(base, "x", config.Options{Vars: map[string]string{"v": "b"}}),
	} {
		if got == want {
			t.Errorf("%s does not change the digest", name)
		}
	}
	if digest(base, "x", config.Options{Vars: map[string]string{"v": "a"}}) != want {
		t.Error("the default, given, changes the digest")
	}
}

// TestGivenNumberWithinLimits: as text the number is short; written out it has
// ten million digits.
func TestGivenNumberWithinLimits(t *testing.T) {
	_, codes := loadWith(t, "variable \"n\" {\n  type    = number\n  default = 1\n}\n", config.Options{Vars: map[string]string{"n": "1e10000000"}})
	if !slices.Equal(codes, []string{"limit-exceeded"}) {
		t.Errorf("problems: %v", codes)
	}
}

// TestValuesOfUndeclaredVariables: one side of a comparison may declare what the
// other does not.
func TestValuesOfUndeclaredVariables(t *testing.T) {
	opts := config.Options{Vars: map[string]string{"a": "1", "gone": "2"}, VarFiles: []config.VarFile{{Name: "v", Bytes: []byte("left = 1\r\nb = <<E\r\nx\r\nE\r\n")}}}
	const src = `
variable "a" { type = string }
variable "b" { type = string }
client "c" { name = jsonencode([var.a, var.b]) }`
	if _, codes := loadWith(t, src, opts); !slices.Equal(codes, []string{"invalid-variable", "invalid-variable"}) {
		t.Errorf("declared or not: %v", codes)
	}
	opts.OnlyDeclared = true
	c, codes := loadWith(t, src, opts)
	if len(codes) > 0 || !slices.Equal(c.LeftOut, []string{"gone", "left"}) || c.Clients[0].Name != `["1","x\n"]` {
		t.Errorf("only declared: %v, %v, %+v", codes, c.LeftOut, c.Clients)
	}
}

// TestWhatAPolicyDemands: two versions of a policy are told apart by what decides,
// and not by how they are laid out.
func TestWhatAPolicyDemands(t *testing.T) {
	demand := func(condition, local string) config.Demand {
		t.Helper()
		c, problems := config.LoadFS(files("writ.hcl", `
locals { allowed = `+local+` }
policy "p" {
  for_each_of   = "client"
  condition     = `+condition+`
  error_message = "no"
}`), config.Options{})
		if problems.HasErrors() {
			t.Fatal(problems)
		}
		return c.Demand(c.Policies[0])
	}
	old := demand(`contains(local.allowed, self.label)`, `["a"]`)
	if old.Condition != `contains(local.allowed, self.label)` || old.ErrorMessage != "no" || len(old.Reads) != 1 || old.Reads["local.allowed"] != `["a"]` {
		t.Errorf("%+v", old)
	}
	if same := demand("contains( local.allowed,\n  self.label) // for now", `["a"]`); !old.SameCondition(same) || same.Condition != "contains( local.allowed, self.label)" {
		t.Errorf("another layout: %+v", same)
	}
	if other := demand(`contains(local.allowed, self.name)`, `["a"]`); old.SameCondition(other) {
		t.Errorf("another condition: %+v", other)
	}
	if wider := demand(`contains(local.allowed, self.label)`, `["a", "b"]`); !old.SameCondition(wider) || wider.Reads["local.allowed"] == old.Reads["local.allowed"] {
		t.Errorf("another local: %+v", wider)
	}
}

// TestNamesAreResolvedFirst writes a name that does not exist where the value does
// not depend on it: it is a mistake all the same.
func TestNamesAreResolvedFirst(t *testing.T) {
	for _, expr := range []string{`true || local.nothing`, `false ? local.nothing : 1`, `try(local.nothing, 1)`, `true || nothing`, `can(nothing)`} {
		if _, codes := loadWith(t, `locals { x = `+expr+` }`, config.Options{}); !slices.Contains(codes, "unknown-reference") {
			t.Errorf("%s: %q", expr, codes)
		}
	}
	if _, codes := loadWith(t, "locals {\n  a = { b = 1 }\n  x = try(local.a.c, 1)\n}", config.Options{}); slices.Contains(codes, "unknown-reference") {
		t.Errorf("what a value lacks: %q", codes)
	}
}
