package config_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"runtime"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/writ-auth/writ/config"
)

// generate writes a large, deterministic configuration: ten scopes and ten
// authorizations to an API, as many clients as APIs, a hundred APIs to a file.
func generate(apis int) fstest.MapFS {
	tree := fstest.MapFS{}
	add := func(name string, b *bytes.Buffer) {
		tree[name] = &fstest.MapFile{Data: bytes.Clone(b.Bytes())}
		b.Reset()
	}
	clients := max(apis, 80)
	var b bytes.Buffer
	for i := range apis {
		generateAPI(&b, i, clients)
		if i%100 == 99 || i == apis-1 {
			add(fmt.Sprintf("part-%05d.hcl", i/100), &b)
		}
	}
	for i := range clients {
		name := fmt.Sprintf("client_%06d", i)
		sum := sha256.Sum256([]byte("secret-of-" + name))
		fmt.Fprintf(&b, "client %q {\n  name = %q\n  secret \"a\" {\n    hash = \"sha256:%s\"\n  }\n}\n\n", name, name, base64.RawURLEncoding.EncodeToString(sum[:]))
	}
	add("clients.hcl", &b)
	b.WriteString("issuer {\n  url = \"https://auth.example.com/\"\n}\n")
	add("issuer.hcl", &b)
	return tree
}

func generateAPI(b *bytes.Buffer, i, clients int) {
	algs := []string{"RS256", "RS256", "RS256", "PS256", "HS256"}
	verbs := []string{"read", "create", "update", "delete", "list", "approve", "export", "import", "audit", "admin"}
	name := fmt.Sprintf("api_%06d", i)
	alg := algs[i%len(algs)]
	fmt.Fprintf(b, "api %q {\n  identifier           = \"https://api-%06d.example.com/v1/\"\n  name                 = \"API %s\"\n  token_profile        = %q\n  signing_alg          = %q\n",
		name, i, name, []string{"auth0", "rfc9068"}[i%2], alg)
	if alg == "HS256" {
		fmt.Fprintf(b, "  signing_secret       = \"env:HS_%s\"\n", name)
	}
	fmt.Fprintf(b, "  token_lifetime       = %d\n  allow_offline_access = %v\n\n", 3600+60*(i%1000), i%3 == 0)
	for _, verb := range verbs {
		fmt.Fprintf(b, "  scope \"%s:res%d\" {\n    description = \"May %s:res%d\"\n  }\n", verb, i%7, verb, i%7)
	}
	b.WriteString("}\n\n")
	for g := range 10 {
		client := fmt.Sprintf("client_%06d", (i*31+g*7919)%clients)
		fmt.Fprintf(b, "authorization \"%s-%s\" {\n  client = client.%s\n  api    = api.%s\n  scopes = [", client, name, client, name)
		for s := range 1 + (i+g)%len(verbs) {
			if s > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(b, "\"%s:res%d\"", verbs[s], i%7)
		}
		b.WriteString("]\n}\n\n")
	}
}

// BenchmarkLoad loads 1,000 APIs with 10,000 authorizations on one core and
// reports how much longer that takes than parsing alone, in interleaved rounds.
func BenchmarkLoad(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	tree := generate(1000)
	var parse, load time.Duration
	b.ReportAllocs()
	for b.Loop() {
		runtime.GC()
		start := time.Now()
		parseOnly(b, tree)
		parse += time.Since(start)

		runtime.GC()
		start = time.Now()
		c, problems := config.LoadFS(tree, config.Options{Workers: 1})
		load += time.Since(start)
		if len(problems) != 0 || len(c.Authorizations) != 10_000 {
			b.Fatal(len(c.Authorizations), problems)
		}
	}
	b.ReportMetric(float64(load)/float64(parse), "load/parse")
	b.ReportMetric(float64(load.Milliseconds())/float64(b.N), "ms/load")
}

// parseOnly is the floor: the HCL parser and nothing else.
func parseOnly(b *testing.B, tree fstest.MapFS) {
	var files []*hcl.File
	err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, diags := hclsyntax.ParseConfig(tree[name].Data, name, hcl.InitialPos)
		if diags.HasErrors() {
			return diags
		}
		files = append(files, f)
		return nil
	})
	if err != nil || len(files) == 0 {
		b.Fatal(err)
	}
}
