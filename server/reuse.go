package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/token"
)

// maxReused is how many tokens a configuration keeps for identical requests.
const maxReused = 4096

// sign appends the token of the grant to dst: a new one, or, when the API has a
// reuse_window, the one that an identical request got within it.
func (e *tokenEndpoint) sign(ctx context.Context, x *exchange, dst []byte) ([]byte, error) {
	if x.grant.API.ReuseWindow() > 0 && x.grant.GrantType == schema.GrantClientCredentials {
		return e.signOnce(ctx, x, dst)
	}
	begin := time.Now()
	dst, signed, err := x.active.issuer.Issue(ctx, dst, &x.grant.Grant)
	if err == nil {
		x.signed = signed
		e.server.metrics.Signed(string(x.grant.Alg), time.Since(begin))
	}
	return dst, err
}

// signOnce has the first of identical requests sign; the others wait for it. A
// signature that fails, fails those who waited, and the next request signs anew.
// That the first client goes away meanwhile stops nothing.
func (e *tokenEndpoint) signOnce(ctx context.Context, x *exchange, dst []byte) ([]byte, error) {
	kid := ""
	if key := x.active.issuer.Keys().Signer(x.grant.Alg, x.grant.Grant.API, x.now.Unix()); key != nil {
		kid = key.KID()
	}
	id := identical{client: x.grant.Client.Index(), api: x.grant.API.Index(), scope: x.grant.Scope, confirmation: x.grant.Confirmation}
	entry, first := x.active.reused.enter(id, x.now.Unix(), x.grant.API.ReuseWindow(), kid)
	if first {
		e.signFor(context.WithoutCancel(ctx), x, id, entry)
	} else {
		select {
		case <-entry.done:
		case <-ctx.Done():
			return dst, ctx.Err()
		}
	}
	if entry.err != nil {
		return dst, entry.err
	}
	if !first {
		x.reused = true
		x.grant.IssuedAt = max(x.now.Unix(), entry.issuedAt) // expires_in is what is left
		x.grant.ExpiresAt = entry.expiresAt
	}
	x.signed = entry.signed
	return append(dst, entry.token...), nil
}

// signFor signs the token that the entry is for.
func (e *tokenEndpoint) signFor(ctx context.Context, x *exchange, id identical, entry *reusable) {
	entry.err = errors.New("sign: it ended without a token") // what a panic leaves
	defer func() {
		if entry.err != nil {
			x.active.reused.forget(id, entry)
		}
		close(entry.done)
	}()
	entry.expiresAt = x.grant.ExpiresAt
	begin := time.Now()
	entry.token, entry.signed, entry.err = x.active.issuer.Issue(ctx, nil, &x.grant.Grant)
	if entry.err == nil {
		e.server.metrics.Signed(string(x.grant.Alg), time.Since(begin))
	}
}

// An identical is what two requests have in common that get the same token.
type identical struct {
	client, api  int // by their index in the snapshot
	scope        string
	confirmation token.Confirmation
}

// A reusable is a token for identical requests. What stands below done is set
// when that is closed.
type reusable struct {
	issuedAt  int64 // Unix seconds
	freshTill int64 // Unix seconds: the end of the window
	done      chan struct{}

	token     []byte
	signed    token.Signed
	expiresAt int64
	err       error
}

// fresh reports whether a request at now may have the token: within the window,
// while it has a second to live and the key that signed it still signs. A token
// that is being signed may be had whatever comes of it.
func (r *reusable) fresh(now int64, kid string) bool {
	select {
	case <-r.done:
		return r.issuedAt <= now+1 && now < r.freshTill && now < r.expiresAt && r.signed.KID == kid
	default:
		return true
	}
}

// A reuse is the tokens of one configuration that may be given out again. It
// forgets the ones that were asked for longest ago, half of them at once: a
// request finds its token in recent, or moves it there from before. The zero
// value is ready.
type reuse struct {
	mu             sync.Mutex
	recent, before map[identical]*reusable
}

// enter returns the entry of an identical request that is fresh, or a new one
// that the caller, who is first, has to complete.
func (r *reuse) enter(id identical, now, window int64, kid string) (entry *reusable, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	entry, ok := r.recent[id]
	if !ok {
		if entry, ok = r.before[id]; ok {
			delete(r.before, id)
			r.put(id, entry)
		}
	}
	if ok && entry.fresh(now, kid) {
		return entry, false
	}
	entry = &reusable{issuedAt: now, freshTill: now + window, done: make(chan struct{})}
	r.put(id, entry)
	return entry, true
}

func (r *reuse) put(id identical, entry *reusable) {
	if _, there := r.recent[id]; r.recent == nil || !there && len(r.recent) >= maxReused/2 {
		r.recent, r.before = map[identical]*reusable{}, r.recent
	}
	r.recent[id] = entry
}

// forget removes the entry, unless another has taken its place.
func (r *reuse) forget(id identical, entry *reusable) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, entries := range []map[identical]*reusable{r.recent, r.before} {
		if entries[id] == entry {
			delete(entries, id)
		}
	}
}
