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
	priorAsked bool
	location   location.Options
	trust      Trust
	key        ed25519.PrivateKey
	lockAsked  bool // Options named the lockfile
	varFiles   []inputFile
	config     config.Options
	now        func() time.Time
	rand       io.Reader
	note       func(text string)
}

// Load finds the folder and reads the files that the options name.
func Load(o Options) (*Workspace, error) {
	w := &Workspace{Dir: o.Dir, Lockfile: o.Lockfile, location: o.Location, trust: o.Trust, key: o.Key, now: o.Now, rand: o.Rand, note: o.Note}
	if w.lockAsked = o.Lockfile != (File{}); !w.lockAsked {
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
	if w.prior, w.priorAsked = w.Snapshot, o.Prior != ""; w.priorAsked {
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

// KeepParsed has what was parsed kept from one Compile to the next, for a tree that is
// compiled again and again while it is edited.
func (w *Workspace) KeepParsed() { w.config.Cache = new(source.Cache) }

// WithNote is the workspace with another place for notes: those of a comparison that a page
// shows are no business of the terminal.
func (w *Workspace) WithNote(note func(text string)) *Workspace {
	with := *w
	with.note = note
	return &with
}

// Clone is the tree for a further plan, which adds warnings to it and the bytes of the
// lockfile. The model is shared, and so two plans of one model are made one after another.
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

// CompileForReview is Compile that takes a configuration whose only mistakes are that it
// does not satisfy its policies: what it changes is then as good a thing to know.
func (w *Workspace) CompileForReview() (*Tree, error) {
	cfg, list, err := w.load()
	if err != nil {
		return nil, err
	}
	if len(cfg.Sources) == 0 && !list.HasErrors() {
		return nil, diag.Failf("missing-issuer", "Write a small one with \"writ init\", or name the configuration's folder with --chdir.",
			"%w in %q", ErrNoConfiguration, filepath.ToSlash(w.Dir))
	}
	return w.compile(cfg, list)
}

// load loads the folder.
func (w *Workspace) load() (*config.Config, diag.List, error) {
	root, err := os.OpenRoot(w.Dir)
	if err != nil {
		return nil, nil, Unreadable(err)
	}
	defer root.Close()
	cfg, list := config.Load(root, w.config)
	return cfg, list, nil
}

// Environment is the issuer's, as far as it can be told of a configuration with mistakes:
// else that of the revision which it is compared with, "" when neither tells.
func (w *Workspace) Environment(ctx context.Context, against string) string {
	if cfg, _, err := w.load(); err == nil && len(cfg.Issuers) > 0 && cfg.Issuers[0].Environment != "" {
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

// compile goes on with what was loaded.
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

// Refused is the error of a tree that does not satisfy its policies.
func (t *Tree) Refused() *diag.Problems {
	return t.Problems(append(slices.Clone(t.Unsatisfied), t.Warnings...))
}

// Sketch compiles the folder for suggestions alone: with errors the model lacks what they
// are about. It is nil where nothing can be read, and whole if there is no error.
func (w *Workspace) Sketch() (m *compiler.Model, whole bool) {
	root, err := os.OpenRoot(w.Dir)
	if err != nil {
		return nil, false
	}
	defer root.Close()
	cfg, list := config.Load(root, w.config)
	if len(cfg.Sources) == 0 {
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

// Problems are diagnostics of the tree.
func (t *Tree) Problems(list diag.List) *diag.Problems {
	return &diag.Problems{List: list, Sources: t.Sources, Policies: policies(t.Model.Config)}
}

// take adds diagnostics to the warnings. With an error among them the tree may
// not go on.
func (t *Tree) take(list diag.List) error {
	t.Model.Accept(list)
	if list.HasErrors() {
		return t.Problems(append(t.Warnings, list...))
	}
	t.Warnings = append(t.Warnings, list...)
	return nil
}

// A LockCheck is what the configuration makes of the lockfile.
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

// MendLock is CheckLock that takes a lockfile in any layout, and in the place of one
// that was lost what the snapshot in force records.
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
	if guarding == nil && inForce.Document != nil { // one that was lost must not begin anew with whatever the tree says now
		guarding, c.Rebuilt = compiler.LockFromDocument(inForce.Document), true
	}
	return c, w.makeLock(t, c, guarding, compiler.LockOptions{Prior: inForce.Document})
}

// makeLock makes the next lockfile out of the one that guards the identifiers.
func (w *Workspace) makeLock(t *Tree, c *LockCheck, guarding *lockfile.File, opts compiler.LockOptions) error {
	opts.Name = w.Lockfile.Name
	var list diag.List
	c.Next, c.Renames, list = compiler.CheckLock(t.Model, guarding, opts)
	return t.take(list)
}

// readLock reads the lockfile, if there is one. Its bytes become a source of snippets.
func (w *Workspace) readLock(t *Tree, c *LockCheck, parse func(name string, content []byte) (*lockfile.File, diag.List)) error {
	content, err := w.input(w.Lockfile).read()
	if errors.Is(err, fs.ErrNotExist) {
		if w.lockAsked { // a mistyped name would guard no identifier
			d := diag.Newf("lock-missing", hcl.Range{},
				"There is no %q, so every identifier counts as new. That is right before the first apply; otherwise correct --lockfile.", w.Lockfile.Name)
			return t.take(diag.List{d.WithSeverity(diag.Warning)})
		}
		return nil
	}
	if err != nil {
		return err
	}
	t.Sources[w.Lockfile.Name] = content
	lock, list := parse(w.Lockfile.Name, content)
	c.Before, c.bytes = lock, content
	return t.take(list)
}

// Flags are the flags that say what a plan is made of, one way to write them:
// variables by name, paths as seen from the root. A saved plan notes them for a
// person to repeat. Apply never takes them from the file: whoever could edit it
// would choose the variables.
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
	if w.priorAsked {
		words = append(words, "--prior", w.placeFromRoot(w.prior))
	}
	return words
}

// placeFromRoot is FromRoot of a file. Another location is named as messages show
// it: a saved plan holds no credential.
func (w *Workspace) placeFromRoot(p Place) string {
	if path, ok := p.File(); ok {
		return w.FromRoot(path)
	}
	return p.String()
}

// PathOf is where the file is that a diagnostic names: the lockfile and the files of
// variables are named as the options do, every other one by its path in the root.
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

// FromRoot is a path as seen from the root of the configuration, where apply runs.
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
