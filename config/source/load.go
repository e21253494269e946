package source

import (
	"io/fs"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/writ-auth/writ/config/diag"
)

// Load reads and parses the configuration below root.
func Load(root *os.Root, opts Options) (*Tree, diag.List) {
	return LoadFS(root.FS(), opts)
}

// LoadFS is Load for a tree that is not a folder, such as one taken from git.
func LoadFS(fsys fs.FS, opts Options) (*Tree, diag.List) {
	t := new(Tree)
	var l diag.List
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() || !strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, "writ.lock.hcl") || name == opts.Lockfile {
			return nil
		}
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		f, fl := ParseFile(name, b, opts.Limits)
		l = append(l, fl...)
		if f == nil {
			return nil
		}
		if strings.HasSuffix(name, ".test.hcl") {
			t.Tests = append(t.Tests, f)
		} else {
			t.Files = append(t.Files, f)
		}
		t.TotalBytes += int64(len(b))
		return nil
	})
	if err != nil {
		l = append(l, diag.Diagnostic{Severity: diag.Error, Code: "unreadable-file", Summary: "Unreadable file", Detail: err.Error()})
	}
	return t, l
}

// ParseFile scans and parses one file in native syntax. The file is nil only
// when nothing could be parsed.
func ParseFile(name string, b []byte, limits Limits) (*File, diag.List) {
	f, diags := hclsyntax.ParseConfig(b, name, hcl.InitialPos)
	file := &File{Name: name, Bytes: b}
	if f != nil {
		file.Body = f.Body.(*hclsyntax.Body)
	}
	return file, diag.FromHCL(diags, "syntax")
}

// Format returns src in canonical layout. A file that does not parse is
// returned as it is, with the diagnostics that say why.
func Format(name string, src []byte, limits Limits) ([]byte, diag.List) {
	if _, l := ParseFile(name, src, limits); l.HasErrors() {
		return src, l
	}
	return hclwrite.Format(src), nil
}
