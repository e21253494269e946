package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/writ-auth/writ/schema/build"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/telemetry"
)

// telemetryVariables are the standard variables that ask a program to send OpenTelemetry
// data somewhere.
var telemetryVariables = [...]string{
	"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
	"OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER",
}

// telemetryAsked reports whether a variable asks for OpenTelemetry. Without one
// nothing is sent: OpenTelemetry's default, a collector on this machine that nobody
// has named, is not ours.
func telemetryAsked(getenv func(string) string) bool {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	for _, name := range telemetryVariables {
		if value := getenv(name); value != "" && value != "none" {
			return true
		}
	}
	return false
}

// trace starts the exporter when the environment asks for one. Nothing of
// OpenTelemetry runs without it.
func (d *daemon) trace(opts *server.Options) error {
	if !telemetryAsked(opts.Getenv) {
		return nil
	}
	e, err := telemetry.New(context.Background(), telemetry.Options{Service: "writd", Version: build.Read().Version, Logger: d.log})
	if err != nil {
		return fmt.Errorf("OpenTelemetry: %w", err)
	}
	d.exporter, opts.Tracer = e, e
	return nil
}
