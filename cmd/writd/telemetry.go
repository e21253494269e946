package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/writ-auth/writ/schema/build"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/telemetry"
)

// telemetryVariables are those of OpenTelemetry's standard variables whose presence asks a
// program to send data somewhere. The others only say how.
var telemetryVariables = [...]string{
	"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
	"OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER",
}

// telemetryRequested reports whether a variable asks for OpenTelemetry. Without one nothing
// is sent. This differs from the SDK's default, which is to send to a collector on this
// machine that nobody may have set up.
func telemetryRequested(getenv func(string) string) bool {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	for _, name := range telemetryVariables {
		// "none" switches off the exporter that the variable names.
		if value := getenv(name); value != "" && value != "none" {
			return true
		}
	}
	return false
}

// startTelemetry starts the exporter of spans and metrics when the environment asks for it.
// Otherwise requests have no tracer at all, and pay nothing for OpenTelemetry.
func (d *daemon) startTelemetry(opts *server.Options) error {
	if !telemetryRequested(opts.Getenv) {
		return nil
	}
	e, err := telemetry.New(context.Background(), telemetry.Options{Service: "writd", Version: build.Read().Version, Logger: d.log})
	if err != nil {
		return fmt.Errorf("OpenTelemetry: %w", err)
	}
	d.exporter, opts.Tracer = e, e
	return nil
}
