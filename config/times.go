package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// notDuration is the error of a duration that does not parse. For a number with the name
// of a unit, such as "2 weeks", it says how to write it; otherwise it is err.
func notDuration(s string, err error) error {
	number := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := strings.ToLower(s[len(number):])
	if n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32); err == nil {
		for _, u := range unitNames {
			if slices.Contains(u.names, unit) {
				return fmt.Errorf("%q is no duration: write %q", s, strconv.FormatUint(n*u.times, 10)+u.suffix)
			}
		}
	}
	return err
}

// unitNames are what people call units of time. Months and years are left out: they have
// no fixed length.
var unitNames = []struct {
	names  []string
	times  uint64
	suffix string
}{
	{[]string{"s", "sec", "secs", "second", "seconds"}, 1, "s"},
	{[]string{"m", "min", "mins", "minute", "minutes"}, 1, "m"},
	{[]string{"h", "hr", "hrs", "hour", "hours"}, 1, "h"},
	{[]string{"d", "day", "days"}, 1, "d"},
	{[]string{"w", "wk", "week", "weeks"}, 7, "d"},
}

// notTime is the error of a time that does not parse. For a date alone, a time without a
// zone and a fraction of a second it says how to write it; otherwise it is err.
func notTime(s string, err error) error {
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
	if _, malformed := time.Parse(time.RFC3339, s); malformed != nil && dateShape.MatchString(s) {
		return fmt.Errorf("%q is a day or a time of day that does not exist: write another", s)
	}
	return err
}

// dateShape matches text in the form of RFC 3339 whose numbers may be out of range.
var dateShape = regexp.MustCompile(`^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?$`)
