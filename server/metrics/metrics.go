// Package metrics counts what the token server does, for Prometheus.
//
// It owns the names of the metrics, their labels and the bound on the number of
// series: every label's values come from a closed set, and the only set that a
// configuration makes, the labels of its APIs, is cut off at MaxAPIs. Nothing that
// a request holds becomes a label. Counters are looked up when they are made, so
// that counting neither allocates nor locks. The package refuses to know what a
// snapshot or a request is: package server tells it.
package metrics

import (
	"net/http"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/writ-auth/writ/schema/build"
	"github.com/writ-auth/writ/schema/jose"
)

// algorithms are the values of the label alg.
var algorithms = jose.Names(jose.APITokens)

// maxScrapes is how many scrapes are answered at once.
const maxScrapes = 4

// Metrics is what is counted. It is safe for concurrent use.
type Metrics struct {
	http.Handler // answers a scrape
	prometheus.Gatherer

	apis           *apis
	duration       histograms // one, without a label
	signing        histograms // by algorithm
	introspections byResult
	revocations    byResult
	reloads        struct{ failure, success prometheus.Counter }
	lastSuccess    prometheus.Gauge
	successful     prometheus.Gauge
}

// New makes counters. state is asked at every scrape and describes the server at
// that moment.
func New(state func() State) *Metrics {
	registry := prometheus.NewRegistry()
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &Metrics{
		Handler:  promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, DisableCompression: true}),
		Gatherer: registry,
		apis:     newAPIs(),
		duration: newHistograms("writ_token_request_duration_seconds", "Time from a parsed token request to its answer.", ""),
		signing: newHistograms("writ_token_sign_duration_seconds",
			"Time to put a token together and sign it, with the wait for a free signer.", "alg", algorithms...),
		lastSuccess: gauge("writ_snapshot_last_reload_success_timestamp_seconds", "When a snapshot was last put in force; 0 for never."),
		successful:  gauge("writ_snapshot_last_reload_successful", "Whether the last attempt to put a snapshot in force succeeded."),
	}
	introspections := resultVec("writ_introspection_requests_total", "Introspection requests by result.")
	m.introspections = countByResult(introspections, Active, Inactive)
	revocations := resultVec("writ_revocation_requests_total", "Revocation requests by result.")
	m.revocations = countByResult(revocations, NothingToDo)
	reloads := resultVec("writ_snapshot_reloads_total", "Attempts to put a snapshot, or new secrets and keys for it, in force.")
	m.reloads.failure, m.reloads.success = reloads.WithLabelValues("failure"), reloads.WithLabelValues("success")
	registry.MustRegister(
		buildInfo(), m.apis, m.duration, m.signing, introspections, revocations, reloads, m.lastSuccess, m.successful, stateCollector(state),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(
			collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/gc/cycles/total:gc-cycles$`)})),
	)
	return m
}

// resultVec is a family of counters by result.
func resultVec(name, help string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"result"})
}

// byResult is the counters of an endpoint that is not about an API. What its
// requests cannot come to has none, and is counted as other.
type byResult [len(results)]prometheus.Counter

// countByResult makes counters for the successes, for the refusals that every
// such endpoint has, and for others.
func countByResult(family *prometheus.CounterVec, successes ...Result) (c byResult) {
	for _, code := range []string{"invalid_request", "invalid_client", "too_many_requests", "temporarily_unavailable", "unsupported_token_type"} {
		successes = append(successes, ResultOf(code))
	}
	for _, r := range append(successes, OtherResult) {
		c[r] = family.WithLabelValues(results[r])
	}
	return c
}

// count counts a result; one that the endpoint has no counter for is among the others.
func (c *byResult) count(r Result) {
	if c[r] == nil {
		r = OtherResult
	}
	c[r].Inc()
}

// TokenRequest takes note of how long a token request took.
func (m *Metrics) TokenRequest(took time.Duration) { m.duration[0].observe(took) }

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
	m.successful.Set(one(ok))
	if !ok {
		m.reloads.failure.Inc()
		return
	}
	m.reloads.success.Inc()
	m.lastSuccess.Set(float64(now.Unix()))
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// buildInfo says what runs.
func buildInfo() prometheus.Collector {
	b := build.Read()
	labels := prometheus.Labels{"goversion": b.Go, "revision": b.Revision, "version": b.Version}
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "writ_build_info", Help: "What runs.", ConstLabels: labels})
	g.Set(1)
	return g
}
