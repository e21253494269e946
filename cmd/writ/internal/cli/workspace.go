package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/location"
)

// Load finds the folder and reads what the flags name. args may hold the DIR; without one
// it is the folder in which the command was started, or the root around it. Nothing is
// compiled yet.
func (f *ConfigFlags) Load(env *Env, args []string) (*workspace.Workspace, error) {
	vars, err := parseVars(f.Vars)
	if err != nil {
		return nil, err
	}
	trust, err := env.Trust(f.Trust)
	if err != nil {
		return nil, err
	}
	o := workspace.Options{
		Dir: env.Root(env.Folder(args)), Snapshot: env.Place(f.Snapshot), Prior: env.Place(f.Prior), Location: env.LocationOptions(),
		Trust: trust, Key: f.Key,
		Vars: vars, Now: env.Now, Rand: env.Rand, Note: env.Note,
	}
	o.Location.AllowUnsafe = f.AllowUnsafe
	if f.Lockfile != "" {
		o.Lockfile = workspace.File{Name: f.Lockfile, Path: env.Path(f.Lockfile)}
	}
	for _, name := range f.VarFiles {
		o.VarFiles = append(o.VarFiles, workspace.File{Name: name, Path: env.Path(name)})
	}
	// Hosts know files by their paths in the repository, whatever folder the configuration
	// is in.
	w, err := workspace.Load(o)
	if err == nil {
		env.found.Path = func(name string) string { return w.InRepository(w.PathOf(name)) }
	}
	return w, err
}

// Root is the root of the configuration that a folder belongs to. Where that is another
// folder it says so, and what it reports of the folder comes first: somebody who works in one
// folder of a large repository looks for its mistakes there.
func (e *Env) Root(dir string) string {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return dir // which Load reports: a name that is spelt wrong is part of nothing
	}
	root, inside := workspace.FindRoot(dir)
	if inside != "" && e.inside != inside && !e.JSON {
		e.Note(fmt.Sprintf("Reading the configuration in %q, which %q is part of.", filepath.ToSlash(root), inside))
	}
	e.inside = inside
	return root
}

// Compile is Load and the configuration in the folder, for a command that needs it
// without errors.
func (f *ConfigFlags) Compile(env *Env, args []string) (*workspace.Workspace, *workspace.Tree, error) {
	w, err := f.Load(env, args)
	if err != nil {
		return nil, nil, err
	}
	t, err := env.Compile(w)
	return w, t, err
}

// Compile compiles the folder, for a command that ends soon.
func (e *Env) Compile(w *workspace.Workspace) (*workspace.Tree, error) {
	return e.compile(w, w.Compile)
}

// CompileForReview is Compile that takes a configuration which its policies refuse.
func (e *Env) CompileForReview(w *workspace.Workspace) (*workspace.Tree, error) {
	return e.compile(w, w.CompileForReview)
}

// compile is what both have in common. The policies of a tree are among the findings even
// if it satisfies all of them: a report of tests lists those that passed.
func (e *Env) compile(w *workspace.Workspace, how func() (*workspace.Tree, error)) (*workspace.Tree, error) {
	done := e.Progress("Compiling")
	defer done()
	favourSpeed(w.Dir)
	t, err := how()
	if err == nil {
		e.found.Policies = t.Problems(nil).Policies
	}
	return t, err
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

// Counts says how large a configuration is: "1 API, 2 clients, 3 authorizations". Of a
// for_each each instance counts.
func Counts(doc *schema.Document) string {
	return schema.Plural(len(doc.APIs), "API") + ", " + schema.Plural(len(doc.Clients), "client") + ", " +
		schema.Plural(len(doc.Authorizations), "authorization")
}

// Place is where a snapshot is, as the command line names it: a path is taken from
// --chdir, the address of a location stays as it is.
func (e *Env) Place(name string) string {
	if name == "" || workspace.IsAddress(name) {
		return name
	}
	return e.Path(name)
}

// Trust reads the values of --trust.
func (e *Env) Trust(names []string) (workspace.Trust, error) {
	return workspace.ParseTrust(names, func(path string) ([]byte, error) { return workspace.ReadFile(e.Path(path)) })
}

// LocationOptions say how locations are reached: NATS with the variables of its own
// command line. A registry's login is where Docker keeps it, which is the default.
// A snapshot in a registry says which repository CI has made it of.
func (e *Env) LocationOptions() location.Options {
	o := location.Options{
		NATSCredentials: e.Getenv("NATS_CREDS"), NATSRoots: e.Getenv("NATS_CA"),
		NATSCertificate: e.Getenv("NATS_CERT"), NATSKey: e.Getenv("NATS_KEY"),
		Source: e.Getenv("CI_PROJECT_URL"), // GitLab's
	}
	if repository := e.Getenv("GITHUB_REPOSITORY"); repository != "" {
		o.Source = e.Getenv("GITHUB_SERVER_URL") + "/" + repository
	}
	return o
}

// Note tells a person something beside a result, on standard error.
func (e *Env) Note(text string) { fmt.Fprintln(NewWrapper(e.Err, Width(e.Err)), diag.OneLine(text)) }

// What favourSpeed goes by, in bytes.
const (
	largeTree = 8 << 20 // of configuration, from which on time is worth memory

	// largeLimit keeps a large tree under one GiB: near it the collector works
	// harder again. One of more than 58 MiB gets more, as what must live of it
	// takes eleven bytes for each of its own.
	largeLimit   = 940 << 20
	limitPerByte = 16
)

// favourSpeed trades memory for time where a large tree is loaded once: most of
// its garbage would be collected only to end with the process. A small tree
// keeps Go's defaults, so that a hostile one stays small. The environment's own
// settings win.
func favourSpeed(dir string) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	n := treeBytes(dir)
	if n < largeTree {
		return
	}
	// The heap may grow to five times what lives before it is collected, and less where that
	// would be beyond the limit.
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(max(largeLimit, limitPerByte*n))
}

// treeBytes is the size of the configuration below dir, counted as far as a
// tree is loaded at all. It is an estimate: it takes the lockfile in and what is hidden.
func treeBytes(dir string) int64 {
	var total int64
	most := source.DefaultLimits().TreeBytes
	_ = fs.WalkDir(os.DirFS(dir), ".", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.Contains(entry.Name(), ".hcl") {
			return nil // loading reports what cannot be read
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		if total > most {
			return fs.SkipAll
		}
		return nil
	})
	return min(total, most)
}
