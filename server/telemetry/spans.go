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

// Around makes a span of each POST request to the endpoint. Its parent is the span in
// the request's traceparent header (W3C Trace Context), and next finds the new span in
// that header, as if a proxy had sent it. GET requests, for keys and metadata, get no
// span.
//
// The attributes are those of OpenTelemetry's conventions for HTTP servers. Those that
// the caller alone decides are left out: addresses, paths, the user agent.
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
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r.WithContext(ctx))
		span.SetAttributes(semconv.HTTPResponseStatusCode(recorder.status))
		if recorder.status >= http.StatusInternalServerError {
			span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(recorder.status)))
			span.SetStatus(codes.Error, "")
		}
	})
}

// Decided adds attributes to the span of the request that the context is of.
func (e *Exporter) Decided(ctx context.Context, attrs ...slog.Attr) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	for _, a := range attrs {
		// A collector refuses the whole batch when one text in it is not valid UTF-8.
		span.SetAttributes(attribute.String(a.Key, strings.ToValidUTF8(a.Value.String(), "\uFFFD")))
	}
}

// A statusRecorder remembers the status of the answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status. A handler that never calls it has answered 200.
func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }
