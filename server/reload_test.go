package server_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
)

// generation makes the n-th document: identifier of the scope, lifetime, custom
// claim and grant all carry n, so that a token mixed of two shows.
func generation(n int) *schema.Document {
	doc := fast()
	scope := "scope:" + strconv.Itoa(n)
	doc.APIs[0].Scopes = []schema.Scope{{Name: scope}}
	doc.APIs[0].TokenLifetime = int64(1000 + n)
	doc.Authorizations[0].Scopes = []string{scope}
	doc.Authorizations[0].Claims = `{"generation":` + strconv.Itoa(n) + `}`
	return doc
}

// A few hundred reloads under load: no request fails, every token is of one
// generation from its first claim to its last, and no client sees time go back.
func TestReloadUnderLoad(t *testing.T) {
	const reloads, clients, perReload = 300, 4, 10
	s, _ := newServer(t, server.Options{Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))})
	if err := s.Activate(file(t, generation(1), snapshot.Envelope{Serial: 1})); err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewServer(s.Public())
	defer ts.Close()
	defer http.DefaultClient.CloseIdleConnections()
	var done atomic.Bool
	var requests atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for last := 0; !done.Load(); requests.Add(1) {
				seen, err := oneGeneration(ts.URL)
				if err != nil || seen < last {
					t.Errorf("generation %d after %d: %v", seen, last, err)
					return
				}
				last = seen
			}
		})
	}
	for n := 2; n <= reloads; n++ {
		if err := s.Activate(file(t, generation(n), snapshot.Envelope{Serial: uint64(n)})); err != nil {
			t.Fatal(err)
		}
		for !t.Failed() && requests.Load() < int64(n*perReload) {
			time.Sleep(100 * time.Microsecond)
		}
	}
	done.Store(true)
	wg.Wait()
	if seen, err := oneGeneration(ts.URL); err != nil || seen != reloads {
		t.Errorf("the last generation is %d: %v", seen, err)
	}
	t.Logf("%d requests during %d reloads", requests.Load(), reloads)
}

// oneGeneration fetches a token and returns the generation it is of.
func oneGeneration(base string) (int, error) {
	res, err := http.PostForm(base+"/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "audience": {ordersURL}, "client_id": {clientID}, "client_secret": {clientSecret},
	})
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%d %s %v", res.StatusCode, body, err)
	}
	answer := string(body)
	compact, _, _ := strings.Cut(strings.TrimPrefix(answer, `{"access_token":"`), `"`)
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(compact, claims); err != nil {
		return 0, err
	}
	n := int(claims["generation"].(float64))
	want := fmt.Sprintf(`"expires_in":%d,"scope":"scope:%d"`, 1000+n, n)
	lifetime := claims["exp"].(float64) - claims["iat"].(float64)
	if claims["scope"] != "scope:"+strconv.Itoa(n) || int(lifetime) != 1000+n || !strings.Contains(answer, want) {
		return 0, fmt.Errorf("a mixture: %v in %s", claims, answer)
	}
	return n, nil
}

// A client that is removed gets nothing from the moment Activate returns.
func TestRemovalIsFinal(t *testing.T) {
	s, _ := serving(t, fast(), server.Options{})
	if res := do(t, s.Public(), post(form())); res.status != 200 {
		t.Fatalf("%d %s", res.status, res.raw)
	}
	doc := fast()
	doc.Clients[0].ClientID = "another"
	if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 2})); err != nil {
		t.Fatal(err)
	}
	if res := do(t, s.Public(), post(form())); res.status != 401 {
		t.Errorf("%d %s", res.status, res.raw)
	}
}
