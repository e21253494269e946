package main

import (
	"strings"

	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// workspace finds the folder and reads what the flags name. inForce is the
// --snapshot of a command that has one.
func (a *app) workspace(args []string, flags *configFlags, inForce string) (*workspace.Workspace, error) {
	vars, err := parseVars(flags.vars)
	if err != nil {
		return nil, err
	}
	o := workspace.Options{Dir: a.dir(args), Vars: vars, Now: a.now, Rand: a.rand, Note: a.note}
	if flags.lockfile != "" {
		o.Lockfile = workspace.File{Name: flags.lockfile, Path: a.path(flags.lockfile)}
	}
	if inForce != "" {
		o.Snapshot = a.path(inForce)
	}
	for _, name := range flags.varFiles {
		o.VarFiles = append(o.VarFiles, workspace.File{Name: name, Path: a.path(name)})
	}
	return workspace.Load(o)
}

// compiled is the workspace and its tree, for a command that needs both without
// errors.
func (a *app) compiled(args []string, flags *configFlags) (*workspace.Workspace, *workspace.Tree, error) {
	w, err := a.workspace(args, flags, "")
	if err != nil {
		return nil, nil, err
	}
	t, err := a.compile(w)
	return w, t, err
}

// compile compiles the folder, for a command that ends soon.
func (a *app) compile(w *workspace.Workspace) (*workspace.Tree, error) {
	done := a.progress("Compiling")
	defer done()
	favourSpeed(w.Dir)
	return w.Compile()
}

// parseVars takes apart the values of --var.
func parseVars(assignments []string) (map[string]string, error) {
	vars := make(map[string]string, len(assignments))
	for _, assignment := range assignments {
		name, value, ok := strings.Cut(assignment, "=")
		if !ok || name == "" {
			return nil, diag.Usagef("--var takes NAME=VALUE, not %q", assignment)
		}
		vars[name] = value
	}
	return vars, nil
}

// counts says how large a configuration is: "1 API, 2 clients, 3 authorizations".
func counts(doc *schema.Document) string {
	return schema.Plural(len(doc.APIs), "API") + ", " + schema.Plural(len(doc.Clients), "client") + ", " +
		schema.Plural(len(doc.Authorizations), "authorization")
}

// dir is the folder that a command works on: its DIR argument or where it was started.
func (a *app) dir(args []string) string {
	if len(args) > 0 {
		return a.path(args[0])
	}
	return a.path(".")
}

// note tells on standard error what a comparison takes for granted.
func (a *app) note(text string) {
	a.err.Write([]byte(visible(text) + "\n"))
}
