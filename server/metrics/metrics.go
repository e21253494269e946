package metrics

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/schema/jose"
)

// algorithms are the values of the label alg.
var algorithms = jose.Names(jose.APITokens)

// maxScrapes is how many scrapes are answered at once.
const maxScrapes = 4

// Metrics is what is counted. It is safe for concurrent use.
type Metrics struct {
	state   func() State
	build   string // labels
	started time.Time
	scrapes chan struct{}

	duration       histogram
	signing        []histogram // by algorithm
	introspections endpoint
	revocations    endpoint
	succeeded      atomic.Uint64 // reloads
	failed         atomic.Uint64
	successful     atomic.Bool  // the last one
	lastSuccess    atomic.Int64 // Unix seconds
	apis           *apis
}

// New makes counters. state is asked at every scrape and describes the server at
// that moment.
func New(state func() State) *Metrics {
	m := &Metrics{state: state, build: buildLabels(), started: time.Now(), scrapes: make(chan struct{}, maxScrapes), apis: newAPIs()}
	m.signing = make([]histogram, len(algorithms))
	m.introspections.allow(Active, Inactive)
	m.revocations.allow(NothingToDo)
	return m
}

// An endpoint counts the requests of an endpoint that is not about an API.
type endpoint struct {
	has      [len(results)]bool // what its requests may come to; anything else is other
	counters [len(results)]atomic.Uint64
}

func (e *endpoint) allow(successes ...Result) {
	for _, r := range successes {
		e.has[r] = true
	}
	for _, code := range []string{"invalid_request", "invalid_client", "too_many_requests", "temporarily_unavailable", "unsupported_token_type"} {
		e.has[ResultOf(code)] = true
	}
	e.has[OtherResult] = true
}

func (e *endpoint) count(r Result) {
	if !e.has[r] {
		r = OtherResult
	}
	e.counters[r].Add(1)
}

func (e *endpoint) write(p *page) {
	for r := range e.counters {
		if e.has[r] {
			p.count("", label("result", results[r]), e.counters[r].Load())
		}
	}
}

// TokenRequest takes note of how long a token request took.
func (m *Metrics) TokenRequest(took time.Duration) { m.duration.observe(took) }

// Signed takes note of how long a token took with the algorithm.
func (m *Metrics) Signed(alg string, took time.Duration) {
	for i := range algorithms {
		if algorithms[i] == alg {
			m.signing[i].observe(took)
		}
	}
}

// Introspection counts a request at the introspection endpoint.
func (m *Metrics) Introspection(r Result) { m.introspections.count(r) }

// Revocation counts a request at the revocation endpoint.
func (m *Metrics) Revocation(r Result) { m.revocations.count(r) }

// Reloaded takes note of an attempt to put a snapshot in force.
func (m *Metrics) Reloaded(ok bool, now time.Time) {
	m.successful.Store(ok)
	if !ok {
		m.failed.Add(1)
		return
	}
	m.succeeded.Add(1)
	m.lastSuccess.Store(now.Unix())
}

// ServeHTTP answers a scrape.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case m.scrapes <- struct{}{}:
		defer func() { <-m.scrapes }()
	default:
		http.Error(w, "too many scrapes at once", http.StatusServiceUnavailable)
		return
	}
	body := m.Page()
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// Page is what a scrape is answered with: all metrics in Prometheus' text format,
// version 0.0.4.
func (m *Metrics) Page() []byte {
	var p page
	m.write(&p)
	return p.body
}

func (m *Metrics) write(p *page) {
	p.family("writ_build_info", gaugeType, "What runs.")
	p.count("", m.build, 1)
	m.apis.write(p)
	p.family("writ_token_request_duration_seconds", histogramType, "Time from a parsed token request to its answer.")
	m.duration.write(p, "")
	p.family("writ_token_sign_duration_seconds", histogramType, "Time to put a token together and sign it, with the wait for a free signer.")
	for i := range m.signing {
		m.signing[i].write(p, label("alg", algorithms[i]))
	}
	p.family("writ_introspection_requests_total", counterType, "Introspection requests by result.")
	m.introspections.write(p)
	p.family("writ_revocation_requests_total", counterType, "Revocation requests by result.")
	m.revocations.write(p)
	p.family("writ_snapshot_reloads_total", counterType, "Attempts to put a snapshot, or new secrets and keys for it, in force.")
	p.count("", label("result", "failure"), m.failed.Load())
	p.count("", label("result", "success"), m.succeeded.Load())
	p.gauge("writ_snapshot_last_reload_success_timestamp_seconds", "When a snapshot was last put in force; 0 for never.", float64(m.lastSuccess.Load()))
	p.gauge("writ_snapshot_last_reload_successful", "Whether the last attempt to put a snapshot in force succeeded.", one(m.successful.Load()))
	m.state().write(p)
	writeRuntime(p)
	writeProcess(p, m.started)
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// buildLabels says what runs.
func buildLabels() string {
	version, revision := "(devel)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	return label("goversion", runtime.Version()) + "," + label("revision", revision) + "," + label("version", version)
}
