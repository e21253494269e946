package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// often is how often the log hears that something could not be sent.
const often = time.Minute

// A complaints logs what the exporters could not do, and not each time: a
// collector may be away for hours.
type complaints struct {
	log *slog.Logger

	mu    sync.Mutex
	last  time.Time
	quiet int // since then
}

func (c *complaints) handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if !c.last.IsZero() && now.Sub(c.last) < often {
		c.quiet++
		return
	}
	c.log.Warn("OpenTelemetry data not sent", "reason", err.Error(), "more_since_last_time", c.quiet)
	c.last, c.quiet = now, 0
}

// A notes is where the libraries log what they think of the environment. Only the
// sentence goes into our log: what they add are values of variables, and those
// of headers and addresses may be credentials.
type notes struct{ log *slog.Logger }

// From warnings on; the libraries' levels are logr's, where 1 is a warning.
func (n notes) Enabled(_ context.Context, level slog.Level) bool { return level == -1 || level > 0 }

func (n notes) Handle(ctx context.Context, r slog.Record) error {
	n.log.WarnContext(ctx, "OpenTelemetry: "+r.Message)
	return nil
}

func (n notes) WithAttrs([]slog.Attr) slog.Handler { return n }
func (n notes) WithGroup(string) slog.Handler      { return n }
