package metrics

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// An API counts the token requests of one API. Counting neither allocates nor
// locks: a series is made when it is first needed.
type API struct {
	all      *apis
	label    string
	round    uint64 // of the last configuration that had it
	gone     bool   // guarded by apis.mu
	counters [numGrantTypes][len(results)]atomic.Pointer[prometheus.Counter]
}

// Count counts one request.
func (a *API) Count(g GrantType, r Result) {
	c := a.counters[g][r].Load()
	if c == nil {
		c = a.resolve(g, r)
	}
	(*c).Inc()
}

// resolve makes the series. An API that is gone meanwhile gets none anew.
func (a *API) resolve(g GrantType, r Result) *prometheus.Counter {
	a.all.mu.Lock()
	defer a.all.mu.Unlock()
	label := a.label
	if a.gone {
		label = OtherAPI
	}
	c := a.all.requests.WithLabelValues(label, grantTypes[g], results[r])
	a.counters[g][r].Store(&c)
	return &c
}

// An apis is the counters of all APIs.
type apis struct {
	requests *prometheus.CounterVec
	none     *API
	other    *API

	mu    sync.Mutex
	round uint64
	own   map[string]*API // by label, at most MaxAPIs
}

func newAPIs() *apis {
	all := &apis{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "writ_token_requests_total",
			Help: "Token requests. result is issued or the OAuth error code; api is the label of the first 1000 APIs.",
		}, []string{"api", "grant_type", "result"}),
		own: map[string]*API{},
	}
	all.none = &API{all: all, label: NoAPI}
	all.other = &API{all: all, label: OtherAPI}
	return all
}

// NoAPI counts the requests that did not get as far as an API.
func (m *Metrics) NoAPI() *API { return m.apis.none }

// APIs returns the counters for n APIs by index. APIs that had counters keep
// them; the series of those that are no longer there end; what is beyond
// MaxAPIs is counted together.
func (m *Metrics) APIs(n int, label func(i int) string) []*API {
	all := m.apis
	all.mu.Lock()
	defer all.mu.Unlock()
	all.round++
	counters := make([]*API, n)
	for i := range n {
		if a := all.own[label(i)]; a != nil {
			a.round = all.round
			counters[i] = a
		}
	}
	for name, a := range all.own {
		if a.round != all.round {
			a.gone = true
			delete(all.own, name)
			all.requests.DeletePartialMatch(prometheus.Labels{"api": name})
		}
	}
	for i := range n {
		if counters[i] == nil {
			counters[i] = all.add(label(i))
		}
	}
	return counters
}

// add makes the counters of a further API. The label is copied: it must not
// keep a whole snapshot in memory.
func (all *apis) add(label string) *API {
	if len(all.own) >= MaxAPIs {
		return all.other
	}
	a := &API{all: all, label: strings.Clone(label), round: all.round}
	all.own[a.label] = a
	return a
}
