package compiler_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/schema"
)

// declaredConfig is a configuration as config.Load leaves it: so many APIs of
// ten scopes, as many clients, and ten authorizations for each API.
func declaredConfig(apis int) *config.Config {
	cfg := &config.Config{Issuers: []*config.Issuer{{
		Decl:   config.Decl{Address: "issuer"},
		Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix},
	}}}
	for i := range apis {
		cfg.APIs = append(cfg.APIs, declaredAPI(i))
		cfg.Clients = append(cfg.Clients, declaredClient(i))
	}
	for i := range 10 * apis {
		cfg.Authorizations = append(cfg.Authorizations, declaredAuthorization(i, apis))
	}
	return cfg
}

func decl(kind, label string, line int) config.Decl {
	start := hcl.Pos{Line: line, Column: 1, Byte: 100 * line}
	return config.Decl{Address: kind + "." + label, Range: hcl.Range{Filename: "all.hcl", Start: start, End: start}}
}

func declaredAPI(i int) *config.API {
	label := fmt.Sprintf("api_%06d", i)
	api := schema.API{Label: label, Identifier: "https://api.example.com/" + label}
	for s := range 10 {
		api.Scopes = append(api.Scopes, schema.Scope{Name: fmt.Sprintf("read:%d", s)})
	}
	return &config.API{Decl: decl("api", label, i), API: api}
}

func declaredClient(i int) *config.Client {
	label := fmt.Sprintf("client_%06d", i)
	return &config.Client{Decl: decl("client", label, i), Client: schema.Client{
		Label: label, ClientID: label, GrantTypes: []string{schema.GrantClientCredentials},
		Secrets: []schema.Secret{{Label: "s", Hash: "env:SECRET"}},
	}}
}

// declaredAuthorization gives each client ten APIs, with its scopes out of order.
func declaredAuthorization(i, apis int) *config.Authorization {
	label := fmt.Sprintf("authorization_%07d", i)
	client, api := i/10, (i/10+i%10*(apis/10))%apis
	return &config.Authorization{
		Decl: decl("authorization", label, i),
		Authorization: schema.Authorization{
			Label: label, SubjectType: schema.SubjectClient, Client: fmt.Sprintf("client_%06d", client), API: fmt.Sprintf("api_%06d", api), Scopes: []string{"read:7", "read:1", "read:3"},
		},
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, apis := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("apis=%d/authorizations=%d", apis, 10*apis), func(b *testing.B) {
			if apis > 10_000 && testing.Short() {
				b.Skip("large")
			}
			cfg := declaredConfig(apis)
			b.ReportAllocs()
			for b.Loop() {
				if _, diags := compiler.Compile(cfg, compiler.CompileOptions{}); len(diags) > 0 {
					b.Fatal(diags[0])
				}
			}
		})
	}
}

func BenchmarkCheckLock(b *testing.B) {
	m, _ := compiler.Compile(declaredConfig(10_000), compiler.CompileOptions{})
	lock := compiler.LockFromDocument(m.Document)
	lock.RetiredAPIs = append(lock.RetiredAPIs, lockfile.Entry{Label: "gone", Value: "u:gone"})
	b.ReportAllocs()
	for b.Loop() {
		if _, _, diags := compiler.CheckLock(m, lock, compiler.LockOptions{Locked: true}); len(diags) > 0 {
			b.Fatal(diags[0])
		}
	}
}

// BenchmarkCompileExpressions has a claim on every API and a policy for every
// authorization: 10,000 evaluations of each.
func BenchmarkCompileExpressions(b *testing.B) {
	var src strings.Builder
	src.WriteString(defaultIssuer)
	for i := range 1_000 {
		fmt.Fprintf(&src, `
api "api_%[1]d" {
  identifier = "https://api.example.com/%[1]d"
  claims     = { "https://example.com/team" = self.client.metadata.team }
}
client "client_%[1]d" {
  metadata = { team = "payments" }
  secret "s" { hash = "env:SECRET" }
}
`, i)
	}
	for i := range 10_000 {
		fmt.Fprintf(&src, `
authorization "authorization_%d" {
  client = client.client_%d
  api    = api.api_%d
  scopes = []
}
`, i, i/10, (i/10+i%10*100)%1_000)
	}
	src.WriteString(`
policy "short" {
  for_each_of   = "authorization"
  condition     = !contains(self.scopes, "write") || self.token_lifetime <= 3600
  error_message = "${self.address} is too long."
}
`)
	cfg, loaded := config.LoadFS(fstest.MapFS{"all.hcl": {Data: []byte(src.String())}}, config.Options{})
	if len(loaded) > 0 {
		b.Fatal(loaded[0])
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := compiler.Compile(cfg, compiler.CompileOptions{}); len(diags) > 0 {
			b.Fatal(diags[0])
		}
	}
}
