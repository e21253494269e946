package server_test

import (
	"bytes"
	crand "crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/jsonlog"
	"github.com/writ-auth/writ/server/store"
)

// TestRefusalsCostTheSame holds, in every run, what refusals do: how often they look
// up, compare, hash and verify. These tests measure how long that takes, on request
// (WRIT_SOAK=1) and where nothing else runs, because time depends on the processor: how
// code and data happen to lie in its caches makes tens of nanoseconds between requests
// that do the same.
//
// They follow Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?"
// (2017): both kinds are measured in random order, the slowest are left out at a
// threshold that does not know the kinds, and a t-test compares the means. 4.5 is their
// bound. With as many samples it finds a nanosecond, which is no leak: what an attacker
// can tell through a socket is about 100 ns in a local network, after thousands of
// requests (Crosby, Wallach and Riedi, "Opportunities and Limits of Remote Timing
// Attacks", 2009), and far more across the internet. So a difference fails when it is
// both: certain, and beyond 100 ns.
//
// Where a server and its requests happen to lie in memory, and how their names hash,
// makes some nanoseconds either way, the same for all samples of them. So server and
// requests are made anew many times, and the means of each making are one observation.
const (
	greatestT  = 4.5
	measurable = 100 // nanoseconds
	kept       = 0.8 // of all samples: what is above was interrupted
	makings    = 200
)

// timed measures requests of two kinds in random order, in nanoseconds, for each
// making.
func timed(t *testing.T, samples int, prepare func() (request func(kind int))) (took [2][][]float64) {
	t.Helper()
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for range makings {
		request := prepare()
		for range 100 {
			request(random.IntN(2))
		}
		var these [2][]float64
		for range samples / makings {
			kind := random.IntN(2)
			begin := time.Now()
			request(kind)
			these[kind] = append(these[kind], float64(time.Since(begin)))
		}
		for kind := range took {
			took[kind] = append(took[kind], these[kind])
		}
	}
	return took
}

// apart is how far the kinds are apart and the t of that: of the differences within
// each making, because the machine's speed drifts from one to the next. A making that
// lost half of its samples of a kind was disturbed and does not count.
func apart(took [2][][]float64) (t, difference float64) {
	all := slices.Concat(slices.Concat(took[0]...), slices.Concat(took[1]...))
	slices.Sort(all)
	threshold := all[int(float64(len(all))*kept)]
	var differences []float64
	for i := range makings {
		var means [2]float64
		disturbed := false
		for kind := range took {
			below := slices.DeleteFunc(slices.Clone(took[kind][i]), func(v float64) bool { return v >= threshold })
			disturbed = disturbed || len(below) < len(took[kind][i])/2
			means[kind], _ = moments(below)
		}
		if !disturbed {
			differences = append(differences, means[0]-means[1])
		}
	}
	difference, variance := moments(differences)
	return difference / math.Sqrt(variance/float64(len(differences))), difference
}

// moments are the mean and the variance.
func moments(values []float64) (mean, variance float64) {
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	for _, v := range values {
		variance += (v - mean) * (v - mean) / float64(len(values)-1)
	}
	return mean, variance
}

// asker returns what sends a body to the token endpoint, over a unix socket as far
// as it can see, and the statuses of all answers. Each request comes a step after
// the one before, so that none is throttled; time begins anew before the life of an
// assertion ends.
func asker(t *testing.T, doc *schema.Document, step time.Duration, log io.Writer) (ask func(v url.Values) func(), answers func() []int) {
	t.Helper()
	now := noon
	s, _ := serving(t, doc, server.Options{
		Now: func() time.Time { return now }, Logger: slog.New(jsonlog.New(log)), Store: store.NewMemory(store.MemoryOptions{}),
	})
	h := s.Public()
	w := &statusWriter{discard: discard{header: http.Header{}}, statuses: map[int]int{}}
	ask = func(v url.Values) func() {
		body := bytes.NewReader([]byte(v.Encode()))
		r := httptest.NewRequest(http.MethodPost, "/oauth/token", nil)
		r.Header.Set("Content-Type", formType)
		r.RemoteAddr, r.Body = "@", io.NopCloser(body)
		return func() {
			if now = now.Add(step); now.Sub(noon) > 4*time.Minute {
				now = noon
			}
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

// An unknown client and a wrong secret take the same time. There is one client, so that
// both are held against the same secret: with many, the clients that do not exist share
// fewer, which are sooner found in the processor's cache. What is only noise is as often
// on one side as on the other: a second and a third run decide.
func TestUnknownClientTakesTheTimeOfAWrongSecret(t *testing.T) {
	onRequest(t)
	doc := document()
	doc.APIs[0].Alg = schema.EdDSA // whose keys are soon made
	var answers func() []int
	sameTime(t, 1_000_000, func() func(kind int) {
		var ids [2]string
		for kind := range ids {
			ids[kind] = fmt.Sprintf("client-%08x", rand.Uint32())
		}
		doc.Clients[0].ClientID = ids[1]
		var ask func(url.Values) func()
		ask, answers = asker(t, doc, 200*time.Millisecond, io.Discard)
		var kinds [2]func()
		for kind, id := range ids {
			kinds[kind] = ask(form("client_id", id, "client_secret", "x"+clientSecret[1:]))
		}
		return func(kind int) { kinds[kind]() }
	})
	if statuses := answers(); len(statuses) != 1 || statuses[0] != http.StatusUnauthorized {
		t.Errorf("answers %v", statuses)
	}
}

// sameTime fails the test when the time tells the kinds of requests apart in three
// runs of three.
func sameTime(t *testing.T, samples int, prepare func() (request func(kind int))) {
	t.Helper()
	for range 3 {
		value, difference := apart(timed(t, samples, prepare))
		t.Logf("t = %.2f, %.1f ns apart, of %d samples", value, difference, samples)
		if math.Abs(value) < greatestT || math.Abs(difference) < measurable {
			return
		}
	}
	t.Error("the time tells them apart")
}

// A tap is a log that is looked at only when it is open.
type tap struct {
	open bool
	testenv.Buffer
}

func (w *tap) Write(p []byte) (int, error) {
	if !w.open {
		return len(p), nil
	}
	return w.Buffer.Write(p)
}

// An assertion about an unknown client takes the time of one about a client whose
// signature is wrong: another client's keys stand in. There is one with keys, as above.
func TestUnknownClientTakesTheTimeOfAWrongSignature(t *testing.T) {
	onRequest(t)
	for alg, signer := range map[schema.SigningAlg]pair{schema.RS256: newRSAPair(), schema.ES256: newPair()} {
		t.Run(string(alg), func(t *testing.T) {
			key := pairs()[alg].jwks("k")
			log := new(tap)
			var kinds [2]func()
			var answers func() []int
			sameTime(t, 400_000, func() func(kind int) {
				doc := document()
				doc.APIs[0].Alg = schema.EdDSA
				withKeys(doc, "client", schema.PublicKey{Label: "k", JWKS: key})
				var ask func(url.Values) func()
				ask, answers = asker(t, doc, 200*time.Millisecond, log)
				for kind, id := range []string{"nobody", "client"} {
					kinds[kind] = ask(asserted(signer.assertion(id, issuerURL, noon, map[string]any{"exp": noon.Unix() + 300})))
				}
				return func(kind int) { kinds[kind]() }
			})
			log.open = true
			for kind, reason := range []string{"unknown-client", "bad-signature"} {
				before := len(log.String())
				if kinds[kind](); !strings.Contains(log.String()[before:], `"reason":"`+reason+`"`) {
					t.Errorf("not for the reason %s: %s", reason, log.String()[before:])
				}
			}
			if statuses := answers(); len(statuses) != 1 || statuses[0] != http.StatusUnauthorized {
				t.Errorf("answers %v", statuses)
			}
		})
	}
}

// onRequest skips a test that measures time.
func onRequest(t *testing.T) {
	t.Helper()
	if !soak() {
		t.Skip("measures time: set WRIT_SOAK=1 where nothing else runs")
	}
}

// newRSAPair is a pair with a key of its own.
func newRSAPair() pair {
	key, err := rsa.GenerateKey(crand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return pair{schema.RS256, key}
}
