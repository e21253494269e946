package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config/diag"
)

// inputFlags are the flags that say what a plan is made of, one way to write
// them: variables by name, paths as seen from the configuration's root. A saved
// plan notes them for a person to repeat. Apply never takes them from the file:
// whoever could edit it would choose the variables.
func (w *workspace) inputFlags(flags *configFlags, snapshotFlag string) []string {
	words := []string{}
	for _, name := range slices.Sorted(maps.Keys(w.options.Vars)) {
		words = append(words, "--var", name+"="+w.options.Vars[name])
	}
	for _, name := range flags.varFiles {
		words = append(words, "--var-file", w.fromRoot(w.app.path(name)))
	}
	if lock := w.fromRoot(w.lockfile); lock != lockfile.DefaultName {
		words = append(words, "--lockfile", lock)
	}
	if snap := w.fromRoot(w.app.snapshotPath(w.dir, snapshotFlag)); snap != snapshotName {
		words = append(words, "--snapshot", snap)
	}
	return words
}

// fromRoot is a path as seen from the root of the configuration, where apply runs.
func (w *workspace) fromRoot(path string) string {
	root, err := filepath.Abs(w.dir)
	if err != nil {
		return filepath.ToSlash(path)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return filepath.ToSlash(path)
	}
	if relative, err := filepath.Rel(root, absolute); err == nil {
		absolute = relative
	}
	return filepath.ToSlash(absolute)
}

// otherFlags is the error of a plan that does not fit because it was saved with
// other flags: it says which to repeat.
func (a *app) otherFlags(saved *compiler.SavedPlan, name string) error {
	words := []string{programName, "apply"}
	if a.chdir != "" {
		words = append(words, "--chdir", a.chdir)
	}
	words = append(append(words, saved.Flags...), name)
	for i, word := range words {
		words[i] = diag.ShellQuote(word)
	}
	failed := failf("plan-stale", "Nothing was written. Repeat its flags:\n\n  "+strings.Join(words, " "), "the plan was saved with other flags than these")
	failed.exit = exitStale
	return failed
}
