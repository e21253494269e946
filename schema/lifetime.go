package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a duration in whole seconds: "90m", "24h", "30d",
// "1h30m" (days, hours, minutes, seconds, each at most once and in that order)
// or a bare number of seconds. The error says how s is written instead.
func ParseDuration(s string) (seconds int64, err error) {
	bad := notDuration(s)
	if n, err := parseDigits(s); err == nil {
		return n, nil
	}
	rest := s
	for _, unit := range durationUnits {
		number, after, found := strings.Cut(rest, unit.suffix)
		if !found {
			continue
		}
		n, err := parseDigits(number)
		if err != nil {
			return 0, bad
		}
		seconds += n * unit.seconds
		rest = after
	}
	if rest != "" || s == "" {
		return 0, bad
	}
	return seconds, nil
}

// notDuration says how to write what is no duration, and how to write this one
// where it is one number of a unit by another name.
func notDuration(s string) error {
	number := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := strings.ToLower(s[len(number):])
	if n, err := parseDigits(strings.TrimSpace(number)); err == nil {
		for _, u := range unitNames {
			if slices.Contains(u.names, unit) {
				return fmt.Errorf("%q is no duration: write %q", s, strconv.FormatInt(n*u.times, 10)+u.suffix)
			}
		}
	}
	return fmt.Errorf("%q is no duration: write it like \"90m\", \"24h\", \"30d\" or in seconds", s)
}

// unitNames are what people call units of time. Months and years are of no
// fixed length.
var unitNames = []struct {
	names  []string
	times  int64
	suffix string
}{
	{[]string{"s", "sec", "secs", "second", "seconds"}, 1, "s"},
	{[]string{"m", "min", "mins", "minute", "minutes"}, 1, "m"},
	{[]string{"h", "hr", "hrs", "hour", "hours"}, 1, "h"},
	{[]string{"d", "day", "days"}, 1, "d"},
	{[]string{"w", "wk", "week", "weeks"}, 7, "d"},
}

var durationUnits = []struct {
	suffix  string
	seconds int64
}{{"d", 24 * 3600}, {"h", 3600}, {"m", 60}, {"s", 1}}

// parseDigits reads 1 to 10 digits, so that no sum of units can overflow.
func parseDigits(s string) (int64, error) {
	if len(s) == 0 || len(s) > 10 || !isWord(s, "") || strings.ContainsFunc(s, func(r rune) bool { return r > '9' }) {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(s, 10, 64)
}

// FormatDuration writes seconds as a person would: in the largest unit that
// divides it.
func FormatDuration(seconds int64) string {
	for _, unit := range durationUnits {
		if seconds != 0 && seconds%unit.seconds == 0 {
			return strconv.FormatInt(seconds/unit.seconds, 10) + unit.suffix
		}
	}
	return "0s"
}

// ParseTime reads a time in whole seconds (RFC 3339 section 5.6) between 1970
// and 9999 into Unix seconds. The error says how s is written instead.
func ParseTime(s string) (unix int64, err error) {
	t, err := time.Parse(time.RFC3339, s)
	// Parse is lenient about fractions, one-digit hours and offsets; RFC 3339 is not.
	if whole := len(s) == 20 || len(s) == 25; err != nil || !whole || s[13] != ':' || s[16] != ':' || !strings.Contains("Z+-", s[19:20]) || len(s) == 25 && s[20:22] > "23" {
		return 0, notTime(s)
	}
	if t.Unix() <= 0 {
		return 0, fmt.Errorf("time %q is before 1970: write a later one", s)
	}
	return t.Unix(), nil
}

// notTime says how to write what is no time, as near to it as can be told.
func notTime(s string) error {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return fmt.Errorf("%q has no time of day: write %q", s, t.Format(time.RFC3339))
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return fmt.Errorf("%q has no time zone: write %q, if it is in UTC", s, t.Format(time.RFC3339))
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil && t.Nanosecond() != 0 {
		return fmt.Errorf("%q has a fraction of a second: write %q", s, t.Truncate(time.Second).Format(time.RFC3339))
	}
	if dateShape.MatchString(s) {
		return fmt.Errorf("%q is a day or a time of day that does not exist: write another", s)
	}
	return fmt.Errorf("%q is no time: write it like \"2027-01-31T00:00:00Z\" (RFC 3339, whole seconds)", s)
}

// dateShape is what RFC 3339 wants, whatever the numbers are.
var dateShape = regexp.MustCompile(`^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?$`)

// FormatTime writes Unix seconds in UTC (RFC 3339).
func FormatTime(unix int64) string {
	return time.Unix(unix, 0).UTC().Format(time.RFC3339)
}
