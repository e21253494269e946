// Package walks does what the README, the runbooks, the examples, action.yml and the
// pre-commit hooks tell their users to do, with both programs and in the order of the text.
// It has tests only, which are not with a program because they need both, and time.
package walks

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/writ-auth/writ/cmd/internal/programs"
)

// module is the folder of the module.
const module = "../../.."

func TestMain(m *testing.M) { programs.Main(m) }

// A shell runs command lines in a copy of a folder, where both programs are in the path.
type shell struct {
	t   *testing.T
	dir string
	env []string
}

func newShell(t *testing.T, folder string) *shell {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	programs.Build(t)
	env := append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir())
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		env = append(env, "GIT_"+who+"_NAME=A", "GIT_"+who+"_EMAIL=a@example.com")
	}
	return &shell{t, dir, env}
}

func (s *shell) command(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}

// run fails the test when the line does not end with 0, and returns what it printed.
func (s *shell) run(line string) string {
	s.t.Helper()
	out, err := s.command(s.t.Context(), line).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

func readText(t *testing.T, folder, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// needProgram skips where a program is missing, and fails there in CI.
func needProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		skip(t, name+" is not installed")
	}
}

// strangers is where the Node libraries are installed: npm ci in that folder.
const strangers = module + "/.ci/e2e"

// needNode skips where Node or its packages are missing, and fails there in CI.
func needNode(t *testing.T) {
	t.Helper()
	needProgram(t, "node")
	if _, err := os.Stat(filepath.Join(strangers, "node_modules", "jose")); err != nil {
		skip(t, "the packages of Node are not installed: run npm ci in .ci/e2e")
	}
}

// skip ends a test that cannot run here. In CI it fails.
func skip(t *testing.T, missing string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}
