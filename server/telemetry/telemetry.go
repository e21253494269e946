// Package telemetry sends what the token server does to a collector, by
// OpenTelemetry's standard variables
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
//
// It owns the translation of requests to spans and of the metrics of /metrics to
// OpenTelemetry's, and the client of OTLP over HTTP. Sampling, batches and the
// description of the process are the SDK's. Everything is sent beside the requests: a
// collector that is slow or away loses data and delays nobody. The package refuses to
// know what a snapshot or a token is.
package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
)

// flush is how long Close waits for the collector.
const flush = 3 * time.Second

// Options say who sends.
type Options struct {
	Service string       // service.name, unless OTEL_SERVICE_NAME says another
	Version string       // service.version
	Logger  *slog.Logger // is told what could not be sent
}

// scope names whoever makes spans and metrics.
const scope = "github.com/writ-auth/writ/server"

// An Exporter sends spans and metrics. It is safe for concurrent use.
type Exporter struct {
	opts     Options
	log      *failures
	resource *resource.Resource
	spans    *sdktrace.TracerProvider
	tracer   trace.Tracer
	metrics  *meter // nil until Measure
}

// New starts an exporter of spans as the environment of the process says. It fails
// when a variable asks for an exporter or a protocol that there is not, for an
// address that is none, or for a certificate that cannot be used. Other values that
// cannot be read are logged and ignored. That the collector cannot be reached is no
// failure.
func New(ctx context.Context, opts Options) (*Exporter, error) {
	e := &Exporter{opts: opts, log: &failures{log: opts.Logger}}
	otel.SetLogger(logr.FromSlogHandler(messageHandler{opts.Logger}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(e.log.handle))
	var err error
	e.resource, err = resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName(opts.Service), semconv.ServiceVersion(opts.Version)), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	to, err := signal("TRACES").sender(opts)
	if err != nil {
		return nil, err
	}
	exported := sdktrace.WithSampler(sdktrace.NeverSample())
	if to != nil {
		exporter, err := otlptrace.New(ctx, to)
		if err != nil {
			return nil, err
		}
		exported = sdktrace.WithBatcher(exporter)
	}
	e.spans = sdktrace.NewTracerProvider(sdktrace.WithResource(e.resource), exported)
	e.tracer = e.spans.Tracer(scope, trace.WithInstrumentationVersion(opts.Version))
	return e, nil
}

// Measure sends metrics too: what is gathered, every minute unless the environment
// says otherwise. It fails as New does, and is called once at most.
func (e *Exporter) Measure(metrics prometheus.Gatherer) error {
	to, err := signal("METRICS").sender(e.opts)
	if err != nil || to == nil {
		return err
	}
	described := &resourcepb.Resource{}
	for _, a := range e.resource.Attributes() {
		described.Attributes = append(described.Attributes, pair(string(a.Key), a.Value.String()))
	}
	duration := func(name string, otherwise time.Duration) time.Duration {
		return milliseconds(e.opts.Logger, name, os.Getenv(name), otherwise)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.metrics = &meter{
		to: to, gatherer: metrics, resource: described, schema: e.resource.SchemaURL(), start: time.Now(), complain: e.log.handle,
		scope:   &commonpb.InstrumentationScope{Name: scope, Version: e.opts.Version},
		timeout: duration("OTEL_METRIC_EXPORT_TIMEOUT", 30*time.Second),
		cancel:  cancel, ended: make(chan struct{}),
	}
	go e.metrics.run(ctx, duration("OTEL_METRIC_EXPORT_INTERVAL", time.Minute))
	return nil
}

// Close sends what is left, within three seconds.
func (e *Exporter) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), flush)
	defer cancel()
	err := e.spans.Shutdown(ctx)
	if e.metrics != nil {
		err = errors.Join(err, e.metrics.close(ctx))
	}
	return err
}
