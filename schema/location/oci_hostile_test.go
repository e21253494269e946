package location_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/location/locationtest"
)

// A fakeRegistry keeps manifests and blobs in memory and does what a test wants.
type fakeRegistry struct {
	*httptest.Server
	mu    sync.Mutex
	blobs map[string][]byte // by digest and by tag
	fault func(w http.ResponseWriter, r *http.Request) bool
}

func newFakeRegistry(t testing.TB) *fakeRegistry {
	f := &fakeRegistry{blobs: map[string][]byte{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeRegistry) open(t testing.TB) location.Location {
	t.Helper()
	l := open(t, "oci://"+f.Listener.Addr().String()+"/writ:prod", location.Options{DockerConfig: emptyConfig(t)})
	location.SetSettle(l, 10*time.Millisecond)
	return l
}

func digestOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

func (f *fakeRegistry) fail(fault func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *fakeRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	fault := f.fault
	f.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch r.Method {
	case http.MethodPost:
		w.Header().Set("Location", "/v2/writ/blobs/uploads/1")
		w.WriteHeader(http.StatusAccepted)
	case http.MethodPut:
		f.blobs[digestOf(body)] = body
		if strings.Contains(r.URL.Path, "/manifests/") {
			f.blobs[name] = body
		}
		w.WriteHeader(http.StatusCreated)
	default:
		content, ok := f.blobs[name]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		serveManifest(w, r, content)
	}
}

const imageManifest = "application/vnd.oci.image.manifest.v1+json"

func serveManifest(w http.ResponseWriter, r *http.Request, content []byte) {
	w.Header().Set("Content-Type", imageManifest)
	w.Header().Set("Docker-Content-Digest", digestOf(content))
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	if r.Method != http.MethodHead {
		w.Write(content)
	}
}

func TestOCIInMemory(t *testing.T) {
	t.Parallel()
	locationtest.Run(t, func(t *testing.T) locationtest.Backend {
		l := newFakeRegistry(t).open(t)
		return locationtest.Backend{Location: l, Keeps: true, Patient: func() { location.SetSettle(l, 2*time.Second) }}
	})
}

// Whatever a registry answers, it is refused with a reason, in bounded memory.
func TestOCIHostile(t *testing.T) {
	f := newFakeRegistry(t)
	l := f.open(t)
	content := locationtest.File(t, location.Head{}, 5_000)
	head, err := l.Put(t.Context(), content, location.Head{})
	if err != nil {
		t.Fatal(err)
	}
	manifest := f.blobs["prod"]
	changed := func(change func(m map[string]any, layer map[string]any)) func(http.ResponseWriter, *http.Request) bool {
		var m map[string]any
		if err := json.Unmarshal(manifest, &m); err != nil {
			t.Fatal(err)
		}
		change(m, m["layers"].([]any)[0].(map[string]any))
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return func(w http.ResponseWriter, r *http.Request) bool {
			ours := strings.Contains(r.URL.Path, "/manifests/")
			if ours {
				serveManifest(w, r, raw)
			}
			return ours
		}
	}
	staged := func(digest, percent string) func(http.ResponseWriter, *http.Request) bool {
		whole := changed(func(m, _ map[string]any) {
			annotations := m["annotations"].(map[string]any)
			annotations["dev.writ.staged"], annotations["dev.writ.staged.percent"] = digest, percent
		})
		return func(w http.ResponseWriter, r *http.Request) bool {
			return !strings.Contains(r.URL.Path, digestOf(manifest)) && !strings.Contains(r.URL.Path, digestOf(nil)) && whole(w, r)
		}
	}
	blob := func(answer http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			ours := strings.Contains(r.URL.Path, "/blobs/")
			if ours {
				answer(w, r)
			}
			return ours
		}
	}
	every := func(answer http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool { answer(w, r); return true }
	}
	wrong := append([]byte("x"), content[1:]...)
	other := locationtest.File(t, head, 5_000)[:len(content)]
	flips := 0
	for name, test := range map[string]struct {
		fault func(w http.ResponseWriter, r *http.Request) bool
		says  string
	}{
		"another media type": {every(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Docker-Content-Digest", digestOf(nil))
			w.Header().Set("Content-Length", "9")
		}), `media type "text/html"`},
		"large manifest":       {every(func(w http.ResponseWriter, r *http.Request) { serveManifest(w, r, make([]byte, 100<<20)) }), "manifest of 104857600 bytes is longer"},
		"another artifact":     {changed(func(m, _ map[string]any) { m["artifactType"] = "application/vnd.x" }), "artifactType"},
		"another layer":        {changed(func(_, layer map[string]any) { layer["mediaType"] = "application/x" }), "one layer of media type"},
		"two layers":           {changed(func(m, layer map[string]any) { m["layers"] = []any{layer, layer} }), "one layer of media type"},
		"no layer":             {changed(func(m, _ map[string]any) { m["layers"] = []any{} }), "one layer of media type"},
		"large layer":          {changed(func(_, layer map[string]any) { layer["size"] = 1<<30 + 1 }), "longer than 1073741824"},
		"negative layer":       {changed(func(_, layer map[string]any) { layer["size"] = -1 }), "longer than 1073741824"},
		"sha512":               {changed(func(_, layer map[string]any) { layer["digest"] = "sha512:" + strings.Repeat("0", 128) }), "no digest of SHA-256"},
		"no serial":            {changed(func(m, _ map[string]any) { m["annotations"].(map[string]any)["dev.writ.serial"] = "-1" }), "no serial"},
		"another serial":       {changed(func(m, _ map[string]any) { m["annotations"].(map[string]any)["dev.writ.serial"] = "7" }), "annotations say serial 7"},
		"no digest":            {changed(func(m, _ map[string]any) { m["annotations"].(map[string]any)["dev.writ.digest"] = "x" }), "no digests"},
		"stage of no share":    {staged(digestOf(manifest), "ten"), "no percentage"},
		"stage that is empty":  {staged(digestOf(manifest), "0"), "for 0 percent"},
		"stage that is a tag":  {staged("prod-2", "10"), "dev.writ.staged is no digest"},
		"stage that is gone":   {staged(digestOf(nil), "10"), "deleted its stage"},
		"stage of itself":      {staged(digestOf(manifest), "10"), "does not follow"},
		"layer lies in size":   {changed(func(_, layer map[string]any) { layer["size"] = 1 << 30 }), ""},
		"layer shorter":        {blob(func(w http.ResponseWriter, _ *http.Request) { w.Write(content[:1000]) }), ""},
		"layer cut":            {blob(func(w http.ResponseWriter, _ *http.Request) { cut(w, len(content), content[:1000]) }), "EOF"},
		"layer of other bytes": {blob(func(w http.ResponseWriter, _ *http.Request) { w.Write(wrong) }), "not a writ snapshot"},
		"another snapshot":     {blob(func(w http.ResponseWriter, _ *http.Request) { w.Write(other) }), ""},
		"redirect to http": {blob(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.2:1/?sig=s3cr3t", http.StatusTemporaryRedirect)
		}), "redirected elsewhere"},
		"500": {every(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }), "answered 500"},
		"401": {every(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }), "answered 401"},
		"no credential": {every(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(401)
		}), "credential"},
		"realm elsewhere": {every(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://169.254.169.254/token?s3cr3t"`)
			w.WriteHeader(401)
		}), "realm"},
		"a flipping tag": {func(w http.ResponseWriter, r *http.Request) bool {
			flips++
			serveManifest(w, r, fmt.Appendf(nil, "%d", flips))
			return true
		}, ""},
	} {
		f.fail(test.fault)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		found, err := l.Head(t.Context(), location.Head{})
		if err == nil {
			_, err = l.Fetch(t.Context(), found)
		}
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", name, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 150<<20 || name != "large manifest" && grown > 16<<20 {
			t.Errorf("%s: %d bytes were allocated", name, grown)
		}
	}
	f.fail(every(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "7"); w.WriteHeader(429) }))
	_, err = l.Head(t.Context(), head)
	if status, ok := errors.AsType[*location.StatusError](err); !ok || status.RetryAfter != 7*time.Second {
		t.Errorf("429: %v", err)
	}
	f.fail(nil)
	if got, err := l.Fetch(t.Context(), head); err != nil || len(got) != len(content) {
		t.Errorf("after it all: %v", err)
	}
}

// Who moved the tag and was overtaken before it settled is told, and is not in the
// history.
func TestOCIOvertaken(t *testing.T) {
	t.Parallel()
	f := newFakeRegistry(t)
	l := f.open(t)
	first, err := l.Put(t.Context(), locationtest.File(t, location.Head{}, 1), location.Head{})
	if err != nil {
		t.Fatal(err)
	}
	before := f.blobs["prod"]
	if _, err := l.Put(t.Context(), locationtest.File(t, first, 1), first); err != nil {
		t.Fatal(err)
	}
	winner := f.blobs["prod"]
	f.blobs["prod"] = before
	delete(f.blobs, "prod-2")
	f.fail(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/prod") {
			w.WriteHeader(http.StatusCreated) // and another one comes right after
			f.mu.Lock()
			f.blobs["prod"] = winner
			f.mu.Unlock()
			return true
		}
		return false
	})
	if _, err := l.Put(t.Context(), locationtest.File(t, first, 2), first); !errors.Is(err, location.ErrMoved) {
		t.Errorf("the loser: %v", err)
	}
	f.fail(nil)
	if _, ok := f.blobs["prod-2"]; ok {
		t.Error("the loser has the tag that stays")
	}
	head, err := l.Head(t.Context(), location.Head{})
	if err == nil {
		_, err = l.Put(t.Context(), locationtest.File(t, head, 1), head)
	}
	if err != nil || string(f.blobs["prod-2"]) != string(winner) {
		t.Errorf("after the next one the winner has not its tag: %v", err)
	}
}
