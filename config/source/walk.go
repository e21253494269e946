package source

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/writ-auth/writ/config/diag"
)

// LockfileName is the lockfile's default name. A file of this name is no
// configuration, in whichever folder it is.
const LockfileName = "writ.lock.hcl"

// A walk lists the files of a configuration, without reading any.
//
// It visits everything below the root, except names that begin with a dot or end
// in a tilde. Everything else must be a folder, a regular file, or a link to a
// regular file inside the tree; anything else is an error, whatever its name. To
// skip a link to a folder would be to skip configuration that its author believes
// to be applied.
type walk struct {
	files    *Files
	limits   Limits
	lockfile string
	edited   map[string][]byte // see Options.Edited

	entries []entry
	total   int64
	l       diag.List
}

// An entry is a file of the configuration that has not been read yet.
type entry struct {
	name string
	size int64
}

func (e entry) isTest() bool {
	return strings.HasSuffix(e.name, ".test.hcl") || strings.HasSuffix(e.name, ".test.hcl.json")
}

func (e entry) isJSON() bool { return strings.HasSuffix(e.name, ".json") }

// run fills in entries, sorted by name, and total. It stops at the limit of the
// whole tree, before any file is read.
func (w *walk) run() {
	w.folder(".", 0)
	w.overlay()
	slices.SortFunc(w.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for _, e := range w.entries {
		if w.total += e.size; w.total > w.limits.TreeBytes {
			w.report(e.name, "limit-exceeded", "Too large tree", fmt.Sprintf("This is past a limit: all files of a configuration have %d bytes at most.", w.limits.TreeBytes))
			return
		}
	}
}

// overlay makes the entries those of the edited tree: files that are not there yet come to
// it, and those that an edit removes leave it.
func (w *walk) overlay() {
	w.entries = slices.DeleteFunc(w.entries, func(e entry) bool { _, edited := w.edited[e.name]; return edited })
	for name, content := range w.edited {
		switch {
		case content == nil || !w.isConfiguration(name):
		case int64(len(content)) > w.limits.FileBytes:
			w.l = append(w.l, fileTooLarge(name, w.limits.FileBytes))
		default:
			w.entries = append(w.entries, entry{name: name, size: int64(len(content))})
		}
	}
}

// folder visits what is in one folder. Folders are never links: fs.ReadDir tells a link from
// what it leads to, and file then refuses one to a folder. So there are no cycles.
func (w *walk) folder(dir string, depth int) {
	if depth > w.limits.Nesting {
		w.report(dir, "limit-exceeded", "Too deep folders", fmt.Sprintf("This is past a limit: folders nest %d levels deep at most.", w.limits.Nesting))
		return
	}
	entries, err := fs.ReadDir(w.files.fsys, dir)
	if err != nil {
		w.unreadable(dir, err)
	}
	for _, d := range entries {
		if hidden(d.Name()) {
			continue
		}
		name := path.Join(dir, d.Name())
		if !utf8.ValidString(d.Name()) {
			w.report(strings.ToValidUTF8(name, "\ufffd"), "unreadable-file", "Name is not UTF-8",
				fmt.Sprintf("The name %+q is not UTF-8, and not every system can have it. Rename the file or folder.", name))
			continue
		}
		if d.IsDir() {
			w.folder(name, depth+1)
			continue
		}
		if d.Type()&fs.ModeSymlink != 0 && InGit(w.files.fsys, name) {
			w.unreadable(name, ErrGit)
			continue
		}
		w.file(name)
	}
}

// hidden reports whether a name is that of an editor's backup, of a tool's folder
// or of git.
func hidden(base string) bool {
	return strings.HasPrefix(base, ".") || strings.HasSuffix(base, "~")
}

// file adds one file to the entries if it is configuration and small enough.
func (w *walk) file(name string) {
	info, err := w.files.stat(name)
	if err != nil {
		w.unreadable(name, err)
		return
	}
	if !w.isConfiguration(name) {
		return
	}
	if info.Size() > w.limits.FileBytes {
		w.l = append(w.l, fileTooLarge(name, w.limits.FileBytes))
		return
	}
	w.entries = append(w.entries, entry{name: name, size: info.Size()})
}

// isConfiguration reports whether a file of that name is configuration or expectation,
// wherever it is. The lockfile, which is HCL too, has a reader of its own.
func (w *walk) isConfiguration(name string) bool {
	if name == w.lockfile || path.Base(name) == LockfileName {
		return false
	}
	return strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json")
}

func (w *walk) unreadable(name string, err error) { w.l = append(w.l, unreadable(name, err)) }

func (w *walk) report(name, code, summary, detail string) {
	w.l = append(w.l, diag.New(code, wholeFile(name), detail).Titled(summary))
}

// PointerHint is the advice that follows ErrPointer in diagnostics.
const PointerHint = "Fetch the file with git lfs pull. A revision of git has the pointer alone, so to be compared with one a configuration cannot be in LFS: git lfs untrack."

// unreadable is the diagnostic for a file or folder that cannot be read, with the
// system's reason and, for the known reasons, what to do.
func unreadable(name string, err error) diag.Diagnostic {
	if errors.Is(err, ErrTooLarge) {
		return diag.Newf("limit-exceeded", wholeFile(name), "%q is %v.", name, err).Titled("Too large file")
	}
	cause := err
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		cause = pe.Err
	}
	detail := fmt.Sprintf("%q cannot be read: %v.", name, cause)
	switch {
	case errors.Is(err, fs.ErrPermission):
		detail += " Check who owns it and its mode."
	case errors.Is(err, fs.ErrNotExist):
		detail = fmt.Sprintf("%q leads to nothing: its target is gone, or it was removed just now. Remove the link, or restore what it leads to.", name)
	case strings.Contains(cause.Error(), "escapes"): // os.Root has no error to compare with
		detail = fmt.Sprintf("%q is a link that leads out of the configuration's folder. Put a copy there instead: what a configuration says must not depend on the machine.", name)
	}
	if errors.Is(err, ErrGit) {
		detail = fmt.Sprintf("%q is a link into .git, which is not part of the tree. Put a copy there instead.", name)
	}
	if errors.Is(err, ErrPointer) {
		detail = fmt.Sprintf("%q is %v. %s", name, err, PointerHint)
	}
	if errors.Is(err, ErrNotRegular) {
		detail += " A configuration holds folders, regular files, and links to regular files inside it."
	}
	return diag.New("unreadable-file", wholeFile(name), detail)
}
