package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
)

// TestHostile loads what is meant to exhaust the loader: each ends in seconds
// with a diagnostic of the code.
func TestHostile(t *testing.T) {
	testenv.OneByOne(t)
	var chain, typos, instances, circle strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&chain, "locals { v%d = local.v%d }\n", i, i+1)
		fmt.Fprintf(&circle, "locals { v%d = local.v%d }\n", i, (i+1)%500)
		fmt.Fprintf(&typos, "client \"client_with_a_long_name_%d\" { name = client.client_with_another_name_%d.name }\n", i, i)
	}
	chain.WriteString("locals { v20000 = 1 }\n")
	var bad, many, numbers strings.Builder
	fmt.Fprintf(&many, "locals {\n  all = toset([for i in range(1000) : tostring(i)])\n}\n")
	for i := range 2000 {
		fmt.Fprintf(&many, "client \"c%d\" {\n  for_each  = local.all\n  client_id = \"c%d-${each.key}\"\n}\n", i, i)
	}
	bad.WriteString("locals {\n")
	for i := range 60_000 {
		fmt.Fprintf(&bad, "  v%d = local.w%d\n", i, i)
	}
	bad.WriteString("}\n")
	fmt.Fprintf(&numbers, "locals {\n  v = [%s]\n}\n", strings.Repeat(`"${1.5}${2.5}${3.5}",`, 30_000))
	instances.WriteString("client \"w\" {\n  for_each  = toset([for i in range(1000) : \"k${i}\"])\n  client_id = client.w[each.key].name\n  name = nosuch(each.key)\n}\n")
	for name, test := range map[string]struct{ src, code string }{
		"chain":     {chain.String(), "limit-exceeded"},
		"circle":    {circle.String(), "reference-cycle"},
		"typos":     {typos.String(), "unknown-reference"},
		"bad names": {bad.String(), "unknown-reference"},
		"many":      {many.String(), "limit-exceeded"},
		"numbers":   {numbers.String(), "limit-exceeded"},
		"instances": {instances.String(), "invalid-function-call"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, problems := config.LoadFS(files("writ.hcl", test.src), config.Options{})
			found, text := false, 0
			for _, p := range problems {
				found = found || p.Code == test.code
				text += len(p.Detail)
			}
			if took := time.Since(start); !found || took > 5*time.Minute || len(problems) > 1001 || text > 500_000 { // a hang, however busy the machine is
				t.Errorf("%d diagnostics in %v, first %+v", len(problems), took, problems[:min(1, len(problems))])
			}
		})
	}
}

func TestObjectLimit(t *testing.T) {
	limits := source.DefaultLimits()
	limits.Objects = 10
	for name, test := range map[string]struct {
		src  string
		want string
	}{
		"under":  {"client \"w\" {\n  for_each = toset([for i in range(9) : \"k${i}\"])\n  client_id = each.key\n}\n", ""},
		"blocks": {strings.Repeat("locals {}\n", 11), "limit-exceeded"},
		"over":   {"client \"w\" {\n  for_each = toset([for i in range(11) : \"k${i}\"])\n  client_id = each.key\n}\n", "limit-exceeded"},
	} {
		_, problems := config.LoadFS(files("writ.hcl", test.src), config.Options{Limits: limits})
		got := ""
		for _, p := range problems {
			got += p.Code
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// TestManyProblems makes sure that what is not reported is counted.
func TestManyProblems(t *testing.T) {
	_, problems := config.LoadFS(files("writ.hcl", strings.Repeat("nosuch {}\n", 10_123)), config.Options{})
	last := problems[len(problems)-1]
	if len(problems) != 1_001 || last.Code != "limit-exceeded" || !strings.Contains(last.Detail, "there are 9123 more") {
		t.Errorf("%d problems, %+v", len(problems), last)
	}
}

// The keys of all sets count together, those of equal sets once.
func TestKeysInAllAreLimited(t *testing.T) {
	set := func(x string) string {
		return `jsonencode({ keys = [{ kty = "OKP", crv = "Ed25519", x = "` + x + `" }] })`
	}
	const one, two = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "7eZ44OMMIBvEhb6tgDM6lLZmVRk0KL3ZnVcBfCVWc7A"
	client := func(label, x string) string {
		return "client \"" + label + "\" {\n  name = \"x\"\n  public_key \"a\" {\n    jwks = " + set(x) + "\n  }\n}\n"
	}
	limits := source.DefaultLimits()
	if limits.Keys != schema.MaxKeysInAll {
		t.Errorf("the compiler takes %d keys, the server %d", limits.Keys, schema.MaxKeysInAll)
	}
	limits.Keys = 1
	for src, want := range map[string]int{
		client("a", one) + client("b", one): 0,
		client("a", one) + client("b", two): 1,
	} {
		_, problems := config.LoadFS(files("writ.hcl", src), config.Options{Limits: limits})
		n := 0
		for _, p := range problems {
			if p.Code == "limit-exceeded" {
				n++
			} else if strings.Contains(p.Detail, "key") {
				t.Errorf("%s: %s", p.Code, p.Detail)
			}
		}
		if n != want {
			t.Errorf("%d diagnostics, want %d: %v", n, want, problems)
		}
	}
}
