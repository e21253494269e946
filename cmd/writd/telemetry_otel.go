//go:build otel

package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/writ-auth/writ/server/telemetry"
)

// An otelExporter sends spans from the start, and metrics when there are some.
type otelExporter struct{ *telemetry.Exporter }

func newExporter(_ string, log *slog.Logger) (exporter, error) {
	e, err := telemetry.New(context.Background(), telemetry.Options{Service: "writd", Version: thisBuild().Version, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("OpenTelemetry: %w", err)
	}
	return otelExporter{e}, nil
}

func (e otelExporter) measure(page func() []byte) error {
	if err := e.Measure(context.Background(), page); err != nil {
		return fmt.Errorf("OpenTelemetry: %w", err)
	}
	return nil
}
