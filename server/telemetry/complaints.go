package telemetry

import (
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
