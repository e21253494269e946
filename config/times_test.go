package config

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
)

func TestNearDurationsAndTimes(t *testing.T) {
	for s, want := range map[string]string{
		"15 minutes": `write "15m"`, "15min": `write "15m"`, "2w": `write "14d"`, "1 Hour": `write "1h"`, "24H": `write "24h"`, "30days": `write "30d"`, "3 months": `write it like "90m"`,
	} {
		_, err := schema.ParseDuration(s)
		if err = notDuration(s, err); !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", s, err, want)
		}
	}
	for s, want := range map[string]string{
		"2026-10-01": `write "2026-10-01T00:00:00Z"`, "2026-10-01 09:30": `write "2026-10-01T09:30:00Z"`, "2026-10-01T09:30:00": "no time zone",
		"2026-10-01T09:30:00.5Z": "fraction", "2026-02-30T00:00:00Z": "does not exist", "2026-13-01": "does not exist", "10/01/2026": "write it like", "1969-12-31T23:59:59Z": "before 1970",
	} {
		_, err := schema.ParseTime(s)
		if err = notTime(s, err); !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", s, err, want)
		}
	}
}
