package server_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
)

// The test of whether two kinds of requests take the same time follows Reparaz,
// Balasch and Verbauwhede, "Dude, is my code constant time?" (2017): both are
// measured in random order, the slowest are left out at a threshold that does
// not know the kinds, and Welch's t compares the means. 4.5 is their bound.
const (
	greatestT = 4.5
	kept      = 0.8 // of all samples: what is above was interrupted
)

// timed measures requests of two kinds in random order, in nanoseconds.
func timed(t *testing.T, samples int, request func(kind, any int)) [2][]float64 {
	t.Helper()
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for range 1000 {
		request(random.IntN(2), random.Int())
	}
	var took [2][]float64
	for range samples {
		kind, any := random.IntN(2), random.Int()
		begin := time.Now()
		request(kind, any)
		took[kind] = append(took[kind], float64(time.Since(begin)))
	}
	return took
}

// welch is Welch's t of the samples below the threshold, and the means.
func welch(took [2][]float64) (t, difference float64) {
	all := slices.Concat(took[0], took[1])
	slices.Sort(all)
	threshold := all[int(float64(len(all))*kept)]
	var mean, spread [2]float64
	for kind, samples := range took {
		samples = slices.DeleteFunc(slices.Clone(samples), func(v float64) bool { return v >= threshold })
		for _, v := range samples {
			mean[kind] += v / float64(len(samples))
		}
		for _, v := range samples {
			spread[kind] += (v - mean[kind]) * (v - mean[kind]) / float64(len(samples)-1)
		}
		spread[kind] /= float64(len(samples))
	}
	return (mean[0] - mean[1]) / math.Sqrt(spread[0]+spread[1]), mean[0] - mean[1]
}

// asker returns what sends the body to the token endpoint and fails the test
// unless the answer has the status. Each request comes a second after the one
// before, so that none is throttled.
func asker(t *testing.T, doc *schema.Document) (ask func(v url.Values) func(), answers func() []int) {
	t.Helper()
	var seconds int64
	s, _ := serving(t, doc, server.Options{
		Now: func() time.Time { return noon.Add(time.Duration(seconds) * time.Second) }, Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)),
	})
	h := s.Public()
	w := &statusWriter{discard: discard{header: http.Header{}}, statuses: map[int]int{}}
	ask = func(v url.Values) func() {
		body := bytes.NewReader([]byte(v.Encode()))
		r := httptest.NewRequest(http.MethodPost, "/oauth/token", nil)
		r.Header.Set("Content-Type", formType)
		r.Body = io.NopCloser(body)
		return func() {
			seconds++
			clear(w.header)
			_, _ = body.Seek(0, io.SeekStart)
			h.ServeHTTP(w, r)
		}
	}
	return ask, func() (statuses []int) {
		for status := range w.statuses {
			statuses = append(statuses, status)
		}
		return statuses
	}
}

// A statusWriter counts the statuses of answers.
type statusWriter struct {
	discard
	statuses map[int]int
}

func (w *statusWriter) WriteHeader(status int) { w.statuses[status]++ }

// An unknown client and a wrong secret take the same time. What is only noise
// is as often on one side as on the other: a second and a third run decide.
func TestUnknownClientTakesTheTimeOfAWrongSecret(t *testing.T) {
	doc := document()
	const clients = 64
	for i := range clients {
		id := fmt.Sprintf("client-%03d", i)
		doc.Clients = append(doc.Clients, schema.Client{
			Label: id, Name: id, ClientID: id, GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{{Label: "a", Hash: hashOf(id)}},
		})
	}
	samples := 100_000
	if os.Getenv("WRIT_SOAK") == "1" {
		samples = 1_000_000
	}
	ask, answers := asker(t, doc)
	wrong := "x" + clientSecret[1:]
	var kinds [2][clients]func()
	for i := range clients {
		kinds[0][i] = ask(form("client_id", fmt.Sprintf("nobody-%03d", i), "client_secret", wrong))
		kinds[1][i] = ask(form("client_id", fmt.Sprintf("client-%03d", i), "client_secret", wrong))
	}
	for run := range 3 {
		value, difference := welch(timed(t, samples, func(kind, any int) { kinds[kind][any%clients]() }))
		t.Logf("t = %.2f, %.1f ns apart, of %d samples", value, difference, samples)
		if math.Abs(value) < greatestT {
			break
		}
		if run == 2 {
			t.Errorf("the time tells an unknown client from a wrong secret: t = %.1f", value)
		}
	}
	if statuses := answers(); len(statuses) != 1 || statuses[0] != http.StatusUnauthorized {
		t.Errorf("answers %v", statuses)
	}
}
