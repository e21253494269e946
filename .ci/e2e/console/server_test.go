package console

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const root = "../../.."

// programs are writ and writd, built once.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "writ-programs-")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", "./cmd/writ", "./cmd/writd")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	before := ending
	ending = func() { before(); os.RemoveAll(dir) }
	return dir, nil
})

func program(t *testing.T, name string) string {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// A process is a program that serves, and what it has printed.
type process struct {
	origin string // of the listener with the console
	secret string
	dir    string // the configuration

	mu  sync.Mutex
	out bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// start runs a program until the test ends.
func (p *process) start(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(program(t, name), args...)
	// What somebody has set for writ and writd is not for these.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "WRIT") })
	cmd.Stdout, cmd.Stderr, cmd.Env = p, p, append(cmd.Env, "NO_COLOR=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s printed:\n%s", name, p.output())
		}
	})
}

// until waits for output and returns its first group.
func (p *process) until(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if m := re.FindStringSubmatch(p.output()); m != nil {
			return m[1]
		}
	}
	t.Fatalf("never printed %q:\n%s", pattern, p.output())
	return ""
}

// copied is a folder of the repository in a temporary one, with further files.
func copied(t *testing.T, folder string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if folder != "" {
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, folder))); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// dev runs "writ dev".
func dev(t *testing.T, dir string) *process {
	t.Helper()
	p := &process{dir: dir}
	p.start(t, "writ", "dev", "--listen", "127.0.0.1:0", dir)
	p.address(t)
	p.secret = p.until(t, `Secret +(\S+)`)
	return p
}

// writd applies a configuration, serves it, and opens the console over the server.
func writd(t *testing.T, dir string) *process {
	t.Helper()
	p := &process{dir: dir}
	snapshot := filepath.Join(dir, "writ.snapshot")
	apply(t, dir)
	p.start(t, "writd", "--snapshot", snapshot, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	public, admin := p.until(t, `"listen":"tcp:(127\.0\.0\.1:\d+)"`), p.until(t, `"admin":"tcp:(127\.0\.0\.1:\d+)"`)
	p.origin = console(t, "--server", "http://"+public, "--admin", "http://"+admin, snapshot).origin
	return p
}

// console runs "writ console".
func console(t *testing.T, args ...string) *process {
	t.Helper()
	p := new(process)
	p.start(t, "writ", append([]string{"console", "--listen", "127.0.0.1:0"}, args...)...)
	p.address(t)
	return p
}

// address takes the printed address apart. The key in it is for one browser, and so the
// first tab that is opened for the origin uses it.
func (p *process) address(t *testing.T) {
	t.Helper()
	address, err := url.Parse(p.until(t, `(?:at|Console) +(http://127\.0\.0\.1:\d+/console/\S*)`))
	if err != nil {
		t.Fatal(err)
	}
	p.origin = "http://" + address.Host
	if address.RawQuery != "" {
		keys.Store(p.origin, address.RequestURI())
	}
}

// keys are the addresses with a key that no tab has opened yet, by origin.
var keys sync.Map

func apply(t *testing.T, dir string) {
	t.Helper()
	if out, err := exec.Command(program(t, "writ"), "apply", "--auto-approve", "--chdir", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
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
