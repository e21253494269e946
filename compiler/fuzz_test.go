package compiler_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// FuzzCompile takes any file through config and compiler: no panic, every
// diagnostic points into the file, and what has no error survives the lockfile
// rules and an explanation.
func FuzzCompile(f *testing.F) {
	paths, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		all := []byte(defaultIssuer)
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".hcl") {
				all = append(bytes.TrimPrefix(all, []byte(defaultIssuer)), file.Data...)
			}
		}
		f.Add(all)
	}
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, src []byte) {
		cfg, loaded := config.LoadFS(fstest.MapFS{"all.hcl": {Data: src}}, config.Options{})
		m, compiled := compiler.Compile(cfg, compiler.CompileOptions{Now: now, Loaded: loaded})
		for _, d := range compiled {
			if d.Range.End.Byte > len(src) || d.Range.Start.Byte > d.Range.End.Byte {
				t.Errorf("%s points out of the file: %v", d.Code, d.Range)
			}
			if d.Code == "" || d.Summary == "" || d.Detail == "" {
				t.Errorf("incomplete: %+v", d)
			}
		}
		checkFurther(t, m, append(loaded, compiled...))
	})
}

func checkFurther(t *testing.T, m *compiler.Model, diags diag.List) {
	next, _, _ := compiler.CheckLock(m, nil, compiler.LockOptions{})
	if diags.HasErrors() {
		return
	}
	next, renames, again := compiler.CheckLock(m, reread(t, next), compiler.LockOptions{Locked: true})
	if len(again) > 0 || len(renames) > 0 {
		t.Errorf("the lockfile just made does not fit: %v %v", again, renames)
	}
	if diags := compiler.CheckPrior(m, m.Document, compiler.PriorOptions{Lock: next}); len(diags) > 0 {
		t.Errorf("nothing changed, but: %v", diags)
	}
}
