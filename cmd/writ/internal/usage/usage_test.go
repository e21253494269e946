package usage

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/jsonlog"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// A decision is what an audit line says, in the order in which writd says it.
type decision struct {
	at                                                         time.Time
	client, api, method, credential, asked                     string
	refusal, detail, granted, authorization, jti, reason, kind string
	reused                                                     bool
}

// write writes the line as writd does.
func (d decision) write(h *jsonlog.Handler) {
	level := slog.LevelInfo
	if d.refusal != "" {
		level = slog.LevelWarn
	}
	message := "token"
	if d.kind != "" {
		message = d.kind
	}
	l := h.Begin(d.at, level, message)
	l.String("client", d.client)
	l.String("api", d.api)
	l.String("grant_type", "client_credentials")
	l.String("method", d.method)
	l.String("credential", d.credential)
	l.String("asked", d.asked)
	if d.refusal != "" {
		l.String("error", d.refusal)
		if d.detail != "" {
			l.String("detail", d.detail)
		}
	} else {
		l.String("granted", d.granted)
		l.String("authorization", d.authorization)
		l.String("kid", "Zs2-6vJLwkqvY0y2b8q9mZq3N4J9tq5Yt0k1nq3mHhA")
		l.String("jti", d.jti)
		l.Int("expires_in", 600)
		if d.reused {
			l.Bool("reused", true)
		}
	}
	l.String("reason", d.reason)
	l.String("snapshot", "sha256:4493b0d2c9a1d4fd7c8d8e5a5b6b0c1f3e2d1c0b9a8f7e6d5c4b3a2918070605")
	l.String("revision", "5f2c9e1d7b3a4c6e8f0a1b2c3d4e5f6a7b8c9d0e")
	_ = l.End()
}

// issued is a token for scopes that were asked for.
func issued(at time.Time, client, authorization, asked string) decision {
	return decision{
		at: at, client: client, api: "orders", method: "client_secret_basic", credential: "2026-q4", asked: asked,
		granted: cmpOr(asked, "read:orders write:orders"), authorization: authorization, jti: jti(at, client), reason: "granted",
	}
}

func cmpOr(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func jti(at time.Time, client string) string {
	return fmt.Sprintf("%022x", identify(fmt.Append(nil, at.UnixNano()), []byte(client)))
}

// random is a log of n decisions of 500 clients, one each millisecond.
func random(n int, seed uint64, from time.Time) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	h := jsonlog.New(&b)
	for i := range n {
		c := r.IntN(500)
		d := issued(from.Add(time.Duration(i)*time.Millisecond), fmt.Sprintf("client-%d", c), fmt.Sprintf("client-%d-orders", c), []string{"", "read:orders", "read:orders write:orders"}[r.IntN(3)])
		switch r.IntN(20) {
		case 0:
			d = decision{at: d.at, client: d.client, api: "orders", method: d.method, credential: d.credential, asked: "admin:orders", refusal: "invalid_scope", detail: "admin:orders", reason: "ungranted-scope"}
		case 1:
			d = decision{at: d.at, client: d.client, api: "https://api.example.com/orders", method: d.method, refusal: "invalid_client", reason: "wrong-secret"}
		}
		d.write(h)
	}
	return b.Bytes()
}

// fold folds logs into a file.
func fold(t testing.TB, f *File, logs ...[]byte) []Count {
	t.Helper()
	x := NewFolding(f, noon)
	var counts []Count
	for _, log := range logs {
		count, err := x.Read(bytes.NewReader(log))
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, count)
	}
	x.Finish()
	return counts
}

func BenchmarkFold(b *testing.B) {
	log := random(100_000, 1, noon.Add(-time.Hour))
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		if n := fold(b, New(), log)[0].Lines; n != 100_000 {
			b.Fatal(n)
		}
	}
}

// A line is taken apart in place as encoding/json does it, or not at all.
func FuzzLine(f *testing.F) {
	for line := range bytes.Lines(random(20, 3, noon)) {
		f.Add(bytes.TrimSpace(line))
	}
	for _, text := range []string{
		`{"time":"2026-11-29T12:00:00Z","msg":"token","client":"a","client":"b","reason":"r","snapshot":"","error":"e"}`,
		`{"time":"2026-11-29T12:00:00Z","msg":"no","msg":"token","reason":"r","snapshot":"","error":"e"}`,
		`{"time":"2026-11-29T12:00:00Z","msg":"token","reason":"r","snapshot":"","error":"e","reused":true,"n":0,"m":01}`,
		`{"time":"2026-11-29T12:00:00Z","msg":"token","reason":"r","snapshot":"","error":"e","n":1.5,"o":{"a":[1]},"z":null}`,
		`{"time" : "2026-11-29T12:00:00Z", "msg":"token","reason":"r","snapshot":"","error":"e"}`,
		`{"time":"2026-11-29T12:00:00Z","msg":"token","reason":"r","snapshot":"","error":"e","client":"\u0000\n\"café\ud800"}`,
		"{\"time\":\"2026-11-29T12:00:00Z\",\"msg\":\"token\",\"reason\":\"r\",\"snapshot\":\"\",\"error\":\"e\",\"client\":\"\x00\xff\"}",
		`{}`, `{"":""}`, `{"a":}`, `{"a"}`, `{"a":"}`, `{"time"`, `{"n":1}`, `{"msg":"token"}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var fast, strict values
		known, ours := fast.scan(text)
		if !known {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("not JSON, and taken: %q", text)
		}
		fastLine, fastOK := fast.line()
		strictLine, strictOK := line{}, false
		if strict.decode(text) {
			strictLine, strictOK = strict.line()
		}
		if ours && fastOK != strictOK || fastOK && !reflect.DeepEqual(fastLine, strictLine) {
			t.Errorf("%q\n%+v, encoding/json has\n%+v", text, fastLine, strictLine)
		}
	})
}

// What a container's log wraps is what encoding/json reads there.
func FuzzUnwrap(f *testing.F) {
	for _, text := range []string{`a"`, `\"\\\/\n\r\t\b\f\u003c\u00e9"}`, `\`, `\u12`, `\ud800\udc00"`, `\x"`, "\x01\"", "caf\u00e9\"", "", `"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want string
		end := bytes.IndexByte(text, '"')
		for end > 0 && escapes(text[:end])%2 == 1 {
			next := bytes.IndexByte(text[end+1:], '"')
			if next < 0 {
				end = -1
				break
			}
			end += 1 + next
		}
		valid := end >= 0 && json.Unmarshal(append([]byte{'"'}, text[:end+1]...), &want) == nil
		surrogates := bytes.Contains(bytes.ToLower(text), []byte(`\ud`))
		if got, ok := unwrap(bytes.Clone(text)); ok != valid || ok && !surrogates && utf8.Valid(text) && string(got) != want {
			t.Errorf("%q: %q, %t, want %q, %t", text, got, ok, want, valid)
		}
	})
}

// A time is what package time says of it, whatever the zone and the fraction.
func TestTimes(t *testing.T) {
	for _, text := range []string{
		"2026-11-29T12:00:00Z", "2024-02-29T23:59:59.999999999+14:00", "1970-01-01T00:00:01Z", "2000-03-01T00:00:00.5-11:30", "9999-12-31T23:59:59Z", "2100-02-28T00:00:00Z",
	} {
		want, err := time.Parse(time.RFC3339Nano, text)
		if got, ok := parseTime([]byte(text)); err != nil || !ok || int64(got) != want.Unix() {
			t.Errorf("%s: %d, %t, want %d, %v", text, got, ok, want.Unix(), err)
		}
	}
	for _, text := range []string{
		"", "2026-11-29", "2026-11-29 12:00:00Z", "2026-11-29T12:00:00", "2026-02-29T12:00:00Z", "2100-02-29T12:00:00Z", "2026-13-01T12:00:00Z", "2026-00-01T12:00:00Z",
		"2026-11-31T12:00:00Z", "2026-11-29T24:00:00Z", "2026-11-29T12:60:00Z", "2026-11-29T12:00:60Z", "2026-11-29T12:00:00.Z", "2026-11-29T12:00:00+1:00", "1969-12-31T00:00:00Z",
		"2026-11-29T12:00:00.1234567890Z", "2026-11-29T12:00:00+24:00", "-026-11-29T12:00:00Z",
	} {
		if at, ok := parseTime([]byte(text)); ok {
			t.Errorf("%q is %d", text, at)
		}
	}
}

// However a log comes, the same is counted: whole, in parts, packed, grown, repeated, with
// what containers put before lines, and in whatever sizes it is read.
func TestEachLineCountsOnce(t *testing.T) {
	const n = 2000
	log := random(n, 2, noon.Add(-10*time.Hour))
	want := New()
	if c := fold(t, want, log)[0]; c.Lines != n || c.Repeated != 0 || c.Skipped != 0 {
		t.Fatalf("%+v", c)
	}
	half := bytes.LastIndexByte(log[:len(log)/2], '\n') + 1
	var packed bytes.Buffer
	pack := gzip.NewWriter(&packed)
	pack.Write(log[:half])
	pack.Close()
	pack.Reset(&packed) // a second member
	pack.Write(log[half:])
	pack.Close()
	var prefixed bytes.Buffer
	for line := range bytes.Lines(log) {
		fmt.Fprintf(&prefixed, "2026-11-29T12:00:00.000Z stdout F %s", line)
	}
	var docker bytes.Buffer
	for line := range bytes.Lines(log) {
		wrapped, _ := json.Marshal(map[string]string{"log": string(line), "stream": "stdout", "time": "<2026>"}) // sorted, as Docker's
		docker.Write(append(wrapped, '\n'))
	}
	for name, logs := range map[string][][]byte{
		"docker":   {docker.Bytes()},
		"twice":    {log, log},
		"parts":    {log[:half], log[half:]},
		"rotated":  {log[half:], log[:half]},
		"overlap":  {log[:half+9000], log[half:]},
		"cut off":  {log[:len(log)-30], log},
		"grown":    {log[:half], log},
		"no end":   {bytes.TrimSuffix(log, []byte("\n")), log},
		"packed":   {packed.Bytes()},
		"known":    {log, packed.Bytes()},
		"prefixed": {prefixed.Bytes()},
	} {
		t.Run(name, func(t *testing.T) {
			once, runs := New(), New()
			fold(t, once, logs...)
			for _, log := range logs {
				fold(t, runs, log)
				content := encode(t, runs)
				var err error
				if runs, err = Parse(content); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range []*File{once, runs} {
				f.Logs, f.Skipped = want.Logs, 0 // they are other logs, and may end inside of a line
				if got, want := encode(t, f), encode(t, want); !bytes.Equal(got, want) {
					t.Errorf("%d lines counted\n%.2000s\nwant\n%.2000s", f.Lines, got, want)
				}
			}
		})
	}
	slow := New()
	x := NewFolding(slow, noon)
	if _, err := x.Read(oneByte{bytes.NewReader(log[:half])}); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Read(oneByte{bytes.NewReader(log)}); err != nil {
		t.Fatal(err)
	}
	x.Finish()
	slow.Logs = want.Logs
	if got, want := encode(t, slow), encode(t, want); !bytes.Equal(got, want) {
		t.Errorf("%.2000s\nwant\n%.2000s", got, want)
	}
}

// oneByte reads little at once.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 997)]) }

func encode(t *testing.T, f *File) []byte {
	t.Helper()
	content, err := f.encode()
	if err != nil || !json.Valid(content) {
		t.Fatalf("%v, valid: %t", err, json.Valid(content))
	}
	return content
}

// mixed is an id that looks like that of a line.
func mixed(i uint64) uint64 { return identify(binary.BigEndian.AppendUint64(nil, i)) }

// Beyond what is remembered lines count twice, but only those.
func TestMemoryOfLinesIsBounded(t *testing.T) {
	s := newSeen(nil)
	for i := range uint64(3 * MaxRun) {
		if !s.add(Time(i), mixed(i)) {
			t.Fatalf("line %d is taken for another", i)
		}
	}
	for i := uint64(2*MaxRun + 1); i < 3*MaxRun; i++ {
		if s.add(Time(i), mixed(i)) {
			t.Fatalf("line %d is forgotten", i)
		}
	}
	text, err := s.newest.trimmed().MarshalText()
	var read Recent
	if err == nil {
		err = read.UnmarshalText(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	next := newSeen(read)
	if len(next.newest) != MaxRecent {
		t.Fatalf("%d lines go to the next run", len(next.newest))
	}
	for i := uint64(3*MaxRun - MaxRecent); i < 3*MaxRun; i++ {
		if next.add(Time(i), mixed(i)) {
			t.Fatalf("line %d is forgotten by the next run", i)
		}
	}
}

// What the folded file holds of the newest lines is small where a busy service has written
// them all in a few seconds.
func TestRecentLinesAreSmall(t *testing.T) {
	s := newSeen(nil)
	for i := range uint64(3 * MaxRecent) {
		s.add(Time(1_790_000_000+i/2000), mixed(i))
	}
	text, err := s.newest.trimmed().MarshalText()
	if err != nil || len(text) > 22_000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	for _, bad := range []string{"AA==", "AQE=", "AQL/////////////", "gICAgICAgICAgIA="} {
		if err := new(Recent).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%s is taken for lines", bad)
		}
	}
}

// A log that is broken, or made to harm, costs no more than its bytes.
func TestBadLogs(t *testing.T) {
	log := random(10, 4, noon.Add(-time.Hour))
	var packed bytes.Buffer
	pack := gzip.NewWriter(&packed)
	pack.Write(log)
	pack.Close()
	long := append(append(slices.Clone(log), `{"time":"`+strings.Repeat("x", 3*chunkBytes)+"\n"...), random(10, 5, noon)...)
	for name, test := range map[string]struct {
		log   []byte
		count Count
		ends  bool
	}{
		"empty":           {nil, Count{}, false},
		"long line":       {long, Count{Lines: 20, Skipped: 1}, false},
		"long end":        {long[:len(log)+2*chunkBytes+5], Count{Lines: 10}, false},
		"zeros":           {append(make([]byte, 1000), log...), Count{Lines: 10}, false},
		"many zeros":      {append(make([]byte, 2*chunkBytes), log...), Count{Lines: 9, Skipped: 1}, false},
		"other lines":     {[]byte(strings.Repeat("{\"msg\":\"token\"}\nhello\n\n", 10)), Count{Skipped: 20}, false},
		"deep":            {[]byte(strings.Repeat(`{"token":"snapshot","a":`, 20_000) + "\"snapshot\"" + strings.Repeat("}", 20_000)), Count{Skipped: 1}, false},
		"packed, cut off": {packed.Bytes()[:packed.Len()-8], Count{Lines: 10}, true},
		"packed, broken":  {append(packed.Bytes()[:30:30], make([]byte, 1000)...), Count{}, true},
		"no gzip":         {[]byte("\x1f\x8b\x08"), Count{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := fold(t, New(), test.log)[0]
			if (got.Ends != nil) != test.ends {
				t.Errorf("ends with %v", got.Ends)
			}
			if got.Ends = nil; got.Skipped < test.count.Skipped || got.Lines != test.count.Lines {
				t.Errorf("%+v, want %+v", got, test.count)
			}
		})
	}
	packed.Reset()
	pack.Reset(&packed)
	for range 90 {
		pack.Write(make([]byte, chunkBytes))
	}
	pack.Close()
	if _, err := NewFolding(New(), noon).Read(&packed); !errors.Is(err, ErrExpands) {
		t.Errorf("a bomb: %v", err)
	}
	if _, err := NewFolding(New(), noon).Read(strings.NewReader("\x28\xb5\x2f\xfd")); !errors.Is(err, ErrZstandard) {
		t.Errorf("Zstandard: %v", err)
	}
}

// Strangers choose the names that they give. They fill no room but their own.
func TestStrangersUseUpNothing(t *testing.T) {
	var b bytes.Buffer
	h := jsonlog.New(&b)
	at := noon.Add(-time.Hour)
	for i := range 3 * maxStrangers {
		decision{at: at.Add(time.Duration(i)), client: fmt.Sprint("stranger-", i), api: fmt.Sprint(i), refusal: "invalid_client", reason: "unknown-client"}.write(h)
	}
	refused := decision{at: at, client: "billing", api: "orders", method: "client_secret_post", credential: "s", asked: "a b", refusal: "invalid_scope", detail: "b c...", reason: "ungranted-scope"}
	refused.write(h)
	f := New()
	fold(t, f, b.Bytes())
	if r := f.Refusals["unknown-client"]; r.Count != 3*maxStrangers || len(r.Clients) != maxStrangers {
		t.Errorf("%d refusals of %d strangers", r.Count, len(r.Clients))
	}
	api := f.Refusals["ungranted-scope"].Clients["billing"].APIs["orders"]
	if api == nil || api.Count != 1 || len(api.Scopes) != 1 || api.Scopes["b"] == nil {
		t.Errorf("of the client there is %+v", api)
	}
	if tally, ok := f.Credential("billing", "secret", "s"); !ok || tally.Count != 1 || f.InWeek(tally) != 1 {
		t.Errorf("its secret: %+v", tally)
	}
}

// What is not used is told with what is not known.
func TestUnused(t *testing.T) {
	day := func(n int) time.Time { return noon.AddDate(0, 0, -n) }
	var b bytes.Buffer
	h := jsonlog.New(&b)
	for _, d := range []decision{
		issued(day(100), "billing", "billing_orders", "write:orders"),
		issued(day(40), "billing", "billing_orders", ""),
		issued(day(3), "billing", "billing_orders", "read:orders"),
		issued(day(60), "old", "old_orders", ""),
		issued(day(2), "reports", "reports_orders", ""),
	} {
		d.write(h)
	}
	f := New()
	fold(t, f, b.Bytes())
	doc := &schema.Document{
		Authorizations: []schema.Authorization{
			{Label: "billing_orders", Scopes: []string{"read:orders", "write:orders"}}, {Label: "old_orders"}, {Label: "never"}, {Label: "reports_orders", Scopes: []string{"read:orders"}},
		},
		Clients: []schema.Client{{Label: "b", ClientID: "billing", Secrets: []schema.Secret{
			{Label: "2026-q4"}, {Label: "2026-q3"}, {Label: "next", Window: schema.Window{NotBefore: day(10).Unix()}},
		}}},
	}
	for _, test := range []struct {
		days  int
		short bool
		want  string
	}{
		{30, true, `scope billing_orders write:orders 1, authorization old_orders  1, authorization never  0, credential b 2026-q3 0`},
		{50, true, `authorization old_orders  1, authorization never  0, credential b 2026-q3 0`}, // a request without scope is in the period
		{90, true, `authorization never  0, credential b 2026-q3 0`},
		{99, true, `authorization never  0, credential b 2026-q3 0`},
		{200, true, `authorization never  0, credential b 2026-q3 0`},
	} {
		a, ok := f.Unused(doc, day(test.days).Unix(), noon.Unix())
		if !ok {
			t.Fatalf("%d days: no answer", test.days)
		}
		var got []string
		for _, u := range a.Unused {
			got = append(got, fmt.Sprint(u.Kind, " ", u.Owner, " ", u.Label, " ", u.Tally.Count))
		}
		if text := strings.Join(got, ", "); text != test.want {
			t.Errorf("%d days: %s\nwant %s", test.days, text, test.want)
		}
		if a.IsShort() != test.short || a.Silent == 0 {
			t.Errorf("%d days: short %t, silent %d", test.days, a.IsShort(), a.Silent)
		}
	}
	if a, ok := f.Unused(doc, day(50).Unix(), day(2).Unix()); !ok || a.IsShort() {
		t.Errorf("%t, %+v", ok, a)
	}
	if _, ok := f.Unused(doc, day(1).Unix(), noon.Unix()); ok {
		t.Error("an answer for a time without logs")
	}
	if _, ok := New().Unused(doc, day(1).Unix(), noon.Unix()); ok {
		t.Error("an answer without logs")
	}
}
