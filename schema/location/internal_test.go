package location

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestWaits(t *testing.T) {
	now := time.Date(2026, 11, 29, 6, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-1": 0, "120": 2 * time.Minute, "99999999999": 0,
		now.Add(time.Hour).Format(http.TimeFormat): time.Hour, now.Add(-time.Hour).Format(http.TimeFormat): 0,
	} {
		if got := parseRetryAfter(value, now); got != want {
			t.Errorf("Retry-After %q: %s", value, got)
		}
	}
	for value, want := range map[string]time.Duration{
		"": 0, "max-age=60": 40 * time.Second, `public, Max-Age="60"`: 40 * time.Second, "max-age=10": 0, "no-cache, max-age=60": 0, "max-age=60, no-store": 0, "max-age=x": 0,
	} {
		if got := freshness(http.Header{"Cache-Control": {value}, "Age": {"20"}}); got != want {
			t.Errorf("Cache-Control %q: %s", value, got)
		}
	}
}

// Whatever a library or a server says, an error has no URL beyond its host, no
// control characters and an end.
func TestClean(t *testing.T) {
	got := clean("get \"https://u:s3cr3t@cdn.example/x?sig=s3cr3t\": \x1b[31mno\nhttp://h:1#s3cr3t " + strings.Repeat("é", 400) + "\xff")
	if strings.Contains(got, "s3cr3t") || strings.ContainsAny(got, "\x1b\n") || !strings.HasPrefix(got, `get "https://cdn.example/...":  [31mno http://h:1/... é`) || len(got) > maxDetail+3 {
		t.Errorf("%q", got)
	}
}
