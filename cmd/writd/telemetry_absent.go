//go:build !otel

package main

import "log/slog"

// newExporter says once that the variable asks for what this program does not do.
func newExporter(variable string, log *slog.Logger) (exporter, error) {
	log.Warn("OpenTelemetry is asked for and this writd sends none: go build -tags otel ./cmd/writd makes one that does; "+
		"metrics are at /metrics, and audit lines carry the trace_id of a traceparent", "variable", variable)
	return nil, nil
}
