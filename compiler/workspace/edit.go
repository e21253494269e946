package workspace

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/schema/snapshot"
)

// An Edit is new content for files of the configuration that is not written yet. It can be
// compiled in place of what the files hold (PlanEdit), written (Write), and taken back
// (Reverse). It touches only configuration below the root, and no file that has other bytes
// than when the Edit was made: nobody's work is overwritten unseen.
type Edit struct {
	Files []FileEdit // sorted by name
	dir   string
}

// A FileEdit is one file of an edit. Before and After have LF for every CR LF, and are nil
// where there is no such file.
type FileEdit struct {
	Name          string // relative to the root, with forward slashes
	Before, After []byte

	raw   []byte // bytes of the file when it was read; nil: it was not there
	exact []byte // bytes to write when After does not determine them: when an edit is taken back
}

// ErrEdited is in the chain of an error about a file that has other bytes than were seen.
var ErrEdited = errors.New("has changed since it was read")

// Edit prepares new content for files of a compiled tree, by name; nil content removes a
// file, and a name that the tree lacks makes one, in a folder that exists. It fails if a file
// cannot be written, or has changed since the tree was compiled (ErrEdited).
func (w *Workspace) Edit(t *Tree, after map[string][]byte) (*Edit, error) {
	root, err := os.OpenRoot(w.Dir)
	if err != nil {
		return nil, Unreadable(err)
	}
	defer root.Close()
	e := &Edit{dir: w.Dir}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		f := FileEdit{Name: name, Before: t.Sources[name], After: after[name]}
		if _, there := t.Sources[name]; there && f.Before == nil {
			f.Before = []byte{}
		}
		if err := w.editable(name); err != nil {
			return nil, err
		}
		if f.raw, err = f.read(root); err != nil {
			return nil, err
		}
		if !bytes.Equal(source.UnixLines(f.raw), f.Before) || (f.raw == nil) != (f.Before == nil) {
			return nil, f.editedError()
		}
		if err := f.writable(root); err != nil {
			return nil, err
		}
		e.Files = append(e.Files, f)
	}
	return e, nil
}

// editable refuses every name that is not a configuration file in native syntax below the
// root: hidden files, the lockfile, expectations (*.test.hcl). The names come from forms of
// the console, so this is what keeps them from writing anything else.
func (w *Workspace) editable(name string) error {
	hidden := slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return strings.HasPrefix(part, ".") })
	switch {
	case !filepath.IsLocal(filepath.FromSlash(name)), name != path.Clean(name), hidden, !strings.HasSuffix(name, ".hcl"), strings.HasSuffix(name, ".test.hcl"),
		path.Base(name) == source.LockfileName, name == w.config.Lockfile:
		return diag.Failf("write-failed", "Name a file of the configuration that ends in .hcl.", "%q cannot be edited", name)
	}
	return nil
}

// read returns what the file holds, nil if it does not exist. A link that leads nowhere is an
// error: a new file in its place would be somewhere else.
func (f *FileEdit) read(root *os.Root) ([]byte, error) {
	content, err := readFrom(filepath.FromSlash(f.Name), root.Stat, root.Open)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := root.Lstat(filepath.FromSlash(f.Name)); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	if err == nil && content == nil {
		content = []byte{} // an empty file is there
	}
	return content, err
}

// writable reports an error if the file, or the folder of a new one, cannot be written. It
// changes nothing. A page can thus say so before somebody fills in a form.
func (f *FileEdit) writable(root *os.Root) error {
	name := filepath.FromSlash(f.Name)
	if f.raw == nil {
		if info, err := root.Stat(filepath.Dir(name)); err != nil {
			return Unwritable(err)
		} else if !info.IsDir() {
			return diag.Failf("write-failed", "", "%q is not a folder", path.Dir(f.Name))
		}
		return nil
	}
	file, err := root.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return Unwritable(err)
	}
	return file.Close()
}

// editedError is the error about a file that has changed since it was read.
func (f *FileEdit) editedError() error {
	return diag.Failf("write-failed", "Run this again.", "%q %w", f.Name, ErrEdited)
}

// unchanged fails where the file does not hold what was read.
func (f *FileEdit) unchanged(root *os.Root) error {
	now, err := f.read(root)
	if err == nil && (!bytes.Equal(now, f.raw) || (now == nil) != (f.raw == nil)) {
		err = f.editedError()
	}
	return err
}

// content returns the bytes to write: After, with CR LF if the file had any. It is nil when
// the file is to be removed.
func (f *FileEdit) content() []byte {
	if f.exact != nil {
		return f.exact
	}
	if bytes.Contains(f.raw, []byte("\r\n")) {
		return bytes.ReplaceAll(f.After, []byte("\n"), []byte("\r\n"))
	}
	return f.After
}

// Unchanged fails where a file does not hold what was read, with ErrEdited in the chain.
func (e *Edit) Unchanged() error {
	root, err := os.OpenRoot(e.dir)
	if err != nil {
		return Unreadable(err)
	}
	defer root.Close()
	for i := range e.Files {
		if err := e.Files[i].unchanged(root); err != nil {
			return err
		}
	}
	return nil
}

// Write writes the files. All are checked before the first one is touched, and each once
// more right before it is replaced; where one fails, those before it are put back.
func (e *Edit) Write() error {
	root, err := os.OpenRoot(e.dir)
	if err != nil {
		return Unwritable(err)
	}
	defer root.Close()
	if err := e.Unchanged(); err != nil {
		return err
	}
	for i := range e.Files {
		if err := e.Files[i].write(root); err != nil {
			for _, done := range slices.Backward(e.Files[:i]) {
				back := done.reverse()
				err = errors.Join(err, back.write(root))
			}
			return err
		}
	}
	return nil
}

// write replaces, creates or removes the file, if it still holds what was read. The last
// comparison is made right before the rename; what somebody writes between the two is lost.
func (f *FileEdit) write(root *os.Root) error {
	system, name := durable.In{Root: root}, filepath.FromSlash(f.Name)
	var err error
	switch {
	case f.raw == nil:
		err = durable.CreateWith(system, name, f.content(), 0o644)
	case f.After == nil:
		if err := f.unchanged(root); err != nil {
			return err
		}
		if err = root.Remove(name); err == nil {
			err = system.SyncFolder(filepath.Dir(name))
		}
	default:
		err = durable.ReplaceWith(system, name, f.content(), 0o644, func() error { return f.unchanged(root) })
	}
	if _, ok := errors.AsType[*diag.Failure](err); err != nil && !ok {
		return Unwritable(err)
	}
	return err
}

// reverse is the edit that takes this one back after it was written.
func (f *FileEdit) reverse() FileEdit {
	return FileEdit{Name: f.Name, Before: f.After, After: f.Before, raw: f.content(), exact: f.raw}
}

// Reverse is the edit that takes this one back. It can be written while the files have
// the bytes that this one has written.
func (e *Edit) Reverse() *Edit {
	back := &Edit{dir: e.dir}
	for i := range e.Files {
		back.Files = append(back.Files, e.Files[i].reverse())
	}
	return back
}

// PlanEdit compiles the tree with an edit, checks it against the lockfile, and compares it
// with before, which is the zero Tree when nothing was declared yet. The error is a
// *diag.Problems if the edited configuration has errors; then the tree is nil.
func (w *Workspace) PlanEdit(before *Tree, e *Edit) (*Tree, *compiler.Plan, error) {
	content := make(map[string][]byte, len(e.Files))
	for _, f := range e.Files {
		content[f.Name] = f.After
	}
	after, err := w.CompileEdited(content)
	if err != nil {
		return nil, nil, err
	}
	if _, err := w.CheckLock(after, compiler.LockOptions{}); err != nil {
		return nil, nil, err
	}
	is, err := after.digest()
	if err != nil {
		return nil, nil, err
	}
	var prior compiler.Prior
	if before.Model != nil {
		prior.Document, prior.Model = before.Model.Document, before.Model
		if prior.Digest, err = before.digest(); err != nil {
			return nil, nil, err
		}
	}
	plan, list := compiler.NewPlan(prior, after.Model, compiler.PlanOptions{Digest: is, Now: w.now()})
	if err := after.addDiagnostics(list); err != nil {
		return nil, nil, err
	}
	return after, plan, nil
}

// digest returns the digest of the body that the tree's snapshot would have. It encodes the
// tree once, on the first call; concurrent callers wait for that one.
func (t *Tree) digest() (string, error) {
	t.encoded.Do(func() {
		body, err := snapshot.Encode(t.Model.Document)
		if err != nil {
			t.bodyErr = fmt.Errorf("encode the configuration: %w", err)
			return
		}
		t.body = snapshot.Digest(body)
	})
	return t.body, t.bodyErr
}

// CompileEdited is Compile with other content of some files, by their names.
func (w *Workspace) CompileEdited(content map[string][]byte) (*Tree, error) {
	options := w.config
	options.Edited = content
	cfg, list, err := w.load(options)
	if err != nil {
		return nil, err
	}
	return satisfied(w.compile(cfg, list))
}
