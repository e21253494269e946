package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// causedByTests are the codes that no script can cause, and the tests that do.
var causedByTests = map[string]func(*testing.T){
	"busy":        TestErrorOfBusyFolder,   // takes another writ in the moment that it writes
	"not-durable": TestErrorAfterTheChange, // takes a disk that fails
}

// TestEveryCommandCodeIsCaused holds that a script causes each code whose
// example is a command. The examples that are configurations are run in compiler.
func TestEveryCommandCodeIsCaused(t *testing.T) {
	assertion := regexp.MustCompile(`(?m)^(?:stdout|stderr|json|devsees|odd) .*$`)
	var asserted []string
	paths, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		script, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		asserted = append(asserted, assertion.FindAllString(string(script), -1)...)
	}
	for _, c := range diag.Codes() {
		if !c.IsCommand() {
			continue
		}
		whole := regexp.MustCompile(`(^|[^a-z0-9-])` + c.Name + `($|[^a-z0-9-])`)
		_, byTest := causedByTests[c.Name]
		if scripted := slices.ContainsFunc(asserted, whole.MatchString); scripted == byTest {
			t.Errorf("%s: a script expects it: %t, a test is named: %t", c.Name, scripted, byTest)
		}
	}
}

// TestCommandExamplesParse holds that the commands and flags of the examples exist.
func TestCommandExamplesParse(t *testing.T) {
	words := regexp.MustCompile(`writ ([a-z]+)([^&<\n]*)`)
	for _, c := range diag.Codes() {
		if !c.IsCommand() || c.Name == "usage" {
			continue
		}
		for _, m := range words.FindAllStringSubmatch(c.Example, -1) {
			i := slices.IndexFunc(commands(), func(c cli.Command) bool { return c.Name == m[1] })
			if i < 0 {
				t.Errorf("%s: no command %q", c.Name, m[1])
				continue
			}
			for _, flag := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(m[2], -1) {
				env, _, said := testStdio()
				cli.Run(t.Context(), env, commands(), []string{m[1], "--" + flag[1] + "=x", "--help"})
				known := !strings.Contains(said.String(), "unknown flag")
				if !known {
					t.Errorf("%s: writ %s has no flag --%s", c.Name, m[1], flag[1])
				}
			}
		}
	}
}

// TestSourcesReportCodesOfTheCatalogue reads the sources: nobody but the
// catalogue's constructor makes a diagnostic, each code that is written is in
// the catalogue, and each row of the catalogue is used.
func TestSourcesReportCodesOfTheCatalogue(t *testing.T) {
	used := map[string]bool{}
	check := func(where, code string) {
		used[code] = true
		if _, found := diag.LookUp(code); !found {
			t.Errorf("%s: no code %q in the catalogue", where, code)
		}
	}
	for _, blocks := range [][]schema.Block{schema.Language, schema.TestLanguage} {
		for i := range blocks {
			checkLanguage(&blocks[i], check)
		}
	}
	files := token.NewFileSet()
	for _, path := range productionSources(t, "../../config", "../../compiler", ".") {
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if s, ok := n.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Diagnostic" && isNamed(s.X, "diag") && len(n.Elts) > 0 {
					t.Errorf("%s: a diagnostic that diag.New does not make", files.Position(n.Pos()))
				}
			case *ast.CallExpr:
				if code, ok := codeArgument(n); ok {
					check(files.Position(n.Pos()).String(), code)
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					used[text] = true
				}
			}
			return true
		})
	}
	if len(used) == 0 {
		t.Fatal("no source was read")
	}
	for _, c := range diag.Codes() {
		if !used[c.Name] {
			t.Errorf("nothing reports %s", c.Name)
		}
	}
}

func checkLanguage(b *schema.Block, check func(where, code string)) {
	if b.LabelCode != "" {
		check("the label of "+b.Type, b.LabelCode)
	}
	for _, a := range b.Attributes {
		if a.Code != "" {
			check(b.Type+"."+a.Name, a.Code)
		}
	}
	for i := range b.Blocks {
		checkLanguage(&b.Blocks[i], check)
	}
}

// codeArgument is the code that a call reports, when it stands there in words.
func codeArgument(call *ast.CallExpr) (string, bool) {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		if name = f.Sel.Name; (name == "New" || name == "Newf") && !isNamed(f.X, "diag") {
			return "", false
		}
	}
	if name == "Usagef" {
		return diag.CodeUsage, true
	}
	reporting := []string{"New", "Newf", "FromHCL", "errorf", "secretf", "related", "report", "reportTitled", "refuse", "refuseTitled", "Failf"}
	if !slices.Contains(reporting, name) {
		return "", false
	}
	for _, arg := range call.Args {
		if literal, ok := arg.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			return text, err == nil && codeForm.MatchString(text)
		}
	}
	return "", false
}

func isNamed(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// productionSources lists the Go files below the folders, without those of
// tests and without package diag.
func productionSources(t *testing.T, folders ...string) (paths []string) {
	t.Helper()
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if e.IsDir() && (e.Name() == "diag" || e.Name() == "testdata") {
				return fs.SkipDir
			}
			if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				paths = append(paths, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths
}
