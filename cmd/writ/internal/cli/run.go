package cli

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/build"
)

// Run is the whole program: it runs the command line args, without the program's
// name, and returns the exit code. A panic anywhere below ends with ExitDefect and
// the text to report.
func Run(ctx context.Context, env *Env, table []Command, args []string) int {
	out := &checkedWriter{to: env.Out}
	env.Out = out
	code := env.guard(func() int { return execute(ctx, env, table, args) })
	// Results and JSON reports go to this output, so their loss is an error by itself. After
	// any other failure the reason has been shown on standard error.
	if out.err != nil && (code == ExitOK || env.JSON) {
		fmt.Fprintf(env.Err, "writ: write output: %v\n", out.err)
		if env.Done != "" {
			fmt.Fprintf(env.Err, "%s: only the output is incomplete.\n", env.Done)
		}
		return max(code, ExitError)
	}
	return code
}

// execute parses the command line, runs the command and reports its error. It is the one
// place that turns an error into output and an exit code.
func execute(ctx context.Context, env *Env, table []Command, args []string) int {
	// The shell's scripts add one word at the end, and expect candidates and no error.
	l := &commandLine{env: env, table: table}
	if last := len(args) - 1; last >= 0 && args[last] == completionFlag {
		l.complete(ctx, args[:last])
		return ExitOK
	}
	err := l.parse(args)
	if err == nil {
		err = l.run(ctx)
	}
	env.JSON = env.JSON || asksJSON(args) // a command line that does not parse is answered in JSON too
	env.Report(err)
	return ExitCode(err)
}

// asksJSON reports whether a command line contains the --json flag, or --format json. It
// looks at the words alone, since parsing may have failed before it came to them.
func asksJSON(args []string) bool {
	for i, arg := range args {
		if arg == "--" {
			return false
		}
		name, isFlag := strings.CutPrefix(arg, "-")
		switch name = strings.TrimPrefix(name, "-"); {
		case !isFlag:
		case name == "json", name == "json=true", name == "format=json", name == "format" && i+1 < len(args) && args[i+1] == string(diag.FormatJSON):
			return true
		}
	}
	return false
}

// guard runs f and turns a panic into ExitDefect and a report.
func (e *Env) guard(f func() int) (code int) {
	defer func() {
		if cause := recover(); cause != nil {
			e.reportDefect(cause, debug.Stack())
			code = ExitDefect
		}
	}()
	return f()
}

// reportDefect prints what a bug report needs. The arguments are left out:
// they may hold a token.
func (e *Env) reportDefect(cause any, stack []byte) {
	var text strings.Builder
	fmt.Fprintf(&text, "writ: internal error: %v\n\n", cause)
	text.WriteString("This is a defect in writ, not in your configuration. Nothing was left half written.\n")
	text.WriteString("Please report it with the text below at " + issuesURL + ".\n\n")
	b := build.Read()
	fmt.Fprintf(&text, "writ %s, %s, %s\n", b.Version, b.Go, b.Platform)
	text.Write(stack)
	io.WriteString(e.Err, text.String())
}

// A checkedWriter remembers the first error, so that a full disk under a
// redirection does not end with exit code 0.
type checkedWriter struct {
	to  io.Writer
	err error
}

// Write passes on what it gets and remembers the first error.
func (w *checkedWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if err != nil && w.err == nil {
		w.err = err
	}
	return n, err
}
