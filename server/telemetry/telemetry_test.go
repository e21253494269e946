package telemetry_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	collectmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collecttrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server/telemetry"
)

// A collector takes what is sent to it by OTLP over HTTP.
type collector struct {
	mu        sync.Mutex
	spans     []*tracepb.Span
	metrics   map[string]*metricspb.Metric
	resources []*common.KeyValue
	raw       bytes.Buffer
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	var traces collecttrace.ExportTraceServiceRequest
	var metrics collectmetrics.ExportMetricsServiceRequest
	switch r.URL.Path {
	case "/v1/traces":
		err = proto.Unmarshal(body, &traces)
	case "/v1/metrics":
		err = proto.Unmarshal(body, &metrics)
	default:
		err = errors.New("neither traces nor metrics")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, resource := range traces.ResourceSpans {
		c.resources = resource.Resource.Attributes
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	for _, resource := range metrics.ResourceMetrics {
		for _, scope := range resource.ScopeMetrics {
			for _, m := range scope.Metrics {
				c.metrics[m.Name] = m
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func read(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// collect starts a collector and points the environment to it.
func collect(t *testing.T) *collector {
	t.Helper()
	c := &collector{metrics: map[string]*metricspb.Metric{}}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
	return c
}

// exporting starts an exporter that logs to log.
func exporting(t *testing.T, log io.Writer) *telemetry.Exporter {
	t.Helper()
	e, err := telemetry.New(t.Context(), telemetry.Options{Service: "writd", Version: "v1.2.3", Logger: slog.New(slog.NewJSONHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// words are attributes as text.
func words(attrs []*common.KeyValue) string {
	var b strings.Builder
	for _, a := range attrs {
		fmt.Fprintf(&b, "%s=%v\n", a.Key, a.Value)
	}
	return b.String()
}

func TestMain(m *testing.M) {
	testenv.Isolate() // exporters are told by the environment where to send
	os.Exit(m.Run())
}

// A request is a span below the one that it names, and what is asked behind it
// names the span in turn. What a caller may write is valid UTF-8 when it is sent:
// else a collector refuses all that is sent with it.
func TestSpans(t *testing.T) {
	c := collect(t)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	e := exporting(t, io.Discard)
	var behind string
	h := e.Around("/oauth/token", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		behind += r.Header.Get("Traceparent")
		e.Decided(r.Context(), slog.String("writ.reason", "unknown-client"), slog.String("writ.api", "or\xffders"))
		w.WriteHeader(http.StatusUnauthorized)
	}))
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	r := httptest.NewRequest(http.MethodPost, "/tenant/oauth/token?CANARY", strings.NewReader("client_secret=CANARY"))
	r.Header.Set("Traceparent", "00-"+trace+"-"+parent+"-01")
	r.Header.Set("Authorization", "Basic CANARY")
	r.Header.Set("User-Agent", "a\xff\xfeb")
	h.ServeHTTP(httptest.NewRecorder(), r)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/tenant/oauth/token", nil))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if len(c.spans) != 1 {
		t.Fatalf("%d spans", len(c.spans))
	}
	span := c.spans[0]
	if hex.EncodeToString(span.TraceId) != trace || hex.EncodeToString(span.ParentSpanId) != parent || span.Kind != tracepb.Span_SPAN_KIND_SERVER {
		t.Errorf("trace %x, parent %x, %v", span.TraceId, span.ParentSpanId, span.Kind)
	}
	if want := "00-" + trace + "-" + hex.EncodeToString(span.SpanId) + "-01"; behind != want {
		t.Errorf("behind it the traceparent is %q, want %q", behind, want)
	}
	if span.Name != "POST /oauth/token" {
		t.Errorf("name %q", span.Name)
	}
	got := words(span.Attributes) + words(c.resources)
	for _, want := range []string{
		"http.route=string_value:\"/oauth/token\"", "http.response.status_code=int_value:401", "writ.reason=string_value:\"unknown-client\"",
		"service.name=string_value:\"writd\"", "service.version=string_value:\"v1.2.3\"", "deployment.environment.name=string_value:\"test\"",
	} {
		if !strings.Contains(strings.ReplaceAll(got, "  ", " "), want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if bytes.Contains(c.raw.Bytes(), []byte("CANARY")) {
		t.Error("a credential was sent")
	}
}

// The metrics are those that are gathered: counters, gauges and histograms, with
// labels.
func TestMetrics(t *testing.T) {
	c := collect(t)
	e := exporting(t, io.Discard)
	registry := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "writ_requests_total", Help: "Requests."}, []string{"api"})
	ready := prometheus.NewGauge(prometheus.GaugeOpts{Name: "writ_ready", Help: "Ready."})
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "writ_seconds", Help: "Time.", Buckets: []float64{.5}})
	registry.MustRegister(requests, ready, seconds)
	requests.WithLabelValues(`a"\`).Add(7)
	ready.Set(1)
	for _, took := range []float64{.25, .25, 4} {
		seconds.Observe(took)
	}
	if err := e.Measure(t.Context(), registry); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	sum := c.metrics["writ_requests_total"].GetSum()
	if points := sum.GetDataPoints(); !sum.GetIsMonotonic() || len(points) != 1 || points[0].GetAsDouble() != 7 || !strings.Contains(words(points[0].Attributes), `a\"\\`) {
		t.Errorf("counter: %v", sum)
	}
	if points := c.metrics["writ_ready"].GetGauge().GetDataPoints(); len(points) != 1 || points[0].GetAsDouble() != 1 {
		t.Errorf("gauge: %v", c.metrics["writ_ready"])
	}
	points := c.metrics["writ_seconds"].GetHistogram().GetDataPoints()
	if len(points) != 1 || points[0].Count != 3 || points[0].GetSum() != 4.5 || fmt.Sprint(points[0].BucketCounts) != "[2 1]" || fmt.Sprint(points[0].ExplicitBounds) != "[0.5]" {
		t.Errorf("histogram: %v", points)
	}
}

// A collector that is away neither delays requests nor the end for long, and the
// log hears of it, once, without what the environment says of credentials.
func TestCollectorAway(t *testing.T) {
	released := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-released }))
	defer hangs.Close()
	defer close(released)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", strings.Replace(hangs.URL, "http://", "http://me:CANARY@", 1))
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=CANARY,%zz CANARY")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "CANARY")
	var log lockedBuffer
	e := exporting(t, &log)
	h := e.Around("/oauth/token", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for range 10_000 { // more than are queued
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/oauth/token", nil))
	}
	closed := make(chan error, 1)
	go func() { closed <- e.Close() }()
	select {
	case err := <-closed:
		if err == nil {
			t.Error("nothing was lost")
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("the exporter does not end")
	}
	for range 100 {
		otel.Handle(errors.New("export failed"))
	}
	if n := strings.Count(log.String(), "OpenTelemetry data not sent"); n != 1 {
		t.Errorf("%d lines about what was not sent", n)
	}
	if !strings.Contains(log.String(), "OpenTelemetry: ") || strings.Contains(log.String(), "CANARY") {
		t.Errorf("log: %s", log.String())
	}
}

// A value that nothing is known by is an error at the start.
func TestUnknownValues(t *testing.T) {
	collect(t)
	t.Setenv("OTEL_METRICS_EXPORTER", "papyrus")
	e := exporting(t, io.Discard)
	if err := e.Measure(t.Context(), prometheus.NewRegistry()); err == nil || !strings.Contains(err.Error(), "OTEL_METRICS_EXPORTER") {
		t.Errorf("metrics: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	t.Setenv("OTEL_TRACES_EXPORTER", "papyrus")
	if _, err := telemetry.New(t.Context(), telemetry.Options{Service: "writd", Logger: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "OTEL_TRACES_EXPORTER") {
		t.Errorf("traces: %v", err)
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
