package server_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

// soak reports whether tests run as long as they can be of use.
func soak() bool { return os.Getenv("WRIT_SOAK") == "1" }

// rounds runs f so many times, or a thousand times when soaking.
func rounds(t *testing.T, short int, f func(round int)) {
	t.Helper()
	switch {
	case soak():
		short = 1000
	case testenv.RaceDetector: // a round is 200 requests at once
		short = max(short/5, 2)
	}
	for round := 0; round < short && !t.Failed(); round++ {
		f(round)
	}
}

// stores are those that a family of refresh tokens may be in.
func stores(t *testing.T) map[string]store.Store {
	t.Helper()
	file, err := store.OpenBolt(filepath.Join(t.TempDir(), "used.db"), store.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return map[string]store.Store{"memory": store.NewMemory(store.MemoryOptions{MaxKeys: 1 << 30}), "bolt": file}
}

// at200 sends the request 200 times at once and counts the answers by status and
// refresh token.
func at200(s *server.Server, ask func(i int) result) (answers map[string]int) {
	all := make([]string, 200)
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range all {
		wait.Go(func() {
			<-start
			res := ask(i)
			all[i] = fmt.Sprint(res.status, res.body.Error, res.body.Refresh)
		})
	}
	close(start)
	wait.Wait()
	answers = map[string]int{}
	for _, answer := range all {
		answers[answer]++
	}
	return answers
}

// Of 200 uses of one refresh token at once exactly one succeeds, and because the
// others are uses of a spent token, the family has ended.
func TestOneWinnerPerRefreshToken(t *testing.T) {
	for name, remembers := range stores(t) {
		t.Run(name, func(t *testing.T) {
			s := raceServer(t, remembers, rotating)
			rounds(t, 40, func(round int) {
				token := offlineNow(t, s)
				answers := at200(s, func(int) result { return do(t, s.Public(), post(refreshed(token))) })
				won := ""
				for answer := range answers {
					if answer[:3] == "200" {
						won += answer[3:]
					}
				}
				if len(won) != 64 || answers["400invalid_grant"] != 199 {
					t.Fatalf("round %d: %v", round, answers)
				}
				if res := do(t, s.Public(), post(refreshed(won))); res.status != 400 {
					t.Fatalf("round %d: the family goes on: %d %s", round, res.status, res.raw)
				}
			})
		})
	}
}

// Within the leeway all 200 get the same successor, and it is good.
func TestOneSuccessorWithinTheLeeway(t *testing.T) {
	policy := lenient
	policy.Leeway = 60
	for name, remembers := range stores(t) {
		t.Run(name, func(t *testing.T) {
			s := raceServer(t, remembers, policy)
			token := offlineNow(t, s)
			rounds(t, 10, func(round int) {
				answers := at200(s, func(int) result { return do(t, s.Public(), post(refreshed(token))) })
				if len(answers) != 1 {
					t.Fatalf("round %d: %v", round, answers)
				}
				for answer := range answers {
					if token = answer[3:]; len(token) != 64 {
						t.Fatalf("round %d: %v", round, answers)
					}
				}
			})
		})
	}
}

// A token that stays serves all 200, and one revocation among them ends it.
func TestStayingTokenUnderLoad(t *testing.T) {
	for name, remembers := range stores(t) {
		t.Run(name, func(t *testing.T) {
			s := raceServer(t, remembers, staying)
			rounds(t, 10, func(round int) {
				token := offlineNow(t, s)
				answers := at200(s, func(i int) result {
					if i == 100 && round%2 == 1 {
						return present(t, s, "/oauth/revoke", "web", token)
					}
					return do(t, s.Public(), post(refreshed(token)))
				})
				for answer := range answers {
					if !slices.Contains([]string{"200", "400invalid_grant"}, answer) || round%2 == 0 && answer != "200" {
						t.Fatalf("round %d: %v", round, answers)
					}
				}
				if res := do(t, s.Public(), post(refreshed(token))); (res.status == 200) != (round%2 == 0) {
					t.Fatalf("round %d: %d %s", round, res.status, res.raw)
				}
			})
		})
	}
}

// A revocation that has been answered holds against uses that were on their way.
func TestRevocationBeatsRotation(t *testing.T) {
	for name, remembers := range stores(t) {
		t.Run(name, func(t *testing.T) {
			s := raceServer(t, remembers, rotating)
			rounds(t, 10, func(round int) {
				token := offlineNow(t, s)
				var next result
				var wait sync.WaitGroup
				wait.Go(func() { next = do(t, s.Public(), post(refreshed(token))) })
				wait.Go(func() { present(t, s, "/oauth/revoke", "web", token) })
				wait.Wait()
				for _, token := range []string{token, next.body.Refresh} {
					if res := do(t, s.Public(), post(refreshed(token))); res.status != 400 {
						t.Fatalf("round %d: %d %s", round, res.status, res.raw)
					}
				}
			})
		})
	}
}

// One jti has one winner among 200, as many times.
func TestOneWinnerPerJTI(t *testing.T) {
	for name, remembers := range stores(t) {
		t.Run(name, func(t *testing.T) {
			// All fail but one: the limit of failures must not decide.
			now := noon
			s, _ := serving(t, signers(quickDocument()), server.Options{Now: func() time.Time { return now }, Store: remembers, Logger: quiet()})
			rounds(t, 10, func(round int) {
				now = noon.Add(time.Duration(round) * time.Hour)
				assertion := pairs()[schema.ES256].assertion("signer", issuerURL, now, nil)
				answers := at200(s, func(i int) result {
					r := post(asserted(assertion))
					r.RemoteAddr = "@" // a socket: it has no address to be throttled for
					return do(t, s.Public(), r)
				})
				if answers["200"] != 1 || answers["401invalid_client"]+answers["429too_many_requests"] != 199 {
					t.Fatalf("round %d: %v", round, answers)
				}
			})
		})
	}
}

func raceServer(t *testing.T, remembers store.Store, policy schema.RefreshToken) *server.Server {
	t.Helper()
	s, _ := serving(t, refreshing(policy), server.Options{Store: remembers, RefreshTokensInMemory: true, Logger: quiet()})
	return s
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// offlineNow is a refresh token by the clock of the machine. A client may begin
// only so many families a second, so that a round may have to wait for its own.
func offlineNow(t testing.TB, s *server.Server) string {
	t.Helper()
	now := time.Now().Unix()
	form := exchanged(userToken(map[string]any{"iat": now, "exp": now + 300}), "scope", "read:orders offline_access")
	res := do(t, s.Public(), post(form))
	for res.status == http.StatusTooManyRequests && time.Now().Unix() < now+60 {
		time.Sleep(10 * time.Millisecond)
		res = do(t, s.Public(), post(form))
	}
	if res.body.Refresh == "" {
		t.Fatalf("%d %s", res.status, res.raw)
	}
	return res.body.Refresh
}
