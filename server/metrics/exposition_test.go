package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Quotes, backslashes and line ends of a label are escaped: a for_each key may
// hold any of them.
func TestLabelsAreEscaped(t *testing.T) {
	m := New(noState)
	m.APIs(1, func(int) string { return "worker[\"a\\b\n\"]" })[0].Count(ClientCredentials, Issued)
	want := `writ_token_requests_total{api="worker[\"a\\b\n\"]",grant_type="client_credentials",result="issued"} 1`
	if lines := series(t, m); !has(lines, want) {
		t.Errorf("no %s in\n%s", want, strings.Join(lines, "\n"))
	}
}

// A bucket has what is at most its bound, and all buckets before it.
func TestHistogram(t *testing.T) {
	m := New(noState)
	for _, took := range []time.Duration{0, 500 * time.Microsecond, 501 * time.Microsecond, time.Second, 10 * time.Second, 11 * time.Second} {
		m.TokenRequest(took)
	}
	m.Signed("RS256", time.Millisecond)
	m.Signed("none", time.Millisecond)
	lines := series(t, m)
	const name = "writ_token_request_duration_seconds"
	for _, want := range []string{
		name + `_bucket{le="0.0005"} 2`, name + `_bucket{le="0.001"} 3`, name + `_bucket{le="0.5"} 3`, name + `_bucket{le="1"} 4`,
		name + `_bucket{le="5"} 4`, name + `_bucket{le="10"} 5`, name + `_bucket{le="+Inf"} 6`, name + "_sum 22.001001", name + "_count 6",
		`writ_token_sign_duration_seconds_bucket{alg="RS256",le="0.001"} 1`, `writ_token_sign_duration_seconds_count{alg="RS256"} 1`,
		`writ_token_sign_duration_seconds_count{alg="ES256"} 0`,
	} {
		if !has(lines, want) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(lines, "\n"))
	}
}

// Every series follows the HELP and TYPE of its family, and no family comes
// twice: a scrape fails otherwise.
func TestFamilies(t *testing.T) {
	m := New(func() State { return State{Digest: "sha256:ab", Keys: []Key{{"k", "RS256", "signing"}}} })
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if got := w.Header().Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	seen, kind, name := map[string]bool{}, "", ""
	for line := range strings.Lines(w.Body.String()) {
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "# HELP "):
			name = fields[2]
			if seen[name] || len(fields) < 4 {
				t.Errorf("%q", line)
			}
			seen[name] = true
		case strings.HasPrefix(line, "# TYPE "):
			if kind = fields[3]; fields[2] != name {
				t.Errorf("%q after HELP of %s", line, name)
			}
			if strings.HasSuffix(name, "_total") != (kind == counterType) {
				t.Errorf("%s is a %s", name, kind)
			}
		default:
			series, _, _ := strings.Cut(fields[0], "{")
			if series != name && (kind != histogramType || !strings.HasPrefix(series, name+"_")) {
				t.Errorf("%q within %s", line, name)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("%d families", len(seen))
	}
}

// While others count, what one scrape says of a histogram agrees with itself.
func TestCountIsWhatTheBucketsAddUpTo(t *testing.T) {
	m := New(noState)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 20_000 {
				m.TokenRequest(time.Hour)
			}
		})
	}
	for range 50 {
		var inf, count string
		for _, line := range series(t, m) {
			if rest, ok := strings.CutPrefix(line, `writ_token_request_duration_seconds_bucket{le="+Inf"} `); ok {
				inf = rest
			}
			if rest, ok := strings.CutPrefix(line, "writ_token_request_duration_seconds_count "); ok {
				count = rest
			}
		}
		if inf == "" || inf != count {
			t.Fatalf("bucket %q, count %q", inf, count)
		}
	}
	group.Wait()
	if !has(series(t, m), "writ_token_request_duration_seconds_count 80000") {
		t.Error("observations were lost")
	}
}

// Scrapes beyond those that are answered at once are refused, not queued.
func TestScrapesAreBounded(t *testing.T) {
	m := New(noState)
	for range maxScrapes {
		m.scrapes <- struct{}{}
	}
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d", w.Code)
	}
}

func BenchmarkCount(b *testing.B) {
	m := New(noState)
	api := m.APIs(1, labels("a"))[0]
	b.ReportAllocs()
	for b.Loop() {
		api.Count(GrantTypeOf("client_credentials"), Issued)
		m.TokenRequest(time.Millisecond)
		m.Signed("EdDSA", time.Millisecond)
	}
}

func BenchmarkScrape(b *testing.B) {
	m := New(noState)
	for _, api := range m.APIs(MaxAPIs, labels("a")) {
		api.Count(ClientCredentials, Issued)
		api.Count(ClientCredentials, ResultOf("invalid_scope"))
	}
	b.ReportAllocs()
	for b.Loop() {
		var p page
		m.write(&p)
	}
}
