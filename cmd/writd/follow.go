package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/remedy"
	"github.com/writ-auth/writ/server/watch"
)

// snapshotFlags say where the snapshot is, how it is reached and how it is followed. All
// but text, poll, staleAfter and refuseStale are for snapshots that are fetched.
type snapshotFlags struct {
	text         string           // as given; never logged, because it may hold a credential
	address      location.Address // text, parsed by check
	ca           string           // paths of files, like the next three lines
	dockerConfig string
	creds        string
	cert, key    string
	poll         time.Duration // 0: the location's own
	staleAfter   time.Duration // 0: never
	refuseStale  bool
}

// The bounds of --poll and --stale-after, both included.
const (
	minPoll, maxPoll   = time.Second, 24 * time.Hour
	minStale, maxStale = time.Second, 366 * 24 * time.Hour
)

func (s *snapshotFlags) register(f *flag.FlagSet) {
	f.StringVar(&s.text, "snapshot", "", "`LOCATION` of the snapshot, which is followed: a FILE, https://HOST/PATH, oci://REGISTRY/REPOSITORY[:TAG] "+
		"or nats://HOST[:PORT],.../BUCKET/NAME; all but a file need --trust and --state")
	f.Var(duration{&s.poll, minPoll, maxPoll}, "poll",
		"ask the location for news every `DURATION`, more or less by a fifth; default: 30s, and 5m for nats, which pushes them")
	f.Var(duration{&s.staleAfter, minStale, maxStale}, "stale-after",
		"say in /status and the metrics when the location has been silent for this `DURATION` after an answer was due")
	f.BoolVar(&s.refuseStale, "refuse-stale", false, "be unready for as long as --stale-after is exceeded")
	f.StringVar(&s.ca, "snapshot-ca", "", "PEM `FILE` of the only CAs for the servers of the snapshot; default: the system's")
	f.StringVar(&s.dockerConfig, "snapshot-docker-config", "", "Docker's config.json, or the `FOLDER` that holds it, with the credentials for oci://; default: where Docker looks")
	f.StringVar(&s.creds, "snapshot-creds", "", "NATS credentials `FILE` for the snapshot")
	f.StringVar(&s.cert, "snapshot-cert", "", "PEM certificate chain `FILE` of this client of the snapshot's NATS servers")
	f.StringVar(&s.key, "snapshot-key", "", "PEM private key `FILE` of this client of the snapshot's NATS servers")
}

// file is the path of a snapshot on this machine.
func (s *snapshotFlags) file() (path string, ok bool) { return s.address.IsFile() }

// check parses the address. It refuses a fetched snapshot without --trust, since whoever
// can write to the location could then grant any access; one without --state, since a restart
// during an outage of the location would have nothing to serve; and flags that the kind of
// location does not use.
func (s *snapshotFlags) check(trusted bool, state string) (err error) {
	if s.text == "" {
		return errors.New("--snapshot is missing")
	}
	if s.address, err = location.Parse(s.text); err != nil {
		return fmt.Errorf("--snapshot: %w", err)
	}
	_, file := s.file()
	nats := s.address.Scheme() == "nats" || s.address.Scheme() == "tls"
	switch {
	case !file && !trusted:
		return errors.New("a --snapshot that is fetched needs --trust: its signature is all that vouches for it")
	case !file && state == "":
		return errors.New("a --snapshot that is fetched needs --state, where the last good one is kept for a start during an outage")
	case file && (s.ca != "" || s.poll != 0):
		return errors.New("--snapshot-ca and --poll need a --snapshot that is fetched")
	case s.dockerConfig != "" && s.address.Scheme() != "oci":
		return errors.New("--snapshot-docker-config needs a --snapshot that begins with oci://")
	case !nats && (s.creds != "" || s.cert != "" || s.key != ""):
		return errors.New("--snapshot-creds, --snapshot-cert and --snapshot-key need a --snapshot that begins with nats://")
	case (s.cert == "") != (s.key == ""):
		return errors.New("--snapshot-cert and --snapshot-key go together")
	case s.refuseStale && s.staleAfter == 0:
		return errors.New("--refuse-stale needs --stale-after, which says from when on")
	}
	return nil
}

// open returns the location of a snapshot that is fetched, after check has parsed its
// address. An error is about a file that a flag names, and not about the network.
func (s *snapshotFlags) open() (location.Location, error) {
	opts := location.Options{
		DockerConfig: s.dockerConfig, NATSCredentials: s.creds, NATSRoots: s.ca, NATSCertificate: s.cert, NATSKey: s.key, Program: "writd",
	}
	if s.ca != "" {
		var err error
		if opts.Roots, err = clientauth.ReadCAs(s.ca); err != nil {
			return nil, err
		}
	}
	return location.Open(s.address, opts)
}

// A follower looks at the snapshot's location again and again, passes on each new snapshot,
// and remembers how the looks went. For a file a watch.Watcher looks instead, and the
// follower only remembers.
type follower struct {
	flags snapshotFlags
	log   *slog.Logger
	from  location.Location  // nil for a file
	again chan location.Head // requests a look now, and says which snapshot is active; holds one

	mu     sync.Mutex // guards the fields below: run writes them, /status reads them
	status server.LocationStatus
	due    time.Time // when the next look after a successful one should have succeeded
	stale  bool      // the log has an error about it
}

// newFollower opens the location, which makes no request yet.
func newFollower(flags snapshotFlags, log *slog.Logger) (f *follower, err error) {
	f = &follower{flags: flags, log: log, again: make(chan location.Head, 1), due: time.Now()}
	if path, ok := flags.file(); ok {
		f.status.Address = path
		return f, nil
	}
	f.status.Address = flags.address.String()
	f.from, err = flags.open()
	return f, err
}

// Status returns what /status and the metrics say of the location. It is safe for
// concurrent use.
func (f *follower) Status() server.LocationStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	status := f.status
	status.Stale = f.isStale(time.Now())
	return status
}

// isStale reports whether no look has succeeded for --stale-after beyond the time when one
// was due. The caller holds f.mu.
func (f *follower) isStale(now time.Time) bool {
	return f.flags.staleAfter > 0 && now.After(f.due.Add(f.flags.staleAfter))
}

// watcher returns a watcher of the snapshot file that also counts as a look each reading of
// the file, changed or not.
func (f *follower) watcher(changed func([]byte, error)) *watch.Watcher {
	path, _ := f.flags.file()
	read := watch.File(path)
	return &watch.Watcher{Path: path, Logger: f.log, Changed: changed, Read: func() ([]byte, error) {
		content, err := read()
		if errors.Is(err, watch.ErrSame) {
			f.noteLook(nil, watch.DefaultPoll)
		} else {
			f.noteLook(err, watch.DefaultPoll)
		}
		return content, err
	}}
}

// run follows a location until ctx ends, and calls take with each snapshot other than the one
// that is held. choose says which of the location's snapshots this instance serves.
func (f *follower) run(ctx context.Context, held location.Head, choose func(location.Head) location.Head, take func(file []byte)) {
	for look := range location.Follow(ctx, f.from, location.Schedule{Poll: f.flags.poll, Held: held, Now: f.again, Choose: choose}) {
		f.report(f.noteLook(look.Err, look.Next), look)
		if look.File != nil {
			take(look.File)
		}
	}
}

// noteLook records the result of a look, and returns the error of the look before it, ""
// if that one succeeded. next is the time until the next look.
func (f *follower) noteLook(err error, next time.Duration) (before string) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	before, f.status.LastLook, f.status.LastError = f.status.LastError, now.UTC(), ""
	if err != nil {
		f.status.LastError = err.Error()
		return before
	}
	f.status.LastSuccess, f.due = now.UTC(), now.Add(next)
	return before
}

// report logs changes only, so that an outage does not fill the log: a look that failed for
// another reason than the one before it, the first success after failures, and the moment
// when the location became stale.
func (f *follower) report(before string, look location.Look) {
	f.mu.Lock()
	wasStale, isStale := f.stale, f.isStale(time.Now())
	f.stale = isStale
	f.mu.Unlock()
	address := f.flags.address.String()
	switch {
	case look.Err == nil && before != "":
		f.log.Info("location answers again", "location", address)
	case look.Err != nil && before != look.Err.Error():
		f.log.Warn("location of no use: the last good snapshot keeps serving", "location", address, "reason", look.Err.Error(),
			"next_look", look.Next.Round(time.Second).String())
	}
	if isStale && !wasStale {
		f.log.Error("location stale: changes of the configuration do not arrive", "location", address, "stale_after", f.flags.staleAfter.String(),
			"reason", look.Err.Error(), "action", "see to the location or the way to it; the log says since when it is of no use, and why")
	}
}

// close ends the connections.
func (f *follower) close() {
	if f.from != nil {
		_ = f.from.Close() // nothing was written
	}
}

// activeHead names the active snapshot as a location does; the zero Head is none.
func (d *daemon) activeHead() location.Head {
	if active := d.server.Active(); active != nil {
		return location.Head{Serial: active.Serial, Digest: active.Digest}
	}
	return location.Head{}
}

// choose returns the newest snapshot, or the staged one if this instance is in the share of
// the fleet that serves it first. An instance that has served the staged one keeps it even
// when the share shrinks, because a server refuses to go back to a lower serial.
func (d *daemon) choose(head location.Head) location.Head {
	return head.For(d.set.instance, d.server.HighestSerial())
}

// lookAgain asks the follower to look at the location now. A snapshot that was refused is
// fetched again, because the secrets and keys that it needs may be there by now.
func (d *daemon) lookAgain() {
	select {
	case d.follower.again <- d.activeHead():
	default: // a look has been requested and has not begun
	}
}

// startFromKept activates the last good snapshot from the state folder. It serves until the
// location holds another one, so that an outage of the location delays no start. The kept
// file passes all checks again: signature, environment and serial.
func (d *daemon) startFromKept() {
	file, err := server.Kept(d.set.state)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		d.log.Warn("the snapshot that was kept cannot be read", "reason", err.Error())
		return
	}
	if d.activate(file) {
		d.log.Info("serving the snapshot that was kept until the location is looked at", "snapshot", d.server.Active().Digest)
	}
}

// fetched activates a snapshot, and keeps it for the next start only if it is good. The
// order matters: a kept snapshot that cannot be activated would leave a restart during an
// outage without one.
func (d *daemon) fetched(file []byte) {
	if !d.activate(file) {
		return
	}
	if err := server.Keep(d.set.state, file); err != nil {
		d.log.Error("a start during an outage would serve an older snapshot or none", "reason", err.Error(),
			"action", remedy.For(remedy.Folder(err, d.set.state), "give writd a --state folder that it can write"))
	}
}
