package compiler

import (
	"fmt"
	"time"
)

// lifetimeText writes seconds the way an author would: "30d", "24h", "90m",
// "45s". A day is written only where it is not clearer in hours.
func lifetimeText(seconds int64) string {
	const minute, hour, day = 60, 3600, 24 * 3600
	switch {
	case seconds > day && seconds%day == 0:
		return fmt.Sprintf("%dd", seconds/day)
	case seconds >= hour && seconds%hour == 0:
		return fmt.Sprintf("%dh", seconds/hour)
	case seconds >= minute && seconds%minute == 0:
		return fmt.Sprintf("%dm", seconds/minute)
	}
	return fmt.Sprintf("%ds", seconds)
}

// timeText writes Unix seconds as they stand in a configuration.
func timeText(unix int64) string {
	return time.Unix(unix, 0).UTC().Format(time.RFC3339)
}
