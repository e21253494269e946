package jsonlog_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-auth/writ/server/jsonlog"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

// Whatever a line says, slog would have written it with the same bytes.
func FuzzLikeSlog(f *testing.F) {
	for _, s := range []string{
		"", "billing", `"\/`, "\x00\x1f\x7f\b\f\n\r\t", "<script>&amp;", "caf\u00e9 \U0001F511", "\u2027\u2028\u2029\u202a",
		"\xff\xfe", "\xe2\x80", "\xe2\x80\xa8\xe2", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\ufffd", strings.Repeat("\u2028", 3000),
	} {
		f.Add(s, s, int64(len(s)), true)
	}
	f.Add("n", "v", int64(math.MinInt64), false)
	f.Fuzz(func(t *testing.T, key, value string, n int64, b bool) {
		var ours bytes.Buffer
		line := jsonlog.New(&ours).Begin(noon, slog.LevelWarn, value)
		line.String("k"+key, value)
		line.Int("n", n)
		line.Bool(value+"b", b)
		line.String("empty", "")
		if err := line.End(); err != nil {
			t.Fatal(err)
		}
		theirs := bySlog(t, slog.LevelWarn, value,
			slog.String("k"+key, value), slog.Int64("n", n), slog.Bool(value+"b", b), slog.String("empty", ""))
		if ours.String() != theirs {
			t.Errorf("\n%s, slog writes\n%s", &ours, theirs)
		}
		if !json.Valid(ours.Bytes()) || strings.Count(ours.String(), "\n") != 1 {
			t.Errorf("not one line of JSON: %q", &ours)
		}
	})
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

func bySlog(t *testing.T, level slog.Level, message string, attrs ...slog.Attr) string {
	t.Helper()
	var out bytes.Buffer
	r := slog.NewRecord(noon, level, message, 0)
	r.AddAttrs(attrs...)
	if err := slog.NewJSONHandler(&out, nil).Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return out.String()
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
