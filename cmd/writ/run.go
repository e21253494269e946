package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

// An app is one run of the program: the streams and what the flags of every
// command say.
type app struct {
	stdio
	outTTY, errTTY     bool
	outColor, errColor bool
	errWidth           int

	chdir string // --chdir: relative paths start here; "" for the working directory
	json  bool   // --json
	help  bool   // --help
	table []command

	done string // what was written and stays when the output then fails: "Serial 3 is in force"
}

// run is the whole program: it runs the command line args, without the
// program's name, and returns the exit code. A panic anywhere below ends with
// exitDefect and the text to report.
func run(ctx context.Context, args []string, streams stdio) int {
	a := newApp(streams)
	out := &checkedWriter{to: streams.out}
	a.out = out
	code := a.guard(func() int { return a.execute(ctx, args) })
	if out.err != nil && (code == exitOK || a.json) { // else the error has been reported
		fmt.Fprintf(a.err, "writ: write output: %v\n", out.err)
		if a.done != "" {
			fmt.Fprintf(a.err, "%s: only the output is incomplete.\n", a.done)
		}
		return max(code, exitError)
	}
	return code
}

func newApp(streams stdio) *app {
	a := &app{
		stdio:  streams,
		outTTY: terminal(streams.out) != nil, errTTY: terminal(streams.err) != nil,
		outColor: streams.color(streams.out), errColor: streams.color(streams.err),
		errWidth: width(streams.err),
	}
	a.table = a.commands()
	return a
}

// execute parses the command line, runs the command and reports its error.
func (a *app) execute(ctx context.Context, args []string) int {
	err := a.root().Run(ctx, append([]string{programName}, args...))
	a.json = a.json || asksJSON(args) // a command line that does not parse is answered in JSON too
	a.report(err)
	return exitCode(err)
}

// asksJSON reports whether a command line contains the --json flag.
func asksJSON(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "--json", "-json", "--json=true", "-json=true":
			return true
		case "--":
			return false
		}
	}
	return false
}

// guard runs f and turns a panic into exitDefect and a report.
func (a *app) guard(f func() int) (code int) {
	defer func() {
		if cause := recover(); cause != nil {
			a.reportDefect(cause, debug.Stack())
			code = exitDefect
		}
	}()
	return f()
}

// reportDefect prints what a bug report needs. The arguments are left out:
// they may hold a token.
func (a *app) reportDefect(cause any, stack []byte) {
	var text strings.Builder
	fmt.Fprintf(&text, "writ: internal error: %v\n\n", cause)
	text.WriteString("This is a defect in writ, not in your configuration. Nothing was left half written.\n")
	text.WriteString("Please report it with the text below at " + issuesURL + ".\n\n")
	fmt.Fprintf(&text, "writ %s, %s, %s/%s\n", readBuild().Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	text.Write(stack)
	io.WriteString(a.err, text.String())
}

// A checkedWriter remembers the first error, so that a full disk behind a
// redirection does not end with exit code 0.
type checkedWriter struct {
	to  io.Writer
	err error
}

func (w *checkedWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if err != nil && w.err == nil {
		w.err = err
	}
	return n, err
}
