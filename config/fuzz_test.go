package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/source"
)

// FuzzLoad loads any bytes as a configuration, as JSON, as a test file and as
// a variable file. Whatever they are: no crash, every error has a place in a
// file, and the same bytes give the same answer.
func FuzzLoad(f *testing.F) {
	for _, dir := range []string{"testdata/valid/*/*.hcl", "testdata/invalid/*.hcl", "testdata/invalid/*/*.hcl"} {
		names, err := filepath.Glob(dir)
		if err != nil || len(names) == 0 {
			f.Fatal(dir, err)
		}
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	limits := source.DefaultLimits()
	limits.Steps, limits.StringBytes, limits.Collection, limits.Objects = 20_000, 4096, 500, 200
	f.Fuzz(func(t *testing.T, src []byte) {
		tree := files("a.hcl", string(src), "b.hcl.json", string(src), "c.test.hcl", string(src), "keys/x.json", "{}")
		opts := config.Options{Limits: limits, Vars: map[string]string{"v": string(src)}, VarFiles: []config.VarFile{{Name: "vars", Bytes: src}}}
		c, problems := config.LoadFS(tree, opts)
		for _, p := range problems {
			if p.Code == "" || p.Summary == "" || p.Detail == "" {
				t.Errorf("bare diagnostic %+v", p)
			}
			if r := p.Range; r.Filename != "" && (r.Start.Byte > r.End.Byte || r.End.Byte > len(c.Sources[r.Filename])+1) {
				t.Errorf("range %v of %s lies outside its file", r, p.Code)
			}
		}
		for _, a := range c.Authorizations {
			c.EvalClaims(nil, nil, a, config.Self{Authorization: &a.Authorization})
			for _, p := range c.Policies {
				c.CheckPolicy(p, config.Self{Authorization: &a.Authorization})
			}
		}
		again, problemsAgain := config.LoadFS(tree, opts)
		if !bytes.Equal(everything(t, c, problems), everything(t, again, problemsAgain)) {
			t.Error("the same bytes give another answer")
		}
	})
}
