package token

import (
	"context"
	"errors"
	"sync"
)

// maxReusable is how many tokens an Issuer keeps for identical grants.
const maxReusable = 4096

// issueOnce appends the token that an identical grant got within the window, or a
// new one. Of several identical requests at once the first signs and the others wait
// for its token. A signature that fails, fails for those who waited, and the next
// request signs anew. The first signs even if its client goes away meanwhile.
func (i *Issuer) issueOnce(ctx context.Context, dst []byte, g *Grant) ([]byte, Signed, error) {
	kid := ""
	if key := i.keys.Signer(g.Alg, g.API, g.IssuedAt); key != nil {
		kid = key.kid
	}
	id := identity{client: g.ClientID, api: g.API, scope: g.Scope, confirmation: g.Confirmation}
	entry, first := i.reusable.enter(id, g.IssuedAt, g.ReuseWindow, kid)
	if first {
		i.complete(context.WithoutCancel(ctx), g, id, entry)
	} else {
		select {
		case <-entry.done:
		case <-ctx.Done():
			return dst, Signed{}, ctx.Err()
		}
	}
	if entry.err != nil {
		return dst, Signed{}, entry.err
	}
	signed := entry.signed
	if !first {
		signed.Reused = true
		g.IssuedAt, g.ExpiresAt = max(g.IssuedAt, entry.issuedAt), entry.expiresAt
	}
	return append(dst, entry.token...), signed, nil
}

// complete signs the token of an entry, for all who wait for it.
func (i *Issuer) complete(ctx context.Context, g *Grant, id identity, entry *reusableToken) {
	entry.err = errors.New("sign: it ended without a token") // stays if signing panics
	defer func() {
		if entry.err != nil {
			i.reusable.remove(id, entry)
		}
		close(entry.done)
	}()
	entry.expiresAt = g.ExpiresAt
	entry.token, entry.signed, entry.err = i.issue(ctx, nil, g)
}

// An identity is what grants have in common that may share one token. One Issuer
// serves one configuration, which gives all of them the same claims.
type identity struct {
	client, api, scope string
	confirmation       Confirmation
}

// A reusableToken is a token for identical grants. The fields below done are set
// when done is closed.
type reusableToken struct {
	issuedAt  int64 // Unix seconds
	freshTill int64 // Unix seconds: the end of the window
	done      chan struct{}

	token     []byte
	signed    Signed
	expiresAt int64
	err       error
}

// fresh reports whether a request at now may share the token: within the window,
// while the token has a second to live and the key with that kid, which signs now, is
// the one that signed it. A token that is still being signed is always shared.
func (r *reusableToken) fresh(now int64, kid string) bool {
	select {
	case <-r.done:
		return r.issuedAt <= now+1 && now < r.freshTill && now < r.expiresAt && r.signed.KID == kid
	default:
		return true
	}
}

// A reusableTokens holds the tokens that may be issued again. It forgets those that
// were asked for longest ago, half of them at once: a request finds its token in
// recent, or moves it there from before. The zero value is ready.
type reusableTokens struct {
	mu             sync.Mutex
	recent, before map[identity]*reusableToken
}

// enter returns the entry of an identical request that is fresh, or a new one
// that the caller, who is first, has to complete.
func (r *reusableTokens) enter(id identity, now, window int64, kid string) (entry *reusableToken, first bool) {
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
	entry = &reusableToken{issuedAt: now, freshTill: now + window, done: make(chan struct{})}
	r.put(id, entry)
	return entry, true
}

// put stores an entry. When one half is full it becomes the older half, and what the older one
// held is forgotten: this bounds the memory without a list of what was used last. r.mu is held.
func (r *reusableTokens) put(id identity, entry *reusableToken) {
	if _, there := r.recent[id]; r.recent == nil || !there && len(r.recent) >= maxReusable/2 {
		r.recent, r.before = map[identity]*reusableToken{}, r.recent
	}
	r.recent[id] = entry
}

// remove forgets the entry, unless another has taken its place.
func (r *reusableTokens) remove(id identity, entry *reusableToken) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, entries := range []map[identity]*reusableToken{r.recent, r.before} {
		if entries[id] == entry {
			delete(entries, id)
		}
	}
}
