package server

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How many authentications may fail, per second and in a burst: per client_id
// and per address. Successes are not counted; what was refused for load is, per
// address. Libraries that try Basic first fail once per token.
const (
	clientFailures  = 10
	addressFailures = 50
	failureBurst    = 5 // times the rate
)

// failureBuckets is the number of buckets of each kind. Names are hashed onto
// them with a secret seed, so that memory stays bounded whatever is sent, and a
// client_id that does not exist is treated like one that does.
const failureBuckets = 4096

// A failures counts failed authentications.
type failures struct {
	seed      maphash.Seed
	clients   buckets
	addresses buckets
}

func newFailures() *failures {
	return &failures{seed: maphash.MakeSeed(), clients: newBuckets(clientFailures), addresses: newBuckets(addressFailures)}
}

// of returns what is counted of a client_id and a remote address. A peer on a
// unix socket has no address.
func (f *failures) of(clientID, remote string) failing {
	counted := failing{client: f.clients.get(maphash.String(f.seed, clientID))}
	if addr := peer(remote); addr.IsValid() {
		counted.address = f.addresses.get(maphash.Comparable(f.seed, addr))
	}
	return counted
}

// peer is the network of a remote address, invalid for a peer on a unix socket.
func peer(remote string) netip.Addr {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return network(peer.Addr())
}

// network is the address, of IPv6 the /64 that one host may choose from.
func network(addr netip.Addr) netip.Addr {
	if addr = addr.Unmap().WithZone(""); addr.Is4() {
		return addr
	}
	bytes := addr.As16()
	clear(bytes[8:])
	return netip.AddrFrom16(bytes)
}

// A failing is the buckets that bear on one request, nil for none.
type failing struct{ client, address *rate.Limiter }

// bearable reports whether the credential may be checked at all.
func (f failing) bearable(now time.Time) bool {
	for _, bucket := range [...]*rate.Limiter{f.client, f.address} {
		if bucket != nil && bucket.TokensAt(now) < 1 {
			return false
		}
	}
	return true
}

// count takes note of a failure.
func (f failing) count(now time.Time) {
	f.client.AllowN(now, 1)
	f.countAddress(now)
}

// countAddress takes note of a request that was refused for load, or whose client did
// not wait for the answer. It decided nothing about the client, whom others could shut
// out by it, and burdened the server as a failure does.
func (f failing) countAddress(now time.Time) {
	if f.address != nil {
		f.address.AllowN(now, 1)
	}
}

// A buckets is a fixed number of token buckets.
type buckets struct {
	limit rate.Limit
	mu    *sync.Mutex
	all   []*rate.Limiter
}

func newBuckets(limit rate.Limit) buckets {
	return buckets{limit: limit, mu: new(sync.Mutex), all: make([]*rate.Limiter, failureBuckets)}
}

func (b buckets) get(hash uint64) *rate.Limiter {
	i := hash % failureBuckets
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all[i] == nil {
		b.all[i] = rate.NewLimiter(b.limit, int(failureBurst*b.limit))
	}
	return b.all[i]
}
