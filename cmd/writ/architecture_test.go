package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A row of ARCHITECTURE.md's table of questions: the question, the file that
// answers it, and the name to look for in there.
var architectureRow = regexp.MustCompile("(?m)^\\| ([^|]+\\?) \\| `([^`|]+)` \\| `([^`|]+)` \\|$")

// Whoever looks for something is sent to a file that exists and declares the name.
func TestArchitectureFindsThings(t *testing.T) {
	root := filepath.Join("..", "..")
	rows := architectureRow.FindAllStringSubmatch(readText(t, root, "ARCHITECTURE.md"), -1)
	if len(rows) < 40 {
		t.Fatalf("ARCHITECTURE.md answers %d questions, or its table has another form", len(rows))
	}
	asked := map[string]bool{}
	for _, row := range rows {
		question, file, name := row[1], row[2], row[3]
		if asked[question] {
			t.Errorf("%s is asked twice", question)
		}
		asked[question] = true
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			t.Errorf("%s %v", question, err)
			continue
		}
		if !declares(t, file, source, name) {
			t.Errorf("%s %s does not declare %s", question, file, name)
		}
	}
}

// A command of docs/benchmarks.md.
var benchmarkCommand = regexp.MustCompile("`go test \\./([a-z/]+) -run - -bench ([A-Za-z]+)[^`]*`")

// Each figure has a command, and each command names a benchmark that exists.
func TestBenchmarksHaveCommands(t *testing.T) {
	root := filepath.Join("..", "..")
	rows := 0
	for line := range strings.Lines(readText(t, root, "docs/benchmarks.md")) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| what") || strings.HasPrefix(line, "| ---") {
			continue
		}
		rows++
		command := benchmarkCommand.FindStringSubmatch(line)
		if command == nil {
			t.Errorf("no command in %s", line)
			continue
		}
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(command[1]), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			source, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(source), "func Benchmark"+command[2]+"(")
		}) {
			t.Errorf("%s has no Benchmark%s", command[1], command[2])
		}
	}
	if rows < 20 {
		t.Errorf("docs/benchmarks.md has %d figures, or its tables have another form", rows)
	}
}

// declares reports whether a file of Go declares a name, at the top or as a
// method, or whether another file has it in its text.
func declares(t *testing.T, file string, source []byte, name string) bool {
	t.Helper()
	if !strings.HasSuffix(file, ".go") {
		return strings.Contains(string(source), name)
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range parsed.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == name {
			return true
		}
		group, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range group.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.Name == name {
					return true
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.Name == name {
						return true
					}
				}
			}
		}
	}
	return false
}
