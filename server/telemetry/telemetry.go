// Package telemetry sends what the token server does to a collector, by
// OpenTelemetry's standard variables.
//
// It owns the translation: requests to spans, the metrics of /metrics to OpenTelemetry's. Where they are sent and how often is left to the variables and to the libraries
// that read them, of which only OTLP over HTTP is linked
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
// Everything is sent beside the requests: a collector that is slow or away loses data
// and delays nobody. It refuses to know what a snapshot or a token is.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
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
	provided := []sdktrace.TracerProviderOption{sdktrace.WithResource(described)}
	sent, err := overHTTP("TRACES")
	if err != nil {
		return nil, err
	}
	if sent {
		spans, err := otlptracehttp.New(ctx)
		if err != nil {
			return nil, err
		}
		provided = append(provided, sdktrace.WithBatcher(spans))
	} else {
		provided = append(provided, sdktrace.WithSampler(sdktrace.NeverSample()))
	}
	e.spans = sdktrace.NewTracerProvider(provided...)
	e.tracer = e.spans.Tracer("github.com/writ-auth/writ/server", trace.WithInstrumentationVersion(opts.Version))
	return e, nil
}

// Measure sends metrics too: what is gathered whenever it is time. It is called
// once at most.
func (e *Exporter) Measure(ctx context.Context, metrics prometheus.Gatherer) error {
	sent, err := overHTTP("METRICS")
	if err != nil || !sent {
		return err
	}
	exporter, err := otlpmetrichttp.New(ctx)
	if err != nil {
		return err
	}
	reader := sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(metrics))))
	e.metrics = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(e.resource))
	return nil
}

// overHTTP reports whether a signal, TRACES or METRICS, is to be sent. It fails when
// that is asked for in a way other than OTLP over HTTP.
func overHTTP(signal string) (bool, error) {
	name := "OTEL_" + signal + "_EXPORTER"
	switch value := os.Getenv(name); value {
	case "none":
		return false, nil
	case "", "otlp":
	default:
		return false, fmt.Errorf("%s: %q is neither otlp nor none", name, value)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_" + signal + "_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		switch value := os.Getenv(name); value {
		case "":
			continue
		case "http/protobuf":
			return true, nil
		default:
			return false, fmt.Errorf("%s: %q is not http/protobuf", name, value)
		}
	}
	return true, nil
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
