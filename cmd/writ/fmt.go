package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema/durable"
)

// fmtCommand is "writ fmt". It needs no configuration: it looks at files and at no rule, so
// that it also works on one that does not compile. It writes files in place; with --check
// it writes nothing and exits with 3 when something would change.
func fmtCommand() cli.Command {
	var check, showDiff bool
	return cli.Command{
		Name: "fmt", Group: cli.GroupWrite, Args: "[PATH...]", MaxArgs: -1,
		Summary: "put HCL files in canonical layout",
		About: `
Without PATH the whole tree, else these files and folders; "-" formats standard
input to standard output. Lists the files that it changed. With a file that does
not parse nothing is written. The lockfile and JSON files are left alone.`,
		Example: "$ writ fmt --check --diff\n--- a/orders.hcl\n+++ b/orders.hcl\n@@ -1,3 +1,3 @@\n api \"orders\" {\n-name=\"Orders\"\n+  name = \"Orders\"\n }",
		Flags: []cli.Flag{
			{Name: "check", Usage: "write nothing; exit with 3 when something would change", Value: &check},
			{Name: "diff", Usage: "show the changes", Value: &showDiff},
		},
		Run: func(_ context.Context, env *cli.Env, args []string) error { return runFmt(env, args, check, showDiff) },
	}
}

// A layout is one file before and after formatting. after is only set where it differs.
type layout struct {
	path          string // as shown
	before, after []byte
}

// runFmt formats files and folders. All are read and formatted before the first is written,
// so that a file which does not parse leaves every file as it was.
func runFmt(env *cli.Env, args []string, check, showDiff bool) error {
	if len(args) == 1 && args[0] == "-" {
		return fmtStdin(env, check, showDiff)
	}
	if len(args) == 0 {
		args = []string{"."}
	}
	var files []layout
	problems := diag.Problems{Sources: map[string][]byte{}}
	for _, arg := range args {
		found, err := filesToFormat(env, arg)
		if err != nil {
			return err
		}
		for _, file := range found {
			after, list := source.Format(file.path, file.before, source.Limits{})
			if len(list) > 0 {
				problems.List = append(problems.List, list...)
				problems.Sources[file.path] = file.before
			}
			if !bytes.Equal(file.before, after) {
				file.after = after
				files = append(files, file)
			}
		}
	}
	if problems.List.HasErrors() {
		return &problems
	}
	if !check {
		for _, file := range files {
			if err := durable.Replace(env.Path(filepath.FromSlash(file.path)), file.after, 0o644); err != nil {
				return workspace.Unwritable(err)
			}
		}
	}
	return showFormatted(env, files, check, showDiff)
}

// filesToFormat reads a file, or every configuration file below a folder, the tests too. A
// folder is read within the limits of any command, so that one with too many files is
// refused and not half done. A link is left out: its target is formatted under its own
// name, if it lies in the folder.
func filesToFormat(env *cli.Env, arg string) ([]layout, error) {
	info, err := os.Stat(env.Path(arg))
	if err != nil {
		return nil, workspace.Unreadable(err)
	}
	if !info.IsDir() {
		content, err := workspace.ReadFile(env.Path(arg))
		return []layout{{path: filepath.ToSlash(arg), before: content}}, err
	}
	root, err := os.OpenRoot(env.Path(arg))
	if err != nil {
		return nil, workspace.Unreadable(err)
	}
	defer root.Close()
	// os.OpenRoot keeps what is read inside the folder, whatever links there are in it.
	tree, list := source.Load(root, source.Options{})
	var files []layout
	problems := diag.Problems{Sources: map[string][]byte{}}
	for _, file := range append(tree.Files, tree.Tests...) {
		problems.Sources[file.Name] = file.Bytes
		info, err := root.Lstat(filepath.FromSlash(file.Name))
		if file.JSON || err != nil || !info.Mode().IsRegular() {
			continue // a link's target is formatted under its own name
		}
		files = append(files, layout{path: filepath.ToSlash(filepath.Join(arg, file.Name)), before: file.Bytes})
	}
	// What is wrong in a JSON file is no reason to stop: fmt leaves those alone.
	problems.List = slices.DeleteFunc(list, func(d diag.Diagnostic) bool { return strings.HasSuffix(d.Range.Filename, ".json") })
	if problems.List.HasErrors() {
		return nil, &problems
	}
	return files, nil
}

// fmtStdin formats standard input, for editors. One byte more than a file may have is read,
// so that longer input is refused and not cut.
func fmtStdin(env *cli.Env, check, showDiff bool) error {
	before, err := io.ReadAll(io.LimitReader(env.In, source.DefaultLimits().FileBytes+1))
	if err != nil {
		return diag.Failf("unreadable-file", "", "read standard input: %w", err)
	}
	after, list := source.Format("-", before, source.Limits{})
	if list.HasErrors() {
		return &diag.Problems{List: list, Sources: map[string][]byte{"-": before}}
	}
	// With --check or --diff the result is about the input, and the formatted text is not
	// printed.
	if check || showDiff {
		var files []layout
		if !bytes.Equal(before, after) {
			files = []layout{{path: "-", before: before, after: after}}
		}
		return showFormatted(env, files, check, showDiff)
	}
	_, err = env.Out.Write(after)
	return err
}

// showFormatted lists the files that changed or would change, or their differences, and
// exits with 3 under --check when there are any.
func showFormatted(env *cli.Env, files []layout, check, showDiff bool) error {
	changed := make([]string, len(files))
	for i, file := range files {
		changed[i] = file.path
	}
	switch {
	case env.JSON:
		if err := env.PrintJSON(map[string]any{"changed": changed}); err != nil {
			return err
		}
	case showDiff:
		for _, file := range files {
			io.WriteString(env.Out, lineDiff(file.path, string(file.before), string(file.after)))
		}
	default:
		for _, name := range changed {
			fmt.Fprintln(env.Out, diag.Inert(diag.OneLine(name)))
		}
	}
	if check && len(files) > 0 {
		return cli.Status(cli.ExitStale)
	}
	return nil
}

// lineDiff is a unified diff with what would act on a terminal or a CI pipeline escaped: it
// is for people and not for patch(1). "writ usage --suggest" makes the one that patch
// takes.
func lineDiff(name, before, after string) string {
	name = diag.OneLine(name)
	_, unified, _ := bytes.Cut(diff.Diff("a/"+name, []byte(before), "b/"+name, []byte(after)), []byte("\n")) // after the line "diff a b"
	var text strings.Builder
	for line := range strings.Lines(string(unified)) {
		text.WriteString(diag.Inert(diag.Visible(strings.TrimSuffix(line, "\n"), "\t")) + "\n")
	}
	return text.String()
}
