// Package programs builds writ and writd, and runs writd, for tests of what others do with
// them. Only tests import it.
package programs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/testenv"
)

// Patience is how long anything may take that a test waits for. It is far over what is
// promised, because the machine may be busy.
const Patience = 2 * time.Minute

// bin holds both programs, once some test has built them. It is in the path.
var bin string

// Main is TestMain of a package whose tests call Build.
func Main(m *testing.M) {
	testenv.Isolate()
	testenv.Overlap()
	var err error
	if bin, err = os.MkdirTemp("", "writ-built-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	code := m.Run()
	os.RemoveAll(bin)
	os.Exit(code)
}

// Build puts writ and writd into the path. They are built once, with the race detector
// where the tests have it.
func Build(t testing.TB) {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
}

var build = sync.OnceValue(func() error {
	args := []string{"build", "-buildvcs=false", "-o", bin}
	if testenv.RaceDetector {
		args = append(args, "-race")
	}
	const module = "github.com/writ-auth/writ"
	if out, err := exec.Command("go", append(args, module+"/cmd/writ", module+"/cmd/writd")...).CombinedOutput(); err != nil {
		return fmt.Errorf("build writ and writd: %w\n%s", err, out)
	}
	return nil
})

// A Writd is a running writd. It ends with the test.
type Writd struct {
	Log  *testenv.Buffer
	Stop func() // ends it before the test does; it must end well

	admin *http.Client
}

// Serve starts writd on a snapshot file, which may come later, with further arguments.
func Serve(t testing.TB, snapshot string, args ...string) *Writd {
	t.Helper()
	Build(t)
	dir := t.TempDir()
	socket := filepath.Join(dir, "admin.sock")
	w := &Writd{Log: new(testenv.Buffer), admin: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}}
	cmd := exec.Command(filepath.Join(bin, "writd"), append([]string{"--snapshot", snapshot, "--admin", "unix:" + socket}, args...)...)
	cmd.Stderr = w.Log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	w.Stop = func() {
		once.Do(func() {
			w.admin.CloseIdleConnections()
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if err := cmd.Wait(); err != nil {
				t.Errorf("writd ended: %v\n%s", err, w.Log)
			}
		})
	}
	t.Cleanup(w.Stop)
	w.wait(t, "/livez", nil)
	return w
}

var listening = regexp.MustCompile(`"msg":"listening","listen":"[a-z]+:([^"]*)"`)

// Address is where the public listener is, once it is open.
func (w *Writd) Address(t testing.TB) (address string) {
	t.Helper()
	Eventually(t, func() error {
		found := listening.FindStringSubmatch(w.Log.String())
		if found == nil {
			return fmt.Errorf("writd does not listen: %s", w.Log)
		}
		address = found[1]
		return nil
	})
	return address
}

// WaitReady waits until there is a snapshot and whatever it needs.
func (w *Writd) WaitReady(t testing.TB) {
	t.Helper()
	w.wait(t, "/readyz", nil)
}

// WaitSerial waits until the snapshot with the serial is in force.
func (w *Writd) WaitSerial(t testing.TB, serial uint64) {
	t.Helper()
	w.wait(t, "/status", func(res *http.Response) error {
		var status struct {
			Serial uint64 `json:"serial"`
		}
		err := json.NewDecoder(res.Body).Decode(&status)
		if err == nil && status.Serial != serial {
			err = fmt.Errorf("serial %d is in force, want %d", status.Serial, serial)
		}
		return err
	})
}

// wait asks for a path of the admin listener until the answer is 200 and good.
func (w *Writd) wait(t testing.TB, path string, good func(*http.Response) error) {
	t.Helper()
	Eventually(t, func() error {
		res, err := w.admin.Get("http://writd" + path)
		if err != nil {
			return fmt.Errorf("%w\n%s", err, w.Log)
		}
		defer res.Body.Close()
		switch {
		case res.StatusCode != http.StatusOK:
			return errors.New(path + ": " + res.Status)
		case good != nil:
			return good(res)
		}
		return nil
	})
}

// Eventually waits until f returns no error.
func Eventually(t testing.TB, f func() error) {
	t.Helper()
	for deadline := time.Now().Add(Patience); ; time.Sleep(10 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
