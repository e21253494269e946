package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"

	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
)

// A replacement changes a file: old becomes new once. Without old the file is new, and
// without either it is removed.
type replacement struct{ file, old, new string }

// platformEdits are small edits of examples/platform, as they come in pull requests. What
// the comment about each says is in testdata/comments.txtar under the same name.
var platformEdits = []struct {
	name    string
	edit    []replacement
	replace []string // --replace
}{
	{"nothing", nil, nil},
	{"new client", []replacement{{"payments/reporter.hcl", "", `client "reporter" {
  name     = "Reporter"
  metadata = { team = "payments" }

  secret "2027-q1" { hash = "sha256:1asKi3VbQfsaRwbpUjk2ER_X6zX1IF54yM30E5qikuk" }
}

authorization "reporter-ledger" {
  client = client.reporter
  api    = api.ledger
  scopes = ["read:ledger"]
}
`}}, nil},
	{"new client without access", []replacement{{"payments/reporter.hcl", "", "client \"reporter\" {\n  name = \"Reporter\"\n  secret \"s\" { hash = \"sha256:1asKi3VbQfsaRwbpUjk2ER_X6zX1IF54yM30E5qikuk\" }\n}\n"}}, nil},
	{"new api", []replacement{{"payments/invoices.hcl", "", "api \"invoices\" {\n  identifier = \"${local.base}/invoices\"\n  metadata   = { owner = \"payments\" }\n  scope \"read:invoices\" {}\n}\n"}}, nil},
	{"scope added", []replacement{{"payments/authorizations.hcl", `["read:orders"]`, `["read:orders", "write:orders"]`}}, nil},
	{"scope removed", []replacement{{"commerce/authorizations.hcl", `["read:orders", "write:orders"]`, `["read:orders"]`}}, nil},
	{"scope exchanged", []replacement{{"commerce/authorizations.hcl", `["read:orders", "write:orders"]`, `["read:orders", "cancel:orders"]`}}, nil},
	{"all scopes", []replacement{{"payments/authorizations.hcl", `["read:orders"]`, `api.orders.scopes`}}, nil},
	{"sensitive scope", []replacement{
		{"payments/apis.hcl", `scope "post:ledger" { description = "Post entries" }`, "scope \"post:ledger\" {\n    description = \"Post entries\"\n    sensitive   = true\n  }"},
		{"payments/authorizations.hcl", "authorization \"billing-refunds\"", "authorization \"billing-ledger\" {\n  client = client.billing\n  api    = api.ledger\n  scopes = api.ledger.scopes\n}\n\nauthorization \"billing-refunds\""},
		{"accounts/accounts.hcl", `["send:email"]`, `["send:email", "send:sms"]`},
	}, nil},
	{"scope declared", []replacement{{"commerce/apis.hcl", `scope "write:carts"`, "scope \"merge:carts\" {}\n  scope \"write:carts\""}}, nil},
	{"scope undeclared", []replacement{{"accounts/accounts.hcl", `  scope "send:sms" { description = "Send a text message" }`, ""}}, nil},
	{"secret rotated", []replacement{{"payments/clients.hcl", `sha256:1asKi3VbQfsaRwbpUjk2ER_X6zX1IF54yM30E5qikuk`, `sha256:JFAueWDLN49_r7ALRL5patcRDOooCF5K9uULUga_qSM`}}, nil},
	{"secret added", []replacement{{"payments/clients.hcl", "  secret \"2026-q4\"", "  secret \"2027-q1\" { hash = \"sha256:JFAueWDLN49_r7ALRL5patcRDOooCF5K9uULUga_qSM\" }\n  secret \"2026-q4\""}}, nil},
	{"secret removed", []replacement{{"commerce/clients.hcl", "  secret \"2026-q4\" {\n    hash = \"sha256:flKQz81DfslsnSjUGaCPaOZosIivMXqkribRanyP160\"\n  }\n", ""}}, nil},
	{"secret kept longer", []replacement{{"commerce/clients.hcl", "2099-01-01", "2100-01-01"}}, nil},
	{"secret ends at once", []replacement{{"accounts/accounts.hcl", `{ hash = "sha256:koS8F20ospq63H7b8ZS-17JwG8xBHtssQ3_BF3weWAo" }`, "{\n    hash       = \"sha256:koS8F20ospq63H7b8ZS-17JwG8xBHtssQ3_BF3weWAo\"\n    expires_at = \"2026-12-01T00:00:00Z\"\n  }"}}, nil},
	{"default changed", []replacement{{"issuer.hcl", `"1h" : "12h"`, `"1d" : "12h"`}}, nil},
	{"default shorter", []replacement{{"issuer.hcl", `"1h" : "12h"`, `"30m" : "12h"`}}, nil},
	{"lifetime longer", []replacement{{"payments/apis.hcl", `identifier     = "${local.base}/refunds"
  signing_alg    = "ES256"
  token_lifetime = "15m"`, `identifier     = "${local.base}/refunds"
  signing_alg    = "ES256"
  token_lifetime = "2h"`}}, nil},
	{"algorithm changed", []replacement{{"payments/apis.hcl", `"PS256"`, `"ES256"`}}, nil},
	{"default algorithm changed", []replacement{{"issuer.hcl", `"RS256"`, `"ES256"`}}, nil},
	{"profile changed", []replacement{{"logistics/apis.hcl", `"auth0"`, `"rfc9068"`}}, nil},
	{"signing secret changed", []replacement{{"logistics/apis.hcl", "env:WAREHOUSES_HS256", "env:WAREHOUSES_NEXT"}}, nil},
	{"issuer url changed", []replacement{{"issuer.hcl", `"https://auth.${var.domain}/"`, `"https://login.${var.domain}/"`}}, nil},
	{"api renamed", []replacement{{"logistics/apis.hcl", `api "returns"`, `api "goods-back"`}, {"logistics/clients.hcl", "api = api.returns, scopes = api.returns.scopes", "api = api.goods-back, scopes = api.goods-back.scopes"}}, nil},
	{"api removed", []replacement{{"accounts/accounts.hcl", "api \"notifications\" {\n  name       = \"Notifications\"\n  identifier = \"${local.base}/notifications\"\n  metadata   = { owner = local.owners.accounts }\n\n  scope \"send:email\" { description = \"Send an e-mail\" }\n  scope \"send:sms\" { description = \"Send a text message\" }\n}\n", ""}, {"accounts/accounts.hcl", "authorization \"mailer-notifications\" {\n  client = client.mailer\n  api    = api.notifications\n  scopes = [\"send:email\"]\n}\n", ""}}, nil},
	{"api identifier replaced", []replacement{{"accounts/accounts.hcl", `"${local.base}/consents"`, `"${local.base}/v2/consents"`}}, []string{"api.consents"}},
	{"api name changed", []replacement{{"logistics/apis.hcl", `"Returns"`, `"Returned goods"`}}, nil},
	{"client removed", []replacement{{"data/data.hcl", "client \"dashboards\" {\n  name     = \"Dashboards\"\n  metadata = { team = \"data\" }\n\n  secret \"2026-q4\" { hash = \"sha256:luEU2iOVYYpPzKAAPTQ6ruvC2Q2TMVduB_3npzkN6_0\" }\n}\n\nauthorization \"dashboards-reports\" {\n  client         = client.dashboards\n  api            = api.reports\n  scopes         = [\"read:reports\"]\n  token_lifetime = \"10m\"\n}\n", ""}}, nil},
	{"authorization removed", []replacement{{"payments/authorizations.hcl", "authorization \"settlement-payouts\" {\n  client         = client.settlement\n  api            = api.payouts\n  scopes         = [\"read:payouts\", \"move:money\"]\n  token_lifetime = \"5m\"\n}\n", ""}}, nil},
	{"authorization moved to another client", []replacement{{"payments/authorizations.hcl", "client = client.billing\n  api    = api.orders", "client = client.settlement\n  api    = api.orders"}}, nil},
	{"policy loosened", []replacement{{"policies.hcl", "<= 900", "<= 3600"}}, nil},
	{"policy only warns", []replacement{{"policies.hcl", "needs metadata.owner, so that somebody can be called at night.\"\n", "needs metadata.owner, so that somebody can be called at night.\"\n  severity      = \"warning\"\n"}}, nil},
	{"policy removed and used", []replacement{{"policies.hcl", "policy \"money-moves-for-minutes\" {\n  for_each_of   = \"authorization\"\n  condition     = !contains(self.scopes, \"move:money\") || self.token_lifetime <= 900\n  error_message = \"${self.address} may hold move:money for at most 15 minutes.\"\n}\n", ""}, {"payments/apis.hcl", "identifier     = \"${local.base}/refunds\"\n  signing_alg    = \"ES256\"\n  token_lifetime = \"15m\"", "identifier     = \"${local.base}/refunds\"\n  signing_alg    = \"ES256\"\n  token_lifetime = \"2h\""}, {"payments/authorizations.hcl", "scopes         = api.refunds.scopes\n  token_lifetime = \"5m\"", "scopes         = api.refunds.scopes"}}, nil},
	{"policy broken", []replacement{{"payments/apis.hcl", "identifier     = \"${local.base}/refunds\"\n  signing_alg    = \"ES256\"\n  token_lifetime = \"15m\"", "identifier     = \"${local.base}/refunds\"\n  signing_alg    = \"ES256\"\n  token_lifetime = \"2h\""}, {"payments/authorizations.hcl", "scopes         = api.refunds.scopes\n  token_lifetime = \"5m\"", "scopes         = api.refunds.scopes"}}, nil},
	{"policy added", []replacement{{"policies.hcl", "# What no team", "policy \"short\" {\n  for_each_of   = \"api\"\n  condition     = self.token_lifetime <= 86400\n  error_message = \"${self.address} lives too long.\"\n}\n\n# What no team"}}, nil},
	{"expectation removed", []replacement{{"platform.test.hcl", "expect \"the storefront never sees payments\" {\n  client  = \"storefront\"\n  api     = \"${local.base}/payments\"\n  granted = false\n  error   = \"invalid_target\"\n}\n", ""}}, nil},
	{"expectation broken", []replacement{{"payments/authorizations.hcl", `["read:orders"]`, `[]`}}, nil},
	{"lockfile edited", []replacement{{"env/prod/writ.lock.hcl", "client \"billing\" { client_id = \"billing\" }\n", ""}, {"payments/clients.hcl", "client \"billing\" {", "client \"billing\" {\n  client_id = \"invoices\""}}, []string{"client.billing"}},
	{"file moved", []replacement{{"payments/apis.hcl", "", ""}, {"payments/all.hcl", "", "MOVED payments/apis.hcl"}}, nil},
	{"for_each widened by a variable", []replacement{{"env/prod/prod.writvars", "domain      = \"example.com\"", "domain      = \"example.com\"\nsites       = [\"ber\", \"osl\", \"rom\", \"vie\"]"}, {"variables.hcl", "variable \"domain\" {", "variable \"sites\" {\n  type    = list(string)\n  default = []\n}\n\nvariable \"domain\" {"}, {"logistics/more.hcl", "", `client "kiosk" {
  for_each = toset(concat(["par"], var.sites))
  name      = "Kiosk ${each.key}"
  client_id = "kiosk-${each.key}"
  secret "2026-q4" { hash = "sha256:X98p6TCqgFUja-q6aGZghtut-J--JULDeC_NCpyX-Wg" }
}

authorization "kiosk" {
  for_each = toset(concat(["par"], var.sites))
  client   = client.kiosk[each.key]
  api      = api.shipments
  scopes   = ["read:shipments"]
}
`}}, nil},
	{"expiry later", []replacement{{"accounts/accounts.hcl", "2099-06-30", "2100-12-31"}}, nil},
	{"expiry removed", []replacement{{"accounts/accounts.hcl", "  expires_at = \"2099-06-30T00:00:00Z\"\n", ""}}, nil},
	{"expiry earlier", []replacement{{"accounts/accounts.hcl", "2099-06-30", "2098-12-31"}}, nil},
	{"federated block added", []replacement{
		{"data/data.hcl", "# The cluster's own tokens", "trusted_issuer \"github\" {\n  issuer   = \"https://token.actions.githubusercontent.com\"\n  jwks_uri = \"https://token.actions.githubusercontent.com/.well-known/jwks\"\n}\n\n# The cluster's own tokens"},
		{"data/data.hcl", "  federated \"k8s\" {", "  federated \"gh\" {\n    trusted_issuer  = trusted_issuer.github\n    subject_pattern = \"repo:acme/pipeline:*\"\n  }\n  federated \"k8s\" {"},
	}, nil},
	{"federated subject changed", []replacement{{"data/data.hcl", "system:serviceaccount:data:pipeline", "system:serviceaccount:default:default"}}, nil},
	{"trusted issuer for users", []replacement{{"data/data.hcl", `algorithms = ["RS256"]`, "algorithms  = [\"RS256\"]\n  vouches_for = [\"client\", \"user\"]"}, {"payments/clients.hcl", "client \"billing\" {", "client \"billing\" {\n  grant_types = [\"client_credentials\", \"urn:ietf:params:oauth:grant-type:token-exchange\"]"}, {"payments/authorizations.hcl", "authorization \"billing-refunds\"", "authorization \"billing-for-users\" {\n  client       = client.billing\n  api          = api.orders\n  scopes       = [\"read:orders\"]\n  subject_type = \"user\"\n}\n\nauthorization \"billing-refunds\""}}, nil},
	{"claim changed", []replacement{{"logistics/clients.hcl", `"https://example.com/site" = each.key }`, `"https://example.com/site" = "any" }`}}, nil},
	{"claim added", []replacement{{"payments/authorizations.hcl", `scopes = api.ledger.scopes`, "scopes = api.ledger.scopes\n  claims = { \"https://example.com/role\" = \"admin\" }"}}, nil},
	{"claim of an api added", []replacement{{"commerce/apis.hcl", `= self.client.metadata.team }`, `= self.client.metadata.team, "https://example.com/role" = "admin" }`}}, nil},
	{"grant types changed", []replacement{{"payments/clients.hcl", "client \"billing\" {", "client \"billing\" {\n  introspects = [api.orders]\n  rate_limit  = 5"}}, nil},
	{"team and description", []replacement{{"payments/clients.hcl", "worker\"\n  metadata = { team = \"payments\" }", "worker\"\n  metadata = { team = \"billing\" }"}, {"commerce/apis.hcl", `"Read a cart"`, `"Read carts"`}}, nil},
	{"everything at once", []replacement{
		{"payments/authorizations.hcl", `["read:orders"]`, `["read:orders", "cancel:orders"]`},
		{"commerce/authorizations.hcl", "authorization \"checkout-payments\" {\n  client         = client.checkout\n  api            = api.payments\n  scopes         = [\"read:payments\", \"move:money\"]\n  token_lifetime = \"5m\"\n}\n", ""},
		{"payments/apis.hcl", `"PS256"`, `"ES256"`},
		{"payments/clients.hcl", `sha256:1asKi3VbQfsaRwbpUjk2ER_X6zX1IF54yM30E5qikuk`, `sha256:JFAueWDLN49_r7ALRL5patcRDOooCF5K9uULUga_qSM`},
		{"issuer.hcl", `"1h" : "12h"`, `"1d" : "12h"`},
		{"logistics/apis.hcl", `"Returns"`, `"Returned goods"`},
	}, nil},
	{"syntax error", []replacement{{"payments/apis.hcl", "api \"refunds\" {", "api \"refunds\" {{"}}, nil},
	{"unknown scope", []replacement{{"payments/authorizations.hcl", `["read:orders"]`, `["read:order"]`}}, nil},
	{"hostile names", []replacement{{"payments/`](https:%2F%2Fevil.example) <b> @x.hcl", "", `locals { names = ["@everyone", "www.evil.example", "https://evil.example/x", "_c_"] }
client "hostile" {
  for_each  = toset(local.names)
  name      = "Innocent ${index(local.names, each.key)}"
  client_id = "hostile-${index(local.names, each.key)}"
  metadata  = { team = "**${each.key}**" }
  secret "s" { hash = "sha256:X98p6TCqgFUja-q6aGZghtut-J--JULDeC_NCpyX-Wg" }
}
api "hostile" {
  identifier = "${local.base}/hostile?a=b"
  name       = "](https://evil.example) @everyone #1"
  metadata   = { owner = "</details><script>alert(1)</script> @everyone www.evil.example" }
  scope "a|**b**` + "```" + `<i>" {
    sensitive   = true
    description = "` + "````" + ` </details> @everyone"
  }
  scope "<img" {}
  scope "]https://evil.example)" {}
}
authorization "hostile" {
  for_each = toset(local.names)
  client   = client.hostile[each.key]
  api      = api.hostile
  scopes   = api.hostile.scopes
  claims   = { "https://evil.example/#1" = each.key }
}
policy "hostile" {
  for_each_of   = "api"
  condition     = self.label != "hostile"
  error_message = "</details> <img src=x> @everyone **b** ` + "```" + ` www.evil.example"
}
`}, {"payments/hostile.test.hcl", "", `expect "@everyone ` + "`" + ` **b** [x](https://evil.example)" {
  client  = "nobody"
  api     = "<img src=x>"
  granted = true
}
`}}, nil},
	{"hostile error", []replacement{{"payments/<b> @x`](y).hcl", "", "api \"</details>@everyone\" {\n  identifier = \"```</details><img src=x>@everyone\"\n}\n"}}, nil},
}

const (
	editedHead = "def5678def5678def5678def5678def5678def56"
	editedBase = "abc1234abc1234abc1234abc1234abc1234abc12"
)

// commentOn makes the comment about an edit, as "plan --markdown" does, with commits that
// are the same every day.
func commentOn(t *testing.T, base *workspace.Tree, edit []replacement, replace []string) string {
	t.Helper()
	w := platformWorkspace(t, edit)
	c := &commits{head: editedHead, base: editedBase, prefix: "https://github.com/acme/auth/blob/"}
	var out bytes.Buffer
	fail := func(err error) string {
		failure := view.FailureMarkdown{
			Environment: w.Environment(t.Context(), ""), Head: c.head, Problems: diag.ProblemsOf(err), Limit: view.MarkdownLimit,
			URL: func(r hcl.Range) string { return c.url(c.head, r) },
		}
		if err := failure.Render(&out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	tree, err := w.CompileForReview()
	if err != nil {
		return fail(err)
	}
	lock, err := w.CheckLock(tree, compiler.LockOptions{Replace: replace})
	if err != nil {
		return fail(err)
	}
	env, _, _ := testStdio()
	was, err := platformWorkspace(t, nil).CheckLock(base, compiler.LockOptions{})
	if err != nil {
		t.Fatal(err)
	}
	prior := compiler.Prior{Document: base.Model.Document, Digest: digestOf(t, base), Model: base.Model, Records: was.Before, Lock: lock.Before}
	plan, list := compiler.NewPlan(prior, tree.Model, compiler.PlanOptions{Digest: digestOf(t, tree), Renames: lock.Renames, Lock: lock.Next, At: env.Now()})
	if list.HasErrors() {
		return fail(&diag.Problems{List: list})
	}
	p := &workspace.Proposal{Tree: tree, Lock: lock, Prior: &workspace.Baseline{Prior: prior}, Plan: plan}
	review, where := reviewOf(p, c)
	if review.Guards, err = guardsOf(env, tree, nil, where); err != nil {
		t.Fatal(err)
	}
	if err := (view.PlanMarkdown{Command: "writ plan --against git:main"}).Render(&out, review); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func digestOf(t *testing.T, tree *workspace.Tree) string {
	t.Helper()
	body, err := snapshot.Encode(tree.Model.Document)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.Digest(body)
}

// platformWorkspace is a copy of the example, edited, as its prod environment.
func platformWorkspace(t *testing.T, edit []replacement) *workspace.Workspace {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/platform")); err != nil {
		t.Fatal(err)
	}
	moved := map[string]string{}
	for _, r := range edit {
		path := filepath.Join(dir, filepath.FromSlash(r.file))
		content := r.new
		switch {
		case r.old == "" && r.new == "":
			moved[r.file] = readText(t, dir, r.file)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			continue
		case r.old == "":
			if from, ok := strings.CutPrefix(r.new, "MOVED "); ok {
				content = moved[from]
			}
		default:
			text := readText(t, dir, r.file)
			if strings.Count(text, r.old) != 1 {
				t.Fatalf("%s has %q %d times", r.file, r.old, strings.Count(text, r.old))
			}
			content = strings.Replace(text, r.old, r.new, 1)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env, _, _ := testStdio()
	file := func(name string) workspace.File {
		return workspace.File{Name: name, Path: filepath.Join(dir, filepath.FromSlash(name))}
	}
	w, err := workspace.Load(workspace.Options{
		Dir: dir, Lockfile: file("env/prod/writ.lock.hcl"), VarFiles: []workspace.File{file("env/prod/prod.writvars")}, Now: env.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// unexercised matches the names in the list of what no expectation exercises, which is nearly
// the same for every edit.
var unexercised = regexp.MustCompile("(without an expectation</summary>\n\n)`.*`\n")

// TestComments compares the comment about each edit with what is expected. With UPDATE=1 the
// file is written anew. Each comment is a Markdown document of the structure that is meant.
func TestComments(t *testing.T) {
	t.Parallel()
	testenv.OneByOne(t)
	const golden = "testdata/comments.txtar"
	archive, err := txtar.ParseFile(golden)
	update := os.Getenv("UPDATE") != ""
	if err != nil && !update {
		t.Fatal(err)
	}
	want := map[string]string{}
	if archive != nil {
		for _, f := range archive.Files {
			want[f.Name] = string(f.Data)
		}
	}
	base, err := platformWorkspace(t, nil).CompileForReview()
	if err != nil {
		t.Fatal(err)
	}
	next := &txtar.Archive{Comment: []byte("Comments about small edits of examples/platform, see comment_test.go.\n")}
	for _, edit := range platformEdits {
		t.Run(edit.name, func(t *testing.T) {
			comment := commentOn(t, base, edit.edit, edit.replace)
			checkStructure(t, comment)
			if dir := os.Getenv("COMMENTS"); dir != "" { // for a look at them in a browser
				writePage(t, dir, edit.name, comment)
			}
			comment = unexercised.ReplaceAllString(comment, "${1}...\n")
			next.Files = append(next.Files, txtar.File{Name: edit.name, Data: []byte(comment)})
			if diff := cmp.Diff(want[edit.name], comment); diff != "" && !update {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
	if update {
		if err := os.WriteFile(golden, txtar.Format(next), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if len(want) != len(platformEdits) {
		t.Errorf("%d comments for %d edits", len(want), len(platformEdits))
	}
}

// allowedHTML is the HTML that a comment consists of: the marker, and what folds.
var allowedHTML = regexp.MustCompile(`^(<!-- writ:[A-Za-z0-9._-]* -->|<details><summary>[A-Za-z0-9 .,:]*</summary>|</details>)$`)

// checkStructure parses a comment as GitHub does and holds its structure: the marker comes
// first, then a heading; the first paragraph is in bold; each section is a heading and a list;
// what folds is closed; the block of objects is a diff; and no text of an author has become HTML,
// a link, or a mention of somebody.
func checkStructure(t *testing.T, comment string) {
	t.Helper()
	source := []byte(comment)
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	open := 0
	var blocks []ast.Node
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		blocks = append(blocks, n)
	}
	kinds := func(i int) string {
		if i >= len(blocks) {
			return ""
		}
		return blocks[i].Kind().String()
	}
	if len(blocks) < 3 || kinds(0) != "HTMLBlock" || kinds(1) != "Heading" || kinds(2) != "Paragraph" || !strings.HasPrefix(comment, "<!-- writ:") {
		t.Fatalf("it does not begin with marker, heading and consequences:\n%.300s", comment)
	}
	if first := blocks[2].FirstChild(); first.Kind() != ast.KindEmphasis || first.(*ast.Emphasis).Level != 2 {
		t.Errorf("the consequences are a %s", first.Kind())
	}
	for i, n := range blocks {
		switch n := n.(type) {
		case *ast.Heading:
			if failure := strings.Contains(comment, "There is no plan"); n.Level == 4 && kinds(i+1) != "List" && !failure {
				t.Errorf("below a heading is a %s", kinds(i+1))
			}
		case *ast.FencedCodeBlock:
			if language := string(n.Language(source)); language != "diff" && language != "text" {
				t.Errorf("a block of %q", language)
			}
		}
	}
	err := ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.HTMLBlock:
			tag := strings.TrimSpace(string(n.Lines().Value(source)))
			if n.HasClosure() {
				tag = strings.TrimSpace(string(n.ClosureLine.Value(source)))
			}
			if !allowedHTML.MatchString(tag) {
				t.Errorf("HTML: %s", tag)
			}
			open += strings.Count(tag, "<details>") - strings.Count(tag, "</details>")
		case *ast.RawHTML:
			t.Errorf("HTML: %s", n.Segments.Value(source))
		case *ast.AutoLink:
			t.Errorf("a link of its own: %s", n.URL(source))
		case *ast.Link:
			if to := string(n.Destination); !strings.HasPrefix(to, "https://github.com/acme/auth/blob/") && !strings.HasPrefix(to, "https://github.com/writ-auth/writ/blob/main/docs/codes.md#") {
				t.Errorf("a link to %s", to)
			}
		case *ast.Image:
			t.Errorf("an image")
		case *ast.Text:
			if inCode := n.Parent().Kind() == ast.KindCodeSpan; !inCode && strings.ContainsAny(string(n.Value(source)), "@") {
				t.Errorf("a mention: %s", n.Value(source))
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil || open != 0 {
		t.Errorf("%d folds are open (%v)", open, err)
	}
	if n := utf8.RuneCountInString(comment); n > view.MarkdownLimit {
		t.Errorf("%d characters", n)
	}
}

// writePage writes a comment as a page.
func writePage(t *testing.T, dir, name, comment string) {
	t.Helper()
	var out bytes.Buffer
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := markdown.Convert([]byte(comment), &out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".html"), out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
