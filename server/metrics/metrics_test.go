package metrics

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func labels(prefix string) func(int) string {
	return func(i int) string { return prefix + strconv.Itoa(i) }
}

// series scrapes and returns the lines that are series of ours.
func series(t testing.TB, m *Metrics) []string {
	t.Helper()
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "writ_") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func has(lines []string, want string) bool { return slices.Contains(lines, want) }

func noState() State { return State{} }

// A million requests with whatever parameters make no more series than the
// closed sets of labels allow, and the last half of them makes none.
func TestSeriesAreBounded(t *testing.T) {
	m := New(noState)
	apis := append(m.APIs(3, labels("api")), m.NoAPI())
	random := rand.New(rand.NewPCG(1, 2))
	codes := []string{"invalid_request", "invalid_client", "invalid_scope"}
	request := func() {
		grant, code := strconv.FormatUint(random.Uint64(), 36), strconv.FormatUint(random.Uint64(), 36)
		switch random.IntN(3) {
		case 0:
			grant, code = "client_credentials", codes[random.IntN(len(codes))]
		case 1:
			grant = "urn:ietf:params:oauth:grant-type:" + grant
		}
		apis[random.IntN(len(apis))].Count(GrantTypeOf(grant), ResultOf(code))
		m.TokenRequest(time.Duration(random.Uint32()))
		m.Signed(code, time.Duration(random.Uint32()))
		m.Introspection(ResultOf(code))
		m.Revocation(ResultOf(code))
	}
	const requests = 1_000_000
	for range requests / 2 {
		request()
	}
	half := len(series(t, m))
	for range requests / 2 {
		request()
	}
	if all := len(series(t, m)); all != half || all > 200 {
		t.Errorf("%d series after half a million requests, %d after a million", half, all)
	}
}

// Of a hundred thousand APIs the first MaxAPIs have series of their own; what
// came first keeps its own when others come, and what is gone loses it.
func TestManyAPIs(t *testing.T) {
	m := New(noState)
	first := m.APIs(2, labels("b"))
	first[1].Count(ClientCredentials, Issued)
	all := m.APIs(100_000, func(i int) string {
		if i >= 99_998 {
			return labels("b")(i - 99_998)
		}
		return labels("a")(i)
	})
	for _, a := range all {
		a.Count(ClientCredentials, Issued)
	}
	lines := series(t, m)
	var own int
	for _, line := range lines {
		if strings.HasPrefix(line, "writ_token_requests_total{") {
			own++
		}
	}
	if own != MaxAPIs+1 {
		t.Errorf("%d series for 100,000 APIs", own)
	}
	for _, want := range []string{
		`writ_token_requests_total{api="b1",grant_type="client_credentials",result="issued"} 2`,
		`writ_token_requests_total{api="(other)",grant_type="client_credentials",result="issued"} ` + strconv.Itoa(100_000-MaxAPIs),
	} {
		if !has(lines, want) {
			t.Errorf("no %s", want)
		}
	}
	m.APIs(1, labels("a"))
	first[1].Count(RefreshToken, Issued) // a request that began before
	for _, line := range series(t, m) {
		if strings.Contains(line, `api="b`) || strings.Contains(line, `api="a1"`) {
			t.Errorf("%s is still there", line)
		}
	}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	m := New(noState)
	a := m.APIs(1, labels("a"))[0]
	allocs := testing.AllocsPerRun(1000, func() {
		a.Count(GrantTypeOf("client_credentials"), Issued)
		m.TokenRequest(time.Millisecond)
		m.Signed("EdDSA", time.Millisecond)
		m.Introspection(Active)
		m.Revocation(NothingToDo)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestConcurrently(t *testing.T) {
	m := New(noState)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 200 {
				for _, a := range m.APIs(5, labels(fmt.Sprint(worker, i%3, "-"))) {
					a.Count(ClientCredentials, Issued)
				}
				series(t, m)
			}
		})
	}
	group.Wait()
}

// The state of the moment, and nothing of what is not there. A key that stands
// twice does not fail the scrape, and many keys do not swell it.
func TestState(t *testing.T) {
	var state State
	m := New(func() State { return state })
	for _, line := range series(t, m) {
		if strings.HasPrefix(line, "writ_snapshot_info") || strings.HasPrefix(line, "writ_tls") || line == "writ_ready 1" {
			t.Errorf("%s of nothing", line)
		}
	}
	now := time.Unix(1_800_000_000, 0)
	m.Reloaded(false, now)
	m.Reloaded(true, now)
	state = State{
		Now: now, Ready: true, Digest: "sha256:ab", Serial: 7, Created: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), Problems: 2,
		CertificateNotAfter: now.Add(time.Minute), Keys: []Key{{"k1", "RS256", "signing"}, {"k1", "RS256", "signing"}},
	}
	lines := series(t, m)
	for _, want := range []string{
		"writ_ready 1", `writ_snapshot_info{digest="sha256:ab",serial="7"} 1`, "writ_snapshot_age_seconds 3600", "writ_snapshot_problems 2",
		"writ_snapshot_not_after_timestamp_seconds 1.8000036e+09", "writ_tls_cert_not_after_timestamp_seconds 1.80000006e+09",
		`writ_signing_key_info{alg="RS256",kid="k1",state="signing"} 1`, `writ_snapshot_reloads_total{result="success"} 1`,
		`writ_snapshot_reloads_total{result="failure"} 1`, "writ_snapshot_last_reload_successful 1", "writ_snapshot_last_reload_success_timestamp_seconds 1.8e+09",
	} {
		if !has(lines, want) {
			t.Errorf("no %s in\n%s", want, strings.Join(lines, "\n"))
		}
	}
	for i := range 1000 {
		state.Keys = append(state.Keys, Key{strconv.Itoa(i), "RS256", "retired"})
	}
	if more := len(series(t, m)); more > len(lines)+maxKeys {
		t.Errorf("%d series with a thousand keys", more)
	}
}
