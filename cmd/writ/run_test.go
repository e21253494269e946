package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
)

// testStdio is a world without terminal, environment or input.
func testStdio() (s stdio, out, complaints *bytes.Buffer) {
	out, complaints = new(bytes.Buffer), new(bytes.Buffer)
	return stdio{
		in: strings.NewReader(""), out: out, err: complaints, rand: rand.Reader,
		now:    func() time.Time { return time.Unix(1_800_000_000, 0) },
		getenv: func(string) string { return "" },
	}, out, complaints
}

func TestPanicEndsWith70(t *testing.T) {
	streams, _, complaints := testStdio()
	a := newApp(streams)
	code := a.guard(func() int { panic("the sky fell") })
	if code != exitDefect {
		t.Errorf("exit code %d, want %d", code, exitDefect)
	}
	for _, want := range []string{"the sky fell", issuesURL, "goroutine", "run_test.go"} {
		if !strings.Contains(complaints.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, complaints)
		}
	}
}

// A machine's report that cannot be written is said on stderr, whatever the exit
// code would have been.
func TestUnwritableReport(t *testing.T) {
	for _, args := range [][]string{{"version", "--json"}, {"validate", "--json", "/nowhere"}} {
		streams, _, complaints := testStdio()
		streams.out = fullDisk{}
		if code := run(t.Context(), args, streams); code != exitError {
			t.Errorf("%v: exit code %d", args, code)
		}
		if !strings.Contains(complaints.String(), "no space left") {
			t.Errorf("%v: stderr says %q", args, complaints)
		}
	}
}

func TestExitCodes(t *testing.T) {
	stale := diag.Failf("plan-stale", "", "stale")
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errors.New("any"), exitError},
		{&diag.Problems{}, exitError},
		{diag.Failf("unreadable-file", "", "no"), exitError},
		{stale, exitStale},
		{diag.Usagef("no"), exitUsage},
		{exitStatus(exitChanges), exitChanges},
	} {
		if got := exitCode(test.err); got != test.want {
			t.Errorf("%T %v: exit code %d, want %d", test.err, test.err, got, test.want)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestFullDiskIsAnError(t *testing.T) {
	streams, _, complaints := testStdio()
	streams.out = fullDisk{}
	if code := run(context.Background(), []string{"version"}, streams); code != exitError {
		t.Errorf("exit code %d, want %d", code, exitError)
	}
	if !strings.Contains(complaints.String(), "no space left") {
		t.Errorf("not said why: %s", complaints)
	}
}

func TestArguments(t *testing.T) {
	type got struct {
		chdir, text string
		json, on    bool
		list, args  []string
	}
	for _, test := range []struct {
		line []string
		want got
	}{
		{[]string{"do"}, got{}},
		{[]string{"do", "a", "b"}, got{args: []string{"a", "b"}}},
		{[]string{"do", "a", "--on", "b"}, got{on: true, args: []string{"a", "b"}}},
		{[]string{"do", "-on", "-text", "x", "-json"}, got{on: true, text: "x", json: true}},
		{[]string{"do", "--text=x=y", "-C", "d"}, got{text: "x=y", chdir: "d"}},
		{[]string{"-C", "d", "-json", "do", "a"}, got{chdir: "d", json: true, args: []string{"a"}}},
		{[]string{"-C=d", "do"}, got{chdir: "d"}},
		{[]string{"do", "--list", "a,b", "--list=c", "-list", "d e"}, got{list: []string{"a,b", "c", "d e"}}},
		{[]string{"do", "--text", "--on"}, got{text: "--on"}},
		{[]string{"do", "--", "--on", "-C"}, got{args: []string{"--on", "-C"}}},
		{[]string{"do", "-"}, got{args: []string{"-"}}},
		{[]string{"do", " a "}, got{args: []string{" a "}}},
		{[]string{"do", "--text="}, got{}},
		{[]string{"do", "do"}, got{args: []string{"do"}}},
		{[]string{"do", "help"}, got{args: []string{"help"}}},
		{[]string{"do", "--on=false"}, got{}},
	} {
		streams, _, complaints := testStdio()
		a := newApp(streams)
		var g got
		a.table = []command{{name: "do", maxArgs: -1,
			flags: []cli.Flag{
				&cli.BoolFlag{Name: "on", Destination: &g.on},
				&cli.StringFlag{Name: "text", Destination: &g.text},
				&cli.StringSliceFlag{Name: "list", Destination: &g.list},
			},
			run: func(_ context.Context, args []string) error {
				g.args, g.chdir, g.json = args, a.chdir, a.json
				return nil
			},
		}}
		if code := a.execute(context.Background(), test.line); code != exitOK {
			t.Errorf("%q: exit code %d: %s", test.line, code, complaints)
			continue
		}
		w := test.want
		if g.chdir != w.chdir || g.text != w.text || g.json != w.json || g.on != w.on ||
			!slices.Equal(g.list, w.list) || !slices.Equal(g.args, w.args) {
			t.Errorf("%q: got %+v, want %+v", test.line, g, w)
		}
	}
}

// TestHelpIsWhole holds every command to what the help promises.
func TestHelpIsWhole(t *testing.T) {
	streams, _, _ := testStdio()
	a := newApp(streams)
	var walk func(table []command, path []string)
	walk = func(table []command, path []string) {
		for _, c := range table {
			path := append(path[:len(path):len(path)], c.name)
			where := strings.Join(path, " ")
			if c.summary == "" || strings.HasSuffix(c.summary, ".") || c.summary[:1] != strings.ToLower(c.summary[:1]) {
				t.Errorf("%s: summary %q is no lower-case phrase without a period", where, c.summary)
			}
			if len(c.sub) == 0 && !strings.Contains(c.example, "$ ") {
				t.Errorf("%s: no worked example", where)
			}
			if len(c.sub) == 0 && (c.maxArgs != 0) != (c.args != "") {
				t.Errorf("%s: takes %d arguments and shows %q", where, c.maxArgs, c.args)
			}
			for line := range strings.Lines(c.about) {
				if len(strings.TrimSuffix(line, "\n")) > 100 {
					t.Errorf("%s: a line of the text is too long: %q", where, line)
				}
			}
			for _, f := range c.flags {
				if _, usage := flagUsage(f); usage == "" || strings.HasSuffix(usage, ".") {
					t.Errorf("%s: flag %s is explained with %q", where, f.Names()[0], usage)
				}
			}
			walk(c.sub, path)
		}
	}
	walk(a.table, []string{programName})
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
		if code := run(t.Context(), []string{"init", dir}, streams); code != exitOK {
			t.Fatal(complaints)
		}
		streams.out = &tornPipe{at: test.at}
		if code := run(t.Context(), append(test.args, "-C", dir), streams); code != exitError {
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
	if d.Code != "busy" || !strings.HasPrefix(d.Detail, "Another writ is at work in this folder") || exitCode(err) != exitError {
		t.Errorf("%s: %s (exit code %d)", d.Code, d.Detail, exitCode(err))
	}
}

// TestErrorAfterTheChange: what is in force is not reported as a failed write.
func TestErrorAfterTheChange(t *testing.T) {
	err := workspace.ApplyError(fmt.Errorf("%w, but sync the folder of snapshot %q: %w", compiler.ErrInForce, "writ.snapshot", syscall.EIO))
	d := diag.FromError(err)
	if d.Code != "not-durable" || !strings.HasPrefix(d.Detail, "The change is in force, but sync the folder of snapshot") || exitCode(err) != exitError {
		t.Errorf("%s: %s (exit code %d)", d.Code, d.Detail, exitCode(err))
	}
}
