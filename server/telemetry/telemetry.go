// Package telemetry sends what the token server does to a collector, by
// OpenTelemetry's standard variables.
//
// It owns the translation: requests to spans, the page of /metrics to OpenTelemetry's
// metrics. Which exporters there are, where they send and how often is left to the
// variables and to the libraries that read them
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
// Everything is sent beside the requests: a collector that is slow or away loses data
// and delays nobody. It refuses to know what a snapshot or a token is, and no
// program links it unless it is built for it.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
)

// flush is how long Close waits for the collector.
const flush = 3 * time.Second

// Options say who sends.
type Options struct {
	Service string       // service.name, unless OTEL_SERVICE_NAME says another
	Version string       // service.version
	Logger  *slog.Logger // is told what could not be sent
}

// An Exporter sends spans and metrics. It is safe for concurrent use.
type Exporter struct {
	resource *resource.Resource
	spans    *sdktrace.TracerProvider
	tracer   trace.Tracer
	metrics  *sdkmetric.MeterProvider // nil until Measure
}

// New starts an exporter of spans as the environment of the process says. It
// fails when a variable has a value that nothing is known by; that the collector
// cannot be reached is no failure.
func New(ctx context.Context, opts Options) (*Exporter, error) {
	complain := &complaints{log: opts.Logger}
	otel.SetLogger(logr.FromSlogHandler(notes{opts.Logger}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(complain.handle))
	described, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName(opts.Service), semconv.ServiceVersion(opts.Version)), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	e := &Exporter{resource: described}
	spans, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER, OTEL_EXPORTER_OTLP_PROTOCOL: %w", err)
	}
	e.spans = sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans), sdktrace.WithResource(described))
	e.tracer = e.spans.Tracer("github.com/writ-auth/writ/server", trace.WithInstrumentationVersion(opts.Version))
	return e, nil
}

// Measure sends metrics too: those of a page in Prometheus' text format, which
// is asked for whenever it is time. It is called once at most.
func (e *Exporter) Measure(ctx context.Context, page func() []byte) error {
	autoexport.WithFallbackMetricProducer(func(context.Context) (sdkmetric.Producer, error) { return newProducer(page), nil })
	reader, err := autoexport.NewMetricReader(ctx)
	if err != nil {
		return fmt.Errorf("OTEL_METRICS_EXPORTER, OTEL_EXPORTER_OTLP_PROTOCOL: %w", err)
	}
	e.metrics = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(e.resource))
	return nil
}

// Close sends what is left, within three seconds.
func (e *Exporter) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), flush)
	defer cancel()
	err := e.spans.Shutdown(ctx)
	if e.metrics != nil {
		err = errors.Join(err, e.metrics.Shutdown(ctx))
	}
	return err
}
