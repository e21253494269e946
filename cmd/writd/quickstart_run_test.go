//go:build linux

package main

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
	"syscall"
	"testing"
	"time"

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
	"flask":             pythonProgram("flask, jwt, cryptography", "python3-flask, python3-jwt or python3-cryptography"),
	"fastapi":           pythonProgram("fastapi, uvicorn, jwt, cryptography", "python3-fastapi, python3-uvicorn, python3-jwt or python3-cryptography"),
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
	inModule(t, module, "go", "build", "-buildvcs=false", "-o", programs, "./...")
	return func(t *testing.T, api quickstart.API, environment ...string) string {
		return s.serve(t, t.TempDir(), environment, filepath.Join(programs, api.Label))
	}
}

func nodeProgram(t *testing.T, s *shop, target quickstart.Target, _ []quickstart.API) launcher {
	if _, err := exec.LookPath("node"); err != nil {
		need(t, "node is not installed")
	}
	packages, err := filepath.Abs(filepath.Join(e2e, "node_modules"))
	must(t, err)
	if _, err := os.Stat(filepath.Join(packages, filepath.FromSlash(target.Library))); err != nil {
		need(t, "Node's packages are not installed: run npm ci in .ci/e2e")
	}
	return func(t *testing.T, api quickstart.API, environment ...string) string {
		dir := lay(t, target, api)
		must(t, os.Symlink(packages, filepath.Join(dir, "node_modules")))
		return s.serve(t, dir, environment, "node", "server.mjs")
	}
}

// pythonProgram runs with Debian's Python and its packages.
func pythonProgram(modules, packages string) func(*testing.T, *shop, quickstart.Target, []quickstart.API) launcher {
	return func(t *testing.T, s *shop, target quickstart.Target, _ []quickstart.API) launcher {
		if out, err := exec.CommandContext(t.Context(), python, "-c", "import "+modules).CombinedOutput(); err != nil {
			need(t, packages+" is missing: "+strings.TrimSpace(string(out)))
		}
		return func(t *testing.T, api quickstart.API, environment ...string) string {
			return s.serve(t, lay(t, target, api), environment, python, "server.py")
		}
	}
}

// expectNoStart tells serve that the port is taken, so that the program ends and says why.
const expectNoStart = "WRIT_TEST_EXPECT_NO_START=1"

// serve runs a program that listens on the port in PORT until the test ends.
func (s *shop) serve(t *testing.T, dir string, environment []string, name string, args ...string) (base string) {
	t.Helper()
	return s.serveOn(t, ownPort(t), dir, environment, name, args...)
}

func (s *shop) serveOn(t *testing.T, port, dir string, environment []string, name string, args ...string) (base string) {
	t.Helper()
	var output syncBuffer
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
	for deadline := time.Now().Add(missed); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
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
