package console_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/decide"
)

const origin = "http://127.0.0.1:8081"

// noon is the clock of the tests.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// document is a small configuration with something of everything.
func document() *schema.Document {
	past, later := noon.Add(-time.Hour).Unix(), noon.Add(time.Hour).Unix()
	secret := schema.Secret{Label: "a", Hash: "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"}
	old, next := secret, secret
	old.Label, old.Window.ExpiresAt = "old", past
	next.Label, next.Window.NotBefore = "next", later
	client := func(label string, secrets ...schema.Secret) schema.Client {
		return schema.Client{Label: label, Name: "The " + label, ClientID: label, GrantTypes: []string{schema.GrantClientCredentials}, Secrets: secrets}
	}
	api := func(label, identifier string, scopes ...string) schema.API {
		a := schema.API{
			Label: label, Name: "The " + label, Identifier: identifier, Profile: schema.ProfileRFC9068, Alg: schema.RS256,
			TokenLifetime: 24 * 3600, ScopeMode: schema.ScopeNarrow,
		}
		for _, name := range scopes {
			a.Scopes = append(a.Scopes, schema.Scope{Name: name, Description: "May " + name})
		}
		return a
	}
	shared := api("shared", "https://api.example.com/shared")
	shared.Alg, shared.SigningSecret, shared.TokenLifetime = schema.HS256, "env:SHARED", 600
	auth := func(client, api string, scopes ...string) schema.Authorization {
		return schema.Authorization{Label: client + "-" + api, Client: client, API: api, SubjectType: schema.SubjectClient, Scopes: scopes}
	}
	ended := auth("late", "orders")
	ended.ExpiresAt = past
	users := auth("web", "orders", "read:orders")
	users.CopyClaims = []string{"email"}
	users.SubjectType, users.SubjectClaims, users.Claims = schema.SubjectUser, `{"groups":"finance"}`, `{"https://example.com/team":"web"}`
	locked := client("locked", old)
	locked.RefreshToken = &schema.RefreshToken{Rotation: schema.RotationRotating, Lifetime: 30 * 24 * 3600, IdleLifetime: 3600}
	keyed := client("keyed")
	keyed.PublicKeys = []schema.PublicKey{{Label: "k", JWKS: `{"keys":[{"alg":"EdDSA","crv":"Ed25519","kid":"one","kty":"OKP","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`}}
	keyed.Certificates = []schema.Certificate{{Label: "c", SANDNS: "keyed.example.com"}}
	return &schema.Document{
		Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix, Environment: "prod"},
		APIs: []schema.API{
			api("new", "urn:example:new"), api("orders", "https://api.example.com/orders", "read:orders", "write:orders"),
			api("orders_v1", "https://api.example.com/orders/"), shared, api(`worker["a/b"]`, "https://api.example.com/worker"),
		},
		Clients: []schema.Client{client("billing", old, secret, next), keyed, client("late", secret), locked, client("web", secret)},
		Authorizations: []schema.Authorization{
			auth("billing", "orders", "read:orders", "write:orders"), auth("billing", "shared"), auth("keyed", "orders"), ended, auth("locked", "orders"), users,
		},
	}
}

// open makes a snapshot of a document.
func open(t testing.TB, doc *schema.Document) *snapshot.Snapshot {
	t.Helper()
	return openAt(t, doc, func(kind snapshot.Kind, label string) (string, int, bool) {
		return "dir/" + string(kind) + ".hcl", 7, label != "new"
	})
}

// openAt is open with the place of each block.
func openAt(t testing.TB, doc *schema.Document, place func(kind snapshot.Kind, label string) (string, int, bool)) *snapshot.Snapshot {
	t.Helper()
	slices.SortFunc(doc.APIs, func(a, b schema.API) int { return strings.Compare(a.Label, b.Label) })
	slices.SortFunc(doc.Clients, func(a, b schema.Client) int { return strings.Compare(a.Label, b.Label) })
	slices.SortFunc(doc.Authorizations, func(a, b schema.Authorization) int { return strings.Compare(a.Label, b.Label) })
	body, err := snapshot.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := snapshot.NewSources(body, place)
	if err != nil {
		t.Fatal(err)
	}
	env := snapshot.Envelope{Serial: 3, Revision: "abc123"}
	env.Bind(body, sources)
	file, err := snapshot.Marshal(env, body, sources)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// state is a server's that serves the document.
func state(t testing.TB, doc *schema.Document) console.State {
	snap := open(t, doc)
	return console.State{
		Now: noon, Snapshot: snap, Digest: snap.Envelope().Digest, Serial: 3, Revision: "abc123", Since: noon.Add(-3 * time.Hour),
		Verify: func(string) (string, error) { return "", errors.New("not signed here") },
		Explain: func(clientID, audience, scope string) (string, string) {
			_, refusal := decide.New(snap, decide.Facts{}).Decide(decide.Request{
				ClientID: clientID, GrantType: schema.GrantClientCredentials, Audience: audience, Scope: scope,
			}, noon)
			if refusal == nil {
				return string(decide.ReasonGranted), ""
			}
			return string(refusal.Reason), refusal.Detail
		},
	}
}

// An editor is a compiler that takes everything, unless it is told otherwise.
type editor struct {
	outcome console.Outcome // of every change
	hints   console.Hints
	tried   []console.Change
	wrote   []console.Change
}

func (e *editor) Try(c console.Change) console.Outcome {
	e.tried = append(e.tried, c)
	return e.outcome
}

func (e *editor) Write(c console.Change, seen string) console.Outcome {
	out := e.outcome
	if seen == out.Seen && out.OK {
		e.wrote = append(e.wrote, c)
		out.ID = len(e.wrote)
	}
	return out
}

func (e *editor) Written() (all []console.Written) {
	for i, c := range e.wrote {
		all = append([]console.Written{{ID: i + 1, Title: c.Title, Files: []string{c.Edits[0].File}}}, all...)
	}
	return all
}

func (e *editor) Undone(id int) console.Outcome { return e.outcome }
func (e *editor) Undo(id int) console.Outcome {
	out := e.outcome
	out.ID = id
	return out
}
func (e *editor) Hints() console.Hints { return e.hints }

// A site is a console and what it was told.
type site struct {
	handler http.Handler
	state   console.State
	tokens  http.HandlerFunc
	editor  *editor // nil: the pages change nothing
	pages   *console.Console
	cookies []*http.Cookie
	asked   int // how often the state was asked for
}

func newSite(t testing.TB, doc *schema.Document, writable bool) *site {
	return newSiteWith(t, doc, func(opts *console.Options) { opts.Writable = writable })
}

// newSiteWith is newSite with other options.
func newSiteWith(t testing.TB, doc *schema.Document, change func(*console.Options)) *site {
	s := &site{}
	if doc != nil {
		s.state = state(t, doc)
	} else {
		s.state = console.State{Now: noon}
	}
	opts := console.Options{
		State:  func() console.State { s.asked++; return s.state },
		Tokens: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.tokens(w, r) }),
	}
	change(&opts)
	if opts.Writable {
		s.editor = &editor{outcome: console.Outcome{OK: true, Seen: "as it was"}}
		opts.Editor, opts.NewSecret = s.editor, func() (string, string, error) { return madeSecret, "sha256:of-it", nil }
	}
	s.pages = console.New(opts)
	s.handler = s.pages
	return s
}

// madeSecret is what a new client's secret is in the tests.
const madeSecret = "s3cr3t-made-here"

func (s *site) do(r *http.Request) *httptest.ResponseRecorder {
	for _, c := range s.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func (s *site) get(path string) *httptest.ResponseRecorder {
	return s.do(httptest.NewRequest(http.MethodGet, origin+path, nil))
}

// page gets a page that must be there.
func (s *site) page(t testing.TB, path string) string {
	t.Helper()
	w := s.get(path)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// post sends a form as one of the console's own pages does.
func (s *site) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, origin+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	return s.do(r)
}

// answering is a token endpoint that always says the same.
func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}
