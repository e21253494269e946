package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// logInterval is the shortest time between two lines about data that was not sent.
const logInterval = time.Minute

// failures logs that data could not be sent. It leaves out what follows within a
// minute, because a collector may be away for hours, and says how much that was.
type failures struct {
	log *slog.Logger

	mu      sync.Mutex
	last    time.Time // of the last line
	omitted int       // failures since then
}

// handle takes one failure. The error holds no address and no header, see sender.
func (f *failures) handle(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if !f.last.IsZero() && now.Sub(f.last) < logInterval {
		f.omitted++
		return
	}
	f.log.Warn("OpenTelemetry data not sent", "reason", err.Error(), "more_since_last_time", f.omitted)
	f.last, f.omitted = now, 0
}

// A messageHandler is a slog.Handler for what the SDK logs about the environment. Only the
// message goes into our log. Its attributes hold the values of variables, and those
// of headers and addresses may be credentials.
type messageHandler struct{ log *slog.Logger }

// Enabled is true from warnings on, which the SDK logs at logr's level 1. For slog
// that is -1.
func (h messageHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level == -1 || level > 0
}

// Handle passes the message on, at a level that is ours: the SDK's warnings and errors are
// all about data that is not sent, which no request notices.
func (h messageHandler) Handle(ctx context.Context, r slog.Record) error {
	h.log.WarnContext(ctx, "OpenTelemetry: "+r.Message)
	return nil
}

// WithAttrs and WithGroup drop what they are given, as Handle does.
func (h messageHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h messageHandler) WithGroup(string) slog.Handler      { return h }
