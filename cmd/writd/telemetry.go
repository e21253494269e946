package main

import (
	"strings"

	"github.com/writ-auth/writ/server"
)

// telemetryVariables are the standard variables that ask a program to send OpenTelemetry
// data somewhere.
var telemetryVariables = [...]string{
	"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
	"OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER",
}

// telemetryAsked returns the first variable that asks for OpenTelemetry, "" when
// none does. Without one nothing is sent: OpenTelemetry's default, a collector on
// this machine that nobody has named, is not ours.
func telemetryAsked(getenv func(string) string) string {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return ""
	}
	for _, name := range telemetryVariables {
		if value := getenv(name); value != "" && value != "none" {
			return name
		}
	}
	return ""
}

// An exporter sends OpenTelemetry data until it is closed.
type exporter interface {
	server.Tracer
	measure(page func() []byte) error
	Close() error
}

// trace starts the exporter when the environment asks for one.
func (d *daemon) trace(opts *server.Options) error {
	variable := telemetryAsked(opts.Getenv)
	if variable == "" {
		return nil
	}
	e, err := newExporter(variable, d.log)
	if err != nil || e == nil {
		return err
	}
	d.exporter, opts.Tracer = e, e
	return nil
}
