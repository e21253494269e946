package metrics

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Quotes, backslashes and line ends of a label are escaped, since a for_each key may
// hold any of them. Bytes that are not UTF-8 panic nowhere.
func TestLabelsAreEscaped(t *testing.T) {
	m := New(noState)
	labels := []string{"worker[\"a\\b\n\"]", "worker[\"\xff\"]"}
	for _, api := range m.APIs(len(labels), func(i int) string { return labels[i] }) {
		api.Count(ClientCredentials, Issued)
	}
	lines := series(t, m)
	for _, want := range []string{
		`writ_token_requests_total{api="worker[\"a\\b\n\"]",grant_type="client_credentials",result="issued"} 1`,
		"writ_token_requests_total{api=\"worker[\\\"\ufffd\\\"]\",grant_type=\"client_credentials\",result=\"issued\"} 1",
	} {
		if !has(lines, want) {
			t.Errorf("no %s in\n%s", want, strings.Join(lines, "\n"))
		}
	}
}

// A bucket has what is at most its bound, and all buckets before it.
func TestHistogram(t *testing.T) {
	m := New(noState)
	for _, took := range []time.Duration{0, 500 * time.Microsecond, 750 * time.Microsecond, time.Second, 10 * time.Second, 11 * time.Second} {
		m.TokenRequest(took)
	}
	m.Signed("RS256", time.Millisecond)
	m.Signed("none", time.Millisecond)
	lines := series(t, m)
	const name = "writ_token_request_duration_seconds"
	for _, want := range []string{
		name + `_bucket{le="0.0005"} 2`, name + `_bucket{le="0.001"} 3`, name + `_bucket{le="0.5"} 3`, name + `_bucket{le="1"} 4`,
		name + `_bucket{le="5"} 4`, name + `_bucket{le="10"} 5`, name + `_bucket{le="+Inf"} 6`, name + "_sum 22.00125", name + "_count 6",
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

// The names, types and texts are what promtool check metrics demands, and every
// family has series.
func TestFamilies(t *testing.T) {
	m := New(func() State {
		now := time.Unix(1_800_000_000, 0)
		return State{Now: now, Digest: "sha256:ab", Created: now, NotAfter: now, CertificateNotAfter: now, Location: Location{LastLook: now}, Keys: []Key{{"k", "RS256", "signing"}}}
	})
	m.NoAPI().Count(ClientCredentials, Issued)
	problems, err := testutil.GatherAndLint(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "writ_") {
			ours = append(ours, f.GetName()+" "+strings.ToLower(f.GetType().String()))
		}
	}
	want := []string{
		"writ_build_info gauge", "writ_introspection_requests_total counter",
		"writ_location_last_look_successful gauge", "writ_location_last_success_timestamp_seconds gauge", "writ_location_stale gauge", "writ_ready gauge", "writ_revocation_requests_total counter",
		"writ_signing_key_info gauge", "writ_snapshot_age_seconds gauge", "writ_snapshot_info gauge",
		"writ_snapshot_last_reload_success_timestamp_seconds gauge", "writ_snapshot_last_reload_successful gauge",
		"writ_snapshot_not_after_timestamp_seconds gauge", "writ_snapshot_problems gauge", "writ_snapshot_reloads_total counter",
		"writ_tls_cert_not_after_timestamp_seconds gauge", "writ_token_request_duration_seconds histogram", "writ_token_requests_total counter",
		"writ_token_sign_duration_seconds histogram",
	}
	if !slices.Equal(ours, want) {
		t.Errorf("families:\n%s", strings.Join(ours, "\n"))
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
	release, reached := make(chan struct{}), make(chan struct{})
	m := New(func() State {
		reached <- struct{}{}
		<-release
		return State{}
	})
	scrape := func() int {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return w.Code
	}
	var group sync.WaitGroup
	for range maxScrapes {
		group.Go(func() {
			if code := scrape(); code != http.StatusOK {
				t.Errorf("%d", code)
			}
		})
	}
	for range maxScrapes {
		<-reached
	}
	if code := scrape(); code != http.StatusServiceUnavailable {
		t.Errorf("%d", code)
	}
	close(release)
	group.Wait()
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
		m.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil))
	}
}
