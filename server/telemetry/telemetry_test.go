package telemetry_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
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
	requests  []*http.Request
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
	c.requests = append(c.requests, r)
	var traces collecttrace.ExportTraceServiceRequest
	var metrics collectmetrics.ExportMetricsServiceRequest
	switch {
	case strings.HasSuffix(r.URL.Path, "/traces"):
		err = proto.Unmarshal(body, &traces)
	case strings.HasSuffix(r.URL.Path, "/metrics"):
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
		c.resources = resource.Resource.Attributes
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
	if sent := c.requests[0]; sent.URL.Path != "/v1/traces" || sent.Header.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("sent to %s as %q", sent.URL, sent.Header.Get("Content-Type"))
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

// The metrics are those that are gathered: counters, gauges, histograms and summaries,
// with labels.
func TestMetrics(t *testing.T) {
	c := collect(t)
	e := exporting(t, io.Discard)
	start := time.Now()
	registry := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "writ_requests_total", Help: "Requests."}, []string{"api"})
	ready := prometheus.NewGauge(prometheus.GaugeOpts{Name: "writ_ready", Help: "Ready."})
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "writ_seconds", Help: "Time.", Buckets: []float64{.5}})
	pauses := prometheus.NewSummary(prometheus.SummaryOpts{Name: "writ_pauses", Help: "Pauses.", Objectives: map[float64]float64{.5: .01}})
	registry.MustRegister(requests, ready, seconds, pauses)
	pauses.Observe(3)
	requests.WithLabelValues(`a"\`).Add(7)
	ready.Set(1)
	for _, took := range []float64{.25, .25, 4} {
		seconds.Observe(took)
	}
	if err := e.Measure(registry); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if sent := c.requests[0]; sent.URL.Path != "/v1/metrics" {
		t.Errorf("sent to %s", sent.URL)
	}
	if got := words(c.resources); !strings.Contains(got, "service.name") {
		t.Errorf("resource: %s", got)
	}
	if m := c.metrics["writ_requests_total"]; m.GetDescription() != "Requests." {
		t.Errorf("description %q", m.GetDescription())
	}
	sum := c.metrics["writ_requests_total"].GetSum()
	if points := sum.GetDataPoints(); !sum.GetIsMonotonic() || len(points) != 1 || points[0].GetAsDouble() != 7 || !strings.Contains(words(points[0].Attributes), `a\"\\`) {
		t.Errorf("counter: %v", sum)
	} else if p := points[0]; p.StartTimeUnixNano < uint64(start.UnixNano()) || p.TimeUnixNano < p.StartTimeUnixNano {
		t.Errorf("counter from %d to %d", p.StartTimeUnixNano, p.TimeUnixNano)
	}
	if points := c.metrics["writ_pauses"].GetSummary().GetDataPoints(); len(points) != 1 || points[0].Count != 1 || points[0].Sum != 3 ||
		len(points[0].QuantileValues) != 1 || points[0].QuantileValues[0].Quantile != .5 || points[0].QuantileValues[0].Value != 3 {
		t.Errorf("summary: %v", points)
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
	var log testenv.Buffer
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

// Metrics are sent at the interval of the environment and once more at the end.
func TestMetricsAreSentRegularly(t *testing.T) {
	c := collect(t)
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", "5")
	e := exporting(t, io.Discard)
	gathered := make(chan struct{})
	err := e.Measure(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		gathered <- struct{}{}
		return nil, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-gathered
	}
	closed := make(chan error)
	go func() { closed <- e.Close() }()
	for {
		select {
		case <-gathered:
			continue
		case err := <-closed:
			if err != nil {
				t.Error(err)
			}
		}
		break
	}
	if len(c.requests) < 3 {
		t.Errorf("%d requests", len(c.requests))
	}
}

// Each signal's own variables stand before those for all of them, and its address is
// taken as it is. A header is sent, but what is none is left out.
func TestVariables(t *testing.T) {
	c := collect(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")+"/base/")
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", strings.Replace(os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), "base/", "own/metrics?a=b", 1))
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=all, Authorization=Basic%20YTpi==,CANARY,a b=CANARY,bad=%0aCANARY,=CANARY,,")
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "api-key=own")
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "none")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "CANARY")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc") // which there is not
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", "CANARY")
	var log testenv.Buffer
	e := exporting(t, &log)
	e.Around("/oauth/token", http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/oauth/token", nil))
	if err := e.Measure(prometheus.NewRegistry()); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if len(c.requests) != 2 {
		t.Fatalf("%d requests", len(c.requests))
	}
	traces, metrics := c.requests[0], c.requests[1]
	if got := traces.URL.String(); got != "/base/v1/traces" {
		t.Errorf("traces: %s", got)
	}
	if got := metrics.URL.String(); got != "/own/metrics?a=b" {
		t.Errorf("metrics: %s", got)
	}
	if h := traces.Header; h.Get("Api-Key") != "all" || h.Get("Authorization") != "Basic YTpi==" || h.Get("User-Agent") != "writd/v1.2.3" {
		t.Errorf("traces: %v", h)
	}
	if h := metrics.Header; h.Get("Api-Key") != "own" || h.Get("Authorization") != "" || h.Get("Content-Encoding") != "" {
		t.Errorf("metrics: %v", h)
	}
	if n := strings.Count(log.String(), "header"); n != 4 || strings.Contains(log.String(), "CANARY") {
		t.Errorf("%d headers left out: %s", n, log.String())
	}
	for _, name := range []string{"OTEL_METRIC_EXPORT_INTERVAL", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"} {
		if !strings.Contains(log.String(), name) {
			t.Errorf("no line about %s", name)
		}
	}
}

// The collector is verified by the CA that is named, and sees the certificate that is
// named.
func TestTLS(t *testing.T) {
	c := &collector{metrics: map[string]*metricspb.Metric{}}
	s := httptest.NewUnstartedServer(c)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	defer s.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
	cert, key := keyPair(t, s)
	t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", cert)
	t.Setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", cert)
	t.Setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", key)
	e := exporting(t, io.Discard)
	if err := e.Measure(prometheus.NewRegistry()); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if len(c.requests) != 1 || c.requests[0].TLS == nil || len(c.requests[0].TLS.PeerCertificates) != 1 {
		t.Errorf("requests: %v", c.requests)
	}
}

// keyPair writes the certificate and the key of a server to files.
func keyPair(t *testing.T, s *httptest.Server) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: s.Certificate().Raw}, key: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// What cannot be done as it is asked for is an error at the start, which names the
// variable and no address.
func TestRefusedVariables(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.pem")
	for _, test := range []struct{ name, value, err string }{
		{"OTEL_%s_EXPORTER", "papyrus", `OTEL_%s_EXPORTER: "papyrus" is neither otlp nor none`},
		{"OTEL_%s_EXPORTER", "console", `OTEL_%s_EXPORTER: "console" is neither otlp nor none`},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", `OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not http/protobuf`},
		{"OTEL_EXPORTER_OTLP_%s_PROTOCOL", "http/json", `OTEL_EXPORTER_OTLP_%s_PROTOCOL: "http/json" is not http/protobuf`},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "CANARY:4318", "OTEL_EXPORTER_OTLP_ENDPOINT: not an http or https URL"},
		{"OTEL_EXPORTER_OTLP_%s_ENDPOINT", "http:///CANARY", "OTEL_EXPORTER_OTLP_%s_ENDPOINT: not an http or https URL"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", none, "OTEL_EXPORTER_OTLP_CERTIFICATE: open"},
		{"OTEL_EXPORTER_OTLP_%s_CERTIFICATE", os.Args[0], "holds no certificate"},
		{"OTEL_EXPORTER_OTLP_CLIENT_KEY", none, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY go together"},
	} {
		for _, signal := range []string{"TRACES", "METRICS"} {
			named := func(s string) string { return strings.ReplaceAll(s, "%s", signal) }
			t.Run(named(test.name), func(t *testing.T) {
				if signal == "METRICS" {
					t.Setenv("OTEL_TRACES_EXPORTER", "none")
				}
				t.Setenv(named(test.name), test.value)
				e, err := telemetry.New(t.Context(), telemetry.Options{Service: "writd", Logger: slog.New(slog.DiscardHandler)})
				if err == nil && signal == "METRICS" {
					err = e.Measure(prometheus.NewRegistry())
				}
				if err == nil || !strings.Contains(err.Error(), named(test.err)) || strings.Contains(err.Error(), "CANARY") {
					t.Errorf("%v, want %s", err, named(test.err))
				}
			})
		}
	}
}

// What is switched off is not sent, whatever else is said of it.
func TestNone(t *testing.T) {
	c := collect(t)
	t.Setenv("OTEL_TRACES_EXPORTER", "none")
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	e := exporting(t, io.Discard)
	e.Around("/oauth/token", http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/oauth/token", nil))
	if err := e.Measure(prometheus.NewRegistry()); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if len(c.requests) != 0 {
		t.Errorf("%d requests", len(c.requests))
	}
}
