package schema

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a duration in whole seconds: "90m", "24h", "30d",
// "1h30m" (days, hours, minutes, seconds, each at most once and in that order)
// or a bare number of seconds. The error says how s is written instead.
func ParseDuration(s string) (seconds int64, err error) {
	bad := fmt.Errorf("%q is no duration: write it like \"90m\", \"24h\", \"30d\" or in seconds", s)
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

// durationUnits are the units in the order in which a duration has them.
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

// ParseTime reads a time in whole seconds (RFC 3339 section 5.6) after the first second of
// 1970 and before 10000 into Unix seconds: 0 stands for "not set" everywhere. The error says
// how s is written instead.
func ParseTime(s string) (unix int64, err error) {
	t, err := time.Parse(time.RFC3339, s)
	// Parse is lenient about fractions, one-digit hours and offsets; RFC 3339 is not.
	if whole := len(s) == 20 || len(s) == 25; err != nil || !whole || s[13] != ':' || s[16] != ':' || !strings.Contains("Z+-", s[19:20]) || len(s) == 25 && s[20:22] > "23" {
		return 0, fmt.Errorf("%q is no time: write it like \"2027-01-31T00:00:00Z\" (RFC 3339, whole seconds)", s)
	}
	if t.Unix() <= 0 {
		return 0, fmt.Errorf("time %q is before 1970: write a later one", s)
	}
	return t.Unix(), nil
}

// FormatTime writes Unix seconds in UTC (RFC 3339).
func FormatTime(unix int64) string {
	return time.Unix(unix, 0).UTC().Format(time.RFC3339)
}

// A PastLifetime is how long tokens of a client for an API were valid until they
// became shorter, or ended altogether. A snapshot remembers it until the last of
// these tokens has passed.
type PastLifetime struct {
	ClientID   string    `json:"client_id,omitempty"`  // "" stands for every client
	Identifier string    `json:"identifier,omitempty"` // of the API; "" stands for every API
	Lifetime   int64     `json:"lifetime"`             // seconds
	Ended      time.Time `json:"ended"`                // the last time at which such a token was issued; whole seconds, UTC
}

// End is when the last of the tokens ends.
func (p PastLifetime) End() time.Time { return p.Ended.Add(time.Duration(p.Lifetime) * time.Second) }
