package usage

import (
	"fmt"
	"strconv"
	"time"
)

// LastUsed says when something was last used and how often: "last used yesterday, 1,204
// tokens in 7 days". noun is what was counted, in the singular.
func (f *File) LastUsed(t Tally, noun string, now time.Time) string {
	text := "last used " + t.Last.Ago(now)
	if week := f.InWeek(t); week > 0 {
		return text + ", " + Counted(week, noun) + " " + f.Week(now)
	}
	return text + ", " + Counted(t.Count, noun) + " in all"
}

// ThisWeek is the week of which new logs tell.
const ThisWeek = "in 7 days"

// Week is the last week of the logs, which is the last one only if they are new.
func (f *File) Week(now time.Time) string {
	if f.To.daysAgo(now) <= 1 {
		return ThisWeek
	}
	return "in the 7 days to " + f.To.Date()
}

// Date is the day of the time, in UTC.
func (t Time) Date() string { return t.String()[:len(time.DateOnly)] }

// Ago is the day of the time as people say it: "today", "12 days ago", "on 2026-08-02".
func (t Time) Ago(now time.Time) string {
	switch days := t.daysAgo(now); {
	case days <= 0:
		return "today"
	case days == 1:
		return "yesterday"
	case days < 60:
		return fmt.Sprintf("%d days ago", days)
	}
	return "on " + t.Date()
}

// daysAgo counts days of UTC, as the days of the file are, so that "yesterday" is the same
// for every reader.
func (t Time) daysAgo(now time.Time) int {
	return int(now.Unix()/secondsOfDay - int64(t)/secondsOfDay)
}

// Counted is a number with its noun: "1,204 tokens".
func Counted(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Thousands(n) + " " + noun
}

// Thousands writes a number with commas: 1,204,311.
func Thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
