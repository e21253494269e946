package workspace

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/writ-auth/writ/compiler/lockfile"
)

// issuerHeader finds what every configuration has exactly once, in HCL and in JSON. In
// a trusted_issuer of JSON the issuer is a string.
var issuerHeader = regexp.MustCompile(`(?m)^issuer[ \t]*\{|^[ \t{]*"issuer"[ \t]*:[ \t\r\n]*[\[{]`)

// RootMark returns the name of the file that makes a folder the root of a configuration:
// the lockfile, or one that has the issuer. Other tools keep *.hcl files too. It returns
// "" if there is none; what cannot be read is none.
func RootMark(dir string) string {
	// The lockfile first: it takes one call, where the others may be large and are read.
	if info, err := os.Lstat(filepath.Join(dir, lockfile.DefaultName)); err == nil && info.Mode().IsRegular() {
		return lockfile.DefaultName
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	for _, entry := range entries {
		name := entry.Name()
		if !entry.Type().IsRegular() || !strings.HasSuffix(name, ".hcl") && !strings.HasSuffix(name, ".hcl.json") {
			continue
		}
		content, err := ReadFile(filepath.Join(dir, name))
		if err == nil && bytes.Contains(content, []byte("issuer")) && issuerHeader.Match(content) {
			return name
		}
	}
	return ""
}

// FindRoot finds the root of the configuration that a folder belongs to: the nearest
// folder upwards that has a RootMark. inside is the folder's path below the root, ""
// where it is the root itself, or where no root is found and it has to do.
//
// The search ends at the top of the repository. Outside of one it ends where anybody may
// write, as in /tmp: what somebody else puts there is nobody's configuration.
func FindRoot(dir string) (root, inside string) {
	start := realPath(dir)
	top, repository := repositoryTop(start)
	for at := start; RootMark(at) == ""; at = filepath.Dir(at) {
		above := filepath.Dir(at)
		if above == at || repository && at == top || !repository && anybodyWrites(above) {
			return dir, ""
		}
		if RootMark(above) == "" {
			continue
		}
		inside, err := filepath.Rel(above, start)
		if err != nil {
			return dir, ""
		}
		return asNamed(dir, above), filepath.ToSlash(inside)
	}
	return dir, ""
}

// asNamed returns the path of a folder in the form in which start was given: relative to the
// working folder, or absolute.
func asNamed(start, folder string) string {
	if filepath.IsAbs(start) {
		return folder
	}
	if relative, err := filepath.Rel(realPath("."), folder); err == nil {
		return relative
	}
	return folder
}

// anybodyWrites reports whether every user of the machine may make files in a folder. One
// whose mode cannot be read counts, as nothing is known of it.
func anybodyWrites(folder string) bool {
	info, err := os.Stat(folder)
	return err != nil || info.Mode().Perm()&0o002 != 0
}

// repositoryTop returns the top of the checkout that a folder lies in, or the folder itself
// if there is none. The folder's path must have no links. The author of a commit cannot add
// a ".git" to mislead it, as git refuses to track one.
func repositoryTop(folder string) (top string, found bool) {
	for at := folder; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at, true
		}
		if at == filepath.Dir(at) {
			return folder, false
		}
	}
}

// InRepository returns a file's path as hosts of the repository know it: relative to the top
// of the checkout around the root, or to the root if there is no checkout. A path that
// leads out of it is returned as it is.
func (w *Workspace) InRepository(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return filepath.ToSlash(path)
	}
	real := filepath.Join(realPath(filepath.Dir(absolute)), filepath.Base(absolute))
	relative, err := filepath.Rel(w.treeTop(), real)
	if err != nil || !filepath.IsLocal(relative) {
		return filepath.ToSlash(path)
	}
	return filepath.ToSlash(relative)
}
