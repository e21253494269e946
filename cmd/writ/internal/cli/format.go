package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/build"
)

// In the formats that hosts of repositories read, a command prints for people as ever,
// only that all of it goes to standard error. What it has found is gathered on the way
// and written to standard output when it ends, whatever the end is.

// formatNames are the values of --format, as its usage and its errors list them.
func formatNames(separator string) string {
	names := make([]string, len(diag.Formats))
	for i, f := range diag.Formats {
		names[i] = string(f)
	}
	return strings.Join(names, separator)
}

// formatFlag is the flag of the commands that have these formats.
func (l *commandLine) formatFlag() Flag {
	return Flag{Name: "format", Usage: "print as `" + formatNames("|") + "`; in the last three, text goes to standard error", Value: (*string)(&l.env.Format)}
}

// checkFormat takes the format that the flags ask for. --json is another way to ask for
// JSON.
func (e *Env) checkFormat() error {
	switch {
	case e.Format != "" && !slices.Contains(diag.Formats, e.Format):
		return diag.Usagef("--format takes %s, not %q", formatNames(", "), e.Format)
	case e.JSON && e.Format != "" && e.Format != diag.FormatJSON:
		return diag.Usagef("--json and --format %s both say how to print: leave one out", e.Format)
	case e.Format == diag.FormatJSON:
		e.JSON = true
	}
	return nil
}

// ForHosts reports whether a host of repositories reads the output.
func (e *Env) ForHosts() bool {
	return e.Format != "" && e.Format != diag.FormatText && e.Format != diag.FormatJSON
}

// gather runs a command whose output hosts read. What it prints for people goes to standard
// error meanwhile. The findings are written even if it failed: a failure is one of them.
func (e *Env) gather(command string, run func() error) error {
	out := e.Out
	e.Out = e.Err
	e.found.Command, e.found.Version = command, build.Read().Version
	err := run()
	e.Out = out
	if _, said := err.(Status); err != nil && !said {
		problems := diag.ProblemsOf(err)
		e.find(problems.List, problems.Sources)
		if problems.Policies != nil {
			e.found.Policies = problems.Policies
		}
	}
	if failed := e.found.Write(out, e.Format); err == nil && failed != nil {
		err = failed
	}
	if e.Format == diag.FormatGitHub && !e.summarized {
		if failed := e.Summarize(e.found.WriteMarkdown); err == nil && failed != nil {
			err = failed
		}
	}
	return err
}

// find adds to what the command has found. sources may be nil, of what stands in no file.
func (e *Env) find(list diag.List, sources map[string][]byte) {
	e.found.List = append(e.found.List, list...)
	if sources != nil {
		e.found.Sources = sources // those of a tree grow, and are not replaced
	}
}

// FindChanges adds what a plan means to what the command has found.
func (e *Env) FindChanges(list diag.List) { e.found.Changes = append(e.found.Changes, list...) }

// Test adds the outcome of an expectation or a check to what the command has found. An
// expectation that is not met is an error as well.
func (e *Env) Test(c diag.Case) {
	e.found.Cases = append(e.found.Cases, c)
	if c.Failure != "" && c.Suite == "expectations" {
		e.found.List = append(e.found.List, diag.New("failed-expectation", c.Range, c.Failure))
	}
}

// Summarizes reports whether the command is run by a step of GitHub Actions and is to
// write the step's page: if markdown is asked for, or annotations.
func (e *Env) Summarizes(markdown bool) bool {
	return e.Getenv(stepSummary) != "" && (markdown || e.Format == diag.FormatGitHub)
}

// stepSummary is the variable in which the runner says where a step writes its page.
const stepSummary = "GITHUB_STEP_SUMMARY"

// Summarize adds to the page of the step that runs the command, if there is one. Other
// commands of the step add to the same file, so it is appended to, and in one write.
func (e *Env) Summarize(write func(w io.Writer) error) error {
	e.summarized = true
	name := e.Getenv(stepSummary)
	if name == "" {
		return nil
	}
	var page bytes.Buffer
	if err := write(&page); err != nil {
		return err
	}
	page.WriteByte('\n')
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err == nil {
		_, err = file.Write(page.Bytes())
		if closed := file.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		return diag.Failf("write-failed", fmt.Sprintf("Correct $%s, or unset it.", stepSummary), "write the step summary: %w", err)
	}
	return nil
}
