package console

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// edit replaces a text in a file of the configuration.
func (p *process) edit(t *testing.T, name, before, after string) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	content, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(content), before) {
		t.Fatalf("%s has no %q: %v", name, before, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(content), before, after, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// The Changes page follows an edit, a commit, a broken file and an apply, in the plan's words.
func TestChanges(t *testing.T) {
	t.Parallel()
	p := dev(t, copied(t, "examples/platform", nil))
	b := open(t, p.origin)
	b.visit("/console/changes")
	b.text("No comparison")
	b.everywhere("changes-none")
	git(t, p.dir, "init", "-q")
	git(t, p.dir, "add", ".")
	git(t, p.dir, "commit", "-qm", "one")
	b.text("Nothing differs")
	b.everywhere("changes-nothing")

	p.edit(t, "commerce/authorizations.hcl", `["read:orders", "write:orders"]`, `["read:orders", "cancel:orders"]`)
	p.edit(t, "commerce/authorizations.hcl", `token_lifetime = "5m"`, `token_lifetime = "10m"`)
	p.edit(t, "commerce/apis.hcl", `name       = "Carts"`, "name       = \"Shopping carts\"\n  signing_alg = \"PS256\"")
	b.text("client.checkout may now cancel:orders on api.orders")
	b.text("Verifiers of api.carts must accept PS256 first.")
	b.text("checkout moves money for five minutes")
	b.do(click(".excerpt summary"))
	b.text(`scopes = ["read:orders", "cancel:orders"]`)
	b.everywhere("changes")
	b.width(1280)
	b.do(click(`.change a[href="/console/apis/orders"]`))
	b.wait(`document.querySelector("h1").textContent === "Orders"`)

	b.visit("/console/changes?against=git:main")
	b.text("may now cancel:orders")
	p.edit(t, "commerce/apis.hcl", `api "catalog" {`, `api "catalog" {`+"\n  nme = 1")
	b.wait(`document.querySelector(".rejected.overlay")`)
	b.text("may now cancel:orders")
	b.audit("changes under a broken file")
	p.edit(t, "commerce/apis.hcl", "\n  nme = 1", "")
	b.wait(`!document.querySelector(".rejected")`)
	git(t, p.dir, "commit", "-qam", "two")
	b.text("Nobody gains access · 1 expectation fails.")
	b.text("No changes.")
	p.edit(t, "commerce/authorizations.hcl", `token_lifetime = "10m"`, `token_lifetime = "5m"`)
	b.text("Tokens of authorization.checkout-payments live at most 5m instead of 10m.")
	git(t, p.dir, "commit", "-qam", "three")
	b.text("Nothing differs")

	// With the keyboard, and without the script, the menu is links.
	b.do(chromedp.Focus(chromedp.CSS(".against a")))
	b.do(chromedp.KeyEvent(kb.Enter))
	b.text("There is no snapshot in force")
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.visit("/console/changes")
	b.do(click(".against li:last-child a"))
	b.text("Nothing differs")
}

// many are so many APIs, each with two scopes.
func many(n int) map[string]string {
	var text strings.Builder
	text.WriteString("issuer {\n  url         = \"https://auth.example.com/\"\n  environment = \"staging\"\n}\n")
	for i := range n {
		fmt.Fprintf(&text, "api \"n%d\" {\n  name       = \"Service n%[1]d\"\n  identifier = \"https://api.example.com/n%[1]d/\"\n  scope \"read:n%[1]d\" {}\n  scope \"write:n%[1]d\" {}\n}\n", i)
	}
	return map[string]string{"main.hcl": text.String()}
}

// control presses a key together with Control, once the script that listens has run.
func (b *tab) control(key string) {
	b.t.Helper()
	b.wait(`document.querySelector("[data-palette][aria-haspopup]") !== null`)
	b.do(chromedp.KeyEvent(key, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
}

// The palette, with the keyboard alone: it opens over any page, finds among 5,000 APIs while
// somebody types, keeps the focus and gives it back.
func TestPalette(t *testing.T) {
	t.Parallel()
	b := open(t, console(t, copied(t, "", many(5000))).origin)
	b.width(1280)
	b.visit("/console/clients")
	b.do(chromedp.Focus(chromedp.CSS(`nav a[href="/console/keys"]`)))
	b.control("k")
	b.wait(`document.activeElement.id === "palette-query" && document.querySelectorAll("#palette-found [role=option]").length > 5`)
	b.text("Create API")
	b.everywhere("palette")
	b.width(1280)
	for range 3 { // nothing behind it can be reached
		b.do(chromedp.KeyEvent(kb.Tab))
		if !script[bool](b, `document.activeElement === document.body || document.querySelector("#palette").contains(document.activeElement)`) {
			t.Fatalf("the focus is at %s", script[string](b, `document.activeElement.outerHTML`))
		}
	}
	b.do(chromedp.KeyEvent(kb.Escape))
	b.wait(`!document.querySelector("#palette").open && document.activeElement.textContent === "Keys"`)

	b.control("k")
	b.do(write("#palette-query", "n4999"))
	b.wait(`document.querySelector("#palette-found [aria-selected=true]")?.textContent.includes("Service n4999")`)
	if got := script[string](b, `(() => { const q = document.querySelector("#palette-query"); return document.getElementById(q.getAttribute("aria-activedescendant"))?.textContent + "|" + q.getAttribute("aria-expanded"); })()`); !strings.Contains(got, "Service n4999") || !strings.HasSuffix(got, "|true") {
		t.Errorf("a screen reader is told of %q", got)
	}
	b.audit("palette with hits")
	b.shoot("palette-5000")
	b.do(chromedp.KeyEvent(kb.ArrowDown))
	b.wait(`document.querySelector("#palette-found [aria-selected=true]").textContent.includes(":n4999")`)
	b.do(chromedp.KeyEvent(kb.ArrowUp), chromedp.KeyEvent(kb.Enter))
	b.wait(`document.querySelector("h1").textContent === "Service n4999"`)

	// Enter right after the last letter goes where those letters lead.
	b.control("k")
	b.do(chromedp.KeyEvent("n4321" + kb.Enter))
	b.wait(`document.querySelector("h1").textContent === "Service n4321"`)

	// With the mouse: the button, a hit, and beside the dialog to close it.
	b.do(click("[data-palette]"))
	b.do(write("#palette-query", "zzz"))
	b.text("Nothing matches.")
	b.do(chromedp.MouseClickXY(10, 10))
	b.wait(`!document.querySelector("#palette").open`)
	b.do(click("[data-palette]"))
	b.do(write("#palette-query", "create cl"))
	b.wait(`document.querySelectorAll("#palette-found [role=option]").length === 1`)
	b.do(click("#palette-found [role=option]"))
	b.wait(`document.querySelector("h1").textContent === "Create client"`)
	b.do(write("#name", "Half typed"))
	b.control("k") // from a field, too
	b.wait(`document.querySelector("#palette").open`)
	b.control("k")
	b.wait(`document.activeElement.id === "name" && document.activeElement.value === "Half typed"`)
}

// Without the script the button is a link to a page that finds the same.
func TestSearchPage(t *testing.T) {
	t.Parallel()
	b := open(t, dev(t, copied(t, "examples/platform", nil)).origin)
	b.visit("/console/search?q=order")
	b.text("cancel:orders")
	b.visit("/console/search?q=e") // many hits of every kind
	b.everywhere("search-page")
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.visit("/console/keys")
	b.do(click("[data-palette]"))
	b.do(write("#q", "checkout"), click(".search button"))
	b.do(click(`#found a[href="/console/clients/checkout"]`))
	b.wait(`document.querySelector("h1").textContent === "Checkout"`)
}
