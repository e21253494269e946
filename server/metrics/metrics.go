package metrics

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// buckets are OpenTelemetry's for requests, in seconds, with finer ones below:
// an HS256 token takes microseconds.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// algorithms are the values of the label alg.
var algorithms = []string{"RS256", "PS256", "ES256", "EdDSA", "HS256"}

// maxScrapes is how many scrapes are answered at once.
const maxScrapes = 4

// Metrics is a registry of its own and what is counted in it. It is safe for
// concurrent use.
type Metrics struct {
	registry       *prometheus.Registry
	scrape         http.Handler
	duration       prometheus.Histogram
	signing        map[string]prometheus.Observer // by algorithm
	introspections [len(results)]prometheus.Counter
	revocations    [len(results)]prometheus.Counter
	reloads        *prometheus.CounterVec
	lastSuccess    prometheus.Gauge
	successful     prometheus.Gauge
	apis           *apis
}

// New makes a registry. state is asked at every scrape and describes the server
// at that moment.
func New(state func() State) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), signing: map[string]prometheus.Observer{}}
	m.duration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "writ_token_request_duration_seconds", Help: "Time from a parsed token request to its answer.", Buckets: buckets,
	})
	signing := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "writ_token_sign_duration_seconds", Help: "Time to put a token together and sign it, with the wait for a free signer.", Buckets: buckets,
	}, []string{"alg"})
	for _, alg := range algorithms {
		m.signing[alg] = signing.WithLabelValues(alg)
	}
	m.reloads = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "writ_snapshot_reloads_total", Help: "Attempts to put a snapshot, or new secrets and keys for it, in force.",
	}, []string{"result"})
	m.reloads.WithLabelValues("success")
	m.reloads.WithLabelValues("failure")
	m.lastSuccess = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "writ_snapshot_last_reload_success_timestamp_seconds", Help: "When a snapshot was last put in force; 0 for never.",
	})
	m.successful = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "writ_snapshot_last_reload_successful", Help: "Whether the last attempt to put a snapshot in force succeeded.",
	})
	introspections := endpoint("writ_introspection_requests_total", "Introspection requests by result.", &m.introspections, Active, Inactive)
	revocations := endpoint("writ_revocation_requests_total", "Revocation requests by result.", &m.revocations, NothingToDo)
	m.apis = newAPIs()
	m.registry.MustRegister(m.apis.requests, m.duration, signing, introspections, revocations, m.reloads, m.lastSuccess, m.successful,
		collector{state}, buildInfo(), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.scrape = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
	return m
}

// endpoint makes the counters of an endpoint that is not about an API, one for
// each result that it may have.
func endpoint(name, help string, counters *[len(results)]prometheus.Counter, successes ...Result) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"result"})
	for _, r := range successes {
		counters[r] = vec.WithLabelValues(results[r])
	}
	other := vec.WithLabelValues(results[OtherResult])
	for _, code := range []string{"invalid_request", "invalid_client", "too_many_requests", "temporarily_unavailable", "unsupported_token_type"} {
		counters[ResultOf(code)] = vec.WithLabelValues(code)
	}
	for r := range counters {
		if counters[r] == nil {
			counters[r] = other
		}
	}
	return vec
}

// ServeHTTP answers a scrape.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.scrape.ServeHTTP(w, r) }

// TokenRequest takes note of how long a token request took.
func (m *Metrics) TokenRequest(took time.Duration) { m.duration.Observe(took.Seconds()) }

// Signed takes note of how long a token took with the algorithm.
func (m *Metrics) Signed(alg string, took time.Duration) {
	if o := m.signing[alg]; o != nil {
		o.Observe(took.Seconds())
	}
}

// Introspection counts a request at the introspection endpoint.
func (m *Metrics) Introspection(r Result) { m.introspections[r].Inc() }

// Revocation counts a request at the revocation endpoint.
func (m *Metrics) Revocation(r Result) { m.revocations[r].Inc() }

// Reloaded takes note of an attempt to put a snapshot in force.
func (m *Metrics) Reloaded(ok bool, now time.Time) {
	if !ok {
		m.reloads.WithLabelValues("failure").Inc()
		m.successful.Set(0)
		return
	}
	m.reloads.WithLabelValues("success").Inc()
	m.successful.Set(1)
	m.lastSuccess.Set(float64(now.Unix()))
}

// buildInfo says what runs, always with the value 1.
func buildInfo() prometheus.Collector {
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
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "writ_build_info", Help: "What runs.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": runtime.Version()},
	})
	g.Set(1)
	return g
}
