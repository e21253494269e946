package active

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

// remoteTick is how often the key sets are checked for one that is due.
const remoteTick = time.Second

// A remoteKeys holds the key sets that the server fetches. They outlive the
// snapshots, so that a reload forgets no keys.
type remoteKeys struct {
	fetcher *clientauth.Fetcher
	now     func() time.Time
	log     *slog.Logger

	mu   sync.Mutex
	sets map[string]*clientauth.RemoteKeys // by algorithms and URL
	wake chan struct{}
}

// newRemoteKeys returns the keys of no issuer yet. run must be running for any to be fetched.
func newRemoteKeys(fetcher *clientauth.Fetcher, now func() time.Time, log *slog.Logger) *remoteKeys {
	return &remoteKeys{fetcher: fetcher, now: now, log: log, sets: map[string]*clientauth.RemoteKeys{}, wake: make(chan struct{}, 1)}
}

// get returns the set at an URL, the same one each time.
func (r *remoteKeys) get(address string, algs []schema.SigningAlg) *clientauth.RemoteKeys {
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

// retain forgets the sets that the configuration does not use.
func (r *remoteKeys) retain(used []*clientauth.RemoteKeys) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, set := range r.sets {
		if !slices.Contains(used, set) {
			delete(r.sets, name)
		}
	}
}

// run fetches the keys of trusted issuers until ctx ends: at once, then
// every quarter of an hour, and when a token names a key that is not there.
func (r *remoteKeys) run(ctx context.Context) {
	tick := time.NewTicker(remoteTick)
	defer tick.Stop()
	var fetches sync.WaitGroup
	defer fetches.Wait()
	for {
		for _, set := range r.due(r.now()) {
			fetches.Go(func() { r.fetch(ctx, set) })
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-tick.C:
		}
	}
}

// due returns the sets that are to be fetched by now.
func (r *remoteKeys) due(now time.Time) []*clientauth.RemoteKeys {
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

// fetch fetches one set and logs what went wrong. Until it succeeds, the keys that were fetched
// last stay in use.
func (r *remoteKeys) fetch(ctx context.Context, set *clientauth.RemoteKeys) {
	var done bool
	var err error
	if defect := Guard(func() { done, err = set.Fetch(ctx) }); defect != nil {
		err = defect // in one issuer's document, which must not stop the others
	}
	switch {
	case err != nil && ctx.Err() == nil:
		r.log.Warn("keys of a trusted issuer not fetched", "reason", err.Error(), "last_good_in_use", set.Keys() != nil)
	case done && err == nil:
		r.log.Debug("keys of a trusted issuer fetched")
	}
}
