package main

import (
	"context"
	"crypto/x509"
	"errors"
	"net/url"
	"strings"

	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/watch"
)

// remotePrefix begins a --snapshot that is fetched.
const remotePrefix = "https://"

// remote reports whether the snapshot is fetched.
func (s settings) remote() bool { return strings.HasPrefix(s.snapshot, remotePrefix) }

// checkRemote refuses a fetched snapshot that nothing vouches for, or that an
// outage would take away.
func (s settings) checkRemote() error {
	if !s.remote() {
		if s.snapshotCA != "" {
			return errors.New("--snapshot-ca needs a --snapshot that begins with " + remotePrefix)
		}
		return nil
	}
	if u, err := url.Parse(s.snapshot); err != nil || u.Host == "" {
		return errors.New("--snapshot is not a URL") // which may hold a credential
	}
	switch {
	case len(s.trust) == 0:
		return errors.New("a --snapshot that is fetched needs --trust: its signature is all that vouches for it")
	case s.state == "":
		return errors.New("a --snapshot that is fetched needs --state, where the last good one is kept for a start during an outage")
	}
	return nil
}

// snapshots watches the snapshot, wherever it is.
func (d *daemon) snapshots(ctx context.Context) (*watch.Watcher, error) {
	w := &watch.Watcher{Path: d.set.snapshot, Logger: d.log, Changed: d.activate}
	if !d.set.remote() {
		return w, nil
	}
	var roots *x509.CertPool
	if d.set.snapshotCA != "" {
		var err error
		if roots, err = clientauth.ReadCAs(d.set.snapshotCA); err != nil {
			return nil, err
		}
	}
	w.Path, w.NoEvents, w.Poll = remotePrefix, true, watch.RemotePoll()
	w.Read = watch.Remote(ctx, d.set.snapshot, roots)
	return w, nil
}

// startFromKept serves the last good snapshot when none could be fetched. What
// was refused stays refused, and what is fetched later takes its place.
func (d *daemon) startFromKept() {
	if !d.set.remote() || d.server.Active() != nil {
		return
	}
	file, err := server.Kept(d.set.state)
	if err != nil {
		d.log.Warn("no snapshot from before is kept", "reason", err.Error())
		return
	}
	if d.server.Activate(file) == nil {
		d.log.Warn("serving the snapshot that was kept: none could be fetched", "snapshot", d.server.Active().Digest)
	}
}

// keep puts a snapshot that is in force where the next start finds it.
func (d *daemon) keep(file []byte) {
	if !d.set.remote() {
		return
	}
	if err := server.Keep(d.set.state, file); err != nil {
		d.log.Error("a start during an outage would serve an older snapshot or none", "reason", err.Error())
	}
}
