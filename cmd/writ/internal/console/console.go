// Package console serves pages for people: the APIs, clients, authorizations and keys of a
// configuration or a running server, code that validates an API's tokens, a form that
// asks for a token, and a form that writes the block of a new API.
//
// It owns pages, forms and their styles. It asks for the state once for each page and
// changes nothing: not the snapshot, not the keys, and files only through an Editor, for
// who has opened the address with the key. A secret that is typed into it, or a key that is
// chosen, goes into one token request and nowhere else, and a secret that it makes is on one
// page and nowhere else.
//
// It answers requests for an address or for localhost only, which keeps out DNS rebinding. A
// request that changes something or carries a secret must come from a page of its own.
package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/usage"
	"github.com/writ-auth/writ/schema/snapshot"
)

// This file answers requests: who may ask, which page an address is, and the files that
// pages load. What pages share is in page.go, the key and the events in live.go.

// Path is where the console is, on whichever listener it is put.
const Path = "/console/"

// Holds reports whether an address is the console's to answer. The path is compared as it
// was sent: one that is escaped in another way is none of the console's.
func Holds(u *url.URL) bool {
	path := u.EscapedPath()
	return path+"/" == Path || strings.HasPrefix(path, Path)
}

// Options say what the console shows and what it may do.
type Options struct {
	// State is asked once for each page.
	State func() State
	// Tokens is the handler that the Test view asks for tokens, at /oauth/token. Nil: there
	// is no server, and pages show what is declared.
	Tokens http.Handler
	// Certificates says why Tokens cannot show the token endpoint a client's certificate, with
	// which the request's context comes (ClientCertificate), and "" where it can: of one that
	// is known by its names a CA has to vouch for it. Nil: it can show none.
	Certificates func(byName bool) (obstacle string)
	// Editor compiles changes of the configuration, and with Writable writes them. Nil: forms
	// give HCL to copy that nothing has compiled.
	Editor   Editor
	Writable bool
	// Locked keeps pages read-only for who has not opened Console.Address, whose key works
	// once. Announce is called when a used key comes again and there is a new address.
	Locked   bool
	Announce func()
	// Secret is accepted of every client that may have one: of a server that makes one up. It
	// is used for who may write, and shown to nobody. "": it has to be typed.
	Secret string
	// NewSecret makes a client secret, and its hash as the configuration has it.
	NewSecret func() (secret, hash string, err error)
	// Declared says where the object at an address is written. Nil: the files are not at
	// hand, and pages show the places that the snapshot has.
	Declared func(address string) Declaration
	// Changes says what the files change. Nil: there are none.
	Changes Comparer
	// Live tells of changes. Nil: pages do not follow them.
	Live *Live
}

// A State is what is being served at one moment.
type State struct {
	Now      time.Time
	Snapshot *snapshot.Snapshot // nil: none yet
	Digest   string
	Serial   uint64
	Revision string
	Since    time.Time  // when the snapshot was put in force
	Stale    bool       // past its not_after
	Rejected *Rejection // nil: the last one offered is in force
	Problems []Problem
	Keys     []Key
	// NextRotation is when another key begins to sign for some algorithm; zero when none is
	// known to.
	NextRotation time.Time
	Blank        bool // nothing is declared yet, and so there is no snapshot

	Usage        *usage.File // what was issued, of the audit lines; nil: nobody has folded them
	UsageProblem string      // why it cannot be shown, "" for nothing

	// Verify checks the signature of a token, and names the key by its kid: "" for
	// the shared secret of an HS256 API.
	Verify func(token string) (kid string, err error)
	// Explain says why a request of the client for itself is refused, with a reason
	// of package decide, and what the audit line adds to it.
	Explain func(clientID, audience, scope string) (reason, detail string)
}

// A Rejection is the last configuration that was not put in force, and why.
type Rejection struct {
	Digest string // "" when it could not be read
	Reason string
	At     time.Time
}

// A Problem is one object that cannot be served.
type Problem struct{ Address, Reason string }

// A Key is one signing key.
type Key struct {
	KID, Alg    string
	State       string // announced, signing, retiring or retired
	ActivatesAt time.Time
	RetiresAt   time.Time
	JWK         []byte // nil when it is not published
}

//go:embed templates assets
var files embed.FS

// A Console answers everything below Path. It is safe for concurrent use.
type Console struct {
	opts      Options
	templates templates
	assets    map[string]asset
	version   string // of the assets, so that browsers keep them
	lock      *lock  // nil: who sees the pages may write
	progress  progress
}

// New makes a console. It parses all templates, so that a mistake in one is found at the
// start and not by the first reader of the page.
func New(opts Options) *Console {
	c := &Console{opts: opts, assets: map[string]asset{}}
	if opts.Locked {
		c.lock = newLock()
	}
	// The version is of all assets together. One that changes has browsers fetch each once
	// more, which on loopback costs nothing, and none is ever used with the pages of
	// another build.
	all := sha256.New()
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		panic(err) // they are in the program
	}
	for _, entry := range entries {
		body, err := fs.ReadFile(files, "assets/"+entry.Name())
		if err != nil {
			panic(err)
		}
		all.Write(body)
		c.assets[entry.Name()] = newAsset(entry.Name(), body)
	}
	c.version = hex.EncodeToString(all.Sum(nil)[:6])
	c.templates = parseTemplates(c.version)
	return c
}

// policy is the Content-Security-Policy of every answer. A page loads only what the console
// serves, no inline script or style takes effect, and no page may frame it.
const policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// ServeHTTP answers one request below Path. Who sent it is checked before anything else:
// the host, the origin, and of a POST that one of the console's own pages sent it. Headers
// are set before, so that a refusal has them too.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, browsers leave the Origin out of our own forms
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch {
	case !sameSite(r):
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
	case r.Method != http.MethodPost:
		h.Set("Allow", "GET, HEAD, POST")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	case !ownPage(r):
		http.Error(w, "forbidden: not sent by a page of this console", http.StatusForbidden)
		return
	}
	path := r.URL.EscapedPath()
	if path+"/" == Path {
		http.Redirect(w, r, Path, http.StatusMovedPermanently)
		return
	}
	if name, ok := strings.CutPrefix(path, Path+"assets/"); ok {
		c.writeAsset(w, r, name)
		return
	}
	// A key in the address is taken out of it at once, so that it stays in no history and
	// no Referer.
	if key := r.URL.Query().Get("key"); key != "" && r.Method != http.MethodPost {
		c.unlock(w, r, key)
		return
	}
	if path == Path+"events" {
		c.events(w, r)
		return
	}
	c.servePage(w, r, strings.TrimPrefix(path, Path))
}

// sameSite reports whether the request cannot have been sent by a browser on behalf of another
// site. The Host must be an address or localhost, as DNS rebinding needs another name. An
// Origin must be that of the Host.
func sameSite(r *http.Request) bool {
	host := (&url.URL{Host: r.Host}).Hostname()
	if net.ParseIP(host) == nil && !strings.EqualFold(host, "localhost") {
		return false
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || !strings.EqualFold(u.Host, r.Host) {
			return false
		}
	}
	return true
}

// ownPage reports whether a browser says that a page of this origin sent the request. A
// request without either header comes from no form and is refused. sameSite has checked
// the Origin.
func ownPage(r *http.Request) bool {
	return r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") == "same-origin"
}

// servePage finds the page of a path and serves it. The path is split before its segments
// are decoded: a label may hold a slash. Without a snapshot there are only the pages that
// need none.
func (c *Console) servePage(w http.ResponseWriter, r *http.Request, path string) {
	p := &page{console: c, w: w, r: r, state: c.opts.State(), trusted: c.trusted(r)}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		var err error
		if segments[i], err = url.PathUnescape(segment); err != nil {
			p.notFound("There is no such page.", "")
			return
		}
	}
	// Which page it is comes first, and whether there is anything to show on it second: an
	// address that no page has is 404 while nothing compiles, too.
	serve := p.find(segments)
	switch {
	case serve == nil:
		p.notFound("There is no such page.", "")
	case p.state.Snapshot == nil && p.state.Blank && p.console.opts.Writable:
		p.start()
	case p.state.Snapshot == nil && segments[0] != "keys" && segments[0] != "search":
		p.empty()
	default:
		serve()
	}
}

// find returns the page of a path, nil for none. It is the whole list of pages.
func (p *page) find(segments []string) func() {
	post := p.r.Method == http.MethodPost
	at := func(i int) string {
		if i < len(segments) {
			return segments[i]
		}
		return ""
	}
	switch n := len(segments); {
	case n == 1 && at(0) == "start" && post:
		return p.start
	case n == 1 && at(0) == "" && !post:
		return p.apis
	case n == 1 && at(0) == "clients" && !post:
		return p.clients
	case n == 1 && at(0) == "search" && !post:
		return p.searchAll
	case n == 1 && at(0) == "changes" && !post:
		return p.changes
	case n == 1 && at(0) == "graph" && !post:
		return p.graph
	case n == 1 && at(0) == "keys" && !post:
		return p.keys
	case n == 2 && at(0) == "keys" && !post:
		return func() { p.key(at(1)) }
	// The form has the address of an API with the label "new", which apiURL therefore gives
	// another.
	case n == 2 && at(0) == "apis" && at(1) == "new":
		return p.create
	case n == 1 && at(0) == "new-client":
		return p.createClient
	case n == 1 && at(0) == "undo":
		return p.undo
	case n == 2 && at(0) == "clients" && !post:
		return func() { p.client(at(1)) }
	case (n == 2 || n == 3) && at(0) == "apis":
		return p.findTab(at(1), at(2), post)
	}
	return nil
}

// findTab is the list of an API's views. Only Test and Machine to Machine have forms.
func (p *page) findTab(label, tab string, post bool) func() {
	views := map[string]func(apiView, snapshot.API){"quickstart": p.quickstart, "settings": p.settings, "scopes": p.scopes, "clients": p.access}
	show := views[tab]
	switch {
	case tab == "":
		tab, show = "quickstart", p.quickstart
	case tab == "test":
		show = p.test
	}
	if show == nil || post && tab != "test" && tab != "clients" {
		return nil
	}
	return func() {
		api, ok := p.state.Snapshot.APIByLabel(label)
		if !ok {
			p.unknownAPI(label)
			return
		}
		show(p.newAPIView(api, tab), api)
	}
}

// An asset is a stylesheet, a script or an image of the console.
type asset struct {
	kind string
	etag string
	body []byte
}

// newAsset prepares a file with an ETag of its content; kinds are those that assets has.
func newAsset(name string, body []byte) asset {
	kind := "text/css; charset=utf-8"
	switch {
	case strings.HasSuffix(name, ".js"):
		kind = "text/javascript; charset=utf-8"
	case strings.HasSuffix(name, ".svg"):
		kind = "image/svg+xml"
	}
	sum := sha256.Sum256(body)
	return asset{kind: kind, etag: `"` + hex.EncodeToString(sum[:8]) + `"`, body: body}
}

// writeAsset answers with an asset. Its address carries a version, so that browsers may keep
// it for a day. Assets say nothing of the configuration, and need neither key nor cookie.
func (c *Console) writeAsset(w http.ResponseWriter, r *http.Request, name string) {
	a, ok := c.assets[name]
	if !ok || r.Method == http.MethodPost {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("ETag", a.etag)
	h.Set("Cache-Control", "private, max-age=86400")
	if r.Header.Get("If-None-Match") == a.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if r.Method != http.MethodHead {
		w.Write(a.body)
	}
}
