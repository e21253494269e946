//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
)

// What turns a copy of the test program into writd, and what happens before.
const (
	asWritd     = "WRITD_TEST_ARGS"      // the arguments, one a line
	asBare      = "WRITD_TEST_BARE"      // or into a bare handler: its algorithm
	bindFirst   = "WRITD_TEST_BIND"      // what is mounted where, one a line
	inotifyZero = "WRITD_TEST_NO_EVENTS" // the limit in /proc/sys/user that is set to none
)

func TestMain(m *testing.M) {
	if args := os.Getenv(asWritd); args != "" {
		os.Exit(becomeWritd(strings.Split(args, "\n")))
	}
	if alg := os.Getenv(asBare); alg != "" {
		os.Exit(becomeBare(schema.SigningAlg(alg)))
	}
	testenv.Isolate()
	testenv.Overlap()
	code := m.Run()
	removeBuilt()
	os.Exit(code)
}

// becomeWritd runs the program as main does, in the surroundings that were asked for.
func becomeWritd(args []string) int {
	if source, target, ok := strings.Cut(os.Getenv(bindFirst), "\n"); ok {
		if err := syscall.Mount(source, target, "", syscall.MS_BIND, ""); err != nil {
			fmt.Fprintln(os.Stderr, "bind mount:", err)
			return exitError
		}
	}
	if limit := os.Getenv(inotifyZero); limit != "" {
		if err := os.WriteFile("/proc/sys/user/"+limit, []byte("0"), 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return exitError
		}
	}
	getenv := func(string) string { return "" }
	return run(context.Background(), args, stdio{out: os.Stdout, err: os.Stderr, getenv: getenv})
}

// A process is writd in a process of its own, on unix sockets.
type process struct {
	t      *testing.T
	dir    string
	socket string // the public one
	admin  *http.Client
	pid    int
	log    *testenv.Buffer
	stop   func() // ends it by SIGTERM; it must end well
	kill   func() // ends it by SIGKILL, in the middle of whatever it does
}

// spawn starts writd on the snapshot. Surroundings, as "NAME=value", give it
// namespaces of its own; where these are not to be had the test is skipped.
func spawn(t *testing.T, path, surroundings string, args ...string) *process {
	t.Helper()
	dir := t.TempDir()
	p := &process{t: t, dir: dir, socket: filepath.Join(dir, "public.sock"), log: new(testenv.Buffer)}
	adminSocket := filepath.Join(dir, "admin.sock")
	p.admin = overSocket(adminSocket)
	args = append([]string{"--snapshot", path, "--listen", "unix:" + p.socket, "--admin", "unix:" + adminSocket}, args...)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asWritd+"="+strings.Join(args, "\n"))
	cmd.Stderr = p.log
	if surroundings != "" {
		needNamespaces(t)
		cmd.Env = append(cmd.Env, surroundings)
		cmd.SysProcAttr = ownNamespaces()
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid = cmd.Process.Pid
	var once sync.Once
	p.stop = func() {
		once.Do(func() {
			p.admin.CloseIdleConnections()
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if err := cmd.Wait(); err != nil {
				t.Errorf("writd ended: %v\n%s", err, p.log)
			}
		})
	}
	p.kill = func() {
		once.Do(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // which says that it was killed
		})
	}
	t.Cleanup(p.stop)
	eventually(t, func() error { return status(p.admin, "/livez", http.StatusOK) })
	return p
}

// ownNamespaces makes the child root in namespaces of its own: what it mounts
// and limits is gone when it ends, and nobody else sees it.
func ownNamespaces() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

func needNamespaces(t *testing.T) {
	t.Helper()
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = ownNamespaces()
	if err := cmd.Run(); err != nil {
		t.Skipf("user and mount namespaces are not to be had here: %v", err)
	}
}

// status asks /status.
func (p *process) status() (server.Status, error) {
	var s server.Status
	res, err := p.admin.Get("http://writd/status")
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	return s, json.NewDecoder(res.Body).Decode(&s)
}

// serial is the serial in force, 0 for none.
func (p *process) serial() (uint64, error) {
	s, err := p.status()
	return s.Serial, err
}

// missed is how long a change may go unnoticed before it counts as missed. It
// is far over what is promised, because the machine may be busy.
const missed = 2 * time.Minute

// inForce waits until the serial is in force and returns how long it took.
func inForce(t *testing.T, serial func() (uint64, error), want uint64) time.Duration {
	t.Helper()
	start := time.Now()
	for {
		got, err := serial()
		switch {
		case err == nil && got == want:
			return time.Since(start)
		case time.Since(start) > missed:
			t.Fatalf("serial %d is in force after %v, want %d: %v", got, missed, want, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// marshal makes a snapshot file of one API and one client; edit changes what
// it says, and envelope what it says about itself.
func marshal(t *testing.T, envelope snapshot.Envelope, doc *schema.Document, sign func(*snapshot.Envelope)) []byte {
	t.Helper()
	body, err := snapshot.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	if sign != nil {
		envelope.Bind(body, nil)
		sign(&envelope)
	}
	file, err := snapshot.Marshal(envelope, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// soak reports whether the tests run at full size.
func soak() bool { return os.Getenv("WRIT_SOAK") == "1" }

// rounds is how often something is done: full with WRIT_SOAK=1, else short.
func rounds(full, short int) int {
	if soak() {
		return full
	}
	return short
}

// runUntilEnd runs f beside the test and ends it with the test.
func runUntilEnd(t *testing.T, f func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { f(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// put writes a file in place.
func put(t *testing.T, path string, content []byte) {
	t.Helper()
	must(t, os.WriteFile(path, content, 0o600))
}

// renameOver writes a file beside the path and renames it over.
func renameOver(t *testing.T, path string, content []byte) {
	t.Helper()
	put(t, path+".new", content)
	must(t, os.Rename(path+".new", path))
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info
}

// hashOf is a secret as a configuration holds it.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// need skips where something is missing, and fails there in CI.
func need(t *testing.T, missing string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}
