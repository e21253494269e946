package console

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// From an empty folder, with the page alone, as somebody who knows a dashboard: an issuer, an
// API, a client with a secret, a token, less of it, the way back, a second API, and a client
// with a key, whose private half makes the last token. With "writ dev" and, without tokens,
// with "writ console DIR".
func TestWalk(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"dev", "console"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			p := &process{dir: t.TempDir()}
			p.start(t, "writ", command, "--listen", "127.0.0.1:0", p.dir)
			p.address(t)
			w := &walk{tab: open(t, p.origin), t: t, name: command, dir: p.dir}
			w.width(1280)
			w.take(command == "dev")
		})
	}
}

// A walk is a journey that keeps a picture of each step.
type walk struct {
	*tab
	t         *testing.T
	name, dir string
	steps     int
}

// step audits the page and keeps its picture. axe looks at the pages of "writ dev", and of
// "writ console" at those that are other ones.
func (w *walk) step(name string) {
	w.t.Helper()
	w.steps++
	w.ours(w.name + ": " + name)
	if w.name == "dev" || name == "token" || name == "keyed" || soak {
		w.stranger(w.name + ": " + name)
	}
	w.shoot(fmt.Sprintf("walk-%s-%02d-%s", w.name, w.steps, name))
}

// written clicks the button that writes, once it is there.
func (w *walk) written() {
	w.t.Helper()
	w.wait(`document.querySelector("#write")`)
	w.do(click("#write"))
	w.text("written to")
}

// take takes all steps; serves says that there is a server to ask for tokens.
func (w *walk) take(serves bool) {
	w.visit("/console/")
	w.text("Nothing is declared here yet")
	if script[bool](w.tab, `document.body.innerText.includes("Cancel")`) {
		w.t.Error("there is a way back to nowhere")
	}
	w.step("begin")
	w.written()
	w.wait(`location.pathname === "/console/apis/new"`)
	w.step("first-api")
	w.do(write("#name", "Orders"), write("#new-identifier", "https://api.example.com/orders"))
	w.do(write("[name=scope_name]", "read:orders"), write("[name=scope_description]", "Read orders"))
	w.wait(`document.querySelectorAll("[name=scope_name]").length === 2`)
	w.do(write("[data-row]:last-child [name=scope_name]", "write:orders"))
	w.wait(`document.querySelector(".diff")?.textContent.includes("write:orders")`)
	w.step("api-typed")
	w.written()
	w.wait(`location.pathname === "/console/apis/orders/clients"`)
	w.step("api-written")

	// The rail says what comes next; nobody is there to be authorized yet.
	w.do(click(`a[href^="/console/new-client?api=orders"]`))
	w.do(write("#name", "Billing worker"), click("#scope-0"), click("#scope-1"))
	w.wait(`document.querySelector(".diff")?.textContent.includes("write:orders")`)
	w.step("client-typed")
	w.do(click("#write"))
	w.text("shown only now")
	w.step("secret")
	w.do(click(`a.button[href*="/test?client=billing-worker"]`))
	if serves {
		w.text("Billing worker may read:orders, write:orders on Orders until")
	} else {
		w.text("There is no server to ask here")
	}
	w.step("token")

	// Less: write:orders is taken away.
	w.do(click("#tab-clients"))
	w.wait(`document.querySelector("#tab-clients").ariaSelected === "true"`)
	w.do(click(`a[href*="?change="]`))
	w.wait(`document.querySelector("#scope-1")`)
	w.do(click("#scope-1"))
	w.text("may no longer write:orders on api.orders")
	w.step("narrowed")
	w.written()
	if serves {
		w.visit("/console/apis/orders/test?client=billing-worker")
		w.text("Billing worker may read:orders on Orders until")
		w.step("narrowed-token")
		w.visit("/console/apis/orders/test?client=billing-worker&further=write%3Aorders")
		w.text("scopes that the authorization does not grant")
		w.text("Change authorization.billing-worker-orders")
		w.step("refused")
	}

	// And back.
	w.visit("/console/undo")
	w.step("undo")
	w.do(click("#write"))
	w.wait(`location.search.startsWith("?done=")`)
	if content, err := os.ReadFile(filepath.Join(w.dir, "billing-worker.hcl")); err != nil || !strings.Contains(string(content), `"write:orders"]`) {
		w.t.Errorf("it was not taken back: %v\n%s", err, content)
	}

	// A second API, and a client with a key for it.
	w.visit("/console/apis/new")
	w.do(write("#name", "Invoices"), write("#new-identifier", "https://api.example.com/invoices"))
	w.written()
	w.visit("/console/new-client?api=invoices")
	w.do(write("#name", "Printer"), click("#with-key"))
	w.wait(`document.querySelector("#public-key").checkVisibility()`)
	w.step("client-with-key")
	private, public := w.keyPair()
	w.do(fill("#public-key", private))
	w.text("is a private key")
	w.step("private-key-pasted")
	w.do(fill("#public-key", public))
	w.wait(`document.querySelector(".diff")?.textContent.includes("BEGIN PUBLIC KEY")`)
	w.step("public-key-pasted")
	w.written()
	w.wait(`location.pathname === "/console/apis/invoices/test"`)
	w.step("keyed")
	if !serves {
		return
	}
	file := filepath.Join(w.dir, "..", "key.pem")
	if err := os.WriteFile(file, []byte(private), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.do(click("details:has(#key) summary"))
	w.do(chromedp.SetUploadFiles(chromedp.CSS("#key"), []string{file}))
	w.step("key-chosen")
	w.do(click("details:has(#key) form .button"))
	w.wait(`location.hash === "#answer"`)
	w.text("Printer may call Invoices, with no scope, until")
	w.step("key-token")
	html := script[string](w.tab, `document.documentElement.outerHTML + location.href + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)`)
	for line := range strings.Lines(private) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "---") && len(line) > 20 && strings.Contains(html, line) {
			w.t.Error("the private key is in the page")
		}
	}
}

// keyPair makes a key as the page's hint says.
func (w *walk) keyPair() (private, public string) {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "key.pem")
	run := func(args ...string) string {
		out, err := exec.Command("openssl", args...).CombinedOutput()
		if err != nil {
			w.t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("genpkey", "-algorithm", "ed25519", "-out", file)
	content, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(content), run("pkey", "-in", file, "-pubout")
}
