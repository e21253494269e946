package server

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What one client may have the server remember, each second and twice that at once,
// whether or not it declares a rate_limit: assertions and proofs that it uses up, and
// refresh tokens that it is issued anew.
const (
	maxUses     = 500
	maxFamilies = 50
)

// A rates holds the buckets of clients, for one thing that is limited. They outlive
// the snapshots: a reload fills no bucket.
type rates struct {
	mu      sync.Mutex
	buckets map[string]*rate.Limiter // by client label
}

func newRates() *rates { return &rates{buckets: map[string]*rate.Limiter{}} }

// allow takes one token of the client's bucket. A limit of 0 is no limit; the
// burst is twice the limit, and one at least.
func (r *rates) allow(label string, limit float64, now time.Time) bool {
	if limit == 0 {
		return true
	}
	r.mu.Lock()
	bucket, ok := r.buckets[label]
	if !ok || bucket.Limit() != rate.Limit(limit) {
		bucket = rate.NewLimiter(rate.Limit(limit), int(math.Max(1, math.Ceil(2*limit))))
		r.buckets[label] = bucket
	}
	r.mu.Unlock()
	return bucket.AllowN(now, 1)
}

// keep forgets the buckets of clients for which known is false.
func (r *rates) keep(known func(label string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for label := range r.buckets {
		if !known(label) {
			delete(r.buckets, label)
		}
	}
}
