//go:build unix

package walks

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/testenv"
)

const webappOffline = "examples/webapp-offline"

// TestWebappOffline takes the walk of the example's README: with its commands
// and its edit, and with the output that it shows.
func TestWebappOffline(t *testing.T) {
	t.Run("writ dev", func(t *testing.T) {
		t.Parallel()
		w := newWalk(t)
		w.run("cd " + webappOffline + " && writ validate --strict --locked && writ fmt --check && writ check")
		app := w.startApp()
		dev := w.start("exec " + w.block("writ dev") + " --listen " + w.server)
		app.until("until it is refused:")
		w.edit()
		w.compare(app)
		for _, reason := range regexp.MustCompile("(?m)^\\| [5-8] \\| `([a-z-]+)` ").FindAllStringSubmatch(w.readme, -1) {
			dev.until(`reason="` + reason[1] + `"`)
		}
	})
	t.Run("writd", func(t *testing.T) {
		t.Parallel()
		w := newWalk(t)
		app := w.startApp()
		lines := strings.Split(w.block("cd "), "\n")
		last := len(lines) - 1
		w.run(strings.Join(lines[:last], " && "))
		writd := lines[0] + " && exec " + lines[last] + " --admin off --listen " + w.server
		first := w.start(writd)
		app.until("until it is refused:")
		first.interrupt()
		w.start(writd).until(`"msg":"listening"`)
		time.Sleep(3 * time.Second) // a refresh or two from what it remembers
		app.stillRuns()
		w.edit()
		w.run(lines[0] + " && writ apply --auto-approve")
		w.compare(app)
	})
}

// A walk is a shell in a module that holds the example and nothing else, at
// addresses of its own.
type walk struct {
	*shell
	readme        string
	server, login string // host:port
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	w := &walk{shell: newShell(t, t.TempDir()), server: testenv.Address(t), login: testenv.Address(t)}
	for _, name := range []string{"go.mod", "go.sum"} {
		w.write(name, readText(t, module, name))
	}
	if err := os.CopyFS(filepath.Join(w.dir, webappOffline), os.DirFS(filepath.Join(module, webappOffline))); err != nil {
		t.Fatal(err)
	}
	w.readme = w.read("README.md")
	issuer := strings.NewReplacer("127.0.0.1:8080", w.server, "127.0.0.1:8090", w.login).Replace(w.read("issuer.hcl"))
	w.write(filepath.Join(webappOffline, "issuer.hcl"), issuer)
	return w
}

// read is a file of the example.
func (w *walk) read(name string) string {
	w.t.Helper()
	return readText(w.t, filepath.Join(w.dir, webappOffline), name)
}

func (w *walk) write(path, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, path), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// blocks are what the README shows in this language, "" for output.
func (w *walk) blocks(language string) []string {
	var found []string
	for i, fenced := range strings.Split("\n"+w.readme, "\n```") {
		if first, text, _ := strings.Cut(fenced, "\n"); i%2 == 1 && first == language {
			found = append(found, text)
		}
	}
	return found
}

// block is the README's block of commands that begins so.
func (w *walk) block(begin string) string {
	w.t.Helper()
	blocks := w.blocks("sh")
	i := slices.IndexFunc(blocks, func(text string) bool { return strings.HasPrefix(text, begin) })
	if i < 0 {
		w.t.Fatalf("the README has no commands that begin with %q", begin)
	}
	return blocks[i]
}

// edit does to webapp.hcl what the README says.
func (w *walk) edit() {
	w.t.Helper()
	lines := strings.Split(w.blocks("diff")[0], "\n")
	before, path := w.read("webapp.hcl"), filepath.Join(webappOffline, "webapp.hcl")
	after := strings.Replace(before, strings.TrimPrefix(lines[0], "-"), strings.TrimPrefix(lines[1], "+"), 1)
	if after == before {
		w.t.Fatalf("webapp.hcl has no line %q", lines[0])
	}
	w.write(path, after)
}

// compare waits for the app's end and holds what it told to what the README
// shows, but for the picture and what is random.
func (w *walk) compare(app *started) {
	w.t.Helper()
	got := strings.NewReplacer(w.server, "127.0.0.1:8080", w.login, "127.0.0.1:8090").Replace(app.end())
	want := strings.Join(w.blocks("")[1:], "\n") + "\n"
	random := regexp.MustCompile(`(?m)^(     refresh  \.\.\.).{6}$`)
	if got, want := random.ReplaceAllString(got, "$1"), random.ReplaceAllString(want, "$1"); got != want {
		w.t.Errorf("the app tells:\n%s\nthe README shows:\n%s", got, want)
	}
}

// A started is a command that runs beside the test, in a process group of its
// own, as in a terminal of its own.
type started struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err *testenv.Buffer
	ended    chan error
}

func (sh *shell) start(line string) *started {
	sh.t.Helper()
	s := &started{t: sh.t, cmd: sh.command(context.Background(), line), out: new(testenv.Buffer), err: new(testenv.Buffer), ended: make(chan error, 1)}
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = s.out, s.err, &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		sh.t.Fatal(err)
	}
	go func() { s.ended <- s.cmd.Wait() }()
	sh.t.Cleanup(s.interrupt)
	return s
}

// startApp starts the web app and lets it wait.
func (w *walk) startApp() *started {
	w.t.Helper()
	app := w.start("exec " + w.block("go run") + " -issuer http://" + w.server + "/ -login http://" + w.login + "/")
	app.until("Waiting for the token server")
	return app
}

// patience is how long a command may take to say something. It may have to be
// compiled first, on a busy machine.
const patience = 5 * time.Minute

// until waits for a text among what the command says.
func (s *started) until(text string) {
	s.t.Helper()
	for start := time.Now(); !strings.Contains(s.out.String()+s.err.String(), text); time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > patience {
			s.t.Fatalf("%s: no %q in\n%s%s", s.cmd, text, s.out, s.err)
		}
	}
}

func (s *started) stillRuns() {
	s.t.Helper()
	select {
	case err := <-s.ended:
		s.t.Fatalf("%s ended early: %v\n%s%s", s.cmd, err, s.out, s.err)
	default:
	}
}

// end waits until the command has ended by itself, which it must do well, and
// returns what it printed.
func (s *started) end() string {
	s.t.Helper()
	select {
	case err := <-s.ended:
		s.ended <- nil
		if err != nil {
			s.t.Errorf("%s: %v\n%s", s.cmd, err, s.err)
		}
	case <-time.After(patience):
		s.t.Errorf("%s does not end\n%s%s", s.cmd, s.out, s.err)
	}
	return s.out.String()
}

// interrupt is Ctrl-C, unless the command has ended.
func (s *started) interrupt() {
	select {
	case <-s.ended:
	default:
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGINT)
		if err := <-s.ended; err != nil && !s.t.Failed() {
			s.t.Errorf("%s, interrupted: %v\n%s%s", s.cmd, err, s.out, s.err)
		}
	}
	s.ended <- nil
}
