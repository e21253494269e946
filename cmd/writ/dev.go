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
	"strings"
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
	"github.com/writ-auth/writ/server/store"
)

const devListen = "127.0.0.1:8080"

func devCommand() cli.Command {
	flags := new(cli.ConfigFlags)
	listen := devListen
	return cli.Command{
		Name: "dev", Group: cli.GroupServe, Args: "[DIR]", MaxArgs: 1, Config: flags,
		Summary: "serve tokens on loopback while you edit",
		About: `
Compiles in memory, serves with throw-away keys, and takes every change of the
folder at once; a change that does not compile is shown and the last good one
keeps serving. Nothing is written, but for the file of a new API that you
create in the console, which is at /console/ of the same address.

The issuer is the loopback address, so that discovery works for any library.
Every client also accepts one throw-away secret, printed at the start, so that
there is a token for each of them.`,
		Example: "$ writ dev demo\nServing http://127.0.0.1:8080/ ...\n\n$ curl -s http://127.0.0.1:8080/oauth/token -u billing:... \\\n    -d grant_type=client_credentials --data-urlencode audience=https://api.example.com/orders",
		Flags: []cli.Flag{
			{Name: "listen", Usage: "listen on the loopback `ADDR`; port 0 takes a free one", Value: &listen},
		},
		Run: func(ctx context.Context, env *cli.Env, args []string) error {
			return runDev(ctx, env, args, flags, listen)
		},
	}
}

func runDev(ctx context.Context, env *cli.Env, args []string, flags *cli.ConfigFlags, listen string) error {
	listener, origin, err := listenLoopback("dev", listen, devListen)
	if err != nil {
		return err
	}
	defer listener.Close()
	w, err := flags.Load(env, args)
	if err != nil {
		return err
	}
	if _, err := w.Compile(); err != nil { // an empty folder is not worth waiting for
		if _, editable := errors.AsType[*diag.Problems](err); !editable {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	d, err := newDevServer(env, w, origin)
	if err != nil {
		return err
	}
	return d.run(ctx, listener)
}

// listenLoopback opens the port of a command; example is its default. origin is how a
// browser or a client on this machine names it: "http://127.0.0.1:8080".
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

// A devServer serves what the folder says at every moment.
type devServer struct {
	env     *cli.Env
	w       *workspace.Workspace
	server  *server.Server
	throw   *throwAway
	origin  string
	serial  uint64
	current [32]byte // digest of the configuration that serves
	greeted bool
	broken  atomic.Pointer[server.Rejection] // why the folder does not compile at the moment
}

func newDevServer(env *cli.Env, w *workspace.Workspace, origin string) (*devServer, error) {
	throw, err := newThrowAway(env.Rand, env.Getenv)
	if err != nil {
		return nil, err
	}
	d := &devServer{env: env, w: w, origin: origin, throw: throw}
	d.server, err = server.New(server.Options{
		Getenv: throw.getenv, Now: env.Now, Rand: env.Rand,
		Logger: slog.New(newDevLog(env.Err)),
		Store:  store.NewMemory(store.MemoryOptions{Now: env.Now}), // takes assertions of the first second too

		RefreshTokensInMemory: true,
	})
	return d, err
}

// run serves and watches until ctx ends.
func (d *devServer) run(ctx context.Context, listener net.Listener) error {
	web := &http.Server{Handler: d.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	served := make(chan error, 2)
	go func() { served <- web.Serve(listener) }()
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

// reload compiles the folder and puts the result in force. Whatever fails is
// shown, and what served before goes on serving.
func (d *devServer) reload() {
	err := d.activate()
	before := d.broken.Load()
	d.broken.Store(rejection(err, d.env.Now()))
	if before != nil && err == nil {
		d.say("mended", "The configuration compiles again.")
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

func (d *devServer) activate() error {
	t, err := d.w.Compile()
	if err != nil {
		return err
	}
	if d.server.Active() != nil && t.Model.Config.Digest == d.current {
		return nil
	}
	doc := d.throw.dress(t.Model.Document, d.origin)
	d.serial++
	file, err := workspace.Snapshot(doc, t.Model, snapshot.Envelope{Serial: d.serial, Created: d.env.Now()})
	if err != nil {
		return err
	}
	if err := d.server.Activate(file); err != nil {
		return diag.Failf("command-failed", "", "%w", err)
	}
	d.current = t.Model.Config.Digest
	d.env.Remind(t)
	return d.announce(t, doc.Issuer.URL)
}

// announce prints what serves: at first with a line to paste for each
// authorization, later in one line.
func (d *devServer) announce(t *workspace.Tree, issuer string) error {
	out := d.env.Out
	if d.greeted {
		return d.say("reloaded", fmt.Sprintf("Reloaded: %s.", cli.Counts(t.Model.Document)))
	}
	d.greeted = true
	samples := samples(t.Model.Document)
	if d.env.JSON {
		return d.env.PrintJSON(map[string]any{
			"event": "serving", "issuer": issuer, "token_endpoint": tokenEndpoint(issuer), "secret": d.throw.secret, "samples": samples,
			"console": d.origin + console.Path,
		})
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Serving %s from %s: %s.\n", issuer, filepath.ToSlash(d.w.Dir), cli.Counts(t.Model.Document))
	if issuer != t.Model.Document.Issuer.URL {
		fmt.Fprintf(&text, "Tokens carry this address as iss, so that discovery works; a server puts %s there.\n", t.Model.Document.Issuer.URL)
	}
	fmt.Fprintf(&text, "Keys are made up, and every client also takes the secret %s, until you stop this.\n", d.throw.secret)
	fmt.Fprintf(&text, "See it all, and create an API, at %s%s\n", d.origin, console.Path)
	writeSamples(&text, samples, issuer, d.throw.secret)
	text.WriteString("\nEdit the files: changes are served at once. Ctrl-C stops.\n")
	fmt.Fprint(out, text.String())
	return nil
}

// say tells what happened: a line for people, an object a line for machines.
func (d *devServer) say(event, text string) error {
	if d.env.JSON {
		return d.env.PrintJSON(map[string]string{"event": event, "message": text})
	}
	_, err := fmt.Fprintln(d.env.Out, text)
	return err
}
