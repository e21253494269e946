//go:build linux

package strangers

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/internal/programs"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server/quickstart"
)

// A launcher starts a target for one API, with further variables in its environment, and
// returns where it answers.
type launcher func(t *testing.T, api quickstart.API, environment ...string) (base string)

// runners prepare what a target needs to run for these APIs.
var runners = map[string]func(t *testing.T, s *shop, target quickstart.Target, apis []quickstart.API) launcher{
	"go-oidc":           goProgram,
	"golang-jwt":        goProgram,
	"go-jwt-middleware": goProgram,
	"jose":              nodeProgram,
	"express":           nodeProgram,
	"fastify":           nodeProgram,
	"flask":             pythonProgram("flask, jwt, cryptography"),
	"fastapi":           pythonProgram("fastapi, uvicorn, jwt, cryptography"),
	"mcp-go":            goProgram,
	"mcp-node":          nodeProgram,
	"rails":             railsProgram,
	"haproxy":           haproxy,
	"nginx":             nginx,
	"apache":            apache,
}

// lay writes the files of a target into a folder of its own.
func lay(t *testing.T, target quickstart.Target, api quickstart.API) (dir string) {
	t.Helper()
	dir = t.TempDir()
	layIn(t, dir, target, api)
	return dir
}

// goModule makes dir a module whose sums are committed.
func goModule(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(e2e, "quickstart", name))
		must(t, err)
		put(t, filepath.Join(dir, name), content)
	}
}

// inModule runs one of Go's tools, which must have nothing to say.
func inModule(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil || name == "gofmt" && len(out) > 0 {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// goProgram builds the programs of all APIs at once.
func goProgram(t *testing.T, s *shop, target quickstart.Target, apis []quickstart.API) launcher {
	module, programs := t.TempDir(), t.TempDir()
	goModule(t, module)
	for _, api := range apis {
		layIn(t, filepath.Join(module, api.Label), target, api)
	}
	inModule(t, module, "gofmt", "-l", ".")
	inModule(t, module, "go", "vet", "./...")
	inModule(t, module, "go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", programs, "./...")
	return func(t *testing.T, api quickstart.API, environment ...string) string {
		return s.serve(t, t.TempDir(), environment, filepath.Join(programs, api.Label))
	}
}

func nodeProgram(t *testing.T, s *shop, target quickstart.Target, _ []quickstart.API) launcher {
	linkModules(t, t.TempDir())
	return func(t *testing.T, api quickstart.API, environment ...string) string {
		dir := lay(t, target, api)
		linkModules(t, dir)
		return s.serve(t, dir, environment, "node", "server.mjs")
	}
}

// linkModules gives the programs in dir what "npm ci" has installed.
func linkModules(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		need(t, "node is not installed")
	}
	modules, err := filepath.Abs(filepath.Join(e2e, "node_modules"))
	must(t, err)
	if _, err := os.Stat(modules); err != nil {
		need(t, "Node's packages are not installed: run npm ci in .ci/e2e")
	}
	must(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
}

// pythonProgram runs with the pins of the quickstart or with Debian's packages.
func pythonProgram(modules string) func(*testing.T, *shop, quickstart.Target, []quickstart.API) launcher {
	return func(t *testing.T, s *shop, target quickstart.Target, apis []quickstart.API) launcher {
		steps, err := target.Steps(apis[0])
		must(t, err)
		interpreter := virtualEnvironment(t, t.TempDir(), pipPins(strings.Join(steps.Install, " ")), modules)
		if interpreter.debian {
			checkTested(t, interpreter, target)
		}
		return func(t *testing.T, api quickstart.API, environment ...string) string {
			return s.serve(t, lay(t, target, api), environment, interpreter.path, "server.py")
		}
	}
}

// An interpreter is the Python of a virtual environment.
type interpreter struct {
	path   string
	debian bool // with the system's packages instead of the pins
}

// indexAnswers reports whether pip finds what the quickstarts pin. It asks once.
var indexAnswers = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "writ-pip")
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	return exec.Command(python, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "0", "--timeout", "3", "--dest", dir, "pyjwt==2.15.1").Run() == nil
})

// virtualEnvironment makes one with the pins where an index answers, and says in the test's
// log that it is with the system's packages where none does.
func virtualEnvironment(t *testing.T, dir string, pins []string, modules string) interpreter {
	t.Helper()
	made := interpreter{filepath.Join(dir, "bin", "python"), !indexAnswers()}
	args := []string{"-m", "venv", dir}
	if made.debian {
		args = []string{"-m", "venv", "--without-pip", "--system-site-packages", dir}
	}
	if out, err := exec.CommandContext(t.Context(), python, args...).CombinedOutput(); err != nil {
		need(t, "python3-venv is missing: "+string(out))
	}
	if made.debian {
		t.Logf("no package index answers: with the system's %s instead of %v", modules, pins)
	} else {
		t.Logf("with %v", pins)
		if out, err := exec.CommandContext(t.Context(), made.path, append([]string{"-m", "pip", "install", "--quiet"}, pins...)...).CombinedOutput(); err != nil {
			t.Fatalf("pip install %v: %v\n%s", pins, err, out)
		}
	}
	if out, err := exec.CommandContext(t.Context(), made.path, "-c", "import "+modules).CombinedOutput(); err != nil {
		need(t, "Python's packages are missing: "+strings.TrimSpace(string(out)))
	}
	return made
}

// pipPins are the packages that a command installs with pip.
func pipPins(command string) []string {
	_, pins, _ := strings.Cut(command, "pip install ")
	return strings.Fields(strings.ReplaceAll(pins, `"`, ""))
}

// checkTested holds what the quickstart says to have been tested with to what is installed.
func checkTested(t *testing.T, python interpreter, target quickstart.Target) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), python.path, "-c", "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))", target.Library).Output()
	must(t, err)
	switch version := strings.TrimSpace(string(out)); {
	case version == target.Tested:
	case os.Getenv("CI") == "true":
		t.Errorf("%s is said to be tested with %s, and this is %s", target.Library, target.Tested, version)
	default:
		t.Logf("with %s %s, not the %s of CI", target.Library, version, target.Tested)
	}
}

// railsProgram runs with Debian's Rails, the gem of which has no newer jwt than what the
// quickstart is said to be tested with.
func railsProgram(t *testing.T, s *shop, target quickstart.Target, _ []quickstart.API) launcher {
	installed, err := exec.CommandContext(t.Context(), "ruby", "-e", `%w[rails puma jwt].each { |name| gem name }; print Gem.loaded_specs["jwt"].version`).Output()
	if err != nil {
		need(t, "Rails is not installed: ruby-rails, puma and ruby-jwt")
	}
	if version := string(installed); version != target.Tested {
		t.Logf("with jwt %s, not the %s that the quickstart names", version, target.Tested)
	}
	created := filepath.Join(t.TempDir(), "resource-server")
	s.atOnce(t, filepath.Dir(created), "rails", "new", "resource-server", "--api", "--minimal", "--skip-active-record", "--skip-listen", "--skip-bundle", "--skip-git", "--quiet")
	put(t, filepath.Join(created, "Gemfile"), []byte("gem \"rails\"\ngem \"puma\"\ngem \"jwt\"\n")) // from the system, without an index
	return func(t *testing.T, api quickstart.API, environment ...string) string {
		dir := t.TempDir()
		must(t, os.CopyFS(dir, os.DirFS(created)))
		layIn(t, dir, target, api)
		return s.serve(t, dir, append(environment, "BUNDLE_FROZEN=false"), "ruby", "bin/rails", "server", "--binding", "127.0.0.1")
	}
}

// expectNoStart tells serve that the port is taken, so that the program ends and says why.
const expectNoStart = "WRIT_TEST_EXPECT_NO_START=1"

// serve runs a program that listens on the port in PORT until the test ends.
func (s *shop) serve(t *testing.T, dir string, environment []string, name string, args ...string) (base string) {
	t.Helper()
	for _, variable := range environment {
		if port, ok := strings.CutPrefix(variable, "PORT="); ok {
			return s.serveOn(t, port, dir, environment, name, args...)
		}
	}
	return s.serveOn(t, ownPort(t), dir, environment, name, args...)
}

func (s *shop) serveOn(t *testing.T, port, dir string, environment []string, name string, args ...string) (base string) {
	t.Helper()
	var output testenv.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &output, &output
	cmd.Env = append(os.Environ(), "PORT="+port, "SIGNING_SECRET="+signingSecret, "PYTHONDONTWRITEBYTECODE=1",
		"NODE_EXTRA_CA_CERTS="+s.ca, "SSL_CERT_FILE="+s.ca)
	cmd.Env = append(cmd.Env, environment...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that its children end with it
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "error.log")) // of those that write one
			t.Logf("%s said:\n%s%s", name, output.String(), log)
		}
	})
	base = "http://127.0.0.1:" + port
	if slices.Contains(environment, expectNoStart) {
		<-ended
		if !strings.Contains(strings.ToLower(output.String()), "in use") || strings.Contains(output.String(), "TypeError") {
			t.Errorf("%s says of a port in use:\n%s", name, output.String())
		}
		return ""
	}
	if err := answers(base+"/api/public", ended); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, output.String())
	}
	return base
}

// answers waits for a service that has just been started.
func answers(address string, ended <-chan struct{}) error {
	var err error
	for deadline := time.Now().Add(programs.Patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-ended:
			return errors.New("it ended")
		default:
		}
		var response *http.Response
		if response, err = http.Get(address); err == nil {
			response.Body.Close()
			return nil
		}
	}
	return fmt.Errorf("no answer: %w", err)
}

// ownPort is a port that is kept for a program.
func ownPort(t *testing.T) string {
	t.Helper()
	return strconv.Itoa(testenv.Port(t))
}
