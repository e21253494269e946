package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/writ-auth/writ/schema/build"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/remedy"
	"github.com/writ-auth/writ/server/telemetry"
	"github.com/writ-auth/writ/server/token"
	"github.com/writ-auth/writ/server/watch"
)

// A daemon is a server with its listeners and with what it watches.
type daemon struct {
	set         settings
	log         *slog.Logger
	server      *server.Server
	certificate *server.Certificate // nil without TLS
	clientCAs   *clientauth.ClientCertificates
	follower    *follower           // of the snapshot
	close       func() error        // of the store or the state file; nil without one
	keyStore    io.Closer           // nil when --keys is no bucket
	exporter    *telemetry.Exporter // of OpenTelemetry data; nil without one
	listeners   server.Listeners
}

// newDaemon makes everything that can fail before the first request.
func newDaemon(set settings, getenv func(string) string, log *slog.Logger) (*daemon, error) {
	d := &daemon{set: set, log: log}
	var err error
	if d.follower, err = newFollower(set.snapshot, log); err != nil {
		return nil, err
	}
	if set.tlsCert != "" {
		if d.certificate, err = server.LoadCertificate(set.tlsCert, set.tlsKey); err != nil {
			return nil, err
		}
		d.listeners.TLS = d.certificate.Config()
		d.sayExpired()
	}
	opts := server.Options{
		Keys: server.KeyOptions{
			Folder: set.keyFolder(), Announce: set.keyFlags.announce, Rotate: set.keyFlags.rotate, PKCS11Module: set.keyFlags.module,
		},
		Secrets: set.secrets, State: set.state,
		Getenv: getenv, Trust: set.trust, Environment: set.environment,
		Location: d.follower.Status, RefuseStale: set.snapshot.refuseStale,
		Logger: log, Certificate: d.certificate,
		Admin:  server.AdminOptions{Hosts: set.adminHosts, Profiling: set.pprof},
		Limits: server.LimitOptions{Connections: set.connections, ConnectionsPerAddress: set.perAddress},
	}
	if err = d.authentication(&opts); err == nil {
		d.set.instance, err = nameInstance(set.instance, set.state)
		opts.Instance = d.set.instance
	}
	if err == nil {
		err = d.openKeys(&opts)
	}
	if err == nil {
		err = d.trace(&opts)
	}
	if err == nil {
		err = d.serve(opts)
	}
	if err != nil {
		return nil, errors.Join(err, d.end())
	}
	return d, nil
}

// serve makes the server and opens its listeners.
func (d *daemon) serve(opts server.Options) (err error) {
	if d.server, err = server.New(opts); err != nil {
		return err
	}
	if d.exporter != nil {
		if err := d.exporter.Measure(d.server.Metrics()); err != nil {
			return fmt.Errorf("OpenTelemetry: %w", err)
		}
	}
	return d.listen()
}

// end closes what outlives the server. What a collector did not take is lost, which
// is in the log and no failure.
func (d *daemon) end() error {
	d.follower.close()
	if d.exporter != nil {
		if err := d.exporter.Close(); err != nil {
			d.log.Warn("OpenTelemetry data lost at the end", "reason", err.Error())
		}
	}
	var err error
	if d.keyStore != nil {
		err = d.keyStore.Close()
	}
	if d.close != nil {
		err = errors.Join(err, d.close())
	}
	return err
}

func (d *daemon) listen() error {
	inherited, err := newInherited()
	if err != nil {
		return err
	}
	defer inherited.closeRest(d.log)
	if d.listeners.Public, err = inherited.listen(d.set.listen); err != nil {
		return err
	}
	if d.set.admin == "off" {
		return nil
	}
	if d.listeners.Admin, err = inherited.listen(d.set.admin); err != nil {
		d.listeners.Public.Close()
	}
	return err
}

// run activates the snapshot, serves and watches until ctx ends, or until there is a
// panic in the background: then what was accepted is answered, and a *server.Defect
// is the error.
func (d *daemon) run(ctx context.Context) error {
	d.announce()
	ctx, cancel := context.WithCancelCause(ctx)
	var background sync.WaitGroup
	keep := func(f func()) {
		background.Go(func() {
			if defect := server.Guard(f); defect != nil {
				cancel(defect)
			}
		})
	}
	if _, isFile := d.set.snapshot.file(); isFile {
		file := d.follower.watcher(d.changed)
		file.Look() // before the first connection is accepted
		keep(func() { file.Run(ctx) })
	} else {
		d.startFromKept()
		keep(func() { d.follower.run(ctx, d.inForce(), d.choose, d.fetched) })
	}
	keep(func() { d.keepRecord(ctx) })
	for _, w := range d.folders() {
		w.Look()
		w.Changed = func([]byte, error) { d.reload() }
		keep(func() { w.Run(ctx) })
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	keep(func() { d.reloadOn(ctx, hangups) })
	d.tell(ready, d.summary())
	keep(func() { d.keepAlive(ctx) })
	quiet := context.AfterFunc(ctx, func() { d.tell(stopping) })
	defer quiet()
	err := d.server.Serve(ctx, d.listeners)
	if defect, ok := errors.AsType[*server.Defect](context.Cause(ctx)); ok && !errors.Is(err, defect) {
		err = errors.Join(err, defect)
	}
	cancel(nil)
	background.Wait() // before what it uses is closed
	return errors.Join(err, d.end())
}

// folders are the watchers of what a snapshot refers to.
func (d *daemon) folders() []*watch.Watcher {
	paths := []string{d.set.keyFolder(), d.set.secrets}
	if d.certificate != nil {
		paths = append(paths, filepath.Dir(d.set.tlsCert), filepath.Dir(d.set.tlsKey))
	}
	if d.set.clients.tlsCA != "" {
		paths = append(paths, filepath.Dir(d.set.clients.tlsCA))
	}
	var watchers []*watch.Watcher
	seen := map[string]bool{"": true}
	for _, path := range paths {
		if !seen[path] {
			seen[path] = true
			watchers = append(watchers, &watch.Watcher{Path: path, Logger: d.log, Read: watch.Folder(path)})
		}
	}
	return watchers
}

// changed is called with the snapshot file whenever it has changed.
func (d *daemon) changed(file []byte, err error) {
	if err != nil {
		d.server.Unreadable(fmt.Errorf("snapshot unreadable: %w", err))
		return
	}
	d.activate(file)
}

// activate puts a snapshot in force and reports whether it is. What goes wrong is in the
// log and in /status; the last good snapshot keeps serving.
func (d *daemon) activate(file []byte) bool {
	size := len(file)
	good := d.server.Activate(file) == nil
	d.tell(d.summary())
	if size >= largeSnapshot {
		debug.FreeOSMemory()
	}
	return good
}

// largeSnapshot is the size in bytes from which on the memory of a snapshot that is no
// longer needed, the one before or the one that was refused, is given back at once.
// Otherwise it would lie there when the next one comes, and a reload would take three
// times the size instead of twice. The collection costs little, since it does not look
// into snapshots; for small ones it would be for nothing.
const largeSnapshot = 8 << 20

// reload reads everything anew: certificate, snapshot, secrets and keys. When
// the snapshot file is not to be had or not acceptable, the one in force still
// gets its new secrets and keys.
func (d *daemon) reload() {
	if d.certificate != nil {
		if err := d.certificate.Reload(); err != nil {
			d.log.Error("certificate rejected", "reason", err.Error(), "action", remedy.For(err, pairOfFiles))
		}
		d.sayExpired()
	}
	if d.clientCAs != nil {
		if err := d.clientCAs.Reload(); err != nil {
			d.log.Error("CAs of client certificates rejected", "reason", err.Error(), "action", remedy.For(err, "put a PEM file of certificates there: the last good one is used until then"))
		}
	}
	path, isFile := d.set.snapshot.file()
	if !isFile {
		_ = d.server.Refresh()
		d.lookAgain()
		return
	}
	file, err := watch.File(path)()
	if err != nil {
		d.server.Unreadable(fmt.Errorf("snapshot unreadable: %w", err))
	} else if d.activate(file) {
		return
	}
	_ = d.server.Refresh()
}

const pairOfFiles = "put a PEM certificate and its key in place, both: the last good pair is used until then"

// sayExpired tells what every client would say.
func (d *daemon) sayExpired() {
	if end := d.certificate.NotAfter(); !time.Now().Before(end) {
		d.log.Error("TLS certificate has expired: clients refuse it", "file", d.set.tlsCert, "not_after", end, "action", "replace --tls-cert and --tls-key: they are read anew by themselves")
	}
}

func (d *daemon) reloadOn(ctx context.Context, hangups <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			d.log.Info("reload on SIGHUP")
			d.tell(reloading())
			d.reload()
			d.tell(ready, d.summary())
		}
	}
}

func (d *daemon) announce() {
	attrs := []any{"listen", server.Address(d.listeners.Public), "tls", d.listeners.TLS != nil}
	if d.listeners.Admin != nil {
		attrs = append(attrs, "admin", server.Address(d.listeners.Admin))
		if !local(d.listeners.Admin) {
			d.log.Warn("the admin listener is reachable from other machines", "admin", server.Address(d.listeners.Admin),
				"action", "let only probes and Prometheus reach it, by a firewall or a NetworkPolicy, or take --admin 127.0.0.1:8081")
		}
	}
	d.log.Info("listening", append(attrs, "version", build.Read().Version)...)
	if d.listeners.TLS == nil && !local(d.listeners.Public) {
		d.log.Warn("secrets and tokens cross the network in the clear: other machines reach the listener, and there is no TLS",
			"listen", server.Address(d.listeners.Public),
			"action", "give --tls-cert and --tls-key; or take --listen 127.0.0.1:8080 behind a proxy on this machine that speaks TLS")
	}
	if d.set.keys == "" {
		d.log.Warn("no --keys: generated signing keys live in memory only and change with every start",
			"action", "give --keys a folder of its own, of mode 700")
	}
	d.warnShared(d.set.keyFolder())
}

// warnShared warns of a folder of keys that others than its owner may enter, as ssh does
// of its own: they see its names at least, and may put a key there to sign with. A Secret
// that Kubernetes has mounted, which has a link ..data, is as Kubernetes makes it, and of
// what is in it each file is looked at by itself.
func (d *daemon) warnShared(dir string) {
	mode, exposed := token.Exposed(dir)
	if dir == "" || !exposed {
		return
	}
	if _, err := os.Lstat(filepath.Join(dir, "..data")); err == nil {
		return
	}
	d.log.Warn("others than its owner may enter the folder of keys", "keys", dir, "mode", mode.String(), "action", "chmod 700 "+remedy.Quote(dir))
}

// local reports whether only this machine can reach the listener.
func local(l net.Listener) bool {
	return l.Addr().Network() == "unix" || server.Loopback(l.Addr().String())
}
