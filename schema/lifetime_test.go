package schema

import "testing"

func TestParseDuration(t *testing.T) {
	for s, want := range map[string]int64{
		"90m": 5400, "24h": 86400, "30d": 2592000, "600": 600, "0s": 0, "1h30m": 5400, "1d1h1m1s": 90061, "0": 0,
	} {
		if got, err := ParseDuration(s); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "h", "1.5h", "-1h", "+1h", "1h 30m", "30m1h", "1h1h", "1w", "24H", "1hm", "m30", "99999999999", "99999999999s", "1h30", "٣h", " 1h",
	} {
		if got, err := ParseDuration(s); err == nil {
			t.Errorf("%q: got %d", s, got)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for n, want := range map[int64]string{0: "0s", 1: "1s", 60: "1m", 90: "90s", 5400: "90m", 3600: "1h", 86400: "1d", 2592000: "30d", 90000: "25h"} {
		if got := FormatDuration(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
		if back, err := ParseDuration(FormatDuration(n)); err != nil || back != n {
			t.Errorf("%d does not come back: %d, %v", n, back, err)
		}
	}
}

func TestParseTime(t *testing.T) {
	for s, want := range map[string]int64{
		"1970-01-01T00:00:01Z": 1, "2027-01-01T00:00:00Z": 1798761600, "2027-01-01T01:00:00+01:00": 1798761600, "2026-12-31T23:00:00-01:00": 1798761600,
		"2027-01-01T00:00:00-00:00": 1798761600, "9999-12-31T23:59:59Z": 253402300799,
	} {
		if got, err := ParseTime(s); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "2027-01-01", "2027-01-01 00:00:00Z", "2027-01-01t00:00:00Z", "2027-01-01T00:00:00", "2027-01-01T00:00:00.5Z", "2027-01-01T00:00:00,5Z", "2027-02-30T00:00:00Z",
		"2027-01-01T24:00:00Z", "2027-01-01T0:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2027-01-01T00:00:00+24:00", "2027-01-01T1:00:00.5+01:00",
		"2027-01-01T00:00:00z", "yesterday", "2027-01-01T00:00:60Z",
	} {
		if got, err := ParseTime(s); err == nil {
			t.Errorf("%q: got %d", s, got)
		}
	}
}
