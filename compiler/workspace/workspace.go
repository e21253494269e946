// Package workspace takes a folder of HCL to the two files that are in force:
//
//	Load → Compile → Plan → Release → Apply
//
// Load finds the folder and reads the files that stand beside the configuration,
// Compile checks it against every rule, Plan compares it with the snapshot in
// force or with a revision of git, Release makes the next snapshot of that, and
// Apply writes lockfile and snapshot.
//
// The package owns where files are and how they are read: the lockfile and the
// variable files of a change under review never lead out of its tree, and git is
// asked for objects and nothing else. It prints nothing and asks nobody. What is
// wrong with a configuration is a *diag.Problems, what else goes wrong a
// *diag.Failure; the rules are those of packages config and compiler.
package workspace

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema/location"
)

// SnapshotName is the name of the snapshot in force, in the root, unless Options
// name another.
const SnapshotName = "writ.snapshot"

// Options say where everything is.
type Options struct {
	Dir      string             // the root of the configuration
	Lockfile File               // the zero value is writ.lock.hcl in Dir
	Snapshot string             // path or address of the snapshot in force; "" is writ.snapshot in Dir
	Prior    string             // path or address where it is read; "" is Snapshot, where it is written
	Location location.Options   // how locations are reached
	Trust    Trust              // which snapshots are taken
	Key      ed25519.PrivateKey // signs what is released; nil for none
	Vars     map[string]string  // values of variables
	VarFiles []File             // files of values of variables

	Now  func() time.Time // time.Now when nil
	Rand io.Reader        // for the names of staging files; crypto/rand when nil
	// Note is told, in a sentence, what a comparison with a revision of git takes
	// for granted. Nil tells nobody.
	Note func(text string)
}

// A File is a file beside the configuration.
type File struct {
	Name string // as messages show it
	Path string
}

// A Workspace is a configuration's folder and the files beside the configuration.
type Workspace struct {
	Dir      string // the root, as a path
	Lockfile File
	Snapshot Place // where the snapshot in force is written

	prior      Place // where it is read: Snapshot, unless Options name another
	priorNamed bool  // Options named it
	location   location.Options
	trust      Trust
	key        ed25519.PrivateKey
	lockNamed  bool // Options named the lockfile
	varFiles   []inputFile
	config     config.Options
	now        func() time.Time
	rand       io.Reader
	note       func(text string)
}

// Load finds the folder and reads the files of variables that the options name. It does not
// read the configuration, and asks no location.
func Load(o Options) (*Workspace, error) {
	w := &Workspace{Dir: o.Dir, Lockfile: o.Lockfile, location: o.Location, trust: o.Trust, key: o.Key, now: o.Now, rand: o.Rand, note: o.Note}
	if w.lockNamed = o.Lockfile != (File{}); !w.lockNamed {
		w.Lockfile = File{lockfile.DefaultName, filepath.Join(o.Dir, lockfile.DefaultName)}
	}
	if o.Key != nil {
		w.trust.signer = o.Key.Public().(ed25519.PublicKey)
	}
	w.Lockfile = File{filepath.ToSlash(w.Lockfile.Name), filepath.Clean(w.Lockfile.Path)}
	var err error
	if w.Snapshot, err = w.place(cmp.Or(o.Snapshot, filepath.Join(o.Dir, SnapshotName))); err != nil {
		return nil, err
	}
	if w.prior, w.priorNamed = w.Snapshot, o.Prior != ""; w.priorNamed {
		if w.prior, err = w.place(o.Prior); err != nil {
			return nil, err
		}
	}
	if w.now == nil {
		w.now = time.Now
	}
	if w.rand == nil {
		w.rand = rand.Reader
	}
	if w.note == nil {
		w.note = func(string) {}
	}
	if inside, err := filepath.Rel(w.Dir, w.Lockfile.Path); err == nil && filepath.IsLocal(inside) {
		w.config.Lockfile = filepath.ToSlash(inside)
	}
	info, err := os.Stat(w.Dir)
	if err != nil {
		return nil, Unreadable(err)
	}
	if !info.IsDir() {
		return nil, diag.Failf("unreadable-file", "Name the configuration's folder.", "%q is not a folder", filepath.ToSlash(w.Dir))
	}
	w.config.Vars = o.Vars
	for _, named := range o.VarFiles {
		file := w.input(named)
		content, err := file.read()
		if err != nil {
			return nil, err
		}
		w.varFiles = append(w.varFiles, file)
		w.config.VarFiles = append(w.config.VarFiles, config.VarFile{Name: file.name, Bytes: content})
	}
	return w, nil
}

// ErrNoConfiguration is in the chain of the error about a folder in which nothing is
// declared yet.
var ErrNoConfiguration = errors.New("there is no *.hcl file")

// KeepParsed keeps parsed files from one Compile to the next, for a tree that is compiled
// again and again while it is edited. It costs the memory of the syntax.
func (w *Workspace) KeepParsed() { w.config.Cache = new(source.Cache) }

// WithNote returns a copy of the workspace that sends notes elsewhere: those of a comparison
// on a page of the console do not belong into the terminal.
func (w *Workspace) WithNote(note func(text string)) *Workspace {
	with := *w
	with.note = note
	return &with
}

// Clone returns a copy of the tree for another plan, which adds its own warnings and the bytes
// of the lockfile. The model is shared, and Plan changes it: plans of clones must not be
// made concurrently.
func (t *Tree) Clone() *Tree {
	return &Tree{Model: t.Model, Warnings: slices.Clone(t.Warnings), Sources: maps.Clone(t.Sources), Unsatisfied: t.Unsatisfied}
}

// A Tree is a configuration that was loaded and compiled without errors.
type Tree struct {
	Model    *compiler.Model
	Warnings diag.List
	Sources  map[string][]byte // of snippets, by file name
	// Unsatisfied are the policies that refuse the configuration. Only CompileForReview
	// gives a tree that has any: it may be compared, and never applied.
	Unsatisfied diag.List

	encoded sync.Once // guards what digest returns: pages plan edits of one tree at the same time
	body    string
	bodyErr error
}

// Compile loads and compiles the folder. The error is a *diag.Problems where the
// configuration is at fault.
func (w *Workspace) Compile() (*Tree, error) {
	return satisfied(w.CompileForReview())
}

// satisfied refuses a tree that does not satisfy its policies.
func satisfied(t *Tree, err error) (*Tree, error) {
	if err == nil && len(t.Unsatisfied) > 0 {
		return nil, t.Refused()
	}
	return t, err
}

// CompileForReview is Compile that also returns a configuration whose only errors are failed
// policies, in Tree.Unsatisfied: a reviewer wants to see what such a change does, too.
func (w *Workspace) CompileForReview() (*Tree, error) {
	cfg, list, err := w.load(w.config)
	if err != nil {
		return nil, err
	}
	if len(cfg.Sources) == 0 && !list.HasErrors() {
		return nil, diag.Failf("missing-issuer", "Write a small one with \"writ init\", or name the configuration's folder with --chdir.",
			"%w in %q", ErrNoConfiguration, filepath.ToSlash(w.Dir))
	}
	return w.compile(cfg, list)
}

// load loads the folder, through a root that no link in it leads out of. The error is about
// the folder; mistakes in its files are in the list.
func (w *Workspace) load(options config.Options) (*config.Config, diag.List, error) {
	root, err := os.OpenRoot(w.Dir)
	if err != nil {
		return nil, nil, Unreadable(err)
	}
	defer root.Close()
	cfg, list := config.Load(root, options)
	return cfg, list, nil
}

// Environment returns the issuer's environment, even if the configuration has mistakes; if it
// names none, that of the revision in against; "" if neither does.
func (w *Workspace) Environment(ctx context.Context, against string) string {
	if cfg, _, err := w.load(w.config); err == nil && len(cfg.Issuers) > 0 && cfg.Issuers[0].Environment != "" {
		return cfg.Issuers[0].Environment
	}
	if !strings.HasPrefix(against, gitScheme) {
		return ""
	}
	was, err := w.against(ctx, against)
	if err != nil || was.Document == nil {
		return ""
	}
	return was.Document.Issuer.Environment
}

// compile compiles what was loaded. list has the diagnostics of loading, some of which the
// configuration may accept.
func (w *Workspace) compile(cfg *config.Config, list diag.List) (*Tree, error) {
	sources := maps.Clone(cfg.Sources) // those of variables among them
	if sources == nil {
		sources = map[string][]byte{}
	}
	model, found := compiler.Compile(cfg, compiler.CompileOptions{Now: w.now(), Loaded: list})
	list = model.Accept(append(list, found...))
	t := &Tree{Model: model, Sources: sources}
	refused := false
	for _, d := range list {
		switch {
		case d.Severity != diag.Error:
			t.Warnings = append(t.Warnings, d)
		case d.Code == "policy-failed":
			t.Unsatisfied = append(t.Unsatisfied, d)
		default:
			refused = true
		}
	}
	if refused {
		return nil, &diag.Problems{List: w.suggestRenames(cfg, list), Sources: sources, Policies: policies(cfg)}
	}
	return t, nil
}

// Refused returns the error of a tree that does not satisfy its policies.
func (t *Tree) Refused() *diag.Problems {
	return t.Problems(append(slices.Clone(t.Unsatisfied), t.Warnings...))
}

// Sketch compiles the folder as far as possible, for completion and other suggestions: the
// model lacks the objects that have errors. whole says that there was none. m is nil if
// nothing can be read.
func (w *Workspace) Sketch() (m *compiler.Model, whole bool) {
	cfg, list, err := w.load(w.config)
	if err != nil || len(cfg.Sources) == 0 {
		return nil, false
	}
	m, found := compiler.Compile(cfg, compiler.CompileOptions{Now: w.now(), Loaded: list})
	return m, !list.HasErrors() && !found.HasErrors()
}

// policies are those of a configuration, in the order of their labels.
func policies(cfg *config.Config) (all []diag.Declared) {
	for _, p := range cfg.Policies {
		all = append(all, diag.Declared{Address: p.Address, Range: p.Range})
	}
	return all
}

// Problems returns diagnostics of the tree as an error, with the sources for snippets.
func (t *Tree) Problems(list diag.List) *diag.Problems {
	return &diag.Problems{List: list, Sources: t.Sources, Policies: policies(t.Model.Config)}
}

// addDiagnostics adds diagnostics of a later stage to the tree's warnings, or returns all of
// them as the error when one of them is an error.
func (t *Tree) addDiagnostics(list diag.List) error {
	t.Model.Accept(list)
	if list.HasErrors() {
		return t.Problems(append(t.Warnings, list...))
	}
	t.Warnings = append(t.Warnings, list...)
	return nil
}

// A LockCheck is the result of comparing a configuration with its lockfile.
type LockCheck struct {
	Before  *lockfile.File // nil when there is none
	Next    *lockfile.File
	Renames []compiler.Rename
	Rebuilt bool // the lockfile was lost and is made out of the snapshot in force

	bytes []byte // of Before; nil when there is none
}

// Changed reports whether the lockfile would be written.
func (c *LockCheck) Changed() bool {
	return c.Before == nil || string(c.Next.Bytes()) != string(c.bytes)
}

// CheckLock compares the tree with the lockfile.
func (w *Workspace) CheckLock(t *Tree, opts compiler.LockOptions) (*LockCheck, error) {
	c := new(LockCheck)
	if err := w.readLock(t, c, lockfile.Parse); err != nil {
		return nil, err
	}
	return c, w.makeLock(t, c, c.Before, opts)
}

// MendLock is CheckLock that accepts a lockfile in any layout. If the lockfile was lost, the
// records come from the snapshot in force.
func (w *Workspace) MendLock(ctx context.Context, t *Tree) (*LockCheck, error) {
	c := new(LockCheck)
	if err := w.readLock(t, c, lockfile.ParseWithoutCanonicalCheck); err != nil {
		return nil, err
	}
	inForce, err := w.InForce(ctx)
	if err != nil {
		return nil, err
	}
	guarding := c.Before
	// A lockfile made from the tree alone would record whatever identifiers the tree has now,
	// and so bless a change that the lost one would have refused.
	if guarding == nil && inForce.Document != nil {
		guarding, c.Rebuilt = compiler.LockFromDocument(inForce.Document), true
	}
	return c, w.makeLock(t, c, guarding, compiler.LockOptions{Prior: inForce.Document})
}

// makeLock sets c.Next and c.Renames: the lockfile that follows from the tree and from
// guarding, the one whose identifiers must be kept.
func (w *Workspace) makeLock(t *Tree, c *LockCheck, guarding *lockfile.File, opts compiler.LockOptions) error {
	opts.Name = w.Lockfile.Name
	var list diag.List
	c.Next, c.Renames, list = compiler.CheckLock(t.Model, guarding, opts)
	return t.addDiagnostics(list)
}

// readLock reads the lockfile, if there is one, into c.Before and c.bytes. Its bytes are also
// added to the tree's sources, for snippets in diagnostics.
func (w *Workspace) readLock(t *Tree, c *LockCheck, parse func(name string, content []byte) (*lockfile.File, diag.List)) error {
	content, err := w.input(w.Lockfile).read()
	if errors.Is(err, fs.ErrNotExist) {
		if w.lockNamed { // a mistyped name would guard no identifier
			d := diag.Newf("lock-missing", hcl.Range{},
				"There is no %q, so every identifier counts as new. That is right before the first apply; otherwise correct --lockfile.", w.Lockfile.Name)
			return t.addDiagnostics(diag.List{d.WithSeverity(diag.Warning)})
		}
		return nil
	}
	if err != nil {
		return err
	}
	t.Sources[w.Lockfile.Name] = content
	lock, list := parse(w.Lockfile.Name, content)
	c.Before, c.bytes = lock, content
	return t.addDiagnostics(list)
}

// Flags returns the flags that a plan was made with, in one canonical form: variables by
// name, paths relative to the root. A saved plan notes them for a person to repeat. Apply
// never takes them from the plan: whoever could edit that file would choose the variables.
func (w *Workspace) Flags() []string {
	words := []string{}
	for _, name := range slices.Sorted(maps.Keys(w.config.Vars)) {
		words = append(words, "--var", name+"="+w.config.Vars[name])
	}
	for _, file := range w.varFiles {
		words = append(words, "--var-file", w.FromRoot(file.path))
	}
	if lock := w.FromRoot(w.Lockfile.Path); lock != lockfile.DefaultName {
		words = append(words, "--lockfile", lock)
	}
	if snap := w.placeFromRoot(w.Snapshot); snap != SnapshotName {
		words = append(words, "--snapshot", snap)
	}
	if w.priorNamed {
		words = append(words, "--prior", w.placeFromRoot(w.prior))
	}
	return words
}

// placeFromRoot is FromRoot for a place. Another location than a file is named as messages
// show it, so that a saved plan holds no credential.
func (w *Workspace) placeFromRoot(p Place) string {
	if path, ok := p.File(); ok {
		return w.FromRoot(path)
	}
	return p.String()
}

// PathOf returns the path of the file that a diagnostic names. Diagnostics name the lockfile
// and the files of variables as the options do, and every other file by its path in the root.
func (w *Workspace) PathOf(name string) string {
	if name == w.Lockfile.Name {
		return w.Lockfile.Path
	}
	for _, file := range w.varFiles {
		if name == file.name {
			return file.path
		}
	}
	return filepath.Join(w.Dir, filepath.FromSlash(name))
}

// FromRoot returns a path relative to the root of the configuration, with forward slashes; an
// absolute one if there is no relative path, as between two drives.
func (w *Workspace) FromRoot(path string) string {
	root, errRoot := filepath.Abs(w.Dir)
	absolute, err := filepath.Abs(path)
	if errRoot != nil || err != nil {
		return filepath.ToSlash(path)
	}
	if relative, err := filepath.Rel(root, absolute); err == nil {
		absolute = relative
	}
	return filepath.ToSlash(absolute)
}
