package workspace

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/writ-auth/writ/config/diag"
)

// TestSnapshotIsNotFetchedOverPlainHTTP: what a plan compares with is not taken
// from whoever answers on the way, a redirect's target included.
func TestSnapshotIsNotFetchedOverPlainHTTP(t *testing.T) {
	if _, err := fetchSnapshot(t.Context(), "http://writ.example/prod.snapshot"); diag.ProblemsOf(err).List[0].Code != diag.CodeUsage {
		t.Errorf("plain http: %v", err)
	}
	var asked atomic.Bool
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
	defer plain.Close()
	first := httptest.NewServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer first.Close()
	_, err := fetchSnapshot(t.Context(), strings.Replace(first.URL, "http://", "http://user:CANARY@", 1))
	if err == nil || !strings.Contains(err.Error(), "redirected elsewhere than to https") || asked.Load() {
		t.Errorf("redirected: %v, asked: %v", err, asked.Load())
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	for _, from := range []string{first.URL, gone.URL} {
		if _, err := fetchSnapshot(t.Context(), strings.Replace(from, "http://", "http://user:CANARY@", 1)); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("the error is %v", err)
		}
	}
}
