package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema/durable"
)

func (a *app) fmtCommand() command {
	var check, showDiff bool
	return command{
		name: "fmt", args: "[PATH...]", maxArgs: -1,
		summary: "put HCL files in canonical layout",
		about: `
Without PATH the whole tree, else these files and folders; "-" formats standard
input to standard output. Lists the files that it changed. With a file that does
not parse nothing is written. The lockfile and JSON files are left alone.`,
		example: "$ writ fmt --check --diff\n--- a/orders.hcl\n+++ b/orders.hcl\n@@ -1,3 +1,3 @@\n api \"orders\" {\n-name=\"Orders\"\n+  name = \"Orders\"\n }",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "check", Usage: "write nothing; exit with 3 when something would change", Destination: &check},
			&cli.BoolFlag{Name: "diff", Usage: "show the changes", Destination: &showDiff},
		},
		run: func(_ context.Context, args []string) error { return a.fmt(args, check, showDiff) },
	}
}

// A layout is one file before and after formatting.
type layout struct {
	path          string // as shown
	before, after []byte
}

func (a *app) fmt(args []string, check, showDiff bool) error {
	if len(args) == 1 && args[0] == "-" {
		return a.fmtStdin(check, showDiff)
	}
	if len(args) == 0 {
		args = []string{"."}
	}
	var files []layout
	problems := diag.Problems{Sources: map[string][]byte{}}
	for _, arg := range args {
		found, err := a.filesToFormat(arg)
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
			if err := durable.Replace(a.path(filepath.FromSlash(file.path)), file.after, 0o644); err != nil {
				return workspace.Unwritable(err)
			}
		}
	}
	return a.showFormatted(files, check, showDiff)
}

// filesToFormat reads a file, or every configuration file below a folder.
func (a *app) filesToFormat(arg string) ([]layout, error) {
	info, err := os.Stat(a.path(arg))
	if err != nil {
		return nil, workspace.Unreadable(err)
	}
	if !info.IsDir() {
		content, err := workspace.ReadFile(a.path(arg))
		return []layout{{path: filepath.ToSlash(arg), before: content}}, err
	}
	root, err := os.OpenRoot(a.path(arg))
	if err != nil {
		return nil, workspace.Unreadable(err)
	}
	defer root.Close()
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
	problems.List = nativeOnly(list)
	if problems.List.HasErrors() {
		return nil, &problems
	}
	return files, nil
}

// nativeOnly drops what was found in JSON files, which fmt leaves alone.
func nativeOnly(list diag.List) diag.List {
	var kept diag.List
	for _, d := range list {
		if !strings.HasSuffix(d.Range.Filename, ".json") {
			kept = append(kept, d)
		}
	}
	return kept
}

func (a *app) fmtStdin(check, showDiff bool) error {
	before, err := io.ReadAll(io.LimitReader(a.in, source.DefaultLimits().FileBytes+1))
	if err != nil {
		return diag.Failf("unreadable-file", "", "read standard input: %w", err)
	}
	after, list := source.Format("-", before, source.Limits{})
	if list.HasErrors() {
		return &diag.Problems{List: list, Sources: map[string][]byte{"-": before}}
	}
	if check || showDiff {
		var files []layout
		if !bytes.Equal(before, after) {
			files = []layout{{path: "-", before: before, after: after}}
		}
		return a.showFormatted(files, check, showDiff)
	}
	_, err = a.out.Write(after)
	return err
}

func (a *app) showFormatted(files []layout, check, showDiff bool) error {
	changed := make([]string, len(files))
	for i, file := range files {
		changed[i] = file.path
	}
	switch {
	case a.json:
		if err := a.printJSON(map[string]any{"changed": changed}); err != nil {
			return err
		}
	case showDiff:
		for _, file := range files {
			io.WriteString(a.out, lineDiff(file.path, string(file.before), string(file.after)))
		}
	default:
		for _, name := range changed {
			fmt.Fprintln(a.out, diag.Inert(visible(name)))
		}
	}
	if check && len(files) > 0 {
		return exitStatus(exitStale)
	}
	return nil
}
