package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/location/locationtest"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
)

// A place is where snapshots are put and writd fetches them.
type place struct {
	args        []string
	put         func(t *testing.T, file []byte)
	back        func(t *testing.T) // has what was put first again, as nobody should
	lie         func(t *testing.T) // has what is no snapshot
	start, stop func()
}

// places are one of each kind, without a snapshot. What may hold a credential holds the
// word canary.
var places = map[string]func(t *testing.T, dir string) *place{"https": newWebPlace, "oci": newRegistryPlace, "nats": newBucketPlace}

func newWebPlace(t *testing.T, dir string) *place {
	var first, now atomic.Pointer[[]byte]
	var down atomic.Bool
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file := now.Load()
		user, password, _ := r.BasicAuth()
		switch {
		case down.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case user != "reader" || password != "canary" || r.URL.Query().Get("sig") != "canary":
			w.WriteHeader(http.StatusForbidden)
		case file == nil:
			http.NotFound(w, r)
		default:
			w.Header().Set("ETag", fmt.Sprintf("%q", hashOf(string(*file))))
			http.ServeContent(w, r, "writ.snapshot", time.Time{}, bytes.NewReader(*file))
		}
	}))
	t.Cleanup(s.Close)
	ca := filepath.Join(dir, "web.pem")
	if err := os.WriteFile(ca, certificatePEM(s.Certificate().Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	page := []byte("<!doctype html><title>Sign in</title>")
	return &place{
		args: []string{"--snapshot", strings.Replace(s.URL, "https://", "https://reader:canary@", 1) + "/prod/writ.snapshot?sig=canary", "--snapshot-ca", ca},
		put: func(_ *testing.T, file []byte) {
			first.CompareAndSwap(nil, &file)
			now.Store(&file)
		},
		back:  func(*testing.T) { now.Store(first.Load()) },
		lie:   func(*testing.T) { now.Store(&page) },
		start: func() { down.Store(false) },
		stop:  func() { down.Store(true) },
	}
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// putAfter puts a file behind whatever there is, once the location answers. What was put
// although the answer was lost is there.
func putAfter(t testing.TB, l location.Location, file []byte) {
	t.Helper()
	want, err := location.HeadOf(file)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		prior, err := l.Head(t.Context(), location.Head{})
		if err == nil && prior.Same(want) {
			return nil
		}
		if err == nil || errors.Is(err, location.ErrAbsent) {
			_, err = l.Put(t.Context(), file, prior)
		}
		return err
	})
}

func openLocation(t testing.TB, address string, opts location.Options) location.Location {
	t.Helper()
	a, err := location.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := location.Open(a, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func newRegistryPlace(t *testing.T, dir string) *place {
	registry := locationtest.StartRegistry(t)
	config := filepath.Join(dir, "docker")
	if err := os.Mkdir(config, 0o700); err != nil {
		t.Fatal(err)
	}
	auths := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, registry.Address, base64.StdEncoding.EncodeToString([]byte("reader:canary")))
	if err := os.WriteFile(filepath.Join(config, "config.json"), []byte(auths), 0o600); err != nil {
		t.Fatal(err)
	}
	address := "oci://" + registry.Address + "/acme/writ:prod"
	l := openLocation(t, address, location.Options{DockerConfig: config})
	const manifest = "application/vnd.oci.image.manifest.v1+json"
	do := func(t *testing.T, method, tag string, body []byte) []byte {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+registry.Address+"/v2/acme/writ/manifests/"+tag, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", manifest)
		r.Header.Set("Content-Type", manifest)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode >= 300 {
			t.Fatalf("%s %s: %d %s, %v", method, tag, res.StatusCode, answer, err)
		}
		return answer
	}
	return &place{
		args: []string{"--snapshot", address, "--snapshot-docker-config", config},
		put:  func(t *testing.T, file []byte) { putAfter(t, l, file) },
		back: func(t *testing.T) { do(t, http.MethodPut, "prod", do(t, http.MethodGet, "prod-1", nil)) },
		lie: func(t *testing.T) {
			m := do(t, http.MethodGet, "prod", nil)
			do(t, http.MethodPut, "prod", bytes.Replace(m, []byte(`"artifactType":"application/vnd.writ`), []byte(`"artifactType":"application/vnd.evil`), 1))
		},
		start: func() { registry.Start(t) }, stop: registry.Stop,
	}
}

func newBucketPlace(t *testing.T, _ string) *place {
	host, start, stop := natsServer(t)
	start()
	l := openLocation(t, "nats://reader:canary@"+host+"/writ/prod?replicas=1", location.Options{AllowUnsafe: true})
	var first []byte
	pointer := func(t *testing.T) (jetstream.KeyValue, []byte) {
		conn, err := nats.Connect(host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		kv, err := js.KeyValue(t.Context(), "writ")
		if err != nil {
			t.Fatal(err)
		}
		entry, err := kv.Get(t.Context(), "prod")
		if err != nil {
			t.Fatal(err)
		}
		return kv, entry.Value()
	}
	replace := func(t *testing.T, value []byte) {
		kv, _ := pointer(t)
		if _, err := kv.Put(t.Context(), "prod", value); err != nil {
			t.Fatal(err)
		}
	}
	return &place{
		args: []string{"--snapshot", "nats://reader:canary@" + host + "/writ/prod"},
		put: func(t *testing.T, file []byte) {
			putAfter(t, l, file)
			if first == nil {
				_, first = pointer(t)
			}
		},
		back:  func(t *testing.T) { replace(t, first) },
		lie:   func(t *testing.T) { replace(t, []byte("hello")) },
		start: start, stop: stop,
	}
}

// signed is the snapshot of a scope, signed with a key unless that is nil.
func signed(t testing.TB, serial uint64, scope string, key ed25519.PrivateKey) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "writ.snapshot")
	writeSnapshot(t, path, serial, scope)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if key == nil {
		return file
	}
	snap, err := snapshot.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	envelope := snap.Envelope()
	envelope.Created = time.Date(2026, 11, 29, 6, 0, 0, 0, time.UTC)
	envelope.Bind(snap.Body(), nil)
	snapshot.Sign(&envelope, key)
	if file, err = snapshot.Marshal(envelope, snap.Body(), nil); err != nil {
		t.Fatal(err)
	}
	return file
}

func newKey(t testing.TB) (key ed25519.PrivateKey, public string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key, base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
}

// get returns what the admin listener answers.
func (p *program) get(t testing.TB, path string) string {
	t.Helper()
	res, err := p.admin.Get("http://writd" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func (p *program) status(t testing.TB) (status server.Status) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.get(t, "/status")), &status); err != nil {
		t.Fatal(err)
	}
	return status
}

// until waits for what /status says.
func (p *program) until(t *testing.T, what string, is func(server.Status) bool) {
	t.Helper()
	eventually(t, func() error {
		if status := p.status(t); !is(status) {
			return fmt.Errorf("not %s: %+v, %+v, %+v", what, status, status.Location, status.LastRejected)
		}
		return nil
	})
}

// Wherever a snapshot is, it is followed, is trusted by its signature alone, and the last
// good one outlives whatever the location does, and the process.
func TestFollow(t *testing.T) {
	t.Parallel()
	for kind, open := range places {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			state := filepath.Join(dir, "state")
			if err := os.Mkdir(state, 0o700); err != nil {
				t.Fatal(err)
			}
			at := open(t, dir)
			key, public := newKey(t)
			args := append([]string{"--trust", public, "--state", state, "--poll", "1s", "--stale-after", "1s"}, at.args...)
			p := start(t, dir, args...)
			p.until(t, "without a snapshot", func(s server.Status) bool { return s.Location.LastError != "" && !s.Ready })
			at.put(t, signed(t, 1, "first", key))
			eventually(t, p.wantScope("first"))
			at.put(t, signed(t, 2, "second", key))
			eventually(t, p.wantScope("second"))

			stranger, _ := newKey(t)
			at.put(t, signed(t, 3, "evil", nil))
			p.until(t, "refused", func(s server.Status) bool {
				return s.LastRejected != nil && strings.Contains(s.LastRejected.Reason, "not signed")
			})
			at.put(t, signed(t, 4, "evil", stranger))
			p.until(t, "refused", func(s server.Status) bool {
				return s.LastRejected != nil && strings.Contains(s.LastRejected.Reason, "carries signatures by")
			})
			at.back(t)
			p.until(t, "refused", func(s server.Status) bool {
				return s.LastRejected != nil && strings.Contains(s.LastRejected.Reason, "is a rollback")
			})
			if !strings.Contains(p.get(t, "/metrics"), "writ_snapshot_last_reload_successful 0\n") || p.logged("is a rollback") != nil {
				t.Error("metrics or log do not say that a snapshot was refused")
			}
			at.lie(t)
			p.until(t, "of no use", func(s server.Status) bool { return s.Location.LastError != "" && s.Serial == 2 })
			if !strings.Contains(p.get(t, "/metrics"), "writ_location_last_look_successful 0\n") || p.logged("location of no use") != nil {
				t.Error("metrics or log do not say that the location is of no use")
			}
			at.stop()
			p.until(t, "stale", func(s server.Status) bool { return s.Location.Stale && s.Ready })
			eventually(t, func() error { return p.logged("location stale") })
			if !strings.Contains(p.get(t, "/metrics"), "writ_location_stale 1\n") {
				t.Error("the metrics do not say that the location is stale")
			}
			if err := p.wantScope("second")(); err != nil {
				t.Errorf("during an outage: %v", err)
			}
			before := p.status(t)
			if code := p.stop(); code != exitOK {
				t.Errorf("exit code %d", code)
			}

			again := start(t, dir, append(args, "--refuse-stale")...)
			eventually(t, again.wantScope("second"))
			if err := again.logged("serving the snapshot that was kept"); err != nil {
				t.Error(err)
			}
			again.until(t, "unready", func(s server.Status) bool { return !s.Ready && s.Location.Stale && s.Instance == before.Instance })
			if err := status(again.admin, "/readyz", http.StatusServiceUnavailable); err != nil {
				t.Error(err)
			}
			at.start()
			if kind != "https" { // what is no snapshot is not put over
				at.back(t)
			}
			at.put(t, signed(t, 5, "fifth", key))
			eventually(t, again.wantScope("fifth"))
			again.until(t, "ready", func(s server.Status) bool {
				return s.Ready && !s.Location.Stale && s.LastRejected == nil && s.Location.LastError == ""
			})
			for _, said := range []string{p.log.String(), again.log.String(), again.get(t, "/status"), again.get(t, "/metrics"), fmt.Sprintf("%+v", before.Location)} {
				if strings.Contains(said, "canary") || strings.Contains(said, base64.StdEncoding.EncodeToString([]byte("reader:canary"))) {
					t.Errorf("a credential of the location is told: %s", said)
				}
			}
			again.stop()
			kept, err := os.Stat(filepath.Join(state, "last.snapshot"))
			if err != nil || kept.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", kept, err)
			}
		})
	}
}

// A snapshot beside the newest one is served by the instances that are in its share, and
// by one that has served it whatever its name is now, until it is the newest for all.
func TestFollowStage(t *testing.T) {
	t.Parallel()
	host, startServer, _ := natsServer(t)
	startServer()
	l := openLocation(t, "nats://reader:canary@"+host+"/writ/prod?replicas=1", location.Options{AllowUnsafe: true})
	key, public := newKey(t)
	first := signed(t, 1, "first", key)
	putAfter(t, l, first)
	head, err := l.Head(t.Context(), location.Head{})
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(signed(t, 2, "second", key))
	if err != nil {
		t.Fatal(err)
	}
	envelope := snap.Envelope()
	envelope.Previous, envelope.Signatures = head.Digest, nil
	envelope.Bind(snap.Body(), nil)
	snapshot.Sign(&envelope, key)
	second, err := snapshot.Marshal(envelope, snap.Body(), nil)
	if err != nil {
		t.Fatal(err)
	}
	next, err := location.HeadOf(second)
	if err != nil {
		t.Fatal(err)
	}
	stage := location.Stage{Head: next, Percent: 50}
	var in, out string
	for i := 0; in == "" || out == ""; i++ {
		if name := fmt.Sprintf("instance-%d", i); stage.Includes(name) {
			in = name
		} else {
			out = name
		}
	}
	begin := func(instance, state string) *program {
		return start(t, state, "--snapshot", "nats://reader:canary@"+host+"/writ/prod", "--trust", public, "--state", state, "--instance", instance)
	}
	inState := t.TempDir()
	member, other := begin(in, inState), begin(out, t.TempDir())
	eventually(t, member.wantScope("first"))
	eventually(t, other.wantScope("first"))
	if head, err = l.(location.Stager).Stage(t.Context(), second, head, 50); err != nil {
		t.Fatal(err)
	}
	eventually(t, member.wantScope("second"))
	if err := other.wantScope("first")(); err != nil {
		t.Error(err)
	}
	if code := member.stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	member = begin(out, inState)
	eventually(t, member.wantScope("second"))
	if _, err := l.Put(t.Context(), second, head); err != nil {
		t.Fatal(err)
	}
	eventually(t, other.wantScope("second"))
	for _, p := range []*program{member, other} {
		if status := p.status(t); status.Serial != 2 || status.LastRejected != nil {
			t.Errorf("%+v", status)
		}
	}
}

// A location that accepts connections and says nothing holds up neither the start nor
// what is served, and SIGHUP asks it again.
func TestFollowSilent(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, public := newKey(t)
	for _, address := range []string{"https://HOST/s?sig=canary", "oci://HOST/writ", "nats://HOST/writ/prod"} {
		dir := t.TempDir()
		began := time.Now()
		p := start(t, dir, "--snapshot", strings.Replace(address, "HOST", silent.Addr().String(), 1), "--trust", public, "--state", dir)
		if err := status(p.admin, "/readyz", http.StatusServiceUnavailable); err != nil {
			t.Error(err)
		}
		if code := p.stop(); code != exitOK || time.Since(began) > 15*time.Second {
			t.Errorf("%s: exit code %d after %s", address, code, time.Since(began))
		}
	}
}

// What is refused because of something beside the snapshot is fetched again when that
// has changed.
func TestFollowRefusedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secrets := filepath.Join(dir, "secrets")
	if err := os.Mkdir(secrets, 0o700); err != nil {
		t.Fatal(err)
	}
	at := newWebPlace(t, dir)
	key, public := newKey(t)
	path := filepath.Join(dir, "s")
	writeDocument(t, path, 1, "first", "file:missing")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	envelope := snap.Envelope()
	snapshot.Sign(&envelope, key)
	if file, err = snapshot.Marshal(envelope, snap.Body(), nil); err != nil {
		t.Fatal(err)
	}
	at.put(t, file)
	p := start(t, dir, append([]string{"--trust", public, "--state", dir, "--secrets", secrets, "--poll", "1h"}, at.args...)...)
	p.until(t, "refused", func(s server.Status) bool { return s.LastRejected != nil })
	if err := os.WriteFile(filepath.Join(secrets, "missing"), []byte(hashOf(clientSecret)), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, p.wantScope("first"))
}

func TestSnapshotFlagsAreChecked(t *testing.T) {
	dir := t.TempDir()
	_, public := newKey(t)
	trusted := []string{"--trust", public, "--state", dir}
	for _, c := range []struct {
		says string
		args []string
		code int
	}{
		{"needs --trust", []string{"--snapshot", "https://host.example/s?sig=canary", "--state", dir}, exitUsage},
		{"needs --state", []string{"--snapshot", "oci://host.example/canary", "--trust", public}, exitUsage},
		{"is not https://HOST/PATH", append(trusted, "--snapshot", "https:///s?sig=canary"), exitUsage},
		{"loopback addresses only", append(trusted, "--snapshot", "http://u:canary@host.example/s"), exitUsage},
		{"begins with https://, oci:// or nats://", append(trusted, "--snapshot", "s3://canary@bucket/s"), exitUsage},
		{"has no user and password", append(trusted, "--snapshot", "oci://u:canary@host.example/writ"), exitUsage},
		{"is not nats://HOST", append(trusted, "--snapshot", "nats://u:canary@host.example/writ"), exitUsage},
		{"--snapshot is missing", nil, exitUsage},
		{"need a --snapshot that is fetched", []string{"--snapshot", "writ.snapshot", "--snapshot-ca", "x"}, exitUsage},
		{"need a --snapshot that is fetched", []string{"--snapshot", "writ.snapshot", "--poll", "10s"}, exitUsage},
		{"begins with oci://", append(trusted, "--snapshot", "https://host.example/s", "--snapshot-docker-config", dir), exitUsage},
		{"begins with nats://", append(trusted, "--snapshot", "https://host.example/s", "--snapshot-creds", "x"), exitUsage},
		{"--snapshot-key go together", append(trusted, "--snapshot", "nats://host.example/b/n", "--snapshot-cert", "x"), exitUsage},
		{"needs --stale-after", []string{"--snapshot", "writ.snapshot", "--refuse-stale"}, exitUsage},
		{"not between 1s and 1d", append(trusted, "--snapshot", "https://host.example/s", "--poll", "2d"), exitUsage},
		{"is not 1 to 128 letters", []string{"--snapshot", "writ.snapshot", "--instance", "a b"}, exitUsage},
		{"absent.creds", append(trusted, "--snapshot", "nats://host.example/b/n", "--snapshot-creds", filepath.Join(dir, "absent.creds")), exitError},
		{"no certificate in it", append(trusted, "--snapshot", "https://host.example/s", "--snapshot-ca", os.DevNull), exitError},
		{"read Docker's config", append(trusted, "--snapshot", "oci://host.example/writ", "--snapshot-docker-config", filepath.Join(dir, "absent")), exitError},
	} {
		code, out, log := runOnce(append([]string{"--listen", "unix:" + filepath.Join(dir, "p.sock"), "--admin", "off"}, c.args...)...)
		if code != c.code || !strings.Contains(log, c.says) || strings.Contains(out+log, "canary") {
			t.Errorf("%q: exit code %d\n%s%s", c.says, code, out, log)
		}
	}
}

// An instance keeps its name where it has a folder for it.
func TestNameInstance(t *testing.T) {
	state := t.TempDir()
	name := func(given, state string) string {
		t.Helper()
		name, err := instanceName(given, state)
		if err != nil || !location.ValidInstance(name) {
			t.Errorf("%q, %v", name, err)
		}
		return name
	}
	first := name("", state)
	if again := name("", state); again != first {
		t.Errorf("%q, then %q", first, again)
	}
	if one, other := name("", ""), name("", ""); name("given", state) != "given" || one == other {
		t.Error("a name is not as it was given, or is the same without a folder")
	}
	if err := os.WriteFile(filepath.Join(state, instanceFile), []byte("../../etc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again := name("", state); again == first {
		t.Error("what is damaged is used")
	}
	if _, err := instanceName("", filepath.Join(state, "absent")); err == nil {
		t.Error("a name that cannot be kept")
	}
}
