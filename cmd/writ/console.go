package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/decide"
)

// "writ console": three sources of a state to show, a folder, a snapshot, and a server with
// its snapshot, and the listener. The pages are package console's. "writ dev" shows its own
// state, in devconsole.go.

// consoleListen is the default of --listen: not the ports of a writd on the same machine,
// 8080 and 8081.
const consoleListen = "127.0.0.1:8082"

// consoleFlags are the flags of console.
type consoleFlags struct {
	server, admin, listen string
	noKey                 bool
}

// consoleCommand is "writ console". It serves pages and no tokens; "writ dev" has both.
func consoleCommand() cli.Command {
	flags, o := new(cli.ConfigFlags), &consoleFlags{listen: consoleListen}
	return cli.Command{
		Name: "console", Group: cli.GroupServe, Args: "[DIR|LOCATION]", MaxArgs: 1, Config: flags,
		Summary: "look at APIs, clients and keys in a browser",
		About: `
Of a folder it shows what the files declare, and takes every change at once. APIs,
clients and authorizations that are made or changed there are written into its
files, once you have seen the difference and what the plan says; each can be taken
back. The address that is printed opens it for one browser: without its key the
pages are read-only. Changes says what the files change, in the words of a plan:
against the snapshot in force, or git:HEAD without one, or git:main.

Of a snapshot, a file or the address of a location, it shows what was applied, and
changes nothing.

With --server it shows what a running server does with the snapshot at LOCATION,
writ.snapshot without: its keys, and its own answers in the Test view. With
--admin too, what it reports: problems, rejected snapshots, the state of keys.`,
		Example: "$ writ console demo\nShowing demo at http://127.0.0.1:8082/console/?key=...\n\n$ writ console --server http://127.0.0.1:8080 --admin http://127.0.0.1:8081 writ.snapshot",
		Flags: []cli.Flag{
			{Name: "server", Usage: "the token server at `URL`, which serves the snapshot", Value: &o.server},
			{Name: "admin", Usage: "the admin listener of that server, at `URL`", Value: &o.admin},
			{Name: "listen", Usage: "listen on the loopback `ADDR`, " + consoleListen + " by default; port 0 takes a free one", Value: &o.listen},
			snapshotFlag(flags),
			{Name: "no-key", Usage: "let whoever reaches the console write, as behind a proxy that asks who it is", Value: &o.noKey},
		},
		Run: func(ctx context.Context, env *cli.Env, args []string) error {
			return runConsole(ctx, env, args, flags, o)
		},
	}
}

// runConsole chooses what to show by its argument, a folder, a snapshot or with --server
// what a server serves, and serves pages until it is interrupted. The port is opened first,
// so that one in use is reported before a large folder is compiled.
func runConsole(ctx context.Context, env *cli.Env, args []string, flags *cli.ConfigFlags, o *consoleFlags) error {
	if o.admin != "" && o.server == "" {
		return diag.Usagef("--admin goes with --server, which says where tokens are asked for")
	}
	listener, origin, err := listenLoopback("console", o.listen, consoleListen)
	if err != nil {
		return err
	}
	defer listener.Close()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A folder is compiled; with --server it stands for the snapshot in it, since what the
	// files say by now is not what the server serves.
	name, isFolder := env.Folder(args), false
	if len(args) > 0 {
		name = env.Place(args[0])
	}
	if !workspace.IsAddress(name) {
		info, err := os.Stat(name)
		if err != nil {
			return diag.Failf("unreadable-file", "Name a folder of HCL files or a snapshot.", "open %q: %w", filepath.ToSlash(name), errors.Unwrap(err))
		}
		if isFolder = info.IsDir(); isFolder && o.server != "" {
			name = filepath.Join(name, workspace.SnapshotName)
		}
	}
	place, err := workspace.OpenPlace(name, env.LocationOptions())
	if err != nil {
		return err
	}
	var opts console.Options
	switch {
	case o.server != "":
		opts, err = consoleOfServer(ctx, env, place, o)
	case isFolder:
		opts, err = consoleOfFolder(ctx, env, args, flags)
	default:
		opts, err = consoleOfSnapshot(ctx, env, place)
	}
	if err != nil {
		return err
	}
	var pages *console.Console // Announce needs it, and it needs Announce
	if opts.Editor == nil {
		opts.Editor = editorOf(env, opts.State)
	}
	opts.NewSecret, opts.Locked = secretMaker(env.Rand), opts.Writable && !o.noKey
	opts.Announce = func() { env.Note("The console again, for another browser: " + pages.Address(origin)) }
	pages = console.New(opts)
	web := &http.Server{Handler: withRoot(pages, http.NotFoundHandler()), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	address := pages.Address(origin)
	if env.JSON {
		err = env.PrintJSON(map[string]string{"event": "serving", "console": address})
	} else {
		_, err = fmt.Fprintf(env.Out, "Showing %s at %s\nCtrl-C stops.\n", place, address)
	}
	if err != nil {
		return err
	}
	select {
	case err := <-served:
		return diag.Failf("command-failed", "", "serve: %w", err)
	case <-ctx.Done():
	}
	// Streams of events end only when they are told to, and would hold the shutdown for its two
	// seconds.
	opts.Live.Close()
	ending, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	web.Shutdown(ending)
	fmt.Fprintln(env.Err, "\nStopped.")
	return nil
}

// withRoot serves the console below its path and leads the root to it; every other path is
// rest's.
func withRoot(pages, rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case console.Holds(r.URL):
			pages.ServeHTTP(w, r)
		case r.URL.Path == "/":
			http.Redirect(w, r, console.Path, http.StatusSeeOther)
		default:
			rest.ServeHTTP(w, r)
		}
	})
}

// A shownSnapshot is the snapshot that pages show, and why a newer one is not shown. mu
// guards what put and state use; size and modified belong to read, whose caller sees to it
// that one runs at a time.
type shownSnapshot struct {
	mu       sync.Mutex
	size     int64 // of the file when it was read, as modified
	modified time.Time
	snap     *snapshot.Snapshot // nil until there is a good one
	blank    bool               // nothing is declared yet
	decider  *decide.Decider
	since    time.Time
	rejected *server.Rejection
	live     console.Live
}

// put takes a snapshot, or the error that there is in its place. An error leaves the last
// good snapshot on the pages, with the error beside it. Neither, which follows a look that
// found nothing new, takes the error away.
func (f *shownSnapshot) put(snap *snapshot.Snapshot, err error, now time.Time) {
	defer f.live.Notify() // which a page answers by asking for the state
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.blank = snap == nil && errors.Is(err, workspace.ErrNoConfiguration); f.blank && f.snap == nil {
		return
	}
	if f.rejected = rejection(err, now); snap != nil {
		f.snap, f.decider, f.since = snap, decide.New(snap, decide.Facts{RefreshTokens: true}), now
	}
}

// read reads the file again if its size or time has changed. A file that could not be
// opened is tried again at the next page, whatever its time says.
func (f *shownSnapshot) read(path string, now time.Time) error {
	info, err := os.Stat(path)
	if err == nil && info.Size() == f.size && info.ModTime().Equal(f.modified) {
		return nil
	}
	content, err := workspace.ReadFile(path)
	if err != nil {
		f.put(nil, err, now)
		return err
	}
	snap, err := workspace.OpenSnapshot(content, filepath.ToSlash(path))
	if err == nil {
		f.size, f.modified = info.Size(), info.ModTime()
	}
	f.put(snap, err, now)
	return err
}

// state is what there is to show without a server. A decision is explained as by a server
// that keeps refresh tokens, the more permissive one.
func (f *shownSnapshot) state(now time.Time) console.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	status := server.Status{Since: f.since, LastRejected: f.rejected}
	if f.snap == nil {
		state := servedState(now, nil, status, nil)
		state.Blank = f.blank
		return state
	}
	// There is no server to say what it serves, so the envelope of the snapshot stands in
	// for its status.
	envelope := f.snap.Envelope()
	status.Digest, status.Serial, status.Revision = envelope.Digest, envelope.Serial, envelope.Revision
	status.Stale = !envelope.NotAfter.IsZero() && now.After(envelope.NotAfter)
	state := servedState(now, f.snap, status, nil)
	state.Explain = refusalFunc(f.decider, now)
	return state
}

// consoleOfFile shows a snapshot file, and looks for each page whether it has changed:
// pages are asked for by people, so there is nothing to watch in between.
func consoleOfFile(env *cli.Env, path string) (console.Options, error) {
	var reading sync.Mutex
	file, used := new(shownSnapshot), usageIn(filepath.Dir(path))
	err := file.read(path, env.Now())
	return console.Options{Live: &file.live, State: func() console.State {
		reading.Lock()
		defer reading.Unlock()
		_ = file.read(path, env.Now()) // which the state says
		return used.show(file.state(env.Now()))
	}}, err
}

// consoleOfSnapshot shows the snapshot of a place, and each that comes after it. The first
// one has to be readable: whoever mistypes an address learns it on the terminal. Signatures
// are not checked, as nothing that is shown is obeyed.
func consoleOfSnapshot(ctx context.Context, env *cli.Env, place workspace.Place) (console.Options, error) {
	if path, ok := place.File(); ok {
		return consoleOfFile(env, path)
	}
	l, err := place.Location()
	if err != nil {
		return console.Options{}, err
	}
	content, head, err := location.Read(ctx, l)
	if err != nil {
		l.Close()
		return console.Options{}, workspace.LocationError(err)
	}
	shown := new(shownSnapshot)
	snap, unusable := workspace.OpenSnapshot(content, place.String())
	if unusable != nil {
		l.Close()
		return console.Options{}, unusable
	}
	shown.put(snap, nil, env.Now())
	go func() {
		defer l.Close()
		for look := range location.Follow(ctx, l, location.Schedule{Held: head}) {
			// unusable outlives the look: a bad snapshot stays the reason why no newer one
			// is shown until the location holds another.
			snap = nil
			if look.File != nil {
				snap, unusable = workspace.OpenSnapshot(look.File, place.String())
			}
			shown.put(snap, cmp.Or(look.Err, unusable), env.Now())
		}
	}()
	return console.Options{Live: &shown.live, State: func() console.State { return shown.state(env.Now()) }}, nil
}

// consoleOfFolder shows what the files of a folder declare, and compiles them again when
// they change. A mistake in a file is shown on the pages, which keep what compiled last.
func consoleOfFolder(ctx context.Context, env *cli.Env, args []string, flags *cli.ConfigFlags) (console.Options, error) {
	w, err := flags.Load(env, args)
	if err != nil {
		return console.Options{}, err
	}
	w.KeepParsed() // the folder is compiled again at every change
	shown, editor, serial := new(shownSnapshot), &treeEditor{w: w}, uint64(0)
	var compiling sync.Mutex // the watch and a page that has written both compile
	compile := func() error {
		compiling.Lock()
		defer compiling.Unlock()
		snap, err := func() (*snapshot.Snapshot, error) {
			t, err := w.Compile()
			if err != nil {
				return nil, err
			}
			editor.setTree(t)
			serial++
			file, err := workspace.Snapshot(t.Model.Document, t.Model, snapshot.Envelope{Serial: serial, Created: env.Now()})
			if err != nil {
				return nil, err
			}
			return snapshot.Open(file)
		}()
		shown.put(snap, err, env.Now())
		return err
	}
	editor.reload = func() { _ = compile() } // what is wrong is on the page
	// The watch begins before the first compilation, so that no edit falls between the two.
	changes := watchTree(ctx, w.Dir)
	err = compile()
	if err != nil && !mendable(err) {
		return console.Options{}, err
	}
	if !errors.Is(err, workspace.ErrNoConfiguration) {
		env.Report(err)
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-changes:
				_ = compile()
			}
		}
	}()
	used := usageIn(w.Dir)
	return console.Options{
		State:  func() console.State { return used.show(shown.state(env.Now())) },
		Editor: editor, Declared: editor.Declaration, Changes: newFolderComparer(env, w, editor), Writable: true, Live: &shown.live,
	}, nil
}

// editorOf is the editor over a snapshot, which compiles changes in memory and writes none.
func editorOf(env *cli.Env, state func() console.State) console.Editor {
	return &snapshotEditor{served: func() *snapshot.Snapshot { return state().Snapshot }, now: env.Now}
}

// consoleOfServer shows a snapshot with what the server that serves it says of itself. A
// server of another issuer is refused, since all that pages say would be about another
// configuration.
func consoleOfServer(ctx context.Context, env *cli.Env, place workspace.Place, o *consoleFlags) (console.Options, error) {
	file, err := consoleOfSnapshot(ctx, env, place)
	if err != nil {
		return console.Options{}, err
	}
	tokens := &tokenServer{base: o.server, hint: "Check --server."}
	if err := tokens.discover(ctx); err != nil {
		return console.Options{}, err
	}
	if issuer := file.State().Snapshot.Issuer().URL; issuer != tokens.issuer {
		return console.Options{}, diag.Failf("command-failed", "Name the snapshot that it serves.",
			"%s is the issuer %q, and the snapshot %q is of %q", o.server, tokens.issuer, place, issuer)
	}
	source := &remoteSource{ctx: ctx, file: file.State, tokens: tokens}
	if o.admin != "" {
		source.admin = &tokenServer{base: o.admin, hint: "Check --admin."}
		if _, err := source.status(); err != nil {
			return console.Options{}, err
		}
	}
	return console.Options{State: source.state, Tokens: tokens, Certificates: tokens.certificates, Live: file.Live}, nil
}

// A remoteSource asks a running server for what pages show beside the snapshot. ctx is that
// of the whole command: a page that nobody waits for any more asks to the end, which
// fetchTimeout bounds.
type remoteSource struct {
	ctx    context.Context
	file   func() console.State
	tokens *tokenServer
	admin  *tokenServer // nil: it is not asked
}

// status is what the server's admin listener says at /status. The caller has seen that
// there is one.
func (s *remoteSource) status() (status server.Status, err error) {
	body, err := s.admin.get(s.ctx, "/status")
	if err == nil && json.Unmarshal(body, &status) != nil {
		err = diag.Failf("unreachable", s.admin.hint, "%s is not the admin listener of writd: its /status is not JSON", s.admin.base)
	}
	return status, err
}

// state asks the server for each page. What it does not answer is shown as a problem, and
// the rest of the page with what the snapshot says. Without the admin listener, only the
// published keys are known, and the digest is taken to be that of the snapshot.
func (s *remoteSource) state() console.State {
	file := s.file()
	jwks, unanswered := s.tokens.jwks(s.ctx)
	keys, err := jose.ReadKeys(string(jwks))
	if unanswered == nil && err != nil {
		unanswered = fmt.Errorf("its JWK Set: %w", err)
	}
	status := server.Status{Digest: file.Digest, Serial: file.Serial, Revision: file.Revision, Since: file.Since, Stale: file.Stale}
	for _, key := range keys { // all that is known without the admin listener
		status.Keys = append(status.Keys, server.KeyStatus{KID: key.KID, Algorithm: key.Alg, State: "published"})
	}
	var unreported error
	if s.admin != nil {
		var report server.Status
		if report, unreported = s.status(); unreported == nil {
			status = report
		}
	}
	// The page is about the snapshot that was named; what the server reports goes beside
	// it, and a difference between the two is one of the problems.
	state := servedState(file.Now, file.Snapshot, status, jwks)
	state.Explain, state.Usage, state.UsageProblem = file.Explain, file.Usage, file.UsageProblem
	// Tokens are verified here with the published keys, as an API does it. An HS256 secret
	// is not published.
	state.Verify = func(compact string) (string, error) {
		t, err := parseJWS(compact)
		if err != nil {
			return "", err
		}
		if t.Header["alg"] == string(schema.HS256) {
			return "", errors.New("only the server and the API have the secret that HS256 signs with")
		}
		if check := (&expectation{keys: keys}).checkSignature(t); !check.OK {
			return "", errors.New(check.Detail)
		}
		kid, _ := t.Header["kid"].(string)
		return kid, nil
	}
	if unanswered != nil {
		state.Problems = append(state.Problems, console.Problem{Address: s.tokens.base, Reason: unanswered.Error()})
	}
	if unreported != nil {
		state.Problems = append(state.Problems, console.Problem{Address: s.admin.base, Reason: unreported.Error()})
	}
	if status.Digest != file.Digest {
		state.Problems = append(state.Problems, console.Problem{Address: s.tokens.base, Reason: fmt.Sprintf(
			"it serves serial %d, %s, and these pages show serial %d, %s", status.Serial, status.Digest, file.Serial, file.Digest)})
	}
	if state.Rejected == nil {
		state.Rejected = file.Rejected
	}
	return state
}

// certificates says why no client's certificate can be shown to the server, "" where one
// can. Which certificates it takes is the server's to say.
func (s *tokenServer) certificates(bool) (obstacle string) {
	if strings.HasPrefix(s.base, "http://") {
		return "the server is asked without TLS, at " + s.base
	}
	return ""
}

// ServeHTTP hands a token request of the Test page on to the server. Of the request only
// body and content type go on: a header of the browser, such as a cookie, is not for it.
// Without an answer it is 502 with the reason in the form of an OAuth error, which the page
// can show.
func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, body, err := s.do(r.Context(), http.MethodPost, "/oauth/token", func(request *http.Request) {
		request.Body, request.ContentLength = io.NopCloser(r.Body), r.ContentLength
		request.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	})
	if err != nil {
		status = http.StatusBadGateway
		body, _ = json.Marshal(map[string]string{"error": "unreachable", "error_description": err.Error()})
	}
	w.WriteHeader(status)
	w.Write(body)
}
