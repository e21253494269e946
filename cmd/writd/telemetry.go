package main

import "log/slog"

// telemetry are the standard variables that ask a program to send OpenTelemetry
// data somewhere.
var telemetry = [...]string{
	"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
	"OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER",
}

// sayTelemetry says once that a variable asks for what this program does not do.
func sayTelemetry(getenv func(string) string, log *slog.Logger) {
	for _, name := range telemetry {
		if value := getenv(name); value != "" && value != "none" {
			log.Warn("OpenTelemetry is asked for and this program sends none: metrics are at /metrics, and audit lines carry the trace_id of a traceparent",
				"variable", name)
			return
		}
	}
}
