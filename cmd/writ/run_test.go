package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
)

// testStdio is a world without terminal, environment or input.
func testStdio() (env *cli.Env, out, complaints *bytes.Buffer) {
	out, complaints = new(bytes.Buffer), new(bytes.Buffer)
	return &cli.Env{
		In: strings.NewReader(""), Out: out, Err: complaints, Rand: rand.Reader,
		Now:    func() time.Time { return time.Unix(1_800_000_000, 0) },
		Getenv: func(string) string { return "" },
	}, out, complaints
}

// run is the program in a world of the test.
func run(ctx context.Context, args []string, env *cli.Env) int {
	return cli.Run(ctx, env, commands(), args)
}

// A machine's report that cannot be written is said on stderr, whatever the exit
// code would have been.
func TestUnwritableReport(t *testing.T) {
	for _, args := range [][]string{{"version", "--json"}, {"validate", "--json", "/nowhere"}} {
		streams, _, complaints := testStdio()
		streams.Out = fullDisk{}
		if code := run(t.Context(), args, streams); code != cli.ExitError {
			t.Errorf("%v: exit code %d", args, code)
		}
		if !strings.Contains(complaints.String(), "no space left") {
			t.Errorf("%v: stderr says %q", args, complaints)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestFullDiskIsAnError(t *testing.T) {
	streams, _, complaints := testStdio()
	streams.Out = fullDisk{}
	if code := run(context.Background(), []string{"version"}, streams); code != cli.ExitError {
		t.Errorf("exit code %d, want %d", code, cli.ExitError)
	}
	if !strings.Contains(complaints.String(), "no space left") {
		t.Errorf("not said why: %s", complaints)
	}
}

// TestHelpIsWhole holds every command to what the help promises.
func TestHelpIsWhole(t *testing.T) {
	var walk func(table []cli.Command, path []string)
	walk = func(table []cli.Command, path []string) {
		for _, c := range table {
			path := append(path[:len(path):len(path)], c.Name)
			where := strings.Join(path, " ")
			if c.Summary == "" || strings.HasSuffix(c.Summary, ".") || c.Summary[:1] != strings.ToLower(c.Summary[:1]) {
				t.Errorf("%s: summary %q is no lower-case phrase without a period", where, c.Summary)
			}
			if len(c.Sub) == 0 && !strings.Contains(c.Example, "$ ") {
				t.Errorf("%s: no worked example", where)
			}
			if len(c.Sub) == 0 && (c.MaxArgs != 0) != (c.Args != "") {
				t.Errorf("%s: takes %d arguments and shows %q", where, c.MaxArgs, c.Args)
			}
			for line := range strings.Lines(c.About) {
				if len(strings.TrimSuffix(line, "\n")) > 100 {
					t.Errorf("%s: a line of the text is too long: %q", where, line)
				}
			}
			for _, f := range c.Flags {
				if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
					t.Errorf("%s: flag %s is explained with %q", where, f.Name, f.Usage)
				}
				switch f.Value.(type) {
				case *bool, *string, *[]string:
				default:
					t.Errorf("%s: flag %s has a value of type %T", where, f.Name, f.Value)
				}
			}
			walk(c.Sub, path)
		}
	}
	walk(commands(), []string{cli.ProgramName})
}

// A tornPipe takes what comes before a text, and nothing from it on.
type tornPipe struct {
	bytes.Buffer
	at string
}

func (p *tornPipe) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(p.at)) {
		return 0, errors.New("broken pipe")
	}
	return p.Buffer.Write(b)
}

// TestLostOutputSaysWhatIsInForce: an output that breaks after the files were
// replaced must not pass for a change that was not made.
func TestLostOutputSaysWhatIsInForce(t *testing.T) {
	for _, test := range []struct {
		args []string
		at   string
		said string
	}{
		{[]string{"lock"}, "Wrote", "writ.lock.hcl is written: only the output is incomplete."},
		{[]string{"apply", "--auto-approve"}, "Applied", "Serial 1 is in force: only the output is incomplete."},
		{[]string{"apply", "--auto-approve", "--json"}, `"applied"`, "Serial 1 is in force: only the output is incomplete."},
		{[]string{"apply", "--auto-approve"}, "writ will do this", ""}, // before anything was written
	} {
		streams, _, complaints := testStdio()
		dir := filepath.Join(t.TempDir(), "conf")
		if code := run(t.Context(), []string{"init", dir}, streams); code != cli.ExitOK {
			t.Fatal(complaints)
		}
		streams.Out = &tornPipe{at: test.at}
		if code := run(t.Context(), append(test.args, "-C", dir), streams); code != cli.ExitError {
			t.Errorf("%v: exit code %d", test.args, code)
		}
		if !strings.Contains(complaints.String(), "roken pipe") || strings.Contains(complaints.String(), "only the output") != (test.said != "") ||
			!strings.Contains(complaints.String(), test.said) {
			t.Errorf("%v: stderr says %q", test.args, complaints)
		}
		_, err := os.Stat(filepath.Join(dir, "writ.lock.hcl"))
		if written := err == nil; written != (test.said != "") {
			t.Errorf("%v: written is %v", test.args, written)
		}
	}
}

// TestErrorOfBusyFolder: whoever waited in vain for another writ is told so.
func TestErrorOfBusyFolder(t *testing.T) {
	err := workspace.ApplyError(fmt.Errorf("lock folder %q: %w", ".", context.DeadlineExceeded))
	d := diag.FromError(err)
	if d.Code != "busy" || !strings.HasPrefix(d.Detail, "Another writ is at work in this folder") || cli.ExitCode(err) != cli.ExitError {
		t.Errorf("%s: %s (exit code %d)", d.Code, d.Detail, cli.ExitCode(err))
	}
}

// TestErrorAfterTheChange: what is in force is not reported as a failed write.
func TestErrorAfterTheChange(t *testing.T) {
	err := workspace.ApplyError(fmt.Errorf("%w, but sync the folder of snapshot %q: %w", compiler.ErrInForce, "writ.snapshot", syscall.EIO))
	d := diag.FromError(err)
	if d.Code != "not-durable" || !strings.HasPrefix(d.Detail, "The change is in force, but sync the folder of snapshot") || cli.ExitCode(err) != cli.ExitError {
		t.Errorf("%s: %s (exit code %d)", d.Code, d.Detail, cli.ExitCode(err))
	}
}

// TestErrorWithoutTheLockfile: a snapshot that is in force elsewhere is not reported as
// a failed write of it.
func TestErrorWithoutTheLockfile(t *testing.T) {
	err := workspace.ApplyError(fmt.Errorf("%w: replace lockfile %q: %w", compiler.ErrPublished, "writ.lock.hcl", syscall.ENOSPC))
	d := diag.FromError(err)
	if d.Code != "write-failed" || !strings.HasPrefix(d.Detail, "The snapshot is in force and the lockfile is not written: replace lockfile") || !strings.Contains(d.Detail, "run writ lock") {
		t.Errorf("%s: %s", d.Code, d.Detail)
	}
}
