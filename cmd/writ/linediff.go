package main

import (
	"bytes"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/writ-auth/writ/config/diag"
)

// lineDiff is a unified diff. What would act on a terminal or a pipeline is
// escaped, so it is for people and not for patch(1).
func lineDiff(name, before, after string) string {
	name = diag.OneLine(name)
	_, unified, _ := bytes.Cut(diff.Diff("a/"+name, []byte(before), "b/"+name, []byte(after)), []byte("\n")) // after the line "diff a b"
	var text strings.Builder
	for line := range strings.Lines(string(unified)) {
		text.WriteString(diag.Inert(diag.Visible(strings.TrimSuffix(line, "\n"), "\t")) + "\n")
	}
	return text.String()
}
