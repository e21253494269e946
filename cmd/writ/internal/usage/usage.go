// Package usage is what was issued, folded out of the audit lines of writd: for each
// authorization, scope and credential the first time, the last and the number, and the
// refusals by reason.
//
// It owns writ.usage.json, the reading of logs (Folding) and the question what has not
// been used (Unused). It knows tokens that were given out and not what was called with
// them, and nothing outside of the period that its logs cover; what answers from it has
// to say both. What a change of the configuration means is asked elsewhere.
//
// A reader that only wants to say when something was last used needs three functions:
//
//	f, err := usage.Read(path)                            // os.ErrNotExist in the chain: nothing was folded yet
//	tally, used := f.Authorization("billing_orders")      // by label
//	tally, used := f.Credential("billing", "secret", "a") // by client id, block and label
package usage

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/durable"
)

// FileName is the name of the folded file, in the root of a configuration.
const FileName = "writ.usage.json"

// FormatVersion is the version of the folded file.
const FormatVersion = "1"

// A File is the content of writ.usage.json. Of the members that a person reads, days are
// those of UTC.
type File struct {
	FormatVersion string `json:"format_version"`
	From          Time   `json:"from,omitempty"` // the first line that was counted
	To            Time   `json:"to,omitempty"`   // the last one
	Lines         int64  `json:"lines"`          // decisions of the token endpoint, each counted once
	Skipped       int64  `json:"skipped"`        // lines that are something else, or broken
	Days          Days   `json:"days"`           // lines of each day, of the last maxDays days: where one is missing, so may be its log

	Authorizations map[string]*Authorization    `json:"authorizations"` // by label
	Credentials    map[string]map[string]*Tally `json:"credentials"`    // by client id, then by block and label: "secret.2026-q4"
	Refusals       map[string]*Refusal          `json:"refusals"`       // by reason, as in the audit line

	Logs   []Log  `json:"logs"`             // what was read, so that it counts once; the newest MaxLogs
	Recent Recent `json:"recent,omitempty"` // the newest lines, so that they count once
}

// A Tally is how often something happened, and when.
type Tally struct {
	First Time  `json:"first"`
	Last  Time  `json:"last"`
	Count int64 `json:"count"`
	Days  Days  `json:"days,omitempty"` // by day, of the last week of the file
}

// An Authorization is the tokens that were issued by it.
type Authorization struct {
	Tally
	// Unscoped counts the requests that named no scope and so were granted all: what of
	// that they needed nobody can tell. nil for none.
	Unscoped *Tally `json:"unscoped,omitempty"`
	// Scopes counts the requests that named the scope and were granted it.
	Scopes map[string]*Tally `json:"scopes"`
}

// A Refusal is the requests that were refused for one reason. Of these the clients are
// told apart as far as maxRefusals and maxStrangers allow: who has not authenticated
// chooses the name that is logged.
type Refusal struct {
	Tally
	Clients map[string]*RefusedClient `json:"clients"` // by the client id that the request gave
}

// A RefusedClient is the refusals of one client.
type RefusedClient struct {
	Tally
	APIs map[string]*RefusedAPI `json:"apis,omitempty"` // by label, or what was asked for where that names no API
}

// A RefusedAPI is the refusals of one client at one API.
type RefusedAPI struct {
	Tally
	Scopes map[string]*Tally `json:"scopes,omitempty"` // that were asked for and not granted
}

// A Log is what is remembered of a log that was read: that its first Bytes bytes, not
// compressed, have this digest. A log that has grown begins with them.
type Log struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// The bounds of a folded file.
const (
	maxFile      = 512 << 20 // bytes
	maxNames     = 1 << 20   // authorizations, their scopes, and credentials
	maxRefusals  = 20_000    // clients, APIs and scopes of refusals after authentication
	maxStrangers = 2_000     // the same before it
	maxDays      = 400
	MaxLogs      = 1000
	week         = 7 // days for which a Tally counts each day
)

// New is a file into which nothing was folded.
func New() *File {
	return &File{
		FormatVersion: FormatVersion, Days: Days{}, Logs: []Log{},
		Authorizations: map[string]*Authorization{}, Credentials: map[string]map[string]*Tally{}, Refusals: map[string]*Refusal{},
	}
}

// Read reads a folded file. os.ErrNotExist is in the chain of the error where there is
// none.
func Read(path string) (*File, error) {
	opened, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	content, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("read %q: larger than %d MiB", path, maxFile>>20)
	}
	f, err := Parse(content)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	return f, nil
}

// ErrFormat is in the chain of an error about bytes that are no folded file.
var ErrFormat = errors.New(`not what "writ usage" writes`)

// Parse reads the content of a folded file. What is not known is refused, since
// writing the file again would lose it.
func Parse(content []byte) (*File, error) {
	// The version is read first, and alone: a file of a later version has members that
	// would be called mistakes.
	var version struct {
		FormatVersion string `json:"format_version"`
	}
	if err := json.Unmarshal(content, &version); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if version.FormatVersion != FormatVersion {
		return nil, fmt.Errorf("%w: format_version is %q, not %q", ErrFormat, version.FormatVersion, FormatVersion)
	}
	f := New()
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return f, nil
}

// check refuses what a fold cannot add to.
func (f *File) check() error {
	bad := f.Lines < 0 || f.Skipped < 0 || f.From > f.To || f.Authorizations == nil || f.Credentials == nil || f.Refusals == nil
	for t := range f.tallies() {
		bad = bad || t == nil || t.Count < 0 || t.First > t.Last
	}
	if bad {
		return errors.New("it has a null, a negative number, or a period that ends before it begins")
	}
	return nil
}

// tallies goes through all tallies of the file, in no order. A null of the JSON gives nil,
// which check refuses.
func (f *File) tallies() func(yield func(*Tally) bool) {
	return func(yield func(*Tally) bool) {
		all := func(tallies map[string]*Tally) bool {
			for _, t := range tallies {
				if !yield(t) {
					return false
				}
			}
			return true
		}
		for _, a := range f.Authorizations {
			if a == nil {
				yield(nil)
				return
			}
			if !yield(&a.Tally) || a.Unscoped != nil && !yield(a.Unscoped) || !all(a.Scopes) {
				return
			}
		}
		for _, credentials := range f.Credentials {
			if !all(credentials) {
				return
			}
		}
		for _, r := range f.Refusals {
			if r == nil {
				yield(nil)
				return
			}
			if !yield(&r.Tally) {
				return
			}
			for _, c := range r.Clients {
				if c == nil {
					yield(nil)
					return
				}
				if !yield(&c.Tally) {
					return
				}
				for _, a := range c.APIs {
					if a == nil {
						yield(nil)
						return
					}
					if !yield(&a.Tally) || !all(a.Scopes) {
						return
					}
				}
			}
		}
	}
}

// Write writes the file, wholly or not at all.
func (f *File) Write(path string) error {
	content, err := f.encode()
	if err != nil {
		return err
	}
	return durable.Replace(path, content, 0o644)
}

// encode is the file as Write writes it. Each name has a line of its own, so that a diff
// of two versions shows what was used.
func (f *File) encode() ([]byte, error) {
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(f)
	return inLines(content.Bytes()), err
}

// inLines breaks an object of JSON without white space into lines: one for each member,
// and where a member holds objects, one for each of these.
func inLines(compact []byte) []byte {
	// It works on bytes, as encoding/json has no layout of this kind and the file may be
	// large. Strings are skipped: braces and commas in a name mean nothing.
	out := make([]byte, 0, len(compact)+len(compact)/16)
	depth, broken := 0, false // broken: what is at depth 2 has lines of its own
	quoted := false
	for i, c := range compact {
		if quoted {
			out = append(out, c)
			quoted = c != '"' || escapes(compact[:i])%2 == 1
			continue
		}
		switch c {
		case '"':
			quoted = true
		case '{', '[':
			if depth++; depth == 2 {
				end := bytes.IndexAny(compact[i+1:], "}]")
				broken = bytes.IndexByte(compact[i+1:i+1+end], '{') >= 0
			}
		case '}', ']':
			if depth == 1 || depth == 2 && broken {
				out = append(out, '\n')
			}
			depth--
		}
		out = append(out, c)
		if (c == ',' || c == '{' || c == '[') && (depth == 1 || depth == 2 && broken) {
			out = append(out, '\n')
		}
	}
	return out
}

// escapes is the number of backslashes at the end of a text.
func escapes(text []byte) int { return len(text) - len(bytes.TrimRight(text, `\`)) }

// Authorization is what was issued by the authorization of that label, and false for
// nothing.
func (f *File) Authorization(label string) (Tally, bool) {
	a, found := f.Authorizations[label]
	if !found {
		return Tally{}, false
	}
	return a.Tally, true
}

// Credential is how often a client authenticated with one of its credentials, and false
// for never. block is the type of its block, such as "secret".
func (f *File) Credential(clientID, block, label string) (Tally, bool) {
	t, found := f.Credentials[clientID][credentialKey(block, label)]
	if !found {
		return Tally{}, false
	}
	return *t, true
}

// credentialKey names a credential of a client in the file.
func credentialKey(block, label string) string { return block + "." + label }

// InWeek is how many of a tally fall into the last seven days of the file, its last day
// among them.
func (f *File) InWeek(t Tally) int64 {
	var n int64
	for _, d := range t.Days {
		if d.Day > f.To.day()-week {
			n += d.Count
		}
	}
	return n
}

// A Time is Unix seconds, and in JSON a time of RFC 3339 in UTC.
type Time int64

// MarshalText writes the time.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (t *Time) UnmarshalText(text []byte) error {
	unix, err := schema.ParseTime(string(text))
	*t = Time(unix)
	return err
}

// String is the time in RFC 3339, as MarshalText writes it.
func (t Time) String() string { return schema.FormatTime(int64(t)) }

// day is the number of days from 1970 on, in UTC.
func (t Time) day() int32 { return int32(t / secondsOfDay) }

const secondsOfDay = 24 * 3600

// Days counts by day, sorted; in JSON it is an object with dates for names.
type Days []Day

// A Day is the number of one day.
type Day struct {
	Day   int32 // from 1970-01-01 on
	Count int64
}

// MarshalJSON writes the object.
func (d Days) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, day := range d {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "%q:%d", date(day.Day), day.Count)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON has written.
func (d *Days) UnmarshalJSON(text []byte) error {
	var counts map[string]int64
	if err := json.Unmarshal(text, &counts); err != nil {
		return err
	}
	*d = make(Days, 0, len(counts))
	for name, n := range counts {
		at, err := time.Parse(time.DateOnly, name)
		if err != nil || n < 0 || at.Unix() < 0 {
			return fmt.Errorf("%q: %d is not a number of a day", name, n)
		}
		*d = append(*d, Day{Time(at.Unix()).day(), n})
	}
	slices.SortFunc(*d, func(a, b Day) int { return cmp.Compare(a.Day, b.Day) })
	return nil
}

// date is a day as text.
func date(day int32) string {
	return time.Unix(int64(day)*secondsOfDay, 0).UTC().Format(time.DateOnly)
}

// add adds to the number of a day. Beyond most days the oldest are dropped. Lines come
// nearly in the order of time, so the day is mostly the last one.
func (d *Days) add(day int32, n int64, most int) {
	days := *d
	if last := len(days) - 1; last >= 0 && days[last].Day == day { // nearly always
		days[last].Count += n
		return
	}
	i, found := slices.BinarySearchFunc(days, day, func(d Day, day int32) int { return cmp.Compare(d.Day, day) })
	if found {
		days[i].Count += n
		return
	}
	days = slices.Insert(days, i, Day{day, n})
	*d = days[max(0, len(days)-most):]
}

// since drops the days before one.
func (d *Days) since(day int32) {
	*d = slices.DeleteFunc(*d, func(d Day) bool { return d.Day < day })
}

// add counts one more, at a time, which may lie before others: logs come in any order.
func (t *Tally) add(at Time) {
	if t.Count == 0 || at < t.First {
		t.First = at
	}
	t.Last = max(t.Last, at)
	t.Count++
	t.Days.add(at.day(), 1, week)
}

// merge adds another tally.
func (t *Tally) merge(other *Tally) {
	if other.Count == 0 {
		return
	}
	if t.Count == 0 || other.First < t.First {
		t.First = other.First
	}
	t.Last = max(t.Last, other.Last)
	t.Count += other.Count
	for _, d := range other.Days {
		t.Days.add(d.Day, d.Count, week)
	}
}
