package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/testenv"
)

const platform = "../../examples/platform"

// TestPlatformReadme runs the commands that the example's README names, and
// holds every environment to its lockfile.
func TestPlatformReadme(t *testing.T) {
	testenv.OneByOne(t)
	readme, err := os.ReadFile(filepath.Join(platform, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "```sh\n")
	block, _, _ = strings.Cut(block, "```")
	sh := newShell(t, platform)
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "explain") {
			line += "; test $? = 2" // a refusal is what it explains
		}
		sh.run(line)
	}
	for _, environment := range []string{"dev", "staging", "prod"} {
		sh.run("writ validate --locked $(cat env/" + environment + "/flags)")
	}
	if out := sh.run("writ validate --var environment=production 2>&1; test $? = 1"); !strings.Contains(out, "variable-validation") {
		t.Errorf("an unknown environment is accepted:\n%s", out)
	}
}

// TestPlatformPolicies makes the two changes that the example's policy for each change
// keeps apart: each passes alone, together neither plan nor apply lets them through.
func TestPlatformPolicies(t *testing.T) {
	testenv.OneByOne(t)
	sh := newShell(t, platform)
	sh.run("writ apply --first --auto-approve")
	pattern := `sed -i.bak 's/subject        = "system:serviceaccount:data:pipeline"/subject_pattern = "system:serviceaccount:data:*"/' data/data.hcl`
	scope := `sed -i.bak 's/    orders   = {/    pay = { api = api.payments, scopes = ["move:money"] }\n&/; s/  client = client.pipeline/  token_lifetime = "5m"\n&/' data/data.hcl`
	sh.run(pattern)
	sh.run("writ plan")
	sh.run(scope)
	sh.run("writ validate") // the configuration by itself is allowed
	const violated = "client.pipeline does not satisfy policy.no-sensitive-scope-with-a-new-pattern"
	out := sh.run("writ plan 2>&1; test $? = 1")
	for _, want := range []string{violated, "may now move:money (sensitive)", "Plan: "} { // what was refused is shown
		if !strings.Contains(out, want) {
			t.Errorf("the plan says nothing of %q:\n%s", want, out)
		}
	}
	for _, command := range []string{"apply --auto-approve", "plan --json"} {
		if out := sh.run("writ " + command + " 2>&1; test $? = 1"); !strings.Contains(out, violated) {
			t.Errorf("writ %s:\n%s", command, out)
		}
	}
	sh.run("cp data/data.hcl.bak data/data.hcl && writ apply --auto-approve") // the pattern alone
	sh.run(scope)
	sh.run("writ plan")
}

// A shell runs command lines in a copy of a folder, with this program as "writ".
type shell struct {
	t   *testing.T
	dir string
	env []string
}

func newShell(t *testing.T, folder string) *shell {
	t.Helper()
	dir, bin := t.TempDir(), t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "writ")); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "XDG_RUNTIME_DIR="+t.TempDir())
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

// install builds a program into the shell's path.
func (s *shell) install(pkg string) {
	s.t.Helper()
	bin := s.t.TempDir()
	if out, err := exec.CommandContext(s.t.Context(), "go", "build", "-o", bin, pkg).CombinedOutput(); err != nil {
		s.t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	for i, pair := range s.env {
		if path, ok := strings.CutPrefix(pair, "PATH="); ok {
			s.env[i] = "PATH=" + bin + ":" + path
		}
	}
}
