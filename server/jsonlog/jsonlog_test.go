package jsonlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/jsonlog"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

// Whatever a line says, a record that says it becomes the same bytes, which are
// slog's but for what is hidden.
func FuzzLikeSlog(f *testing.F) {
	for _, s := range []string{
		"", "billing", `"\/`, "\x00\x1f\x7f\b\f\n\r\t", "<script>&amp;", "caf\u00e9 \U0001F511", "\u2027\u2028\u2029\u202a",
		"\xff\xfe", "\xe2\x80", "\xe2\x80\xa8\xe2", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\ufffd", strings.Repeat("\u2028", 3000),
		"\u0080\u009b31m\u009f\u00a0", "gpj.\u202eexe\u202c", "\u2066a\u2069\u061c\u200e\u200f", "\ufeffa\u200b\u200d\u00ad\u3164\ufe0f",
		"\U000e0001\U000e0041\U000e01ef\ue000\U0010ffff", "\\\u202e\\", strings.Repeat("\U000e0041", 3000),
	} {
		f.Add(s, s, int64(len(s)), true)
	}
	f.Add("n", "v", int64(math.MinInt64), false)
	f.Fuzz(func(t *testing.T, key, value string, n int64, b bool) {
		var ours, theirs bytes.Buffer
		line := jsonlog.New(&ours).Begin(noon, slog.LevelWarn, value)
		line.String("k"+key, value)
		line.Int("n", n)
		line.Bool(value+"b", b)
		line.String("empty", "")
		if err := line.End(); err != nil {
			t.Fatal(err)
		}
		attrs := []slog.Attr{slog.String("k"+key, value), slog.Int64("n", n), slog.Bool(value+"b", b), slog.String("empty", "")}
		record(t, jsonlog.New(&theirs), slog.LevelWarn, value, attrs...)
		if ours.String() != theirs.String() {
			t.Errorf("\n%s, as a record\n%s", &ours, &theirs)
		}
		var plain bytes.Buffer
		record(t, slog.NewJSONHandler(&plain, nil), slog.LevelWarn, value, attrs...)
		if want := escaped(plain.String()); ours.String() != want {
			t.Errorf("\n%s, slog writes\n%s", &ours, want)
		}
		if !json.Valid(ours.Bytes()) || strings.Count(ours.String(), "\n") != 1 {
			t.Errorf("not one line of JSON: %q", &ours)
		}
		if hidden := strings.IndexFunc(strings.TrimSuffix(ours.String(), "\n"), schema.IsHidden); hidden >= 0 {
			t.Errorf("hidden at byte %d: %q", hidden, &ours)
		}
		if got, want := members(t, ours.Bytes()), members(t, plain.Bytes()); !reflect.DeepEqual(got, want) {
			t.Errorf("read back %v, want %v", got, want)
		}
	})
}

// escaped is a line of slog's with what is hidden escaped as encoding/json would
// have it, had it the habit.
func escaped(line string) string {
	var b strings.Builder
	for _, r := range strings.TrimSuffix(line, "\n") {
		if !schema.IsHidden(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String() + "\n"
}

func members(t *testing.T, line []byte) (members map[string]any) {
	t.Helper()
	if err := json.Unmarshal(line, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// Whatever kind of value a record has, and groups, too, nothing in it is hidden from
// who reads the log.
func TestRecordsHideNothing(t *testing.T) {
	const hidden = "\u202e\u009b31m\u2066\u200f\u061c\u2028\u7f7f\U000e0041\x7f"
	var out bytes.Buffer
	log := slog.New(jsonlog.New(&out)).With("with"+hidden, hidden).WithGroup("group" + hidden)
	log.Warn(hidden, "text", hidden, "error", errors.New(hidden), "any", map[string][]string{hidden: {hidden}}, slog.Group("in"+hidden, "stringer", &url.URL{Path: hidden}))
	text := strings.TrimSuffix(out.String(), "\n")
	if at := strings.IndexFunc(text, schema.IsHidden); at >= 0 {
		t.Errorf("hidden at byte %d of %q", at, text)
	}
	group, _ := members(t, []byte(text))["group"+hidden].(map[string]any)
	if group["text"] != hidden || group["error"] != hidden {
		t.Errorf("read back %q", group)
	}
}

// Any times and levels, too.
func TestBeginsLikeSlog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", rapid.IntRange(-12*60, 14*60).Draw(t, "zone")*60)
		at := time.Unix(rapid.Int64Range(0, 1<<37).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).In(zone)
		level := slog.Level(rapid.IntRange(0, 12).Draw(t, "level"))
		var ours, theirs bytes.Buffer
		if err := jsonlog.New(&ours).Begin(at, level, "token").End(); err != nil {
			t.Fatal(err)
		}
		if err := slog.NewJSONHandler(&theirs, nil).Handle(t.Context(), slog.NewRecord(at, level, "token", 0)); err != nil {
			t.Fatal(err)
		}
		if ours.String() != theirs.String() {
			t.Errorf("\n%s, slog writes\n%s", &ours, &theirs)
		}
	})
}

// record has the handler write a record.
func record(t *testing.T, h slog.Handler, level slog.Level, message string, attrs ...slog.Attr) {
	t.Helper()
	r := slog.NewRecord(noon, level, message, 0)
	r.AddAttrs(attrs...)
	if err := h.Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// A writeCounter fails unless each write is one whole line.
type writeCounter struct {
	t     *testing.T
	busy  sync.Mutex
	lines int
}

func (w *writeCounter) Write(p []byte) (int, error) {
	if !w.busy.TryLock() {
		w.t.Error("two writes at once")
		return len(p), nil
	}
	defer w.busy.Unlock()
	if w.lines++; !json.Valid(p) || bytes.IndexByte(p, '\n') != len(p)-1 {
		w.t.Errorf("a write of %q", p)
	}
	return len(p), nil
}

// Lines and records come whole, one write each, from any number of goroutines.
func TestLinesAndRecordsTakeTurns(t *testing.T) {
	out := &writeCounter{t: t}
	h := jsonlog.New(out)
	log := slog.New(h).With("with", "attribute")
	const each, writers = 200, 8
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				line := h.Begin(noon, slog.LevelInfo, "line")
				line.String("text", strings.Repeat("x", 500))
				if err := line.End(); err != nil {
					t.Error(err)
				}
				log.Info("record", "text", "y")
			}
		})
	}
	group.Wait()
	if out.lines != 2*each*writers {
		t.Errorf("%d lines", out.lines)
	}
}

func BenchmarkLine(b *testing.B) {
	h := jsonlog.New(io.Discard)
	b.ReportAllocs()
	for b.Loop() {
		line := h.Begin(noon, slog.LevelInfo, "token")
		for range 16 {
			line.String("attribute", "a value of thirty characters..")
		}
		if err := line.End(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	b.ReportAllocs()
	for b.Loop() {
		attrs := make([]slog.Attr, 0, 16)
		for range 16 {
			attrs = append(attrs, slog.String("attribute", "a value of thirty characters.."))
		}
		log.LogAttrs(b.Context(), slog.LevelInfo, "token", attrs...)
	}
}
