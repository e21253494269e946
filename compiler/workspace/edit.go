package workspace

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/schema/snapshot"
)

// An Edit is a file of the configuration with other content, which stands nowhere yet.
type Edit struct {
	Name          string // relative to the root, with forward slashes
	Before, After []byte // with LF for every CR LF

	path string
	raw  []byte // what the file held when it was read
}

// Edit prepares new content for a file of a tree that was compiled. It fails where the
// file cannot be written, or is not what was compiled.
func (w *Workspace) Edit(t *Tree, name string, after []byte) (*Edit, error) {
	e := &Edit{Name: name, Before: t.Sources[name], After: after, path: filepath.Join(w.Dir, filepath.FromSlash(name))}
	var err error
	if e.raw, err = ReadFile(e.path); err != nil {
		return nil, err
	}
	if !bytes.Equal(source.UnixLines(e.raw), e.Before) {
		return nil, e.moved()
	}
	f, err := os.OpenFile(e.path, os.O_WRONLY, 0)
	if err != nil {
		return nil, Unwritable(err)
	}
	return e, f.Close()
}

func (e *Edit) moved() error {
	return diag.Failf("write-failed", "Run this again.", "%q has changed since it was read", e.Name)
}

// Write writes the file, with the line ends that it had.
func (e *Edit) Write() error {
	now, err := ReadFile(e.path)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, e.raw) {
		return e.moved()
	}
	content := e.After
	if bytes.Contains(e.raw, []byte("\r\n")) {
		content = bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n"))
	}
	if err := durable.Replace(e.path, content, 0o644); err != nil {
		return Unwritable(err)
	}
	return nil
}

// PlanEdit compiles the tree with an edit and compares it with what it was before. The
// error is a *diag.Problems where the edited configuration is at fault.
func (w *Workspace) PlanEdit(before *Tree, e *Edit) (*Tree, *compiler.Plan, error) {
	root, err := os.OpenRoot(w.Dir)
	if err != nil {
		return nil, nil, Unreadable(err)
	}
	defer root.Close()
	options := w.config
	options.Edited = map[string][]byte{e.Name: e.After}
	after, err := w.compile(config.Load(root, options))
	if err != nil {
		return nil, nil, err
	}
	if len(after.Unsatisfied) > 0 {
		return nil, nil, after.Refused()
	}
	was, err := snapshot.Encode(before.Model.Document)
	if err != nil {
		return nil, nil, err
	}
	body, err := snapshot.Encode(after.Model.Document)
	if err != nil {
		return nil, nil, err
	}
	prior := compiler.Prior{Document: before.Model.Document, Digest: snapshot.Digest(was), Model: before.Model}
	plan, list := compiler.NewPlan(prior, after.Model, compiler.PlanOptions{Digest: snapshot.Digest(body), Now: w.now()})
	return after, plan, after.take(list)
}
