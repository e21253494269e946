//go:build !otel

package main

import (
	"log/slog"
	"strings"
	"testing"
)

// Whoever asks for OpenTelemetry is told once that there is none, and where to
// look; whoever does not ask is told nothing.
func TestTelemetryIsNotSentSilently(t *testing.T) {
	for name, row := range map[string]struct {
		environment map[string]string
		lines       int
	}{
		"not asked for": {nil, 0},
		"switched off":  {map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}, 0},
		"asked for":     {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "otlp"}, 1},
		"only traces":   {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://user:pass@collector:4318"}, 1},
	} {
		log := new(syncBuffer)
		set := settings{snapshot: "none", listen: "unix:" + t.TempDir() + "/s", admin: "off"}
		d, err := newDaemon(set, func(name string) string { return row.environment[name] }, slog.New(slog.NewJSONHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		d.listeners.Public.Close()
		if n := strings.Count(log.String(), "OpenTelemetry"); n != row.lines || strings.Contains(log.String(), "pass") {
			t.Errorf("%s: %d lines: %s", name, n, log)
		}
	}
}
