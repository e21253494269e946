package console

import (
	"fmt"
	"strings"
	"testing"
)

// audit is what every page must hold to, as a list of its offences: words in
// order for a screen reader, a name for every control, contrast for the eye,
// nothing inline, nothing that makes the page scroll sideways.
const audit = `(() => {
  const offences = [];
  const say = (what, e) => offences.push(what + ": " + (e ? e.outerHTML.slice(0, 120) : ""));
  if (document.documentElement.scrollWidth > innerWidth) {
    const wide = [...document.querySelectorAll("body *")].find((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest("pre, .drawing, .tabs, .sr, thead") && !e.children.length) ?? [...document.querySelectorAll("body *")].find((e) => e.getBoundingClientRect().right > innerWidth + 1);
    say("scrolls sideways: " + document.documentElement.scrollWidth + " > " + innerWidth, wide);
  }
  if (document.querySelectorAll("h1").length !== 1) say("has not one h1");
  if (!document.title || !document.documentElement.lang) say("has no title or language");
  let level = 0;
  for (const h of document.querySelectorAll("h1, h2, h3, h4")) {
    const at = Number(h.tagName[1]);
    if (h.closest(".notice") || h.closest("nav")) continue;
    if (at > level + 1) say("skips a level of headings", h);
    level = at;
  }
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!e.labels.length && !e.ariaLabel) say("has no label", e);
  for (const e of document.querySelectorAll("th")) if (!e.scope) say("th without scope", e);
  for (const e of document.querySelectorAll("a, button")) if (!e.textContent.trim() && !e.ariaLabel) say("has no name", e);
  for (const e of document.querySelectorAll("[style], style, script:not([src])")) say("is inline", e);
  for (const e of document.querySelectorAll("*")) for (const a of e.attributes) if (/^on/.test(a.name)) say("has a handler", e);
  for (const e of document.querySelectorAll("[aria-describedby], [aria-labelledby], [aria-controls]"))
    for (const id of [e.getAttribute("aria-describedby"), e.getAttribute("aria-labelledby"), e.getAttribute("aria-controls")].join(" ").split(" ").filter(Boolean))
      if (!document.getElementById(id)) say("refers to #" + id + ", which is not there", e);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) say("id stands twice: " + id);
  const rgb = (c) => { const m = c.match(/[\d.]+/g).map(Number); return { c: m.slice(0, 3), a: m.length > 3 ? m[3] : 1 }; };
  const light = ({ c }) => { const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.a === 1) return c; } return { c: [255, 255, 255], a: 1 }; };
  const seen = new Set();
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.closest("svg, .sr") || !e.checkVisibility() || e.disabled) continue;
    const style = getComputedStyle(e), a = light(rgb(style.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5 && !seen.has(e.className)) { seen.add(e.className); say("contrast " + ratio.toFixed(2), e); }
  }
  return offences;
})()`

// audit holds the page to our own list of offences and to axe's.
func (b *tab) audit(what string) {
	b.t.Helper()
	b.ours(what)
	b.stranger(what)
}

// ours is audit without axe, where it has looked at a page of the same elements.
func (b *tab) ours(what string) {
	b.t.Helper()
	for _, offence := range script[[]string](b, audit) {
		b.t.Errorf("%s: %s", what, offence)
	}
}

// torn lists the words that the page breaks within. A word may break after - / ? : and .,
// but not the name of a file with its line; one that is longer than its line breaks anywhere.
const torn = `(() => {
  const torn = new Set();
  const walker = document.createTreeWalker(document.querySelector("body"), NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement, text = node.data;
    if (!text.trim() || e.closest("pre, .sr, svg, script, dialog, option") || !e.checkVisibility()) continue;
    range.selectNodeContents(node);
    if (new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size < 2) continue;
    let room = e;
    while (getComputedStyle(room).display === "inline") room = room.parentElement;
    let before = 0;
    for (let i = 0; i < text.length; i++) {
      if (/\s/.test(text[i])) continue;
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const top = range.getBoundingClientRect().top;
      if (i > 0 && !/\s/.test(text[i - 1]) && top > before + 8 && (!/[-\/?:.]/.test(text[i - 1]) || e.closest(".source"))) {
        const whole = e.closest(".source");
        const from = whole ? 0 : text.slice(0, i).search(/[^\s\-\/?:.]+$/), to = whole ? text.length : i + text.slice(i).search(/[\s\-\/?:.]|$/);
        range.setStart(node, from);
        range.setEnd(node, to);
        const wide = [...range.getClientRects()].reduce((sum, r) => sum + r.width, 0);
        if (wide < room.clientWidth - 8) torn.add(text.slice(from, i) + "|" + text.slice(i, to) + " in " + e.tagName + "." + e.className);
      }
      before = top;
    }
  }
  return [...torn];
})()`

// everywhere audits the page that is shown, holds its words together, and keeps pictures of
// it, at four widths in both schemes.
func (b *tab) everywhere(name string) {
	b.t.Helper()
	for _, width := range widths {
		b.width(width)
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			what := fmt.Sprintf("%s-%d-%s", name, width, scheme)
			b.audit(what)
			if scheme == "light" && width < 1600 {
				for _, word := range script[[]string](b, torn) {
					b.t.Errorf("%s: torn: %s", what, word)
				}
			}
			b.shoot(what)
		}
	}
}

// A page is one of the example's console.
type page struct{ name, path, heading string }

var pages = []page{
	{"apis", "/console/", "APIs"},
	{"search", "/console/?q=order", "APIs"},
	{"quickstart", "/console/apis/orders", "Orders"},
	{"quickstart-node", "/console/apis/orders?lang=jose", "Orders"},
	{"settings", "/console/apis/orders/settings", "Orders"},
	{"scopes", "/console/apis/orders/scopes", "Orders"},
	{"clients-of-api", "/console/apis/orders/clients", "Orders"},
	{"test", "/console/apis/orders/test", "Orders"},
	{"clients", "/console/clients", "Clients"},
	{"client", "/console/clients/checkout", "Checkout"},
	{"client-of-for-each", "/console/clients/scanner%5B%22ams%22%5D", "Scanner gateway Amsterdam"},
	{"create", "/console/apis/new", "Create API"},
	{"create-client", "/console/new-client?api=orders", "Create client"},
	{"authorize", "/console/apis/orders/clients?authorize=mailer", "Orders"},
	{"undo", "/console/undo", "Undo"},
	{"graph", "/console/graph", "Graph"},
	{"keys", "/console/keys", "Signing keys"},
}

// widths are those of a phone, half a screen, a laptop and a desk, in pixels.
var widths = []int{400, 900, 1280, 1600}

// Every page, wide and narrow, light and dark.
func TestPages(t *testing.T) {
	t.Parallel()
	half := (len(pages) + 1) / 2 // each with a console of its own, side by side
	for i, some := range [][]page{pages[:half], pages[half:]} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			b := open(t, dev(t, copied(t, "examples/platform", nil)).origin)
			for _, p := range some {
				b.width(400) // what a script does when the page opens, it does on a phone
				b.visit(p.path)
				if got := script[string](b, `document.querySelector("h1").textContent`); got != p.heading {
					t.Errorf("%s: heading %q, want %q", p.path, got, p.heading)
				}
				b.everywhere(p.name)
			}
		})
	}
}

// The lists with one API and with 500. The example has twenty.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 500} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			b := open(t, dev(t, copied(t, "", map[string]string{"main.hcl": fmt.Sprintf(`
issuer { url = "https://auth.example.com/" }
api "service" {
  for_each   = toset([for n in range(%d) : "n${n}"])
  name       = "Service ${each.key}"
  identifier = "https://api.example.com/${each.key}/"
  metadata   = { owner = "team-${each.key}" }
  scope "read" { description = "Read" }
}
client "worker" {
  for_each = toset([for n in range(%[1]d) : "n${n}"])
  name      = "Worker ${each.key}"
  client_id = "worker-${each.key}"
  secret "a" { hash = "sha256:shKULOV9Znj5HQnb8f63NlqWZ1Y2GxG22T-vCg1suCQ" }
}
authorization "all" {
  for_each = toset([for n in range(%[1]d) : "n${n}"])
  client   = client.worker[each.key]
  api      = api.service["n0"]
  scopes   = ["read"]
}
`, n)})).origin)
			for name, path := range map[string]string{
				"apis": "/console/", "clients": "/console/clients", "clients-of-api": "/console/apis/service%5B%22n0%22%5D/clients", "graph": "/console/graph",
			} {
				for _, width := range widths {
					if n > 1 && width != 400 && width != 1280 && !soak {
						continue // axe takes seconds for a hundred rows, which are all alike
					}
					b.width(width)
					b.light()
					b.visit(path)
					at := fmt.Sprintf("%s-of-%d-%d", name, n, width)
					b.ours(at)
					if n == 1 || width == 1280 || soak {
						b.stranger(at)
					}
					b.shoot(at)
					if n == 1 || soak {
						b.dark()
						b.audit(at + "-dark")
					}
				}
			}
		})
	}
}

// Tabs are links with their own address, and arrow keys move among them.
func TestTabs(t *testing.T) {
	t.Parallel()
	b := open(t, dev(t, copied(t, "examples/platform", nil)).origin)
	b.visit("/console/apis/orders")
	for _, want := range []string{"settings", "scopes", "clients", "test", "quickstart"} {
		b.do(click("#tab-" + want))
		b.wait(fmt.Sprintf(`document.querySelector("#tab-%s").getAttribute("aria-selected") === "true"`, want))
		if got := script[int](b, `document.querySelectorAll('[role=tab][aria-selected=true]').length`); got != 1 {
			t.Errorf("%s: %d tabs are selected", want, got)
		}
		if path := script[string](b, `location.pathname`); want != "quickstart" && !strings.HasSuffix(path, "/"+want) {
			t.Errorf("%s is at %s", want, path)
		}
		if got := script[string](b, `document.querySelector("[role=tabpanel]").getAttribute("aria-labelledby")`); got != "tab-"+want {
			t.Errorf("the panel is that of %s", got)
		}
	}
}

// Names that are markup stay words, and nothing of them runs.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	dir := copied(t, "", map[string]string{"main.hcl": `
issuer { url = "https://auth.example.com/" }
api "orders" {
  name       = "Orders \" onload=alert(1) & 'x' {{.}} $${x}"
  identifier = "https://api.example.com/<script>document.title='owned'</script>/\"'"
  scope "<img/src=x/onerror=document.title='owned'>" { description = "</td><script>document.title='owned'</script>" }
  metadata = { owner = "</code><script>document.title='owned'</script>" }
}
api "orders_v1" {
  identifier    = "https://api.example.com/<script>document.title='owned'</script>/\"'/"
  distinct_from = [api.orders]
}
client "billing" {
  name = "& \"' &lt;/title&gt;"
  secret "a" {
    hash       = "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"
    expires_at = "2020-01-01T00:00:00Z"
  }
}
authorization "billing-orders" {
  client = client.billing
  api    = api.orders
  scopes = api.orders.scopes
  claims = { "https://example.com/x" = "</pre><script>document.title='owned'</script>" }
}
authorization "billing-orders-users" {
  client         = client.billing
  api            = api.orders
  scopes         = []
  subject_type   = "user"
  subject_claims = { groups = "<b>finance</b>" }
}
`})
	b := open(t, writd(t, dir).origin)
	for _, path := range []string{
		"/console/", "/console/?q=%3Cscript%3E", "/console/apis/orders", "/console/apis/orders/settings", "/console/apis/orders/scopes",
		"/console/apis/orders/clients", "/console/apis/orders/test", "/console/clients", "/console/clients/billing", "/console/graph", "/console/apis/orders_v1/settings",
	} {
		b.width(400)
		b.visit(path)
		b.audit(path)
		if title := script[string](b, `document.title`); !strings.HasSuffix(title, "· writ") {
			t.Errorf("%s: title %q", path, title)
		}
		if n := script[int](b, `document.querySelectorAll("script:not([src^='/console/assets/'])").length`); n != 0 {
			t.Errorf("%s: %d scripts", path, n)
		}
	}
	b.visit("/console/apis/orders_v1/settings")
	b.text("differs by a trailing slash")
	if n := script[int](b, `document.querySelectorAll(".title mark.slash").length`); n != 1 {
		t.Errorf("the trailing slash is marked %d times", n)
	}
	b.visit("/console/clients/billing")
	b.text("Nothing authenticates this client now")
	b.text("expired")
	b.visit("/console/apis/orders/clients")
	b.text("<b>finance</b>")
}

// Names as long as the language takes them, and from right to left, push nothing off the page.
func TestLongNames(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("W", n) }
	b := open(t, dev(t, copied(t, "", map[string]string{"main.hcl": fmt.Sprintf(`
issuer { url = "https://auth.example.com/" }
api "orders" {
  name       = "%s"
  identifier = "https://api.example.com/%s/"
  metadata   = { owner = "%s" }
  scope "%s" { description = "%s" }
}
api "rtl" {
  name       = "הזמנות של הלקוחות (Orders) طلبات"
  identifier = "urn:rtl"
  metadata   = { owner = "צוות" }
}
client "billing" {
  name      = "%s"
  client_id = "%s"
  secret "%s" { hash = "env:S" }
  certificate "c" { san_dns = "%s.example.com" }
}
client "rtl" {
  name = "خدمة الفوترة"
  secret "s" { hash = "env:S" }
}
authorization "long" {
  client = client.billing
  api    = api.orders
  scopes = api.orders.scopes
}
authorization "rtl" {
  client = client.rtl
  api    = api.rtl
  scopes = []
}
`, long(200), long(560), long(200), long(128), long(200), long(200), long(128), long(60), long(60))})).origin)
	for _, width := range []int{400, 900, 1280} {
		b.width(width)
		for _, path := range []string{
			"/console/", "/console/apis/orders", "/console/apis/orders/settings", "/console/apis/orders/scopes", "/console/apis/orders/clients", "/console/apis/rtl",
			"/console/clients", "/console/clients/billing", "/console/clients/rtl", "/console/graph",
		} {
			b.visit(path)
			name := fmt.Sprintf("long%s-%d", strings.ReplaceAll(strings.TrimPrefix(path, "/console"), "/", "-"), width)
			b.ours(name)
			if width == 400 || soak { // what is wide at a laptop's width are the same elements
				b.stranger(name)
			}
			b.shoot(name)
		}
	}
}

// The end of an identifier, which tells one API from another, is in sight at each width, and
// what is selected is the identifier and nothing else.
func TestIdentifiers(t *testing.T) {
	t.Parallel()
	b := open(t, console(t, copied(t, "examples/platform", map[string]string{"more.hcl": `
api "europe" {
  identifier = "https://api.dev.example.com/warehouses/of/a/long/path/europe"
  metadata   = { owner = "logistics@example.com" }
}
api "asia" {
  identifier = "https://api.dev.example.com/warehouses/of/a/long/path/asia/"
  metadata   = { owner = "logistics@example.com" }
}
`})).origin)
	for _, width := range widths {
		b.width(width)
		b.visit("/console/")
		if n := script[int](b, `document.querySelectorAll("td.wide .id").length`); n != 22 {
			t.Fatalf("%d identifiers", n)
		}
		for _, offence := range script[[]string](b, `[...document.querySelectorAll("td.wide .id")].flatMap((id) => {
			const cell = id.closest("td"), end = document.createRange(), offences = [];
			end.setStartAfter(id.querySelector(".head"));
			end.setEndAfter(id.querySelector(".slash") ?? id.lastChild);
			const { left, right } = end.getBoundingClientRect(), { left: from, right: to } = cell.getBoundingClientRect();
			if (right <= left || left < from || right > to + 0.5) offences.push(cell.title + " ends at " + right + " in a cell that ends at " + to);
			getSelection().selectAllChildren(id);
			if (getSelection().toString() !== cell.title) offences.push(cell.title + " is copied as " + JSON.stringify(getSelection().toString()));
			return offences;
		})`) {
			t.Errorf("at %d: %s", width, offence)
		}
	}
}
