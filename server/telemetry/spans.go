package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
)

// Around makes a span of each POST request to the endpoint, a child of the one that
// the request names (W3C Trace Context). The handler finds the span's own name
// in that header's place, as if a proxy had sent it. What is fetched with GET,
// keys and metadata, is not worth a span.
//
// The attributes are those of OpenTelemetry's conventions for HTTP servers, less
// what the caller alone decides: addresses, paths, the name of its program.
func (e *Exporter) Around(path string, next http.Handler) http.Handler {
	start := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(semconv.HTTPRequestMethodPost, semconv.HTTPRoute(path)),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		w3c, header := propagation.TraceContext{}, propagation.HeaderCarrier(r.Header)
		ctx, span := e.tracer.Start(w3c.Extract(r.Context(), header), http.MethodPost+" "+path, start...)
		defer span.End()
		w3c.Inject(ctx, header)
		seen := &answered{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r.WithContext(ctx))
		span.SetAttributes(semconv.HTTPResponseStatusCode(seen.status))
		if seen.status >= http.StatusInternalServerError {
			span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(seen.status)))
			span.SetStatus(codes.Error, "")
		}
	})
}

// Decided adds attributes to the span of the request.
func (e *Exporter) Decided(ctx context.Context, attrs ...slog.Attr) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	for _, a := range attrs {
		// A collector refuses all that is sent together with a text that is none.
		span.SetAttributes(attribute.String(a.Key, strings.ToValidUTF8(a.Value.String(), "\uFFFD")))
	}
}

// An answered remembers the status that was answered.
type answered struct {
	http.ResponseWriter
	status int
}

func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
