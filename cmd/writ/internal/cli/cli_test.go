package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/config/diag"
)

// testStdio is a world without terminal, environment or input.
func testStdio() (env *Env, out, complaints *bytes.Buffer) {
	out, complaints = new(bytes.Buffer), new(bytes.Buffer)
	return &Env{
		In: strings.NewReader(""), Out: out, Err: complaints, Rand: rand.Reader,
		Now:    func() time.Time { return time.Unix(1_800_000_000, 0) },
		Getenv: func(string) string { return "" },
	}, out, complaints
}

func TestPanicEndsWith70(t *testing.T) {
	streams, _, complaints := testStdio()
	code := streams.guard(func() int { panic("the sky fell") })
	if code != ExitDefect {
		t.Errorf("exit code %d, want %d", code, ExitDefect)
	}
	for _, want := range []string{"the sky fell", issuesURL, "goroutine", "cli_test.go"} {
		if !strings.Contains(complaints.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, complaints)
		}
	}
}

func TestExitCodes(t *testing.T) {
	stale := diag.Failf("plan-stale", "", "stale")
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, ExitOK},
		{errors.New("any"), ExitError},
		{&diag.Problems{}, ExitError},
		{diag.Failf("unreadable-file", "", "no"), ExitError},
		{stale, ExitStale},
		{diag.Usagef("no"), ExitUsage},
		{Status(ExitChanges), ExitChanges},
	} {
		if got := ExitCode(test.err); got != test.want {
			t.Errorf("%T %v: exit code %d, want %d", test.err, test.err, got, test.want)
		}
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
		{[]string{"do", "do"}, got{args: []string{"do"}}},
		{[]string{"do", "help"}, got{args: []string{"help"}}},
		{[]string{"do", "--on=false"}, got{}},
		{[]string{"do", "--text", "a", "--text", "b", "--on", "--on=true"}, got{text: "b", on: true}},
	} {
		streams, _, complaints := testStdio()
		var g got
		table := []Command{{Name: "do", MaxArgs: -1,
			Flags: []Flag{
				{Name: "on", Value: &g.on},
				{Name: "text", Value: &g.text},
				{Name: "list", Value: &g.list},
			},
			Run: func(_ context.Context, env *Env, args []string) error {
				g.args, g.chdir, g.json = args, env.Chdir, env.JSON
				return nil
			},
		}}
		if code := execute(context.Background(), streams, table, test.line); code != ExitOK {
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
