package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The page is four steps, with commands that name this API and a client that may call it.
func TestQuickstartSteps(t *testing.T) {
	s := newSite(t, document(), false)
	body := s.page(t, "/console/apis/orders?lang=go-oidc")
	at := 0
	for _, words := range []string{
		"<h4>Install</h4>", "mod init", "<h4>Save the files</h4>", "guard.go</code> is what your own API takes over", `id="file-0"`, `<span class="tk">package</span>`,
		`<span class="ts own">&#34;https://api.example.com/orders&#34;</span>`, `id="file-1"`, "<h4>Run</h4>", "run .", "<h4>Call it</h4>", "The billing",
		"writ token --raw --client billing --api orders", "/api/private-scoped",
	} {
		i := strings.Index(body[at:], words)
		if i < 0 {
			t.Fatalf("%q does not stand where it should", words)
		}
		at += i
	}
	if body := s.page(t, "/console/apis/shared?lang=golang-jwt"); !strings.Contains(body, "<code>SIGNING_SECRET</code>") {
		t.Error("nothing is said of the secret that HS256 needs")
	}
	if body := s.page(t, "/console/apis/orders_v1?lang=go-oidc"); !strings.Contains(body, `<a href="/console/apis/orders_v1/clients">authorize one</a>`) {
		t.Error("no way to a client")
	}
	if body := s.page(t, worker+"?lang=go-oidc"); !strings.Contains(body, "Save the files") {
		t.Error(body)
	}
	if body := s.page(t, "/console/apis/orders?lang=envoy"); !strings.Contains(body, "<h4>Save the file</h4>") || strings.Contains(body, "<h4>Install</h4>") {
		t.Error("a target of one file and nothing to install")
	}
}

// The choice is remembered without a script, and gives way where it cannot verify tokens.
func TestQuickstartRemembersTheLanguage(t *testing.T) {
	s := newSite(t, document(), false)
	get := func(path, cookie string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, origin+path, nil)
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "writ_lang", Value: cookie})
		}
		return s.do(r)
	}
	w := get("/console/apis/orders?lang=Python", "")
	if got := w.Result().Cookies(); len(got) != 1 || got[0].Value != "flask" || !got[0].HttpOnly || got[0].Path != "/console/" {
		t.Fatalf("cookies %v", got)
	}
	for _, c := range []struct{ path, cookie, want string }{
		{"/console/apis/orders", "", "Go with coreos/go-oidc"},
		{"/console/apis/orders", "flask", "Python with PyJWT and Flask"},
		{"/console/apis/orders?lang=jose", "flask", "Node with jose"},
		{"/console/apis/orders", "<script>", "Go with coreos/go-oidc"},
		{"/console/apis/shared", "go-oidc", "Go with golang-jwt and keyfunc"}, // HS256, which go-oidc refuses
		{"/console/apis/shared?lang=go-oidc", "", "Not for this API."},
	} {
		w := get(c.path, c.cookie)
		if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, c.want) || strings.Contains(body, "<script>") {
			t.Errorf("%s with %q: %d, no %q", c.path, c.cookie, w.Code, c.want)
		}
	}
	if w := get("/console/apis/orders?lang=cobol", ""); w.Code != 404 || len(w.Result().Cookies()) > 0 {
		t.Errorf("no such language: %d, %v", w.Code, w.Result().Cookies())
	}
}
