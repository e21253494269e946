package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/testenv"
)

// A typist types into a shell that runs at a terminal, and reads what appears there.
type typist struct {
	*testing.T
	person *os.File
	seen   strings.Builder
}

// hangs is how long a shell may take for anything.
const hangs = 2 * time.Minute

// until reads until the pattern has appeared in what is new since the last call.
func (p *typist) until(pattern string) {
	p.Helper()
	if err := p.person.SetReadDeadline(time.Now().Add(hangs)); err != nil {
		p.Fatal(err)
	}
	want, buf := regexp.MustCompile(pattern), make([]byte, 4096)
	for !want.MatchString(p.seen.String()) {
		n, err := p.person.Read(buf)
		if p.seen.Write(buf[:n]); err != nil {
			p.Fatalf("%v before %q appeared:\n%s", err, pattern, p.seen.String())
		}
	}
	p.seen.Reset()
}

func (p *typist) types(text string) {
	p.Helper()
	if _, err := io.WriteString(p.person, text); err != nil {
		p.Fatal(err)
	}
}

// TestCompletionInShells types half of each word into real shells, which complete it: the
// commands that they then run can only be those that were meant.
func TestCompletionInShells(t *testing.T) {
	testenv.OneByOne(t)
	needProgram(t, "git")
	for name, start := range map[string]struct {
		args  []string
		setup string
	}{
		"bash": {[]string{"--norc", "--noprofile", "-i"}, "source <(writ completion bash)"},
		"zsh":  {[]string{"-f", "-i"}, "autoload -Uz compinit; compinit -u -D; source <(writ completion zsh)"},
		"fish": {[]string{"--no-config", "-i"}, "writ completion fish | source; function fish_prompt; end; function fish_right_prompt; end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needProgram(t, name)
			p := startShell(t, name, start.args)
			p.types("writ init demo; cd demo; git init -q -b trunk; git add -A; git commit -qm base\n")
			p.types("printf 'client \"other\" {\\n  for_each = toset([\"a\"])\\n  client_id = \"other-${each.key}\"\\n  secret \"s\" { hash = \"env:OTHER\" }\\n}\\n' > other.hcl\n")
			p.types(start.setup + "; echo re''ady\n")
			p.until(`ready\r?\n`)
			p.types("writ explain --client bil\t--api ord\t--scope read\t\n")
			p.until(`Allowed`)
			p.types("writ explain --client oth\t--api ord\t\n") // a label that a shell must quote
			p.until(`client\.other\["a"\]`)
			p.types("writ plan --against git:tr\t\n")
			p.until(`client\.other\["a"\] is new|# client\.other`)
			p.types("writ val\t--form\tgithub\n")
			p.until(`::warning file=other.hcl`)
			p.types("exit\n")
		})
	}
}

// startShell starts a shell that finds writ, in an empty folder and at a terminal of its
// own, until the test ends.
func startShell(t *testing.T, name string, args []string) *typist {
	t.Helper()
	person, program, err := openTerminal()
	if err == nil {
		err = resize(program, 200)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	cmd := exec.Command(name, args...)
	home := t.TempDir()
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(asProgram(t))+":"+os.Getenv("PATH"), "TERM=vt100", "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "c"), "XDG_DATA_HOME="+filepath.Join(home, "d"), "HISTFILE=", "LC_ALL=C.UTF-8",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	program.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		person.Close()
	})
	return &typist{T: t, person: person}
}
