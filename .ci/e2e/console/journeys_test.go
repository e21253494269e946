package console

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// click clicks on what matches the selector. What a page replaces in between, as a preview
// that follows the typing, is looked for again, as the eye does.
func click(selector string) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for {
			_, err := chromedp.Click(chromedp.CSS(selector))(ctx, t)
			if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "Could not find node with given id") {
				return err
			}
		}
	})
}

func write(selector, text string) action { return chromedp.SendKeys(chromedp.CSS(selector), text) }

// fill replaces what a field holds, as typing over it does.
func fill(selector, text string) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := chromedp.Evaluate[bool](fmt.Sprintf(`(() => {
			const field = document.querySelector(%q);
			field.value = %q;
			return field.dispatchEvent(new Event("input", { bubbles: true }));
		})()`, selector, text))(ctx, t)
		return err
	})
}

// The list follows the typing, and its address can be shared.
func TestSearch(t *testing.T) {
	t.Parallel()
	b := open(t, dev(t, copied(t, "examples/platform", nil)).origin)
	b.visit("/console/")
	b.text("20 APIs")
	b.do(write("#q", "order"))
	b.wait(`location.search === "?q=order"`)
	b.wait(`document.querySelectorAll("tbody tr").length === 1`)
	b.text("1 API of 20")
	b.do(write("#q", "xyz"))
	b.text("No API matches “orderxyz”")
	if !script[bool](b, `document.activeElement.id === "q"`) {
		t.Error("the field has lost the focus")
	}
	b.audit("nothing found")
	b.visit("/console/?q=urn%3A")
	b.text("urn:example:tracking")
}

// 500 APIs: pages of a hundred, and a search over all of them.
func TestManyAPIs(t *testing.T) {
	t.Parallel()
	b := open(t, writd(t, copied(t, "", map[string]string{"main.hcl": `
issuer { url = "https://auth.example.com/" }
api "service" {
  for_each   = toset([for n in range(500) : "n${n}"])
  name       = "Service ${each.key}"
  identifier = "https://api.example.com/${each.key}/"
}
`})).origin)
	b.visit("/console/")
	b.text("500 APIs")
	b.text("1–100 of 500")
	b.do(click(`a[rel="next"]`))
	b.text("101–200 of 500")
	b.do(write("#q", "n499"))
	b.text("1 API of 500")
	b.wait(`document.querySelector("tbody a").textContent === "Service n499"`)
	b.do(click("tbody a"))
	b.wait(`document.querySelector("h1").textContent === "Service n499"`)
	b.audit("an API of for_each")
	b.visit("/console/graph")
	b.text("0 clients by 0 APIs")
	b.do(write("#api", `service["n7`))
	b.wait(`document.querySelectorAll("svg .api").length === 11`) // n7, n70 to n79
	b.do(write("#api", `"]`))
	b.wait(`document.querySelectorAll("svg .api").length === 1`)
	b.audit("a part of the graph")
}

// A token is on the page when it opens, and from a refusal the way leads to the change that
// would allow the request.
func TestTestView(t *testing.T) {
	t.Parallel()
	p := dev(t, copied(t, "examples/platform", nil))
	b := open(t, p.origin)
	b.visit("/console/apis/orders/test")
	b.text("may read:orders on Orders until")
	b.do(fill("#client", "checkout"))
	b.text("Checkout may read:orders, write:orders on Orders until")
	b.do(click("#scope-0"))
	b.text("Checkout may read:orders on Orders until")
	b.text("Signature verified")
	b.text("200 OK")
	b.text("Which API the token is for")
	b.text("checkout@clients")
	for _, width := range []int{400, 1600} {
		b.width(width)
		b.audit("a token")
		b.shoot(fmt.Sprintf("test-token-%d-light", width))
		b.dark()
		b.audit("a token in the dark")
		b.shoot(fmt.Sprintf("test-token-%d-dark", width))
		b.light()
	}
	if html := script[string](b, `document.documentElement.outerHTML + location.href + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)`); strings.Contains(html, p.secret) {
		t.Error("the secret is in the page")
	}
	kid := script[string](b, `document.querySelector(".verdict .id").textContent`)
	if jwks := get(t, p.origin+"/.well-known/jwks.json"); !strings.Contains(jwks, kid) {
		t.Errorf("the key %q is not among those that are published: %s", kid, jwks)
	}

	for _, c := range []struct{ name, further, audience, want, then string }{
		{"ungranted", "cancel:orders", "", "scopes that the authorization does not grant", "may now cancel:orders on api.orders"},
		{"slash", "", "https://api.dev.example.com/orders/", "differs from api.orders by a trailing slash", ""},
		{"unauthorized", "", "https://api.dev.example.com/ledger", "no authorization lets this client", "client.checkout"},
	} {
		b.visit("/console/apis/orders/test?client=checkout")
		b.do(click(".how summary"))
		if c.further != "" {
			b.do(write("#further", c.further))
		}
		if c.audience != "" {
			b.do(fill("#audience", c.audience))
		}
		b.text(c.want)
		b.audit(c.name)
		b.width(1600)
		b.shoot("test-" + c.name)
		if c.then != "" {
			b.do(click("#answer .button"))
			b.text("What it changes")
			b.text(c.then)
			b.audit(c.name + ", and what would allow it")
		}
	}
	b.visit("/console/apis/orders/test?client=checkout")
	b.do(click("details:has(#secret) summary"), write("#secret", "wrong"+kb.Enter))
	b.text("none of those that it may use now")
	b.audit("a wrong secret")
}

// From a new API to its first token: compiled as it is typed, written, authorized, asked for,
// and taken back.
func TestFromAPIToToken(t *testing.T) {
	t.Parallel()
	p := dev(t, copied(t, "examples/platform", nil))
	b := open(t, p.origin)
	b.width(1280)
	b.visit("/console/apis/new")
	b.do(write("#name", "Gift cards"))
	b.wait(`document.querySelector("#label").placeholder === "gift-cards"`)
	b.do(write("#new-identifier", "https://api.dev.example.com/orders"))
	b.wait(`document.querySelector("#identifier-finding.error:not([hidden])") && document.querySelector("#new-identifier").getAttribute("aria-invalid") === "true"`)
	b.do(write("#new-identifier", "/"))
	b.wait(`document.querySelector("#identifier-finding.warning:not([hidden])")`)
	b.audit("a look-alike")
	b.shoot("create-near")
	b.do(click("#distinct"))
	b.wait(`document.querySelector(".diff").textContent.includes("[api.orders]")`)
	b.do(click("#distinct"), fill("#new-identifier", "https://api.dev.example.com/gift-cards"))
	b.text("needs metadata.owner, so that somebody can be called at night.")
	if script[bool](b, `Boolean(document.querySelector("#write"))`) {
		t.Error("what a policy refuses can be written")
	}
	b.audit("a policy")
	b.shoot("create-policy")
	b.do(write("[name=metadata_key]", "owner"), write("[name=metadata_value]", "commerce@example.com"))
	b.do(write("[name=scope_name]", "read:cards"), write("[name=scope_description]", "Read \"cards\", 100%{ of ${them}"))
	b.wait(`document.querySelectorAll("[name=scope_name]").length === 2`)
	b.wait(`document.querySelector("#write") && document.querySelector(".diff").textContent.includes("$${them}")`)
	b.audit("a draft")
	b.shoot("create-draft")
	b.do(click("#write"))
	b.wait(`location.pathname === "/console/apis/gift-cards/clients"`)
	b.text("commerce/gift-cards.hcl")
	b.audit("an API that was just created")
	b.shoot("created")

	b.do(click(`a[href*="authorize=billing#"]`))
	b.text("may now get tokens without scopes for api.gift-cards")
	b.do(click("#scope-0"))
	b.text("may now read:cards on api.gift-cards")
	for _, width := range []int{400, 900, 1280} {
		b.width(width)
		b.audit("a client that is being authorized")
		b.shoot(fmt.Sprintf("authorize-%d", width))
	}
	b.do(click("#write"))
	b.text("written to")
	b.do(click(".rail li:last-child a"))
	b.text("Billing worker may read:cards on Gift cards until")
	b.shoot("first-token")

	b.visit("/console/new-client?api=gift-cards")
	b.do(write("#name", "Card printer"), click("#scope-0"))
	b.wait(`document.querySelector("#write")`)
	b.audit("a new client")
	b.shoot("new-client")
	b.do(click("#write"))
	b.text("shown only now")
	secret := script[string](b, `document.querySelector("#secret").textContent`)
	b.shoot("new-client-secret")
	b.audit("a new client's secret")
	content, err := os.ReadFile(filepath.Join(p.dir, "commerce/card-printer.hcl"))
	if err != nil || strings.Contains(string(content), secret) || strings.Contains(p.output(), secret) {
		t.Errorf("the secret is in the file or in the log: %v\n%s", err, content)
	}
	b.visit("/console/apis/gift-cards/test?client=card-printer")
	b.do(click("details:has(#secret) summary"), write("#secret", secret+kb.Enter))
	b.wait(`location.hash === "#answer"`) // the page that the form was on has a token too
	b.text("Card printer may read:cards on Gift cards until")

	for range 3 {
		b.visit("/console/undo")
		b.audit("undo")
		b.shoot("undo")
		b.do(click("#write"))
		b.wait(`location.search.startsWith("?done=")`)
	}
	b.text("Nothing was written here")
	if _, err := os.Stat(filepath.Join(p.dir, "commerce/gift-cards.hcl")); !os.IsNotExist(err) {
		t.Errorf("it was not taken back: %v", err)
	}
}

// An open page follows what is edited elsewhere, and what does not compile lies over it.
func TestLive(t *testing.T) {
	t.Parallel()
	p := dev(t, copied(t, "examples/platform", nil))
	b := open(t, p.origin)
	b.width(1280)
	b.visit("/console/")
	b.text("20 APIs")
	file := filepath.Join(p.dir, "new.hcl")
	save := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	save("api \"fresh\" {\n  identifier = \"urn:example:fresh\"\n  metadata = { owner = \"me\" }\n}\n")
	b.text("21 APIs")
	b.visit("/console/apis/new")
	b.do(write("#name", "Half typed"))
	save("api \"fresh\" {\n  identifer = 1\n}\n")
	b.wait(`document.querySelector(".rejected.overlay")`)
	b.text("new.hcl line 2")
	b.audit("an overlay")
	b.shoot("live-overlay")
	if got := script[string](b, `document.querySelector("#name").value`); got != "Half typed" {
		t.Errorf("what was typed became %q", got)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	b.wait(`!document.querySelector(".rejected")`)
}

// A browser that has not opened the printed address reads, and writes nothing.
func TestWithoutTheKey(t *testing.T) {
	t.Parallel()
	p := dev(t, copied(t, "examples/platform", nil))
	keys.Delete(p.origin)
	b := open(t, p.origin)
	b.visit("/console/apis/new")
	b.do(write("#name", "Gift cards"), write("#new-identifier", "urn:gifts"), write("[name=metadata_key]", "owner"), write("[name=metadata_value]", "me"))
	b.text("These pages write nothing")
	if script[bool](b, `Boolean(document.querySelector("#write"))`) {
		t.Error("there is a button to write")
	}
	b.visit("/console/apis/orders/test")
	b.text("Secret of")
	b.audit("the test view without a key")
}

// A change that does not compile is shown on every page, with its place.
func TestRejected(t *testing.T) {
	t.Parallel()
	p := dev(t, copied(t, "examples/platform", nil))
	b := open(t, p.origin)
	if err := os.WriteFile(filepath.Join(p.dir, "broken.hcl"), []byte("api \"broken\" {\n  identifer = \"x\"\n}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	p.until(t, `(keeps serving)`)
	for _, width := range []int{400, 1600} {
		b.width(width)
		b.visit("/console/")
		b.text("The newest configuration was rejected")
		b.text("broken.hcl line 2")
		b.audit("a rejected configuration")
		b.shoot(fmt.Sprintf("rejected-%d", width))
	}
}

// A folder that does not compile, until it does.
func TestNoSnapshot(t *testing.T) {
	t.Parallel()
	dir := copied(t, "", map[string]string{"main.hcl": "issuer {\n"})
	b := open(t, console(t, dir).origin)
	b.width(400)
	b.visit("/console/")
	b.text("The configuration does not compile")
	b.text("Nothing to show yet")
	b.audit("no snapshot")
	b.shoot("no-snapshot")
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(`issuer { url = "https://auth.example.com/" }`), 0o666); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for !strings.Contains(get(t, b.origin+"/console/"), "auth.example.com") && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	b.visit("/console/")
	b.text("auth.example.com")
	b.audit("a folder mended")
}

// No APIs yet.
func TestNoAPIs(t *testing.T) {
	t.Parallel()
	b := open(t, writd(t, copied(t, "", map[string]string{"main.hcl": `issuer { url = "https://auth.example.com/" }` + "\n"})).origin)
	b.width(400)
	for _, path := range []string{"/console/", "/console/clients", "/console/graph", "/console/keys", "/console/apis/new"} {
		b.visit(path)
		b.audit(path)
	}
	b.visit("/console/")
	b.text("No APIs yet")
	b.shoot("no-apis")
	// The server's configuration is changed by commits only.
	b.visit("/console/apis/new")
	if script[bool](b, `Boolean(document.querySelector("#write"))`) {
		t.Error("the console of a running server offers to write a file")
	}
}

// What lies on a path stands out while the pointer or the focus is on one of its ends; of many
// there is a matrix with headers that stay; where there is no room for a drawing, a list.
func TestGraph(t *testing.T) {
	t.Parallel()
	b := open(t, dev(t, copied(t, "examples/platform", nil)).origin)
	b.width(1280)
	b.visit("/console/graph")
	const lit = `[...document.querySelectorAll("svg .on > title, svg .on a > title")].map((e) => e.textContent).filter((t) => !t.includes(" on ")).sort().join(" ")`
	script[bool](b, `document.querySelector('svg a[href$="/clients/checkout"]').focus() ?? true`)
	b.wait(lit + ` === "api.inventory api.orders api.payments client.checkout"`)
	b.shoot("graph-focus")
	script[bool](b, `document.activeElement.blur() ?? true`)
	b.wait(`!document.querySelector("svg.lit")`)
	script[bool](b, `document.querySelector("svg [data-edge] path").dispatchEvent(new PointerEvent("pointerover", { bubbles: true }))`)
	b.wait(`document.querySelectorAll("svg .edge.on").length === 1 && document.querySelectorAll("svg .node.on").length === 2`)
	b.width(400)
	b.wait(`document.querySelector(".graph-lines").checkVisibility() && !document.querySelector("svg").checkVisibility()`)
	b.audit("a graph on a phone")

	var many strings.Builder
	many.WriteString("issuer { url = \"https://auth.example.com/\" }\n")
	for i := range 40 {
		fmt.Fprintf(&many, "api \"a%d\" {\n  name       = \"%s\"\n  identifier = \"urn:a%d\"\n  scope \"read\" {}\n}\n", i, strings.Repeat("שירות ", 1+i%5), i)
		fmt.Fprintf(&many, "client \"c%d\" {\n  secret \"s\" { hash = \"env:S%d\" }\n}\nauthorization \"z%d\" {\n  client = client.c%d\n  api    = api.a%d\n  scopes = [\"read\"]\n}\n", i, i, i, i, i)
	}
	b = open(t, console(t, copied(t, "", map[string]string{"main.hcl": many.String()})).origin)
	for _, width := range []int{400, 900, 1600} {
		b.width(width)
		b.visit("/console/graph")
		b.text("40 clients by 40 APIs")
		b.audit("a matrix")
		script[bool](b, `(document.querySelector(".matrix").scrollTo(600, 600), true)`)
		b.wait(`document.querySelector(".matrix tbody tr:last-child th").getBoundingClientRect().left - document.querySelector(".matrix").getBoundingClientRect().left < 3 &&
			document.querySelector(".matrix thead th").getBoundingClientRect().top - document.querySelector(".matrix").getBoundingClientRect().top < 3`)
		b.shoot(fmt.Sprintf("graph-matrix-%d", width))
	}
	b.do(click(`.matrix td a[href*="q=c39"]`))
	b.text("c39")
}

// A setting leads to its line on the page, and the place of the block can be copied.
func TestSettings(t *testing.T) {
	t.Parallel()
	b := open(t, dev(t, copied(t, "examples/platform", nil)).origin)
	b.width(1280)
	b.visit("/console/apis/orders/settings")
	b.do(click(`a[href$="issuer.hcl:9"]`))
	b.wait(`document.querySelector(":target").textContent.includes("token_lifetime")`)
	b.shoot("settings-line")
	if got := script[string](b, `getComputedStyle(document.querySelector(":target")).backgroundColor`); got == "rgba(0, 0, 0, 0)" {
		t.Error("the line does not stand out")
	}
	if place := script[string](b, `document.querySelector(".source-lines .copy").dataset.copyText`); place != "commerce/apis.hcl:29" {
		t.Errorf("the place is %q", place)
	}
}

// Every target of the quickstart, and its code on the clipboard.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	b := open(t, dev(t, copied(t, "examples/platform", nil)).origin)
	b.visit("/console/apis/orders")
	script[string](b, `(() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; return ""; })()`)
	b.do(click(`[data-copy="#file-0"]`))
	b.text("Copied")
	if copied := script[string](b, `window.copied`); !strings.Contains(copied, "https://api.dev.example.com/orders") || strings.Contains(copied, "<span") ||
		copied != script[string](b, `document.querySelector("#file-0").textContent`) {
		t.Errorf("copied %q", copied)
	}
	tiles := script[[]string](b, `[...document.querySelectorAll(".tiles a")].map((a) => a.getAttribute("href"))`)
	b.width(400)
	shown := 0
	for _, tile := range tiles {
		b.visit(tile)
		for i, link := range script[[]string](b, `[...document.querySelectorAll(".libraries a")].map((a) => a.getAttribute("href"))`) {
			b.visit(link)
			b.ours(link)
			if i == 0 || soak { // the others have the same elements around their code
				b.stranger(link)
			}
			b.wait(`document.querySelector(".libraries a[aria-current]") && (document.querySelector(".steps li:last-child pre") || document.querySelector(".notice"))`)
			shown++
		}
	}
	if shown < 15 {
		t.Errorf("only %d targets", shown)
	}
	// The choice is remembered, for another API too.
	b.visit("/console/apis/orders?lang=flask")
	b.visit("/console/apis/carts")
	b.text("Python with PyJWT and Flask")
	b.dark()
	b.audit("code in the dark")
	// An API whose tokens a target cannot check says so, and why.
	b.visit("/console/apis/features?lang=haproxy")
	b.text("Not for this API.")
	b.audit("a refusal")
}

// With the keyboard alone: skip link, search, an API, its tabs, a token.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	p := dev(t, copied(t, "examples/platform", nil))
	b := open(t, p.origin)
	b.width(1200)
	b.visit("/console/")
	press := func(keys string) { b.do(chromedp.KeyEvent(keys)) }
	tabTo := func(want string) {
		t.Helper()
		for range 60 {
			press(kb.Tab)
			if script[bool](b, "Boolean("+want+")") {
				return
			}
		}
		t.Fatalf("no way by Tab to %s", want)
	}
	press(kb.Tab)
	if got := script[string](b, `document.activeElement.className`); got != "skip" {
		t.Errorf("the first stop is %q", got)
	}
	b.wait(`document.activeElement.getBoundingClientRect().top >= 0`) // it slides in
	press(kb.Enter)
	b.wait(`document.activeElement.id === "main"`)
	tabTo(`document.activeElement.id === "q"`)
	press("orders")
	b.wait(`document.querySelectorAll("tbody tr").length === 1`)
	tabTo(`document.activeElement.textContent === "Orders"`)
	if outline := script[string](b, `getComputedStyle(document.activeElement).outlineStyle`); outline == "none" {
		t.Error("the focus cannot be seen")
	}
	press(kb.Enter)
	b.wait(`document.querySelector("#tab-quickstart")`)
	b.wait(`document.querySelector(".title .copy:not([hidden])")`) // the script has run
	tabTo(`document.activeElement.id === "tab-quickstart"`)
	press(kb.ArrowLeft)
	b.wait(`document.activeElement.id === "tab-test"`)
	press(kb.Enter)
	b.text("Signature verified")
	// And a client authorized: its row, a scope, the button.
	b.visit("/console/apis/orders/clients?q=mailer")
	tabTo(`document.activeElement.textContent.startsWith("Authorize")`)
	press(kb.Enter)
	b.wait(`document.querySelector("#grant")`)
	tabTo(`document.activeElement.id === "scope-0"`)
	press(" ")
	b.text("may now read:orders on api.orders")
	tabTo(`document.activeElement.id === "write"`)
	press(kb.Enter)
	b.text("Authorize client.mailer for api.orders: written to")
}

// Without JavaScript everything is there: search, the block of a new API, a
// token and its claims.
func TestWithoutJavaScript(t *testing.T) {
	t.Parallel()
	p := dev(t, copied(t, "examples/platform", nil))
	b := open(t, p.origin)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.visit("/console/")
	b.do(write("#q", "order"), click(".search button"))
	b.text("1 API of 20")
	b.visit("/console/apis/orders/test")
	b.do(fill("#client", "checkout"), click(".choose button"))
	b.text("Checkout may read:orders, write:orders")
	b.text("Signature verified")

	p = dev(t, copied(t, "examples/quickstart", nil))
	b = open(t, p.origin)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.visit("/console/apis/new")
	b.do(write("#name", "Gift cards"), write("#new-identifier", "https://api.example.com/gift-cards"), click(`button[value="show"]`))
	b.text(`api "gift-cards" {`)
	b.do(click("#write"))
	b.wait(`location.pathname === "/console/apis/gift-cards/clients"`)
}

// A client without a secret, and one that acts for users, are told what to send.
func TestWaysWithoutASecret(t *testing.T) {
	t.Parallel()
	p := writd(t, copied(t, "", map[string]string{"main.hcl": `
issuer { url = "https://auth.example.com/" }
api "orders" {
  identifier = "https://api.example.com/orders"
  scope "read:orders" {}
}
trusted_issuer "corp" {
  issuer      = "https://login.corp.example"
  jwks_uri    = "https://login.corp.example/jwks"
  audiences   = ["web-app"]
  vouches_for = ["user"]
}
client "machine" {
  name = "Machine"
  certificate "c" { san_dns = "machine.example.com" }
}
client "portal" {
  name        = "Portal"
  grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange"]
  secret "a" { hash = "sha256:shKULOV9Znj5HQnb8f63NlqWZ1Y2GxG22T-vCg1suCQ" }
}
authorization "machine-orders" {
  client = client.machine
  api    = api.orders
  scopes = ["read:orders"]
}
authorization "portal-orders" {
  client         = client.portal
  api            = api.orders
  scopes         = ["read:orders"]
  subject_type   = "user"
  subject_claims = { groups = "finance" }
}
`}))
	b := open(t, p.origin)
	for _, width := range []int{400, 1600} {
		b.width(width)
		b.visit("/console/apis/orders/test")
		b.text("Machine has no secret to type here")
		b.text("--cert client.pem --key client.key")
		b.text("subject_token=$USER_TOKEN")
		b.audit("ways")
		b.shoot(fmt.Sprintf("test-ways-%d", width))
		if !script[bool](b, `document.querySelector("#tab-test").getBoundingClientRect().right <= innerWidth`) {
			t.Errorf("at %d pixels the selected tab is out of sight", width)
		}
	}
}
