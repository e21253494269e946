//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/writ-auth/writ/schema/testenv"
)

// builtDir holds the program by itself, once some test has built it.
var builtDir string

// removeBuilt removes it after the last test.
func removeBuilt() { os.RemoveAll(builtDir) }

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "writd-built-")
	if err != nil {
		return "", err
	}
	builtDir = dir
	path := filepath.Join(dir, "writd")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build writd: %w\n%s", err, out)
	}
	return path, nil
})

func binary(t *testing.T) string {
	t.Helper()
	if testenv.RaceDetector {
		t.Skip("the program is built without the race detector: the run without it covers this")
	}
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A shipped is the program running under a shell script, in which "$@"
// is its command line.
type shipped struct {
	cmd *exec.Cmd
	log *testenv.Buffer
}

func ship(t *testing.T, script string, env []string, files []*os.File, args ...string) *shipped {
	t.Helper()
	p := &shipped{log: new(testenv.Buffer)}
	p.cmd = exec.Command("/bin/sh", append([]string{"-c", script, "sh", binary(t)}, args...)...)
	p.cmd.Env, p.cmd.ExtraFiles, p.cmd.Stderr = append(os.Environ(), env...), files, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		if t.Failed() {
			t.Log(p.log)
		}
	})
	return p
}

// end stops the program as a service manager does and returns how it ended.
func (p *shipped) end() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// addresses waits until the program listens and returns where.
func (p *shipped) addresses(t *testing.T) (public, admin string) {
	t.Helper()
	line := regexp.MustCompile(`"msg":"listening","listen":"[a-z]+:([^"]*)".*"admin":"[a-z]+:([^"]*)"`)
	eventually(t, func() error {
		m := line.FindStringSubmatch(p.log.String())
		if m == nil {
			return fmt.Errorf("does not listen: %s", p.log)
		}
		public, admin = m[1], m[2]
		return nil
	})
	return public, admin
}

func snapshotIn(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "writ.snapshot")
	writeSnapshot(t, path, 1, "read")
	return path
}

// The service manager is told when the program is ready, that it is alive, when
// it reloads and since when, and that it stops.
func TestServiceManager(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	message := func(want string) string {
		t.Helper()
		manager.SetReadDeadline(time.Now().Add(missed))
		for buffer := make([]byte, 4096); ; {
			n, err := manager.Read(buffer)
			if err != nil {
				t.Fatalf("no %s: %v", want, err)
			}
			if text := string(buffer[:n]); strings.HasPrefix(text, want) {
				return text
			}
		}
	}
	p := ship(t, `exec "$@"`, []string{"NOTIFY_SOCKET=" + socket, "WATCHDOG_USEC=200000"}, nil,
		"--snapshot", snapshotIn(t, dir), "--listen", "unix:"+filepath.Join(dir, "s"), "--admin", "off")
	if text := message("READY=1"); !strings.Contains(text, "STATUS=snapshot sha256:") || !strings.Contains(text, "serial 1") {
		t.Errorf("message %q", text)
	}
	message("WATCHDOG=1")
	before := monotonic(t)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	text := message("RELOADING=1")
	since, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(text, "RELOADING=1\nMONOTONIC_USEC=")), 10, 64)
	if err != nil || since < before || since > monotonic(t) {
		t.Errorf("message %q: %v", text, err)
	}
	message("READY=1")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	message("STOPPING=1")
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// The program does not end before the service manager has been told, even if that takes
// longer than what there is to drain.
func TestServiceManagerIsToldOfTheEnd(t *testing.T) {
	dir := t.TempDir()
	address := &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"}
	manager, err := net.ListenUnixgram("unixgram", address)
	must(t, err)
	defer manager.Close()
	p := ship(t, `exec "$@"`, []string{"NOTIFY_SOCKET=" + address.Name}, nil,
		"--snapshot", snapshotIn(t, dir), "--listen", "unix:"+filepath.Join(dir, "s"), "--admin", "off")
	buffer := make([]byte, 4096)
	until := func(want string) {
		t.Helper()
		must(t, manager.SetReadDeadline(time.Now().Add(missed)))
		for text := ""; !strings.HasPrefix(text, want); {
			n, err := manager.Read(buffer)
			must(t, err)
			text = string(buffer[:n])
		}
	}
	until("READY=1")
	// Others fill the manager's queue, so that the program's message has to wait.
	other, err := net.DialUnix("unixgram", nil, address)
	must(t, err)
	defer other.Close()
	must(t, other.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
	for err == nil {
		_, err = other.Write([]byte("STATUS=of another"))
	}
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	eventually(t, func() error {
		if !strings.Contains(p.log.String(), `"msg":"drained"`) {
			return errors.New("not drained")
		}
		return nil
	})
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("ended before the manager knew: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	until("STOPPING=1")
	must(t, <-ended)
}

func monotonic(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano() / 1000
}

// Sockets that the service manager has opened are taken by name; one that no
// flag names is closed and spoken of, a name without a socket ends the start.
func TestSocketActivation(t *testing.T) {
	dir := t.TempDir()
	var files []*os.File
	var clients []*http.Client
	for _, name := range []string{"admin", "public", "spare"} {
		path := filepath.Join(dir, name)
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		l.Close()
		files, clients = append(files, f), append(clients, overSocket(path))
	}
	const script = `LISTEN_PID=$$ exec "$@"`
	env := []string{"LISTEN_FDS=3", "LISTEN_FDNAMES=admin:public:spare"}
	keys := filepath.Join(dir, "keys")
	if err := os.Mkdir(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	path := snapshotIn(t, dir)
	p := ship(t, script, env, files, "--snapshot", path, "--keys", keys, "--listen", "systemd:public", "--admin", "systemd:admin")
	eventually(t, func() error { return status(clients[0], "/readyz", http.StatusOK) })
	if err := status(clients[1], "/.well-known/jwks.json", http.StatusOK); err != nil {
		t.Error(err)
	}
	eventually(t, func() error {
		if !strings.Contains(p.log.String(), `"name":"spare"`) {
			return fmt.Errorf("nothing is said of the spare socket: %s", p.log)
		}
		return nil
	})
	for _, c := range clients {
		c.CloseIdleConnections()
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "public")); err != nil {
		t.Errorf("the service manager's socket is gone: %v", err)
	}
	p = ship(t, script, env, files, "--snapshot", path, "--keys", keys, "--listen", "systemd:web")
	if err := p.cmd.Wait(); err == nil || !strings.Contains(p.log.String(), `listen on \"systemd:web\"`) {
		t.Errorf("%v %s", err, p.log)
	}
}

// With few files to open, more connections than that wait, health is answered
// meanwhile, and afterwards everything is.
func TestFewFiles(t *testing.T) {
	dir := t.TempDir()
	p := ship(t, `ulimit -n 128; exec "$@"`, nil, nil, "--snapshot", snapshotIn(t, dir), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	public, admin := p.addresses(t)
	begin := time.Now()
	var flood []net.Conn
	for range 200 {
		conn, err := net.DialTimeout("tcp", public, time.Second)
		if err != nil {
			break // the kernel's queue is full too
		}
		flood = append(flood, conn)
	}
	if len(flood) < 100 {
		t.Fatalf("only %d connections", len(flood))
	}
	if err := statusAt(admin, "/livez"); err != nil {
		t.Errorf("with %d connections open: %v", len(flood), err)
	}
	// Each is closed when it has sent no header for two seconds.
	if _, err := tokenAt(public); err != nil {
		t.Errorf("a token among %d idle connections: %v", len(flood), err)
	}
	for _, conn := range flood {
		conn.Close()
	}
	if _, err := tokenAt(public); err != nil {
		t.Errorf("a token afterwards: %v", err)
	}
	if strings.Contains(p.log.String(), "too many open files") {
		t.Errorf("the limit was reached: %s", p.log)
	}
	t.Logf("%d connections, %v", len(flood), time.Since(begin))
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

func statusAt(address, path string) error {
	c := &http.Client{Timeout: missed}
	defer c.CloseIdleConnections()
	res, err := c.Get("http://" + address + path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d %v", path, res.StatusCode, err)
	}
	return nil
}

func tokenAt(address string) (string, error) {
	c := &http.Client{Timeout: missed}
	defer c.CloseIdleConnections()
	res, err := c.PostForm("http://"+address+"/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "audience": {ordersURL}, "client_id": {"billing"}, "client_secret": {clientSecret},
	})
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := bufio.NewReader(res.Body).ReadString('\n')
	if err != nil || res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%d %s %v", res.StatusCode, body, err)
	}
	return body, nil
}

// With a file system that nobody can write to, everything works as long as keys
// live in memory and nothing is to be remembered.
func TestReadOnlyRoot(t *testing.T) {
	const readOnly = `mount -o remount,bind,ro / && `
	if out, err := exec.Command("unshare", "-rm", "/bin/sh", "-c", readOnly+"true").CombinedOutput(); err != nil {
		t.Skipf("a read-only root cannot be had here: %v %s", err, out)
	}
	dir := t.TempDir()
	p := ship(t, `exec unshare -rm /bin/sh -c '`+readOnly+`! touch / 2>/dev/null && exec "$@"' sh "$@"`, nil, nil,
		"--snapshot", snapshotIn(t, dir), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	public, admin := p.addresses(t)
	if _, err := tokenAt(public); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"/readyz", "/metrics", "/status"} {
		if err := statusAt(admin, path); err != nil {
			t.Error(err)
		}
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// The sidecar has no pages: "writ console" shows what it says of itself.
func TestNoPages(t *testing.T) {
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	p := start(t, dir)
	for _, listener := range []*http.Client{p.admin, p.client} {
		for _, path := range []string{"/", "/console/", "/console/assets/console.js"} {
			if err := status(listener, path, http.StatusNotFound); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := parseFlags([]string{"--snapshot", "x", "--console"}, func(string) string { return "" }, io.Discard); err == nil {
		t.Error("--console is taken")
	}
}

// Profiles are served when a flag says so, and by the admin listener only.
func TestProfiles(t *testing.T) {
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	p := start(t, dir, "--pprof")
	for path, want := range map[string]int{
		"/debug/pprof/heap": 200, "/debug/pprof/goroutine": 200, "/debug/pprof/profile?seconds=1": 200,
		"/debug/pprof/profile?seconds=0": 400, "/debug/pprof/profile?seconds=61": 400, "/debug/pprof/": 404, "/debug/pprof/cmdline": 404,
	} {
		if err := status(p.admin, path, want); err != nil {
			t.Error(err)
		}
	}
	if err := status(p.client, "/debug/pprof/heap", http.StatusNotFound); err != nil {
		t.Error(err)
	}
}

// What is served is said to be unsafe, or cannot be had, with the way out, and a SIGTERM
// leaves lines of what is being finished and of the end.
func TestOperatorIsTold(t *testing.T) {
	dir := t.TempDir()
	keys := filepath.Join(dir, "it's keys")
	must(t, os.Mkdir(keys, 0o755))
	must(t, os.Chmod(keys, 0o755)) // whatever the umask
	p := ship(t, `exec "$@"`, nil, nil, "--snapshot", snapshotIn(t, dir), "--keys", keys, "--listen", "0.0.0.0:0", "--admin", "127.0.0.1:0")
	public, admin := p.addresses(t)
	eventually(t, func() error { return statusAt(admin, "/readyz") })
	code, _, log := runOnce("--snapshot", snapshotIn(t, t.TempDir()), "--listen", strings.Replace(public, "[::]", "127.0.0.1", 1), "--admin", admin)
	for _, want := range []string{`listen on \"`, `address already in use","action":"another process has the port, which ss -ltnp`} {
		if code != exitError || !strings.Contains(log, want) {
			t.Errorf("a port that is taken: %d, want %s in %s", code, want, log)
		}
	}
	must(t, p.end())
	lines := map[string]map[string]any{}
	for line := range strings.Lines(p.log.String()) {
		var record map[string]any
		must(t, json.Unmarshal([]byte(line), &record))
		lines[record["msg"].(string)] = record
	}
	for msg, want := range map[string]string{
		"secrets and tokens cross the network in the clear: other machines reach the listener, and there is no TLS": "--tls-cert and --tls-key",
		"others than its owner may enter the folder of keys":                                                        `chmod 700 '` + dir + `/it'\''s keys'`,
	} {
		if action, _ := lines[msg]["action"].(string); !strings.Contains(action, want) {
			t.Errorf("%s: %q, want %q", msg, action, want)
		}
	}
	if drain := lines["draining"]; drain == nil || drain["in_flight"] != 0.0 || drain["reason"] != "terminated signal received" {
		t.Errorf("draining: %v", drain)
	}
	if lines["drained"] == nil || lines["writd ends"] == nil {
		t.Errorf("the end is not told: %s", p.log)
	}
	if strings.Contains(p.log.String(), "ERROR") {
		t.Errorf("an error: %s", p.log)
	}
}
