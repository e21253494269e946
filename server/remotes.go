package server

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/clientauth"
)

// remotesTick is how often it is seen whether a key set is due.
const remotesTick = time.Second

// A remotes holds the key sets that the server fetches. They outlive the
// snapshots, so that a reload forgets no keys.
type remotes struct {
	fetcher *clientauth.Fetcher
	log     *slog.Logger

	mu   sync.Mutex
	sets map[string]*clientauth.RemoteKeys // by algorithms and URL
	wake chan struct{}
}

func newRemotes(fetcher *clientauth.Fetcher, log *slog.Logger) *remotes {
	return &remotes{fetcher: fetcher, log: log, sets: map[string]*clientauth.RemoteKeys{}, wake: make(chan struct{}, 1)}
}

// get returns the set behind an URL, the same one each time.
func (r *remotes) get(address string, algs []schema.SigningAlg) *clientauth.RemoteKeys {
	var name strings.Builder
	for _, alg := range algs {
		name.WriteString(string(alg) + " ")
	}
	name.WriteString(address)
	r.mu.Lock()
	defer r.mu.Unlock()
	set, ok := r.sets[name.String()]
	if !ok {
		set = r.fetcher.Remote(address, algs)
		r.sets[name.String()] = set
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
	return set
}

// keep forgets the sets that the configuration does not use.
func (r *remotes) keep(used []*clientauth.RemoteKeys) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, set := range r.sets {
		if !slices.Contains(used, set) {
			delete(r.sets, name)
		}
	}
}

// KeepIssuers fetches the keys of trusted issuers until ctx ends: at once, then
// every quarter of an hour, and when a token names a key that is not there.
// Serve does it by itself; whoever serves the handlers otherwise calls this.
func (s *Server) KeepIssuers(ctx context.Context) {
	tick := time.NewTicker(remotesTick)
	defer tick.Stop()
	var fetches sync.WaitGroup
	defer fetches.Wait()
	for {
		for _, set := range s.remotes.due(s.opts.Now()) {
			fetches.Go(func() { s.remotes.fetch(ctx, set) })
		}
		select {
		case <-ctx.Done():
			return
		case <-s.remotes.wake:
		case <-tick.C:
		}
	}
}

func (r *remotes) due(now time.Time) []*clientauth.RemoteKeys {
	r.mu.Lock()
	defer r.mu.Unlock()
	var due []*clientauth.RemoteKeys
	for _, set := range r.sets {
		if !now.Before(set.Due()) {
			due = append(due, set)
		}
	}
	return due
}

func (r *remotes) fetch(ctx context.Context, set *clientauth.RemoteKeys) {
	var done bool
	var err error
	if defect := Guard(func() { done, err = set.Fetch(ctx) }); defect != nil {
		err = defect // of one issuer's document: the others are none the worse
	}
	switch {
	case err != nil && ctx.Err() == nil:
		r.log.Warn("keys of a trusted issuer not fetched", "reason", err.Error(), "last_good_in_use", set.Keys() != nil)
	case done && err == nil:
		r.log.Debug("keys of a trusted issuer fetched")
	}
}
