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

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/build"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/remedy"
	"github.com/writ-auth/writ/server/telemetry"
	"github.com/writ-auth/writ/server/token"
	"github.com/writ-auth/writ/server/watch"
)

// A daemon is a server with its listeners, the stores that it opened and the files that it
// watches. All fields are set by newDaemon and only read afterwards.
type daemon struct {
	set         settings
	log         *slog.Logger
	server      *server.Server
	certificate *server.Certificate            // nil without TLS
	clientCAs   *clientauth.ClientCertificates // nil unless clients may authenticate with certificates
	follower    *follower                      // of the snapshot
	store       io.Closer                      // of used assertions and proofs; nil when they are in memory
	keyStore    io.Closer                      // nil unless --keys is a bucket
	exporter    *telemetry.Exporter            // of OpenTelemetry data; nil unless the environment asks for it
	listeners   server.Listeners
}

// newDaemon makes everything that can fail before the first request: a configuration that
// does not work ends the program instead of failing requests later. It activates no
// snapshot, since a missing or refused one is no reason to end (see run).
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
		d.warnExpiredCertificate()
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
	for _, step := range []func(*server.Options) error{
		d.configureClients, d.openStore, d.nameInstance, d.openKeys, d.startTelemetry, d.newServer,
	} {
		if err := step(&opts); err != nil {
			return nil, errors.Join(err, d.close())
		}
	}
	return d, nil
}

// newServer makes the server and opens its listeners. It comes last: a client that can
// connect finds everything else in place.
func (d *daemon) newServer(opts *server.Options) (err error) {
	if d.server, err = server.New(*opts); err != nil {
		return err
	}
	// The metrics exist only now, while the tracer had to be there before the server.
	if d.exporter != nil {
		if err := d.exporter.Measure(d.server.Metrics()); err != nil {
			return fmt.Errorf("OpenTelemetry: %w", err)
		}
	}
	return d.listen()
}

// close closes what outlives the server, or as much of it as newDaemon opened. The exporter
// goes first, because it reads the metrics. What a collector did not take by then is lost:
// that is logged and no error, since writd did serve.
func (d *daemon) close() error {
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
	if d.store != nil {
		err = errors.Join(err, d.store.Close())
	}
	return err
}

// listen opens both listeners, or neither. Sockets inherited from the service manager that
// no flag names are closed in any case.
func (d *daemon) listen() error {
	inherited, err := takeInherited()
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

// run activates the snapshot, serves and watches until ctx ends, or until a goroutine in the
// background panics: then requests that were accepted are still answered, and the error is
// a *server.Defect. A snapshot that cannot be activated is logged, and run serves without
// one (/readyz says 503) until a better one arrives. It closes the daemon.
func (d *daemon) run(ctx context.Context) error {
	d.logListeners()
	ctx, cancel := context.WithCancelCause(ctx)
	var background sync.WaitGroup
	inBackground := func(f func()) {
		background.Go(func() {
			if defect := server.Guard(f); defect != nil {
				cancel(defect)
			}
		})
	}
	if _, isFile := d.set.snapshot.file(); isFile {
		file := d.follower.watcher(d.changed)
		file.Look() // before the first connection is accepted
		inBackground(func() { file.Run(ctx) })
	} else {
		d.startFromKept()
		inBackground(func() { d.follower.run(ctx, d.activeHead(), d.choose, d.fetched) })
	}
	inBackground(func() { d.keepRecord(ctx) })
	for _, w := range d.folderWatchers() {
		// The first look only notes what is there. Changed is set after it, because what
		// is there was read at activation already.
		w.Look()
		w.Changed = func([]byte, error) { d.reload() }
		inBackground(func() { w.Run(ctx) })
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	inBackground(func() { d.reloadOn(ctx, hangups) })
	d.notify(ready, d.summary())
	inBackground(func() { d.feedWatchdog(ctx) })
	inBackground(func() { // which is waited for, as a drained server ends within a millisecond
		<-ctx.Done()
		d.notify(stopping)
	})
	err := d.server.Serve(ctx, d.listeners)
	// Serve ended because ctx did. Where a panic in the background ended ctx, Serve does not
	// know of it.
	if defect, ok := errors.AsType[*server.Defect](context.Cause(ctx)); ok && !errors.Is(err, defect) {
		err = errors.Join(err, defect)
	}
	cancel(nil)
	background.Wait() // before what it uses is closed
	return errors.Join(err, d.close())
}

// folderWatchers returns a watcher for each folder with files that a reload reads: keys,
// secrets, and certificates. Folders are watched and not files, because Kubernetes and
// certificate managers replace files by renaming, often behind a link.
func (d *daemon) folderWatchers() []*watch.Watcher {
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

// changed is called with the content of the snapshot file, or with the error of reading it,
// at the first look and whenever either has changed.
func (d *daemon) changed(file []byte, err error) {
	if err != nil {
		d.server.Unreadable(fmt.Errorf("snapshot unreadable: %w", err))
		return
	}
	d.activate(file)
}

// activate activates a snapshot and reports whether that succeeded. The server takes
// ownership of the bytes. Errors are in the log and in /status; the last good snapshot keeps
// serving.
func (d *daemon) activate(file []byte) bool {
	size := len(file)
	good := d.server.Activate(file) == nil
	d.notify(d.summary())
	if size >= largeSnapshot {
		debug.FreeOSMemory()
	}
	return good
}

// largeSnapshot is a size in bytes. After a snapshot of this size or more, the memory of the
// one that it replaced, or of itself if it was refused, is returned to the system at once.
// Otherwise that memory would still be held when the next snapshot arrives, and a reload
// would need three times the size instead of twice. The forced collection is cheap, because
// a snapshot holds no pointers to follow; for small snapshots it would gain nothing.
const largeSnapshot = 8 << 20

// reload reads everything anew: certificate, snapshot, secrets and keys. When the snapshot
// file cannot be read or is refused, the active snapshot still gets its new secrets and keys.
func (d *daemon) reload() {
	if d.certificate != nil {
		if err := d.certificate.Reload(); err != nil {
			d.log.Error("certificate rejected", "reason", err.Error(),
				"action", remedy.For(err, "put a PEM certificate and its key in place, both: the last good pair is used until then"))
		}
		d.warnExpiredCertificate()
	}
	if d.clientCAs != nil {
		if err := d.clientCAs.Reload(); err != nil {
			d.log.Error("CAs of client certificates rejected", "reason", err.Error(), "action", remedy.For(err, "put a PEM file of certificates there: the last good one is used until then"))
		}
	}
	path, isFile := d.set.snapshot.file()
	if !isFile {
		_ = d.server.Refresh() // which logs its errors
		d.lookAgain()
		return
	}
	file, err := watch.File(path)()
	if err != nil {
		d.server.Unreadable(fmt.Errorf("snapshot unreadable: %w", err))
	} else if d.activate(file) {
		return // activation has read secrets and keys too
	}
	_ = d.server.Refresh()
}

// warnExpiredCertificate logs an error when the certificate in use has expired. writd serves
// with it all the same: it is read again as soon as somebody replaces it.
func (d *daemon) warnExpiredCertificate() {
	if end := d.certificate.NotAfter(); !time.Now().Before(end) {
		d.log.Error("TLS certificate has expired: clients refuse it", "file", d.set.tlsCert, "not_after", end, "action", "replace --tls-cert and --tls-key: they are read anew by themselves")
	}
}

// reloadOn reloads at each SIGHUP until ctx ends. With Type=notify-reload systemd waits for
// the second READY, so that "systemctl reload" returns when the reload is done.
func (d *daemon) reloadOn(ctx context.Context, hangups <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			d.log.Info("reload on SIGHUP")
			d.notify(reloading())
			d.reload()
			d.notify(ready, d.summary())
		}
	}
}

// logListeners logs the addresses, and warns of each that exposes more than it should:
// status to other machines, secrets in the clear, or keys.
func (d *daemon) logListeners() {
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

// warnShared warns of a folder of keys that others than its owner may enter, as ssh does for
// ~/.ssh: they can at least list it, and perhaps add a key that writd would sign with.
// There is no warning for a Secret mounted by Kubernetes, which has a link named ..data:
// its mode is Kubernetes' choice, and the mode of each key file is checked when it is read.
func (d *daemon) warnShared(dir string) {
	mode, exposed := token.Exposed(dir)
	if dir == "" || !exposed {
		return
	}
	if _, err := os.Lstat(filepath.Join(dir, "..data")); err == nil {
		return
	}
	d.log.Warn("others than its owner may enter the folder of keys", "keys", dir, "mode", mode.String(), "action", "chmod 700 "+schema.ShellQuote(dir))
}

// local reports whether only this machine can reach the listener: a Unix socket, or a
// loopback address.
func local(l net.Listener) bool {
	return l.Addr().Network() == "unix" || server.Loopback(l.Addr().String())
}
