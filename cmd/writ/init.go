package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/examples/quickstart"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/durable"
)

// initCommand is "writ init". What it writes is examples/quickstart, which a test compiles
// and checks. It writes new files alone and exits with 0 or 1.
func initCommand() cli.Command {
	return cli.Command{
		Name: "init", Group: cli.GroupWrite, Args: "[DIR]", MaxArgs: 1,
		Summary: "write a small working configuration",
		About: `
One API, one client, one authorization, with comments. A folder that holds a
configuration, or lies inside one, is refused; a README.md or .gitignore already there is kept.`,
		Example: "$ writ init demo\n$ writ dev demo",
		Run:     func(_ context.Context, env *cli.Env, args []string) error { return runInit(env, args) },
	}
}

// An initResult lists the files that init wrote, and those that were there and were kept.
type initResult struct {
	Directory string   `json:"directory"`
	Written   []string `json:"written"`
	Kept      []string `json:"kept"`
}

// runInit writes what is not there yet. A folder that holds a configuration, or lies in
// one, is refused before anything is written.
func runInit(env *cli.Env, args []string) error {
	dir := env.Folder(args)
	present, err := filesIn(dir)
	if err != nil {
		return err
	}
	if err := checkOutside(dir); err != nil {
		return err
	}
	files, err := fs.Glob(quickstart.Files, "*")
	if err != nil {
		return err
	}
	// What the user has of these files stays: a README.md and a .gitignore are usual in a
	// new folder.
	result := initResult{Directory: filepath.ToSlash(dir), Written: []string{}, Kept: []string{}}
	for _, name := range files {
		if present[name] {
			result.Kept = append(result.Kept, name)
		} else {
			result.Written = append(result.Written, name)
		}
	}
	if err := writeNew(dir, result.Written); err != nil {
		return err
	}
	return showInit(env, result)
}

// showInit prints what was written and the command to try next.
func showInit(env *cli.Env, result initResult) error {
	if env.JSON {
		return env.PrintJSON(result)
	}
	place, dev := "in "+result.Directory, "writ dev "+schema.ShellQuote(result.Directory)
	if result.Directory == "." {
		place, dev = "here", "writ dev"
	}
	fmt.Fprintf(env.Out, "Wrote %s %s.\n", strings.Join(result.Written, ", "), place)
	if len(result.Kept) > 0 {
		fmt.Fprintf(env.Out, "Kept %s as it was.\n", strings.Join(result.Kept, ", "))
	}
	fmt.Fprintf(env.Out, "\nTry it:\n\n  %s\n", dev)
	return nil
}

// filesIn is the set of names in a folder, which need not exist. A folder that holds a
// configuration already is refused: two issuers in one folder would be an error at once.
func filesIn(dir string) (map[string]bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, workspace.Unreadable(err)
	}
	present := make(map[string]bool, len(entries))
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json") {
			return nil, diag.Failf("file-exists", "Name another folder: writ init DIR.",
				"%q already holds a configuration: %q", filepath.ToSlash(dir), name)
		}
		present[name] = true
	}
	return present, nil
}

// checkOutside refuses a folder below the root of another configuration, which
// it would become a part of. Other tools keep *.hcl files too, so a root is
// known by its lockfile or its issuer. It looks up to the root of the file system.
func checkOutside(dir string) error {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return workspace.Unreadable(err)
	}
	for at := filepath.Dir(absolute); ; at = filepath.Dir(at) {
		if name := workspace.RootMark(at); name != "" {
			return diag.Failf("file-exists", "Name a folder outside of it: writ init DIR.",
				"%q would become part of the configuration in %q, which has %s", filepath.ToSlash(dir), filepath.ToSlash(at), name)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// writeNew writes the files into dir, all of them or none. After an error the files and
// folders that it made are removed as far as that works: the first error is the one to
// show.
func writeNew(dir string, names []string) error {
	made := missingFolders(dir)
	err := os.MkdirAll(dir, 0o777)
	for i := 0; err == nil && i < len(names); i++ {
		var content []byte
		if content, err = fs.ReadFile(quickstart.Files, names[i]); err == nil {
			err = durable.Create(filepath.Join(dir, names[i]), content, 0o644)
		}
		if err != nil {
			names = names[:i] // those that were written
		}
	}
	if err == nil {
		return nil
	}
	for _, name := range names {
		os.Remove(filepath.Join(dir, name))
	}
	for _, folder := range made {
		os.Remove(folder) // fails where somebody put something meanwhile
	}
	return workspace.Unwritable(err)
}

// missingFolders lists the folders that have to be made for dir, innermost first, which is
// the order in which they can be removed.
func missingFolders(dir string) (missing []string) {
	for dir = filepath.Clean(dir); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return missing
		}
		missing = append(missing, dir)
	}
}
