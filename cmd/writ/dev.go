package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/store"
)

// "writ dev": the loop that compiles, activates and reports. Its console is in
// devconsole.go, its output in devscreen.go and devlog.go, what it does otherwise than
// writd in throwaway.go, and how "writ token" finds it in devsession.go.

// devListen is where "writ dev" listens by default, and where "writ token" and "writ
// verify" look for a server that nobody named.
const devListen = "127.0.0.1:8080"

// devCommand is "writ dev": compiler, token server and console in one process, on one
// loopback port.
func devCommand() cli.Command {
	flags := new(cli.ConfigFlags)
	listen, clientCA, noKey := devListen, "", false
	return cli.Command{
		Name: "dev", Group: cli.GroupServe, Args: "[DIR]", MaxArgs: 1, Config: flags,
		Summary: "serve tokens on loopback while you edit",
		About: `
Compiles in memory, serves with throw-away keys, and takes every change of the
folder at once; a change that does not compile is shown and the last good one
keeps serving. Nothing is written but what you write in the console, which is at
/console/ of the same address: each change is shown first, as a difference of the
files and in the plan's words, and can be taken back. The address that is printed
opens it for one browser; without its key the pages are read-only.

The issuer is the loopback address, so that discovery works for any library.
Every client also accepts one throw-away secret, printed at the start, so that
there is a token for each of them; "writ token" of the same user finds it.`,
		Example: "$ writ dev demo\nwrit dev  demo  1 API, 1 client, 1 authorization\n...\n\n$ writ token --client billing --api https://api.example.com/orders\n$ curl -s http://127.0.0.1:8080/oauth/token -u billing:... \\\n    -d grant_type=client_credentials --data-urlencode audience=https://api.example.com/orders",
		Flags: []cli.Flag{
			{Name: "listen", Usage: "listen on the loopback `ADDR`; port 0 takes a free one", Value: &listen},
			{Name: "tls-client-ca", Usage: "PEM `FILE` of the CAs that vouch for names in client certificates, for those that are chosen in the console", Value: &clientCA},
			snapshotFlag(flags),
			{Name: "no-key", Usage: "let whoever reaches the console write, as behind a proxy that asks who it is", Value: &noKey},
		},
		Run: func(ctx context.Context, env *cli.Env, args []string) error {
			return runDev(ctx, env, args, flags, listen, clientCA, noKey)
		},
	}
}

// runDev opens the port first, since the issuer is its address, and then compiles. A folder
// with mistakes that an edit mends starts all the same; anything else, such as a flag that
// names no file, ends the command.
func runDev(ctx context.Context, env *cli.Env, args []string, flags *cli.ConfigFlags, listen, clientCA string, noKey bool) error {
	listener, origin, err := listenLoopback("dev", listen, devListen)
	if err != nil {
		return err
	}
	defer listener.Close()
	w, err := flags.Load(env, args)
	if err != nil {
		return err
	}
	if clientCA != "" { // "" stays "": there are no CAs
		clientCA = env.Path(clientCA)
	}
	clients, err := clientauth.LoadClientCertificates(clientCA, true)
	if err != nil {
		return diag.Failf("unreadable-file", "", "%w", err)
	}
	w.KeepParsed() // the folder is compiled again at every change
	if _, err := w.Compile(); err != nil && !mendable(err) {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	d, err := newDevServer(env, w, origin, clients, noKey)
	if err != nil {
		return err
	}
	return d.run(ctx, listener)
}

// mendable reports whether an edit of the folder can mend the error, so that it is worth
// watching. An empty folder counts: its first file can be written in the console.
func mendable(err error) bool {
	_, problems := errors.AsType[*diag.Problems](err)
	return problems || errors.Is(err, workspace.ErrNoConfiguration)
}

// listenLoopback opens the port for the command of that name; example is its default
// address. Only loopback is allowed, since neither TLS nor a login stands before what is
// served. origin is how a browser or a client on this machine names it, such as
// "http://127.0.0.1:8080", with the real port where 0 was asked for.
func listenLoopback(command, address, example string) (listener net.Listener, origin string, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, "", diag.Usagef("--listen takes HOST:PORT, such as %s, not %q", example, address)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if !schema.IsLoopback(host) {
		return nil, "", diag.Usagef("--listen %q is not a loopback address: \"writ %s\" is for who sits at this machine, writd serves others", address, command)
	}
	listener, err = net.Listen("tcp", net.JoinHostPort(host, port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, "", diag.Failf("port-in-use", "Choose another port: writ "+command+" --listen 127.0.0.1:0 takes a free one.", "%s is in use", address)
	}
	if err != nil {
		return nil, "", diag.Failf("command-failed", "", "%w", err)
	}
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	return listener, "http://" + net.JoinHostPort(host, port), nil
}

// A devServer serves what the folder says at every moment. The fields from serial to warned
// belong to reload and are guarded by reloading; requests read what is atomic, and ask
// server, pages and editor, which guard themselves.
type devServer struct {
	env           *cli.Env
	w             *workspace.Workspace
	server        *server.Server
	throw         *throwAway
	origin        string
	serial        uint64
	current       [32]byte         // digest of the configuration that serves
	document      *schema.Document // the configuration that serves, nil before the first
	issuer        string           // what tokens carry as iss
	warned        int              // how many warnings were told
	log           *devLog
	removeSession func()                           // takes the session away that "writ token" finds
	broken        atomic.Pointer[server.Rejection] // why the folder does not compile at the moment

	blank     atomic.Bool // nothing is declared yet
	clients   *clientauth.ClientCertificates
	noKey     bool // pages write for everybody on this machine
	pages     *console.Console
	editor    *treeEditor
	usage     *usageFile
	live      console.Live
	reloading sync.Mutex // the watch and a page that has written both reload
}

// newDevServer makes the server and the console; nothing is served before run.
func newDevServer(env *cli.Env, w *workspace.Workspace, origin string, clients *clientauth.ClientCertificates, noKey bool) (*devServer, error) {
	throw, err := newThrowAway(env.Rand, env.Getenv)
	if err != nil {
		return nil, err
	}
	d := &devServer{env: env, w: w, origin: origin, throw: throw, clients: clients, noKey: noKey, log: newDevLog(env.Err), removeSession: func() {}}
	d.server, err = server.New(server.Options{
		Getenv: throw.getenv, Now: env.Now, Rand: env.Rand,
		Logger: slog.New(d.log),
		Store:  store.NewMemory(store.MemoryOptions{Now: env.Now}), // takes assertions of the first second too

		RefreshTokensInMemory: true,
		ClientCertificates:    clients, // which come from the console alone: the port has no TLS
	})
	if err != nil {
		return nil, err
	}
	d.newPages()
	return d, nil
}

// run serves and watches until ctx ends, and returns nil then. Pages that wait for news are
// closed first, since their requests would otherwise hold the shutdown for its whole time.
func (d *devServer) run(ctx context.Context, listener net.Listener) error {
	web := &http.Server{Handler: d.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	served := make(chan error, 2) // the listener and the key rotation may both fail: neither may block
	go func() { served <- web.Serve(listener) }()
	defer func() { d.removeSession() }()
	changes := watchTree(ctx, d.w.Dir) // before the first reload, which says that changes are served from now on
	d.reload()
	go func() {
		if defect := d.server.Maintain(ctx); defect != nil {
			served <- defect
		}
	}()
	for {
		select {
		case <-ctx.Done():
			d.live.Close()
			ending, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			web.Shutdown(ending)
			fmt.Fprintln(d.env.Err, "\nStopped.")
			return nil
		case err := <-served:
			return diag.Failf("command-failed", "", "serve: %w", err)
		case <-changes:
			d.reload()
		}
	}
}

// reload compiles the folder and puts the result in force. Whatever fails is shown, and
// what served before goes on serving. The watch and a page that has written both call it.
func (d *devServer) reload() {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	defer d.live.Notify()
	err := d.activate()
	wasBlank := d.blank.Swap(errors.Is(err, workspace.ErrNoConfiguration))
	if d.blank.Load() && d.server.Active() == nil {
		d.broken.Store(nil)
		if !wasBlank {
			_ = d.printEvent("blank", fmt.Sprintf("Nothing is declared in %s yet: begin with \"writ init\", or at %s", filepath.ToSlash(d.w.Dir), d.consoleAddress()))
		}
		return
	}
	// The same mistake is reported once, and its end once. Pages show it all the time.
	before, now := d.broken.Load(), rejection(err, d.env.Now())
	if before != nil && now != nil && before.Reason == now.Reason {
		return // reported already: the change has nothing to do with it, such as a line in a log file inside the folder
	}
	d.broken.Store(now)
	if before != nil && err == nil {
		d.printEvent("mended", "The configuration compiles again.")
	}
	if err == nil {
		return
	}
	d.env.Report(err)
	if d.server.Active() == nil {
		fmt.Fprintln(d.env.Err, "Nothing to serve yet: waiting for a change.")
	} else {
		fmt.Fprintln(d.env.Err, "The last good configuration keeps serving.")
	}
}

// activate compiles the folder and puts it in force unless the same configuration serves
// already: a saved file whose meaning is the same makes no new snapshot and no line on the
// terminal. Serials count from 1 in each run, as nothing of a run outlives it.
func (d *devServer) activate() error {
	t, err := d.w.Compile()
	if err != nil {
		return err
	}
	d.editor.setTree(t)
	if d.server.Active() != nil && t.Model.Config.Digest == d.current {
		return nil
	}
	// What is served has the local issuer and secrets; what pages and plans compare is the
	// document as the files have it.
	doc := d.throw.localDocument(t.Model.Document, d.origin)
	d.serial++
	file, err := workspace.Snapshot(doc, t.Model, snapshot.Envelope{Serial: d.serial, Created: d.env.Now()})
	if err != nil {
		return err
	}
	if err := d.server.Activate(file); err != nil {
		return diag.Failf("command-failed", "", "%w", err)
	}
	before := d.document
	d.current, d.document = t.Model.Config.Digest, t.Model.Document
	if d.env.JSON {
		d.env.Remind(t)
	}
	if d.issuer != doc.Issuer.URL {
		d.issuer = doc.Issuer.URL
		d.publishSession()
	}
	// The first activation prints the screen, and only after that the server's log: see
	// devLog.open.
	if before != nil {
		return d.printReload(t, before)
	}
	defer d.log.open()
	return d.printFirstScreen(t)
}

// publishSession lets "writ token" of the same user find this process and its secret. It is
// called again when the issuer's path changes. Where there is no place for the file, the
// user has to copy the secret; that is no reason not to serve.
func (d *devServer) publishSession() {
	d.removeSession()
	d.removeSession = func() {}
	folder, err := filepath.Abs(d.w.Dir)
	if err != nil {
		folder = d.w.Dir
	}
	session := &devSession{Issuer: d.issuer, Folder: folder, Started: d.env.Now(), Secret: d.throw.secret, Signing: d.throw.signing}
	if end, err := session.publish(sessionFolder(d.env)); err == nil {
		d.removeSession = end
	}
}

// printEvent prints what happened: a line for people, an object a line for machines.
func (d *devServer) printEvent(event, text string) error {
	if d.env.JSON {
		return d.env.PrintJSON(map[string]string{"event": event, "message": text})
	}
	_, err := fmt.Fprintln(d.env.Out, text)
	return err
}
