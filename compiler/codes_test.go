package compiler_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config/diag"
)

// TestExamplesCauseTheirCodes runs the examples of the catalogue that are
// configurations. Each must be reported with its code and with no other.
func TestExamplesCauseTheirCodes(t *testing.T) {
	for _, c := range diag.Codes() {
		if c.IsCommand() {
			continue // the scripts of cmd/writ cause it
		}
		t.Run(c.Name, func(t *testing.T) {
			f := fixtureOf(t, archiveOf(c.Example))
			f.now = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
			m, diags := f.compile()
			var codes []string
			for _, d := range diags {
				codes = append(codes, d.Code)
			}
			slices.Sort(codes)
			if codes = slices.Compact(codes); !slices.Equal(codes, []string{c.Name}) {
				t.Errorf("the example is reported with %v\n%s", codes, report(diags, m.Config.Sources))
			}
		})
	}
}

// archiveOf makes the files of an example: its own, and of the setting what it
// does not declare itself.
func archiveOf(example string) *txtar.Archive {
	archive := txtar.Parse([]byte(example + "\n"))
	if len(archive.Files) == 0 {
		archive.Files = []txtar.File{{Name: "example.hcl", Data: archive.Comment}}
		archive.Comment = nil
	}
	var declared, setting []string
	for _, f := range archive.Files {
		if f.Name != lockfile.DefaultName && !strings.HasPrefix(f.Name, "prior/") {
			declared = append(declared, string(f.Data))
		}
	}
	example = strings.Join(declared, "\n")
	for block := range strings.SplitSeq(diag.ExampleSetting, "\n\n") {
		header, _, _ := strings.Cut(block, "{")
		if !strings.Contains("\n"+example, "\n"+header+"{") {
			setting = append(setting, block)
		}
	}
	archive.Files = append(archive.Files, txtar.File{Name: "issuer.hcl", Data: []byte(strings.Join(setting, "\n\n"))})
	return archive
}

// TestFingerprintsStayOverMovesOfLines holds what a host knows a result by, for each example
// of the catalogue: lines above it, blank ones and comments, change nothing.
func TestFingerprintsStayOverMovesOfLines(t *testing.T) {
	fingerprints := func(archive *txtar.Archive) (all []string) {
		f := fixtureOf(t, archive)
		f.now = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
		m, diags := f.compile()
		var out strings.Builder
		if err := (&diag.Findings{Problems: diag.Problems{List: diags, Sources: m.Config.Sources}}).Write(&out, diag.FormatSARIF); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, `"writFinding/v1"`) {
				all = append(all, strings.TrimSpace(line))
			}
		}
		return all
	}
	results := 0
	for _, c := range diag.Codes() {
		if c.IsCommand() {
			continue
		}
		before := fingerprints(archiveOf(c.Example))
		moved := archiveOf(c.Example)
		for i, f := range moved.Files {
			if strings.HasSuffix(f.Name, ".hcl") && f.Name != lockfile.DefaultName {
				moved.Files[i].Data = append([]byte("# a comment\n\n"), f.Data...)
			}
		}
		if after := fingerprints(moved); !slices.Equal(before, after) {
			t.Errorf("%s: %q become %q", c.Name, before, after)
		}
		results += len(before)
	}
	if results < 50 {
		t.Errorf("only %d results", results)
	}
}
