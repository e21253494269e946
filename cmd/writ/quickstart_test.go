package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/quickstart"
)

// The list that "writ quickstart API" prints, the completion of --lang and the page about MCP
// servers name the same targets.
func TestQuickstartTargetsAreNamed(t *testing.T) {
	var list bytes.Buffer
	api := quickstart.API{Issuer: "https://auth.example.com/", Label: "orders", Identifier: "https://api.example.com/orders", Profile: schema.ProfileRFC9068, Alg: schema.RS256}
	if err := showTargets(&cli.Env{Out: &list}, api); err != nil {
		t.Fatal(err)
	}
	offered := map[string]bool{}
	for _, candidate := range completeLangs(t.Context(), nil, nil) {
		offered[candidate.Value] = true
	}
	page := readText(t, "../..", "docs/mcp.md")
	for _, target := range quickstart.Targets() {
		if !strings.Contains(list.String(), "\n  "+target.Name+" ") || !offered[target.Name] {
			t.Errorf("%s: listed %t, offered %t", target.Name, strings.Contains(list.String(), "\n  "+target.Name+" "), offered[target.Name])
		}
		if target.NotExecuted != strings.Contains(rowOf(list.String(), target.Name), "not executed") {
			t.Errorf("%s: the list says otherwise than the target whether it is executed", target.Name)
		}
		row := rowOf(page, "`"+target.Name+"`")
		if target.MCP && (!strings.Contains(row, "`"+target.Library+"` "+target.Version) || target.NotExecuted != strings.Contains(row, "not run")) {
			t.Errorf("docs/mcp.md says of %s: %q", target.Name, row)
		}
	}
	for _, name := range callerNames() {
		if name != "curl" && !offered[name] {
			t.Errorf("%s is not offered", name)
		}
	}
}

// rowOf is the first line that begins with the word, spaces and the bars of a table aside.
func rowOf(text, word string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimLeft(line, "| "), word+" ") {
			return line
		}
	}
	return ""
}
