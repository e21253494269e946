package server_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/remedy"
)

// asked is what the admin handler answers.
func asked(t *testing.T, s *server.Server, path string) result {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "localhost"
	return do(t, s.Admin(), r)
}

// twoAlgorithms is the document with a second API that is signed with a secret, and so
// without a key of the folder.
func twoAlgorithms() *schema.Document {
	doc := document()
	second := doc.APIs[0]
	second.Label, second.Identifier, second.Alg, second.SigningSecret = "stock", "https://api.example.com/stock", schema.HS256, "env:STOCK"
	doc.APIs = append(doc.APIs, second)
	return doc
}

func stockSecret(name string) string {
	return map[string]string{"STOCK": strings.Repeat("s", 32)}[name]
}

// While an algorithm in use has no key at the first activation, the server is not ready
// though other APIs have their tokens, and says what to do. It heals by itself. From then
// on the last good state counts.
func TestNotReadyWithoutKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	s, log := serving(t, twoAlgorithms(), server.Options{Keys: server.KeyOptions{Folder: dir}, Getenv: stockSecret})
	command := fmt.Sprintf("mkdir -m 700 %s && chown %d %s", dir, os.Getuid(), dir)
	if res := asked(t, s, "/readyz"); res.status != 503 || res.raw != "{\"ready\":false}\n" {
		t.Errorf("%d %s", res.status, res.raw)
	}
	verbose := asked(t, s, "/readyz?verbose")
	want := "[+]snapshot ok\n[-]signing-keys no key signs with RS256: signing_alg RS256: open " + dir + ": no such file or directory; to mend it: " + command +
		"\n[+]shutdown ok\nreadyz check failed\n"
	if verbose.status != 503 || verbose.raw != want {
		t.Errorf("%d %s\nwant %s", verbose.status, verbose.raw, want)
	}
	if !strings.Contains(log.String(), `"msg":"not ready"`) || !strings.Contains(log.String(), "mkdir -m 700") {
		t.Errorf("the log does not say so: %s", log)
	}
	metrics := scrape(t, s)
	for _, want := range []string{
		`writ_ready 0`, `writ_objects_not_served{kind="api"} 1`, `writ_objects_not_served{kind="client"} 0`,
		`writ_signing_algorithm_usable{alg="RS256"} 0`, `writ_signing_algorithm_usable{alg="HS256"} 1`,
	} {
		if !strings.Contains(metrics, "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if res := do(t, s.Public(), post(form("audience", "https://api.example.com/stock"))); res.status == 503 {
		t.Errorf("the other API: %d %s", res.status, res.raw)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s.Active().Keys().Maintain(t.Context(), time.Now()) // as is done every few seconds
	if res := asked(t, s, "/readyz?verbose"); res.status != 200 || res.raw != "[+]snapshot ok\n[+]signing-keys ok\n[+]shutdown ok\nreadyz check passed\n" {
		t.Errorf("with the folder: %d %s", res.status, res.raw)
	}
	issued(t, s)

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	doc := twoAlgorithms()
	third := doc.APIs[0]
	third.Label, third.Identifier, third.Alg = "ware", "https://api.example.com/ware", schema.ES256
	doc.APIs = append(doc.APIs, third)
	if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 2})); err != nil {
		t.Fatal(err)
	}
	if res := asked(t, s, "/readyz"); res.status != 200 {
		t.Errorf("a key that is missing later: %d, and it is an outage", res.status)
	}
	if metrics := scrape(t, s); !strings.Contains(metrics, "\nwrit_signing_algorithm_usable{alg=\"ES256\"} 0\n") {
		t.Errorf("it is not told: %s", metrics)
	}
}

// A declared key that signs later makes the server ready later.
func TestReadyWhenKeyIsActive(t *testing.T) {
	dir := t.TempDir()
	writeKey(t, dir, "ed.pem")
	doc := fast()
	doc.SigningKeys = []schema.SigningKey{{Label: "a", Alg: schema.EdDSA, PrivateKey: "file:ed.pem", ActivatesAt: noon.Unix() + 60}}
	now := noon
	s, _ := serving(t, doc, server.Options{Keys: server.KeyOptions{Folder: dir}, Now: func() time.Time { return now }})
	if verbose := asked(t, s, "/readyz?verbose"); verbose.status != 503 || !strings.Contains(verbose.raw, "[-]signing-keys no key signs with EdDSA; to mend it: declare a signing_key that is active now\n") {
		t.Errorf("%d %s", verbose.status, verbose.raw)
	}
	if next := s.Status().NextRotation; !next.Equal(noon.Add(time.Minute)) {
		t.Errorf("the next rotation is %v", next)
	}
	now = noon.Add(time.Minute)
	if !s.Status().Ready {
		t.Error("not ready when the key signs")
	}
}

// What is wrong with the snapshot stands in the check of it, with what to do.
func TestReadyzTellsOfSnapshot(t *testing.T) {
	s, _ := newServer(t, server.Options{})
	if res := asked(t, s, "/readyz?verbose"); res.status != 503 || !strings.HasPrefix(res.raw, "[-]snapshot none has been read yet\n") {
		t.Errorf("%d %s", res.status, res.raw)
	}
	if err := s.Activate([]byte("no snapshot")); err == nil {
		t.Fatal("it is put in force")
	}
	if res := asked(t, s, "/readyz?verbose"); !strings.HasPrefix(res.raw, "[-]snapshot not a writ snapshot") || !strings.Contains(res.raw, "; to mend it: put a whole snapshot there") {
		t.Errorf("%d %s", res.status, res.raw)
	}
	if err := s.Activate(file(t, fast(), snapshot.Envelope{Serial: 1})); err != nil {
		t.Fatal(err)
	}
	s.Drain()
	if res := asked(t, s, "/readyz?verbose"); res.status != 503 || !strings.Contains(res.raw, "\n[-]shutdown the server is ending") {
		t.Errorf("%d %s", res.status, res.raw)
	}
}

// /status tells since when and what runs where; the first time that a snapshot was served
// outlives the process.
func TestStatusTellsTimes(t *testing.T) {
	state, made := t.TempDir(), noon.Add(-time.Hour)
	now := noon
	begin := func() *server.Server {
		s, _ := newServer(t, server.Options{State: state, Now: func() time.Time { return now }, Keys: server.KeyOptions{Folder: sharedKeys}})
		if err := s.Activate(file(t, document(), snapshot.Envelope{Serial: 1, Created: made})); err != nil {
			t.Fatal(err)
		}
		return s
	}
	begin()
	now = noon.Add(time.Hour)
	s := begin()
	now = noon.Add(2 * time.Hour)
	status := s.Status()
	if !status.Created.Equal(made) || !status.FirstServed.Equal(noon) || !status.Since.Equal(noon.Add(time.Hour)) || status.Uptime != 3600 || !status.Started.Equal(noon.Add(time.Hour)) {
		t.Errorf("%+v", status)
	}
	if status.Version == "" || !status.NextRotation.After(now) {
		t.Errorf("version %q, next rotation %v", status.Version, status.NextRotation)
	}
	if err := s.Activate(file(t, document(), snapshot.Envelope{Serial: 2})); err != nil {
		t.Fatal(err)
	}
	if first := s.Status().FirstServed; !first.Equal(now) {
		t.Errorf("another snapshot was first served %v", first)
	}
}

// The next rotation is when the next key signs, before that key is made and after.
func TestNextRotation(t *testing.T) {
	now := noon
	s, _ := serving(t, fast(), server.Options{
		Now: func() time.Time { return now }, Keys: server.KeyOptions{Announce: time.Hour, Rotate: 24 * time.Hour},
	})
	signer := func() string {
		for _, key := range s.Status().Keys {
			if key.State == "signing" {
				return key.KID
			}
		}
		return ""
	}
	first, next := signer(), s.Status().NextRotation
	if !next.Equal(noon.Add(24 * time.Hour)) {
		t.Fatalf("the next rotation is %v", next)
	}
	for now.Before(next.Add(-time.Minute)) {
		now = now.Add(time.Minute)
		s.Active().Keys().Maintain(t.Context(), now)
	}
	if at := s.Status().NextRotation; !at.Equal(next) || signer() != first {
		t.Errorf("just before it is %v, and %s signs", at, signer())
	}
	now = next
	if signer() == first || !s.Status().NextRotation.After(now) {
		t.Errorf("%s signs, the next is %v", signer(), s.Status().NextRotation)
	}
}

// Listeners are in /status; SIGTERM, of which the end of the context is what remains
// here, leaves lines of what is being finished and of the end.
func TestListenersAndDrainAreTold(t *testing.T) {
	s, log := serving(t, fast(), server.Options{})
	path := filepath.Join(t.TempDir(), "s")
	public, err := server.Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, server.Listeners{Public: public, Admin: admin}) }()
	conn := dial(t, path)
	body := form().Encode()
	if _, err := fmt.Fprint(conn, head(len(body)), "Expect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer(t, conn) // it is in the handler, which reads
	var told []string
	for _, l := range s.Status().Listeners {
		told = append(told, l.Name+" "+l.Address)
	}
	if !slices.Equal(told, []string{"public unix:" + path, "admin tcp:" + admin.Addr().String()}) {
		t.Errorf("listeners %q", told)
	}
	cancel()
	for !strings.Contains(log.String(), `"msg":"draining"`) { // only then the request may end
		time.Sleep(time.Millisecond)
	}
	if s.Status().Ready {
		t.Error("it drains and is ready")
	}
	if _, err := fmt.Fprint(conn, body); err != nil {
		t.Fatal(err)
	}
	answer(t, conn)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, want := range []string{`"msg":"draining","reason":"context canceled","in_flight":1,"at_most":"20s"`, `"msg":"drained","took":"`, `"cut_off":0`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
}

// An address that cannot be had is named once, with the way out.
func TestListenSaysWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for address, want := range map[string][2]string{
		taken.Addr().String(): {"address already in use", "ss -ltnp 'sport = :" + port + "'"},
		"192.0.2.1:0":         {"cannot assign requested address", "ip address"},
	} {
		_, err := server.Listen(address)
		if err == nil || strings.Count(err.Error(), address) != 1 || !strings.Contains(err.Error(), want[0]) {
			t.Errorf("%v", err)
		}
		if action := remedy.For(err, ""); !strings.Contains(action, want[1]) {
			t.Errorf("%s: %q", address, action)
		}
	}
}

// Every line of level ERROR says under "action" what to do: each call that writes one has
// the attribute.
func TestErrorLinesSayWhatToDo(t *testing.T) {
	calls := 0
	for _, root := range []string{".", "../cmd/writd", "../schema"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() && strings.HasSuffix(path, "test") {
				return filepath.SkipDir // a suite for tests, where Error is testing's
			}
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			parsed, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && logsError(call) {
					calls++
					if !mentions(call, `"action"`) {
						t.Errorf("%s: the line does not say what to do: give it an \"action\"", files.Position(call.Pos()))
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if calls < 10 {
		t.Errorf("only %d calls were found", calls)
	}
}

// logsError reports whether a call writes a line of level ERROR: a method Error that is
// given something, which the one of errors is not, or any call that names the level.
func logsError(call *ast.CallExpr) bool {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	if pkg, ok := method.X.(*ast.Ident); ok && pkg.Name == "http" {
		return false
	}
	switch method.Sel.Name {
	case "Error", "ErrorContext":
		return len(call.Args) > 0
	case "Log", "LogAttrs":
		return mentions(call, "LevelError")
	}
	return false
}

// mentions reports whether the arguments of a call hold a literal or a name.
func mentions(call *ast.CallExpr, text string) (found bool) {
	for _, arg := range call.Args {
		ast.Inspect(arg, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				found = found || n.Value == text
			case *ast.Ident:
				found = found || n.Name == text
			}
			return true
		})
	}
	return found
}
