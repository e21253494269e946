package metrics

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// MaxAPIs is how many APIs have series of their own. Those in force longest
// keep theirs; further ones are counted together.
const MaxAPIs = 1000

// Values of the label api that are no API's. Labels of APIs have no
// parentheses.
const (
	NoAPI    = "(none)"  // the request did not get as far as an API
	OtherAPI = "(other)" // the API is beyond the first MaxAPIs
)

var tokenRequests = prometheus.NewDesc("writ_token_requests_total",
	"Token requests. result is issued or the OAuth error code; api is the label of the first 1000 APIs.",
	[]string{"api", "grant_type", "result"}, nil)

// An API counts the token requests of one API. Its counters are its own, and not
// client_golang's: a request that began before a reload may still count for an API
// that is gone, and must not bring its series back. A series is exposed from its
// first request on.
type API struct {
	label    string
	round    uint64 // counts configurations: the last one that had this API
	counters [numGrantTypes][len(results)]atomic.Uint64
}

// Count counts one request.
func (a *API) Count(g GrantType, r Result) { a.counters[g][r].Add(1) }

// collect exposes the counters that are not 0.
func (a *API) collect(ch chan<- prometheus.Metric) {
	for g := range a.counters {
		for r := range a.counters[g] {
			if n := a.counters[g][r].Load(); n > 0 {
				ch <- prometheus.MustNewConstMetric(tokenRequests, prometheus.CounterValue, float64(n), a.label, grantTypes[g], results[r])
			}
		}
	}
}

// An apis collects the counters of all APIs.
type apis struct {
	none  *API
	other *API

	mu    sync.Mutex
	round uint64
	own   map[string]*API // by label, at most MaxAPIs
}

func newAPIs() *apis {
	return &apis{none: &API{label: NoAPI}, other: &API{label: OtherAPI}, own: map[string]*API{}}
}

// Describe is of prometheus.Collector.
func (all *apis) Describe(ch chan<- *prometheus.Desc) { ch <- tokenRequests }

// Collect is of prometheus.Collector.
func (all *apis) Collect(ch chan<- prometheus.Metric) {
	all.none.collect(ch)
	all.other.collect(ch)
	all.mu.Lock()
	own := slices.Collect(maps.Values(all.own))
	all.mu.Unlock()
	for _, a := range own {
		a.collect(ch)
	}
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
	maps.DeleteFunc(all.own, func(_ string, a *API) bool { return a.round != all.round })
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
	label = strings.Clone(label)
	a := &API{label: strings.ToValidUTF8(label, "\ufffd"), round: all.round} // client_golang panics on other bytes
	all.own[label] = a
	return a
}
