package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

const snapshotName = "writ.snapshot"

// A workspace is a configuration's folder and the files beside the configuration.
type workspace struct {
	app       *app
	dir       string // the root, as a path
	lockfile  string // path
	lockName  string // as messages show it
	lockAsked bool   // --lockfile named it
	varFiles  []inputFile
	options   config.Options
}

// A tree is a configuration that was loaded and compiled without errors.
type tree struct {
	model    *compiler.Model
	warnings diag.List
	sources  map[string][]byte // of snippets
}

// workspace finds the folder and reads what the flags name.
func (a *app) workspace(args []string, flags *configFlags) (*workspace, error) {
	w := &workspace{app: a, dir: a.dir(args), lockName: lockfile.DefaultName}
	w.lockfile = filepath.Join(w.dir, lockfile.DefaultName)
	if flags.lockfile != "" {
		w.lockfile, w.lockName, w.lockAsked = a.path(flags.lockfile), filepath.ToSlash(flags.lockfile), true
	}
	w.lockfile = filepath.Clean(w.lockfile)
	if inside, err := filepath.Rel(w.dir, w.lockfile); err == nil && filepath.IsLocal(inside) {
		w.options.Lockfile = filepath.ToSlash(inside)
	}
	info, err := os.Stat(w.dir)
	if err != nil {
		return nil, unreadable(err)
	}
	if !info.IsDir() {
		return nil, failf("unreadable-file", "Name the configuration's folder.", "%q is not a folder", filepath.ToSlash(w.dir))
	}
	w.options.Vars, err = parseVars(flags.vars)
	if err != nil {
		return nil, err
	}
	for _, name := range flags.varFiles {
		file := w.input(name, a.path(name))
		content, err := file.read()
		if err != nil {
			return nil, err
		}
		w.varFiles = append(w.varFiles, file)
		w.options.VarFiles = append(w.options.VarFiles, config.VarFile{Name: file.name, Bytes: content})
	}
	return w, nil
}

// compiled is the workspace and its tree, for a command that needs both without
// errors.
func (a *app) compiled(args []string, flags *configFlags) (*workspace, *tree, error) {
	w, err := a.workspace(args, flags)
	if err != nil {
		return nil, nil, err
	}
	t, err := w.compile()
	return w, t, err
}

// parseVars takes apart the values of --var.
func parseVars(assignments []string) (map[string]string, error) {
	vars := make(map[string]string, len(assignments))
	for _, assignment := range assignments {
		name, value, ok := strings.Cut(assignment, "=")
		if !ok || name == "" {
			return nil, usagef("--var takes NAME=VALUE, not %q", assignment)
		}
		vars[name] = value
	}
	return vars, nil
}

// compile loads and compiles the folder. The error is a *diagnosed where the
// configuration is at fault.
func (w *workspace) compile() (*tree, error) {
	done := w.app.progress("Compiling")
	defer done()
	if !w.app.longLived {
		favourSpeed(w.dir)
	}
	root, err := os.OpenRoot(w.dir)
	if err != nil {
		return nil, unreadable(err)
	}
	defer root.Close()
	cfg, list := config.Load(root, w.options)
	if len(cfg.Sources) == 0 && !list.HasErrors() {
		return nil, noConfiguration(w.dir)
	}
	return w.finish(cfg, list)
}

// compileFS does the same for a tree that is not on disk, with options of its own.
func (w *workspace) compileFS(fsys fs.FS, options config.Options) (*tree, error) {
	done := w.app.progress("Compiling")
	defer done()
	cfg, list := config.LoadFS(fsys, options)
	return w.finish(cfg, list)
}

func noConfiguration(dir string) error {
	return failf("missing-issuer", "Write a small one with \"writ init\", or name the configuration's folder with --chdir.",
		"there is no *.hcl file in %q", filepath.ToSlash(dir))
}

func (w *workspace) finish(cfg *config.Config, list diag.List) (*tree, error) {
	sources := maps.Clone(cfg.Sources) // those of variables among them
	if sources == nil {
		sources = map[string][]byte{}
	}
	model, found := compiler.Compile(cfg, compiler.CompileOptions{Now: w.app.now(), Loaded: list})
	list = append(list, found...)
	if list.HasErrors() {
		return nil, &diagnosed{list: list, sources: sources}
	}
	return &tree{model: model, warnings: list, sources: sources}, nil
}

// refuse is the error of a tree that compiled but may not go on.
func (t *tree) refuse(list diag.List) error {
	return &diagnosed{list: append(t.warnings, list...), sources: t.sources}
}

// readLock reads the lockfile with lockfile.Parse, or another way to parse it;
// nil when there is none. Its bytes become a source of snippets.
func (w *workspace) readLock(t *tree, parse parseLock) (*lockfile.File, []byte, error) {
	content, err := w.input(w.lockName, w.lockfile).read()
	if errors.Is(err, fs.ErrNotExist) {
		if w.lockAsked {
			t.warnings = append(t.warnings, lockNotThere(w.lockName))
		}
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	t.sources[w.lockName] = content
	lock, list := parse(w.lockName, content)
	if list.HasErrors() {
		return nil, nil, t.refuse(list)
	}
	t.warnings = append(t.warnings, list...)
	return lock, content, nil
}

// lockNotThere is for a mistyped name, which would guard no identifier.
func lockNotThere(name string) diag.Diagnostic {
	d := diag.Newf("lock-missing", hcl.Range{},
		"There is no %q, so every identifier counts as new. That is right before the first apply; otherwise correct --lockfile.", name)
	return d.WithSeverity(diag.Warning)
}

type parseLock func(name string, content []byte) (*lockfile.File, diag.List)

// A lockCheck is what the configuration makes of the lockfile.
type lockCheck struct {
	before  *lockfile.File // nil when there is none
	bytes   []byte         // of before; nil when there is none
	next    *lockfile.File
	renames []compiler.Rename
}

// changed reports whether the lockfile would be written.
func (c *lockCheck) changed() bool {
	return c.before == nil || string(c.next.Bytes()) != string(c.bytes)
}

// checkLock compares the tree with the lockfile.
func (w *workspace) checkLock(t *tree, opts compiler.LockOptions) (*lockCheck, error) {
	lock, content, err := w.readLock(t, lockfile.Parse)
	if err != nil {
		return nil, err
	}
	opts.Name = w.lockName
	next, renames, list := compiler.CheckLock(t.model, lock, opts)
	if list.HasErrors() {
		return nil, t.refuse(list)
	}
	t.warnings = append(t.warnings, list...)
	return &lockCheck{before: lock, bytes: content, next: next, renames: renames}, nil
}

// counts says how large a configuration is: "1 API, 2 clients, 3 authorizations".
func (t *tree) counts() string {
	doc := t.model.Document
	return fmt.Sprintf("%s, %s, %s", plural(len(doc.APIs), "API"), plural(len(doc.Clients), "client"),
		plural(len(doc.Authorizations), "authorization"))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
