package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
)

// init keeps the program's main goroutine on one thread where a test asks for it,
// so that strace, which counts the calls of each thread apart, counts them in one
// order.
func init() {
	if os.Getenv("WRIT_TEST_ONE_THREAD") != "" {
		runtime.LockOSThread()
	}
}

// A crashWorld is a configuration that was applied once and then changed, so
// that the next apply writes another lockfile and another snapshot.
type crashWorld struct {
	program          string            // "writ": this test binary under its name
	files            map[string]string // the folder before the second apply
	oldLock, newLock string
	oldBody, newBody string // digests
}

const crashBefore = `issuer { url = "https://auth.example.com/" }
api "orders" {
  identifier = "https://api.example.com/orders"
  scope "read:orders" {}
}
client "billing" {
  secret "s" { hash = "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8" }
}
authorization "billing-orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders"]
}
`

const crashAfter = crashBefore + `
api "stock" { identifier = "https://api.example.com/stock" }
authorization "billing-stock" {
  client = client.billing
  api    = api.stock
  scopes = []
}
`

func newCrashWorld(t *testing.T) *crashWorld {
	t.Helper()
	w := &crashWorld{program: asProgram(t), files: map[string]string{"main.hcl": crashBefore}}
	first := w.folder(t)
	w.mustApply(t, first)
	for _, name := range []string{"writ.lock.hcl", "writ.snapshot"} {
		w.files[name] = readText(t, first, name)
	}
	w.files["main.hcl"] = crashAfter
	w.files[".writ.snapshot.0123456789abcdef.writ-staged"] = "of a dead run"
	second := w.folder(t)
	w.mustApply(t, second)
	w.oldLock, w.oldBody = w.files["writ.lock.hcl"], openText(t, w.files["writ.snapshot"]).Digest()
	w.newLock, w.newBody = readText(t, second, "writ.lock.hcl"), openText(t, readText(t, second, "writ.snapshot")).Digest()
	if w.oldLock == w.newLock || w.oldBody == w.newBody {
		t.Fatal("the second apply changes nothing")
	}
	return w
}

func readText(t *testing.T, folder, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func openText(t *testing.T, content string) *snapshot.Snapshot {
	t.Helper()
	s, err := snapshot.Open([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// folder makes a folder as it was before the second apply.
func (w *crashWorld) folder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp(t.TempDir(), "root")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range w.files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// command runs writ in a folder. It finds no git, so that every process is writ's
// own.
func (w *crashWorld) command(folder string, before []string, args ...string) *exec.Cmd {
	line := append(append(before, w.program), args...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = folder
	cmd.Env = []string{"PATH=/nonexistent", "GOMAXPROCS=1", "WRIT_TEST_ONE_THREAD=1"}
	return cmd
}

func (w *crashWorld) mustApply(t *testing.T, folder string) {
	t.Helper()
	if out, err := w.command(folder, nil, "apply", "--auto-approve").CombinedOutput(); err != nil {
		t.Fatalf("apply: %v\n%s", err, out)
	}
}

// state names what is in the two files: "old new" and the like. A file that is
// neither is the end of the test.
func (w *crashWorld) state(t *testing.T, folder, when string) string {
	t.Helper()
	var lock, served string
	switch content := readText(t, folder, "writ.lock.hcl"); content {
	case w.oldLock:
		lock = "old"
	case w.newLock:
		lock = "new"
	default:
		t.Fatalf("%s: the lockfile is torn:\n%s", when, content)
	}
	s, err := snapshot.Open([]byte(readText(t, folder, "writ.snapshot")))
	switch {
	case err != nil:
		t.Fatalf("%s: the snapshot is torn: %v", when, err)
	case s.Digest() == w.oldBody && s.Envelope().Serial == 1:
		served = "old"
	case s.Digest() == w.newBody && s.Envelope().Serial == 2:
		served = "new"
	default:
		t.Fatalf("%s: snapshot %s with serial %d", when, s.Digest(), s.Envelope().Serial)
	}
	return lock + " " + served
}

// heals checks what a crash or an error left, and that another apply finishes.
func (w *crashWorld) heals(t *testing.T, folder, when string, succeeded bool) {
	t.Helper()
	switch state := w.state(t, folder, when); {
	case state == "old new":
		t.Errorf("%s: an identifier is served and not locked", when)
	case succeeded && state != "new new":
		t.Errorf("%s: exit code 0, and the state is %s", when, state)
	}
	if w.isUntouched(t, folder) {
		return // another apply is that of newCrashWorld
	}
	if out, err := w.command(folder, nil, "apply", "--auto-approve").CombinedOutput(); err != nil {
		t.Errorf("%s: another apply: %v\n%s", when, err, out)
	}
	if state := w.state(t, folder, when); state != "new new" {
		t.Errorf("%s: the state after another apply is %s", when, state)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, ".*.writ-staged")); len(left) > 0 {
		t.Errorf("%s: left over: %v", when, left)
	}
}

// isUntouched reports whether the folder is as it was before the second apply, but for
// the empty file that every apply locks.
func (w *crashWorld) isUntouched(t *testing.T, folder string) bool {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == ".writ.lock" })
	for _, entry := range entries {
		if content, ok := w.files[entry.Name()]; !ok || readText(t, folder, entry.Name()) != content {
			return false
		}
	}
	return len(entries) == len(w.files)
}

func findStrace(t *testing.T) string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err == nil {
		err = exec.Command(strace, "-f", "-o", os.DevNull, "true").Run()
	}
	switch {
	case err == nil:
		return strace
	case os.Getenv("CI") == "true":
		t.Fatalf("strace does not work, and CI must run the crashes: %v", err)
	}
	t.Skipf("strace does not work: apply is not killed at its system calls: %v", err)
	return ""
}

// TestCrashes kills the real program at every system call that changes a file, and lets
// each one that touches a file fail.
func TestCrashes(t *testing.T) {
	if testenv.RaceDetector {
		t.Skip("the race detector sees nothing in a program that is killed; the run without it covers this")
	}
	if testing.Short() {
		t.Skip("a few hundred processes: not with -short")
	}
	strace := findStrace(t)
	w := newCrashWorld(t)
	writing := []string{"openat", "write", "fsync", "renameat", "unlinkat"}
	changing := append(slices.Clone(writing), "fchmod") // where it ends between these leaves the same
	every := append(slices.Clone(changing), "read", "newfstatat", "close", "flock")
	for _, test := range []struct {
		fault string
		calls []string
	}{
		{"signal=KILL", changing},
		{"error=EIO", every},
		{"error=ENOSPC", writing},
		{"error=EROFS", writing},
	} {
		t.Run(test.fault, func(t *testing.T) {
			t.Parallel()
			hits := map[string]int{}
			for _, call := range test.calls {
				hits[call] = w.crash(t, strace, call, test.fault)
			}
			t.Log(hits)
			for call, least := range map[string]int{"openat": 8, "write": 2, "fsync": 4, "renameat": 2, "unlinkat": 1, "close": 8, "fchmod": 2} {
				if slices.Contains(test.calls, call) && hits[call] < least {
					t.Errorf("%s was hit %d times, want at least %d", call, hits[call], least)
				}
			}
		})
	}
}

// crash injects the fault into the first, second, ... call until a run ends
// without meeting it. It returns how many runs met it.
func (w *crashWorld) crash(t *testing.T, strace, call, fault string) (hits int) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "strace")
	for n := 1; n < 500; n++ {
		folder := w.folder(t)
		when := fmt.Sprintf("%s at %s %d", fault, call, n)
		err := w.command(folder, []string{
			strace, "-f", "-o", log, "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:%s:when=%d", call, fault, n),
		}, "apply", "--auto-approve").Run()
		if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
			t.Fatalf("%s: %v", when, err)
		}
		trace, readErr := os.ReadFile(log)
		if readErr != nil {
			t.Fatal(readErr)
		}
		w.heals(t, folder, when, err == nil)
		os.RemoveAll(folder)
		if !bytes.Contains(trace, []byte("(INJECTED)")) && !bytes.Contains(trace, []byte("killed by SIGKILL")) {
			return hits
		}
		hits++
	}
	t.Fatalf("%s: %s never ends", fault, call)
	return hits
}

// TestApplyTogether starts sixteen applies of one saved plan at once: one writes,
// and the others say that the plan is stale and write nothing.
func TestApplyTogether(t *testing.T) {
	w := newCrashWorld(t)
	for _, test := range []struct {
		name string
		args []string
	}{
		{"saved plan", []string{"apply", "plan.json"}},
		{"plans of their own", []string{"apply", "--auto-approve"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := w.folder(t)
			if out, err := w.command(folder, nil, "plan", "--out", "plan.json").CombinedOutput(); err != nil {
				t.Fatalf("plan: %v\n%s", err, out)
			}
			const processes = 16
			var group sync.WaitGroup
			codes, outputs := make([]int, processes), make([]string, processes)
			for i := range processes {
				group.Go(func() {
					out, err := w.command(folder, nil, test.args...).CombinedOutput()
					outputs[i] = string(out)
					if exit, ok := errors.AsType[*exec.ExitError](err); ok {
						codes[i] = exit.ExitCode()
					} else if err != nil {
						codes[i] = -1
					}
				})
			}
			group.Wait()
			checkTogether(t, codes, outputs)
			if state := w.state(t, folder, test.name); state != "new new" {
				t.Errorf("state %s", state)
			}
		})
	}
}

// checkTogether: one has written, and every other says why it has not.
func checkTogether(t *testing.T, codes []int, outputs []string) {
	t.Helper()
	wrote := 0
	for i, code := range codes {
		switch {
		case code == cli.ExitOK && strings.Contains(outputs[i], "Applied serial 2"):
			wrote++
		case code == cli.ExitOK && strings.Contains(outputs[i], "No changes."):
		case code == cli.ExitStale && strings.Contains(outputs[i], "stale"):
		default:
			t.Errorf("process %d ended with %d:\n%s", i, code, outputs[i])
		}
	}
	if wrote != 1 {
		t.Errorf("%d processes wrote", wrote)
	}
}
