package lockfile

import (
	"bytes"
	"slices"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
)

// Parse reads a lockfile, or refuses it with the command that mends it. The
// File is nil exactly when the list has errors.
func Parse(name string, b []byte) (*File, diag.List) {
	if f, ok := scanCanonical(name, b); ok {
		if l := checkDuplicates(f); l.HasErrors() {
			return nil, l
		}
		return f, nil
	}
	f, l := ParseWithoutCanonicalCheck(name, b)
	if f == nil {
		return nil, l
	}
	if canonical := f.Bytes(); !bytes.Equal(b, canonical) {
		return nil, diag.List{notCanonical(name, b, canonical)}
	}
	return f, nil
}

// ParseWithoutCanonicalCheck is Parse for the one command that puts a lockfile
// back in order: it accepts records in any order and layout, takes a record that
// stands twice for one, and refuses all that Parse refuses beside that. Nothing
// else may trust a file in disorder.
func ParseWithoutCanonicalCheck(name string, b []byte) (*File, diag.List) {
	if d, found := conflictMarker(name, b); found {
		return nil, diag.List{d}
	}
	syntax, l := source.ParseFile(name, b, limits())
	if l.HasErrors() {
		return nil, withWayOut(l)
	}
	d := decoder{file: &File{Name: name, Source: b}}
	d.body(syntax.Body)
	if d.diags.HasErrors() {
		return nil, d.diags
	}
	for _, s := range d.file.sections() {
		*s.entries = slices.CompactFunc(sorted(*s.entries), sameRecord)
	}
	if l := checkDuplicates(d.file); l.HasErrors() {
		return nil, l
	}
	return d.file, nil
}

// sameRecord is for records that a merge repeats: git joins conflicts that are a
// few lines apart, and whoever keeps both sides has the lines between them twice.
func sameRecord(a, b Entry) bool { return a.Label == b.Label && a.Value == b.Value }

// withWayOut adds to what the parser found how to get a lockfile that parses.
func withWayOut(l diag.List) diag.List {
	for i := range l {
		if l[i].Severity == diag.Error {
			l[i].Detail += " " + restore
			break
		}
	}
	return l
}

// limits are those of any file but for its size and length: a configuration may
// have more objects than fit into one file, and all of them are recorded here.
func limits() source.Limits {
	l := source.DefaultLimits()
	l.FileBytes = l.TreeBytes
	l.Blocks = 2 * l.Objects // with those that are retired
	l.FileLines, l.FileTokens = 5*l.Blocks, 8*l.Blocks
	return l
}
