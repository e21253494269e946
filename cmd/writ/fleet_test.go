package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
)

// A fleetWorld is a NATS server with snapshots and the program that follows them.
type fleetWorld struct {
	t        *testing.T
	dir      string
	writd    string // the program
	address  string // of the snapshots
	location location.Location
	head     location.Head
	key      ed25519.PrivateKey
}

func newFleetWorld(t *testing.T) *fleetWorld {
	t.Helper()
	w := &fleetWorld{t: t, dir: t.TempDir()}
	w.writd = filepath.Join(w.dir, "writd")
	if out, err := exec.Command("go", "build", "-o", w.writd, "../writd").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: testenv.Port(t), JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("NATS does not start")
	}
	w.address = "nats://" + s.Addr().String() + "/writ/prod?replicas=1"
	a, err := location.Parse(w.address)
	if err != nil {
		t.Fatal(err)
	}
	if w.location, err = location.Open(a, location.Options{AllowUnsafe: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.location.Close() })
	if _, w.key, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	return w
}

// put makes a snapshot with the next serial the newest.
func (w *fleetWorld) put() {
	w.t.Helper()
	var err error
	if w.head, err = w.location.Put(w.t.Context(), w.next(), w.head); err != nil {
		w.t.Fatal(err)
	}
}

// stage holds a snapshot beside the newest, for a share that one of two instances is in.
func (w *fleetWorld) stage(one, other string) (included string) {
	w.t.Helper()
	file := w.next()
	s, err := snapshot.Open(file)
	if err != nil {
		w.t.Fatal(err)
	}
	for percent := location.MinPercent; percent <= location.MaxPercent; percent++ {
		stage := location.Stage{Head: location.Head{Digest: s.Digest()}, Percent: percent}
		if stage.Includes(one) == stage.Includes(other) {
			continue
		}
		if w.head, err = w.location.(location.Stager).Stage(w.t.Context(), file, w.head, percent); err != nil {
			w.t.Fatal(err)
		}
		if stage.Includes(one) {
			return one
		}
		return other
	}
	w.t.Fatalf("no share has one of %q and %q", one, other)
	return ""
}

// next is a signed snapshot that follows the newest.
func (w *fleetWorld) next() []byte {
	w.t.Helper()
	body, err := snapshot.Encode(&schema.Document{
		Issuer: schema.Issuer{URL: fmt.Sprintf("https://auth.example.com/%d", w.head.Serial), ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	env := snapshot.Envelope{Serial: w.head.Serial + 1, Previous: w.head.Digest, Created: time.Now().UTC().Truncate(time.Second)}
	env.Bind(body, nil)
	snapshot.Sign(&env, w.key)
	file, err := snapshot.Marshal(env, body, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return file
}

// start runs an instance that follows the location, with its admin listener at an
// address, and returns how to end it.
func (w *fleetWorld) start(name, admin string, trust ed25519.PublicKey) (end func(syscall.Signal)) {
	w.t.Helper()
	return w.startWith(name, trust, "--snapshot", w.address, "--admin", admin)
}

func (w *fleetWorld) startWith(name string, trust ed25519.PublicKey, args ...string) (end func(syscall.Signal)) {
	w.t.Helper()
	dir := filepath.Join(w.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(w.writd, append([]string{"--trust", base64.StdEncoding.EncodeToString(trust), "--state", dir, "--instance", name,
		"--listen", "unix:" + filepath.Join(dir, "p")}, args...)...)
	log := new(bytes.Buffer)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended := false
	end = func(s syscall.Signal) {
		if !ended {
			ended = true
			_ = cmd.Process.Signal(s) // it is gone or it goes
			_ = cmd.Wait()
		}
		if w.t.Failed() {
			w.t.Logf("%s: %s", name, log)
		}
	}
	w.t.Cleanup(func() { end(syscall.SIGKILL) })
	return end
}

// fleet runs the command, which must end with a code.
func (w *fleetWorld) fleet(code int, args ...string) (out string) {
	w.t.Helper()
	env, stdout, complaints := testStdio()
	if got := run(w.t.Context(), append([]string{"fleet"}, args...), env); got != code {
		w.t.Errorf("writ fleet %q: exit code %d, want %d\n%s%s", args, got, code, stdout, complaints)
	}
	return stdout.String() + complaints.String()
}

// eventually runs the command until it says something.
func (w *fleetWorld) eventually(text string, args ...string) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		env, stdout, _ := testStdio()
		code := run(w.t.Context(), append([]string{"fleet"}, args...), env)
		if strings.Contains(stdout.String(), text) {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("no %q, exit code %d\n%s", text, code, stdout)
		}
	}
}

func (w *fleetWorld) says(out string, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			w.t.Errorf("no %q in\n%s", text, out)
		}
	}
}

// Instances that follow a location in NATS are found there, by their admin listeners and
// in Prometheus, and whether they agree is the exit code.
func TestFleet(t *testing.T) {
	t.Parallel()
	w := newFleetWorld(t)
	public := w.key.Public().(ed25519.PublicKey)
	w.says(w.fleet(1, "--snapshot", w.address), "No instance is known")
	w.put()
	a, b := testenv.Address(t), filepath.Join(w.dir, "b.sock")
	endA := w.start("a", a, public)
	endB := w.start("b", "unix:"+b, public)
	targets := filepath.Join(w.dir, "targets")
	if err := os.WriteFile(targets, []byte("# two\nhttp://"+a+" # a\n\nunix:"+b+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.fleet(0, "--targets", targets, "--wait", "1m")
	w.fleet(0, "--snapshot", w.address, "--wait", "1m")
	w.put()
	w.says(w.fleet(0, "--snapshot", w.address, "--targets", targets, "--wait", "1m"), "INSTANCE", "\na ", "\nb ", "  ok\n", "Of 2 instances, all serve serial 2, sha256:")

	var found struct {
		Format    string `json:"format_version"`
		Newest    newest
		Agreed    bool
		Instances []map[string]any
	}
	// Their listeners told it before their records do.
	if err := json.Unmarshal([]byte(w.fleet(0, "--snapshot", w.address, "--json", "--wait", "1m")), &found); err != nil {
		t.Fatal(err)
	}
	if found.Format != "1" || found.Newest != (newest{2, w.head.Digest}) || !found.Agreed || len(found.Instances) != 2 {
		t.Errorf("%+v", found)
	}
	for _, i := range found.Instances {
		for _, name := range []string{"instance", "version", "serial", "digest", "since", "ready", "last_rejected", "problems", "address", "answered"} {
			if _, ok := i[name]; !ok || len(i) != 10 {
				t.Errorf("no %q in %v", name, i)
			}
		}
	}
	prometheus := startPrometheus(t, a)
	w.says(w.fleet(0, "--prometheus", prometheus, "--wait", "1m"), a+" ", "serial 2, sha256:")

	stranger, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	endC := w.start("c", "off", stranger)
	w.eventually("rejected: the snapshot is not signed by a trusted key", "--snapshot", w.address)
	w.says(w.fleet(2, "--snapshot", w.address), "no snapshot; rejected:", "Of 3 instances, 1 wrong. The newest is serial 2.")
	w.says(w.fleet(2, "--snapshot", w.address, "--wait", "1s"), "Of 3 instances, 1 wrong")
	endC(syscall.SIGTERM)
	w.fleet(0, "--snapshot", w.address) // it has taken its record away

	first := w.stage("a", "b")
	w.eventually("\n"+first+" ", "--snapshot", w.address)
	w.says(w.fleet(0, "--snapshot", w.address, "--wait", "1m"), "  ok, staged\n", "  ok\n", "Of 2 instances, all serve what they are to: serial 2, and serial 3 that is staged for")
	w.says(w.fleet(0, "--snapshot", w.address, "--json"), `"staged":{"serial":3,"digest":"sha256:`, `"agreed":true`, `"newest":{"serial":2,`)

	endB(syscall.SIGKILL)
	w.says(w.fleet(1, "--targets", targets), "no answer: ", "Of 2 instances, 1 silent.")
	w.fleet(0, "--snapshot", w.address) // the record of who was killed expires
	endA(syscall.SIGKILL)
	w.eventually("no answer: Prometheus cannot scrape it", "--prometheus", prometheus)
	w.fleet(1, "--prometheus", prometheus)
}

// applier makes a configuration. declare writes an API into it, and apply runs "writ apply
// --wait", which must end with a code.
func (w *fleetWorld) applier() (declare func(api string), apply func(code int, args ...string) string) {
	t := w.t
	t.Helper()
	config := filepath.Join(w.dir, "config")
	private := filepath.Join(w.dir, "release.pem")
	declare = func(api string) {
		if err := os.WriteFile(filepath.Join(config, "main.hcl"), []byte("issuer {\n  url = \"https://auth.example.com/\"\n}\napi \""+api+"\" {\n  identifier = \"urn:"+api+"\"\n}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(config, 0o700); err != nil {
		t.Fatal(err)
	}
	encoded, err := jose.EncodePrivateKey(w.key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(private, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	apply = func(code int, args ...string) string {
		t.Helper()
		wait := []string{"--wait"}
		if args[0] == "" { // without
			wait, args = nil, args[1:]
		}
		env, stdout, complaints := testStdio()
		all := append([]string{"apply", "--chdir", config, "--auto-approve", "--store-allow-unsafe", "--sign", private}, append(wait, args...)...)
		if got := run(t.Context(), all, env); got != code {
			t.Errorf("%q: exit code %d, want %d\n%s%s", args, got, code, stdout, complaints)
		}
		return stdout.String() + complaints.String()
	}
	return declare, apply
}

// Instances that take their snapshot from where nobody keeps records have them beside the
// store that they share: "writ fleet" finds them there, and "writ apply --wait".
func TestFleetOfAStore(t *testing.T) {
	t.Parallel()
	w := newFleetWorld(t)
	file := filepath.Join(w.dir, "writ.snapshot")
	host, _, _ := strings.Cut(strings.TrimPrefix(w.address, "nats://"), "/")
	store := "nats://" + host + "?bucket=writ&replicas=1" // called as the bucket of snapshots is
	declare, apply := w.applier()
	declare("a")
	w.says(apply(1, "1s", "--snapshot", file, "--store", store), "Applied serial 1", "No instance is known.")
	public := w.key.Public().(ed25519.PublicKey)
	start := func(name string) func(syscall.Signal) {
		return w.startWith(name, public, "--snapshot", file, "--store", store, "--store-allow-unsafe", "--admin", "off")
	}
	start("one")
	two := start("two")
	w.eventually("Of 2 instances, all serve serial 1", "--store", store)

	declare("b")
	w.says(apply(0, "1m", "--snapshot", file, "--store", store), "Applied serial 2", "Of 2 instances, all serve serial 2")
	w.put()
	w.says(w.fleet(1, "--snapshot", w.address), "No instance is known") // those of the location alone
	w.fleet(0, "--snapshot", w.address, "--store", store)
	w.put()
	w.put()
	w.says(w.fleet(2, "--snapshot", w.address, "--store", store), "behind", "Of 2 instances, 2 wrong. The newest is serial 3.")
	two(syscall.SIGTERM)
	w.says(w.fleet(0, "--store", store), "Of 1 instance, all serve serial 2")

	w.says(apply(64, "1m", "--snapshot", file, "--store", "http://u:s3cr3t@"+host), "begins with nats://")
	w.says(apply(64, "", "--snapshot", file, "--store", store), "go with --wait")
}

// "writ apply --wait" ends when every instance serves what was applied, whether that was
// new or not, and with the code of "writ fleet" when one does not.
func TestApplyWaits(t *testing.T) {
	t.Parallel()
	w := newFleetWorld(t)
	declare, apply := w.applier()
	declare("a")
	w.says(apply(1, "1s", "--snapshot", w.address), "Applied serial 1", "No instance is known.")
	admin := testenv.Address(t)
	public := w.key.Public().(ed25519.PublicKey)
	w.start("one", admin, public)
	w.start("two", "off", public)
	w.eventually("Of 2 instances, all serve serial 1", "--snapshot", w.address)
	declare("b")
	w.says(apply(0, "1m", "--snapshot", w.address), "Applied serial 2", "Of 2 instances, all serve serial 2")
	w.says(apply(0, "1m", "--snapshot", w.address, "--targets", "http://"+admin), "No changes", "all serve serial 2")
	stranger, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w.start("three", "off", stranger)
	declare("c")
	w.says(apply(2, "3s", "--snapshot", w.address), "Applied serial 3", "rejected")
	var result struct{ Serial int }
	if err := json.Unmarshal([]byte(apply(2, "1s", "--snapshot", w.address, "--json")), &result); err != nil || result.Serial != 3 {
		t.Errorf("%+v, %v", result, err)
	}

	// Nobody there would be found, or there is nothing to wait for.
	file := filepath.Join(w.dir, "writ.snapshot")
	w.says(apply(64, "1m", "--snapshot", "oci://127.0.0.1:1/writ"), "their admin listeners with --targets")
	w.says(apply(64, "1m", "--snapshot", file), "their admin listeners with --targets")
	w.says(apply(64, "1m", "--snapshot", w.address, "--stage", "10%"), "leave one out")
	w.says(apply(64, "soon", "--snapshot", w.address), "not a duration")
	w.says(apply(64, "", "--snapshot", w.address, "--targets", "http://"+admin), "go with --wait")
	if _, err := os.Stat(file); err == nil {
		t.Error("a snapshot was written")
	}
	// By targets alone, what they serve is compared with what was applied.
	w.says(apply(2, "1s", "--snapshot", file, "--after-serial", "4", "--targets", "http://"+admin), "behind")
}

// startPrometheus starts a server that scrapes a target each second.
func startPrometheus(t *testing.T, target string) (base string) {
	t.Helper()
	needProgram(t, "prometheus")
	dir, address := t.TempDir(), testenv.Address(t)
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: writd, static_configs: [{targets: [%q]}]}]\n", target), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("prometheus", "--config.file", config, "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return "http://" + address
}

// What is no fleet is refused in words, and nobody else's words act on a terminal.
func TestFleetBadInput(t *testing.T) {
	t.Parallel()
	w := &fleetWorld{t: t, dir: t.TempDir()}
	hostile := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/page"):
			io.WriteString(rw, "<html>")
		case strings.HasPrefix(r.URL.Path, "/long"):
			rw.Write(bytes.Repeat([]byte(" "), 2<<20))
		case strings.HasPrefix(r.URL.Path, "/escape"):
			io.WriteString(rw, `{"instance":"\u001b[2J","digest":"sha256:\u202e","serial":1,"ready":true,"version":"a\tb\nc"}`)
		case strings.HasPrefix(r.URL.Path, "/moved"):
			http.Redirect(rw, r, "http://elsewhere.example/s3cr3t", http.StatusFound)
		default:
			rw.WriteHeader(http.StatusForbidden)
		}
	}))
	defer hostile.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, c := range []struct {
		says string
		code int
		args []string
	}{
		{"say where the instances are", 64, nil},
		{"begins with nats://", 64, []string{"--snapshot", "oci://host.example/writ"}},
		{"begins with nats://", 64, []string{"--store", "http://u:s3cr3t@host.example"}},
		{"no server is connected", 1, []string{"--store", "nats://u:s3cr3t@" + testenv.Address(t)}},
		{"is not nats://HOST", 64, []string{"--snapshot", "nats://u:s3cr3t@host.example/x"}},
		{"not a duration", 64, []string{"--targets", "http://127.0.0.1:1", "--wait", "soon"}},
		{"is not http://HOST:PORT", 64, []string{"--targets", "ftp://u:s3cr3t@host.example"}},
		{"has user and password for plain http", 64, []string{"--targets", "http://u:s3cr3t@host.example"}},
		{"Read targets", 1, []string{"--targets", filepath.Join(w.dir, "absent")}},
		{"is not http://HOST:PORT", 64, []string{"--prometheus", "host.example:9090"}},
		{"Query Prometheus", 1, []string{"--prometheus", strings.Replace(hostile.URL, "http://", "http://u:s3cr3t@", 1)}},
		{"is no vector", 1, []string{"--prometheus", hostile.URL + "/page"}},
		{"--admin-host 127.0.0.1", 1, []string{"--targets", hostile.URL + "/?s3cr3t"}},
		{"not what writd says", 1, []string{"--targets", hostile.URL + "/page"}},
		{"longer than", 1, []string{"--targets", hostile.URL + "/long"}},
		{"the answer is 302", 1, []string{"--targets", hostile.URL + "/moved"}},
		{`\u001b[2J`, 0, []string{"--targets", hostile.URL + "/escape"}},
		{"no answer: ", 1, []string{"--targets", "http://" + silent.Addr().String()}},
		{"no server is connected", 1, []string{"--snapshot", "nats://u:s3cr3t@" + testenv.Address(t) + "/writ/prod"}},
	} {
		began := time.Now()
		out := w.fleet(c.code, c.args...)
		w.says(out, c.says)
		if strings.Contains(out, "s3cr3t") || strings.ContainsAny(out, "\x1b\u202e") || time.Since(began) > time.Minute {
			t.Errorf("%v: after %s\n%q", c.args, time.Since(began), out)
		}
	}
	empty := filepath.Join(w.dir, "empty")
	if err := os.WriteFile(empty, []byte("# nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.says(w.fleet(1, "--targets", empty), "No instance is known.")
}
