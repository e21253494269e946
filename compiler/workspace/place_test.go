package workspace

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/location"
)

// What a plan compares with is not taken from whoever answers on the way, a
// redirect's target included, and no error shows what stands in an address.
func TestPlacesAreReadWithCare(t *testing.T) {
	var asked atomic.Bool
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
	defer plain.Close()
	redirected := httptest.NewServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer redirected.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }))
	defer page.Close()
	withUser := strings.NewReplacer("http://", "http://user:CANARY@")
	for name, test := range map[string]struct{ address, code, says string }{
		"plain http":  {"http://u:CANARY@writ.example/prod.snapshot", diag.CodeUsage, "for loopback addresses only"},
		"scheme":      {"ftp://u:CANARY@writ.example/prod.snapshot", diag.CodeUsage, "begins with https://"},
		"malformed":   {"https://[CANARY/prod.snapshot", diag.CodeUsage, "not https://HOST/PATH"},
		"redirected":  {withUser.Replace(redirected.URL) + "/CANARY", "unreachable", "redirected elsewhere than to https"},
		"absent":      {withUser.Replace(gone.URL) + "/?sig=CANARY", "unreachable", "there is no snapshot"},
		"no snapshot": {withUser.Replace(page.URL), "unreachable", "not a writ snapshot"},
		"no creds":    {"nats://127.0.0.1:1/writ/prod", "unreadable-file", "no such file"},
	} {
		_, err := ReadSnapshot(t.Context(), test.address, location.Options{NATSCredentials: t.TempDir() + "/none"})
		if err == nil || diag.ProblemsOf(err).List[0].Code != test.code || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if asked.Load() {
		t.Error("a redirect to plain http was followed")
	}
}
