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

// A snapshotFlags is where the snapshot is, how it is reached and how it is followed.
type snapshotFlags struct {
	text         string           // as given; it may hold a credential
	address      location.Address // what it says
	ca           string
	dockerConfig string
	creds        string
	cert, key    string
	poll         time.Duration // 0: the location's own
	staleAfter   time.Duration // 0: never
	refuseStale  bool
}

// The bounds of --poll and --stale-after.
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

// check reads the address. It refuses a fetched snapshot that nothing vouches for, or
// that an outage would take away, and flags that only another kind of location has.
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

// open returns the location of a snapshot that is fetched.
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

// A follower keeps the server at what the snapshot's location holds, and remembers how
// the looks at it went. A file is watched instead, and only its looks are remembered.
type follower struct {
	flags snapshotFlags
	log   *slog.Logger
	from  location.Location  // nil for a file
	again chan location.Head // asks for a look and says what is in force by then

	mu     sync.Mutex
	status server.LocationStatus
	due    time.Time // an answer was promised or hoped for by then
	stale  bool      // the log says so
}

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

// Status is what /status and the metrics say of the location.
func (f *follower) Status() server.LocationStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	status := f.status
	status.Stale = f.silent(time.Now())
	return status
}

// silent reports whether the location has been silent for longer than is allowed. f.mu
// is held.
func (f *follower) silent(now time.Time) bool {
	return f.flags.staleAfter > 0 && now.After(f.due.Add(f.flags.staleAfter))
}

// watcher watches a snapshot file.
func (f *follower) watcher(changed func([]byte, error)) *watch.Watcher {
	path, _ := f.flags.file()
	read := watch.File(path)
	return &watch.Watcher{Path: path, Logger: f.log, Changed: changed, Read: func() ([]byte, error) {
		content, err := read()
		if errors.Is(err, watch.ErrSame) {
			f.looked(nil, watch.DefaultPoll)
		} else {
			f.looked(err, watch.DefaultPoll)
		}
		return content, err
	}}
}

// run follows a location until ctx ends, and hands over each snapshot that is not held.
// choose says which one is meant for this instance.
func (f *follower) run(ctx context.Context, held location.Head, choose func(location.Head) location.Head, take func(file []byte)) {
	for look := range location.Follow(ctx, f.from, location.Schedule{Poll: f.flags.poll, Held: held, Now: f.again, Choose: choose}) {
		f.report(f.looked(look.Err, look.Next), look)
		if look.File != nil {
			take(look.File)
		}
	}
}

// looked takes note of a look, and returns what went wrong at the one before it.
func (f *follower) looked(err error, next time.Duration) (before string) {
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

// report logs what is new about a location: that it does not answer, or that what it
// holds is of no use, and why; that it has done so for too long; that it is over.
func (f *follower) report(before string, look location.Look) {
	f.mu.Lock()
	told, now := f.stale, f.silent(time.Now())
	f.stale = now
	f.mu.Unlock()
	address := f.flags.address.String()
	switch {
	case look.Err == nil && before != "":
		f.log.Info("location answers again", "location", address)
	case look.Err != nil && before != look.Err.Error():
		f.log.Warn("location of no use: the last good snapshot keeps serving", "location", address, "reason", look.Err.Error(),
			"next_look", look.Next.Round(time.Second).String())
	}
	if now && !told {
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

// inForce is the snapshot in force as a location names it.
func (d *daemon) inForce() location.Head {
	if active := d.server.Active(); active != nil {
		return location.Head{Serial: active.Serial, Digest: active.Digest}
	}
	return location.Head{}
}

// choose takes the newest snapshot, or the one beside it if this instance is in the share
// of the fleet that is to serve it, or has served it already.
func (d *daemon) choose(head location.Head) location.Head {
	return head.For(d.set.instance, d.server.HighestSerial())
}

// lookAgain has the location looked at now. What was refused is fetched again: the
// secrets and keys that it needs may be there by now.
func (d *daemon) lookAgain() {
	select {
	case d.follower.again <- d.inForce():
	default: // one is asked for
	}
}

// startFromKept puts the last good snapshot in force, which serves until the location
// holds another one. What was refused before is refused again.
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

// fetched puts a snapshot in force, and where the next start finds it.
func (d *daemon) fetched(file []byte) {
	if !d.activate(file) {
		return
	}
	if err := server.Keep(d.set.state, file); err != nil {
		d.log.Error("a start during an outage would serve an older snapshot or none", "reason", err.Error(),
			"action", remedy.For(remedy.Folder(err, d.set.state), "give writd a --state folder that it can write"))
	}
}
