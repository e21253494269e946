package metrics

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// An API counts the token requests of one API. A series is there from its first
// request on.
type API struct {
	label    string
	round    uint64 // of the last configuration that had it
	counters [numGrantTypes][len(results)]atomic.Uint64
}

// Count counts one request.
func (a *API) Count(g GrantType, r Result) { a.counters[g][r].Add(1) }

func (a *API) write(p *page) {
	api := label("api", a.label) + ","
	for g := range a.counters {
		grant := api + label("grant_type", grantTypes[g]) + ","
		for r := range a.counters[g] {
			if n := a.counters[g][r].Load(); n > 0 {
				p.count("", grant+label("result", results[r]), n)
			}
		}
	}
}

// An apis is the counters of all APIs.
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

// all returns every API that has counters, in the order of the labels.
func (all *apis) all() []*API {
	all.mu.Lock()
	defer all.mu.Unlock()
	list := slices.AppendSeq([]*API{all.none, all.other}, maps.Values(all.own))
	slices.SortFunc(list, func(a, b *API) int { return strings.Compare(a.label, b.label) })
	return list
}

func (all *apis) write(p *page) {
	p.family("writ_token_requests_total", counterType,
		"Token requests. result is issued or the OAuth error code; api is the label of the first 1000 APIs.")
	for _, a := range all.all() {
		a.write(p)
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
	a := &API{label: strings.Clone(label), round: all.round}
	all.own[a.label] = a
	return a
}
