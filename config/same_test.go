package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// declared renders what a configuration declares, without where.
func declared(t *testing.T, c *config.Config) string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, place := range []string{"Range", "Sources", "Digest"} {
				delete(v, place)
			}
			for _, member := range v {
				strip(member)
			}
		case []any:
			for _, element := range v {
				strip(element)
			}
		}
	}
	strip(v)
	text, err = json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range c.Authorizations {
		_, claims := evalClaims(t, c, a)
		text = append(text, "\n"+a.Address+" "+claims...)
	}
	return string(text)
}

// TestJSONSaysTheSame holds that the two syntaxes declare the same.
func TestJSONSaysTheSame(t *testing.T) {
	native := declared(t, loadTree(t, os.DirFS("testdata/valid/language")))
	inJSON := declared(t, loadTree(t, os.DirFS("testdata/valid/json")))
	if diff := cmp.Diff(native, inJSON); diff != "" {
		t.Errorf("-native +json:\n%s", diff)
	}
}

func TestJSONDiagnostics(t *testing.T) {
	for src, want := range map[string]string{
		`{"api": {"orders": {"identifer": "https://api.example.com/orders", "identifier": "a b"}}}`: "unknown-attribute invalid-identifier",
		`{"client": {"c": {"default_api": "api.nosuch"}}}`:                                          "unknown-reference",
		`{"client": {"c": {"name": "${api.nosuch.name}"}}}`:                                         "unknown-reference",
		`{"clients": {"c": {}}}`:         "unknown-block",
		`{"client": {"c": {"name": 5}}}`: "wrong-type",
	} {
		_, problems := config.LoadFS(files("writ.hcl.json", src), config.Options{})
		var codes []string
		for _, p := range problems {
			codes = append(codes, p.Code)
			checkWording(t, p)
			if p.Range.Start.Line != 1 || p.Range.Start.Column < 2 || p.Range.Filename != "writ.hcl.json" {
				t.Errorf("%s: stands at %v", src, p.Range)
			}
		}
		if got := strings.Join(codes, " "); got != want {
			t.Errorf("%s: got %s, want %s", src, got, want)
			for _, p := range problems {
				t.Log(p.Detail)
			}
		}
	}
}

// TestOrderNeverMatters cuts a configuration into blocks and loads them in
// other files and orders.
func TestOrderNeverMatters(t *testing.T) {
	src, err := os.ReadFile("testdata/valid/language/writ.hcl")
	if err != nil {
		t.Fatal(err)
	}
	extra := map[string]string{}
	for _, name := range []string{"keys/billing.jwks.json", "keys/billing.pem", "trust/cluster.jwks.json"} {
		b, err := os.ReadFile("testdata/valid/language/" + name)
		if err != nil {
			t.Fatal(err)
		}
		extra[name] = string(b)
	}
	blocks := strings.SplitAfter(string(src)+referencedBlocks, "\n}\n")
	want := ""
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 30 {
		pairs := []string{}
		for name, text := range extra {
			pairs = append(pairs, name, text)
		}
		parts := make([]strings.Builder, 1+round%5)
		for _, i := range random.Perm(len(blocks)) {
			parts[random.IntN(len(parts))].WriteString(blocks[i] + "\n")
		}
		for i := range parts {
			pairs = append(pairs, fmt.Sprintf("dir%d/part.hcl", random.IntN(1000)*10+i), parts[i].String())
		}
		got := declared(t, loadTree(t, files(pairs...)))
		if want == "" {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("round %d:\n%s", round, diff)
		}
	}
}

const referencedBlocks = `
client "worker" {
  for_each  = toset(local.readers)
  client_id = "worker-${each.key}-${local.suffix}"
  metadata  = { team = "workers" }
  claims    = { b = 1, a = api.orders.identifier, c = { z = 1, y = each.key } }
}

locals {
  suffix = substr(api.orders.name, 0, 3)
}

authorization "workers" {
  for_each = client.worker
  client   = client.worker[each.key]
  api      = api.orders
  scopes   = api.orders.scopes
}
`

// TestSameBytesSameAnswer loads every fixture again and again: nothing that Go
// leaves to chance may show.
func TestSameBytesSameAnswer(t *testing.T) {
	for _, dir := range []string{"testdata/valid", "testdata/invalid"} {
		for name, tree := range fixtures(t, dir) {
			c, problems := config.LoadFS(tree, config.Options{})
			want := everything(t, c, problems)
			for range 20 {
				c, problems := config.LoadFS(tree, config.Options{})
				if got := everything(t, c, problems); !bytes.Equal(got, want) {
					t.Fatalf("%s: %s", name, cmp.Diff(string(want), string(got)))
				}
			}
		}
	}
}

func everything(t *testing.T, c *config.Config, problems diag.List) []byte {
	t.Helper()
	text, err := json.Marshal(struct {
		Config   *config.Config
		Problems diag.List
	}{c, problems})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestRootAndFSAgree loads a tree from disk and from memory.
func TestRootAndFSAgree(t *testing.T) {
	const dir = "testdata/valid/language"
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	fromRoot, problems := config.Load(root, config.Options{})
	fail(t, problems)
	fromFS := loadTree(t, fs.FS(os.DirFS(dir)))
	if diff := cmp.Diff(string(everything(t, fromFS, nil)), string(everything(t, fromRoot, nil))); diff != "" || fromRoot.Digest == [32]byte{} {
		t.Error(diff)
	}
}
