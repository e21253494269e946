package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// FailureMarkdown prints why there is no plan, as a comment on a pull request in the place
// of the plan.
type FailureMarkdown struct {
	Environment string // "" where it cannot be told
	Head        string // commit; "" when there is none
	Problems    *diag.Problems
	URL         func(hcl.Range) string // the address of a line, "" for none; may be nil
	Command     string                 // that prints every error; "" where it is not known
	Limit       int                    // most characters
}

// Render writes the comment: the errors, with the lines that they are about, as far as
// there is room, and how many there are. A thousand bytes are kept for the lines before
// them. Warnings are left out, as they are not why there is no plan.
func (v FailureMarkdown) Render(w io.Writer) error {
	errors := v.Problems.List.Sorted().Errors()
	report := diag.NewReport(errors, v.Problems.Sources)
	var blocks []string
	room, shown := v.Limit-1000, 0
	for i, d := range report.Diagnostics {
		block := v.problem(d, errors[i].Range)
		if room -= len(block); room < 0 {
			break
		}
		blocks = append(blocks, block)
		shown++
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n### ❌ writ plan", Marker(v.Environment))
	if v.Environment != "" {
		out.WriteString(": " + plainText(v.Environment))
	}
	out.WriteString("\n\n")
	if shown < len(errors) {
		fmt.Fprintf(&out, "**This comment is not complete: %d of %d errors are shown; %s prints all.** ", shown, len(errors), printsAll(v.Command))
	}
	fmt.Fprintf(&out, "**There is no plan: %s.**", schema.Plural(len(errors), "error"))
	if v.Head != "" {
		out.WriteString(" " + shortCommit(v.Head))
	}
	out.WriteString("\n" + strings.Join(blocks, ""))
	_, err := io.WriteString(w, out.String())
	return err
}

// problem is one error: what, where, the source there, and the way out. The code links to
// its page.
func (v FailureMarkdown) problem(d diag.ReportDiagnostic, at hcl.Range) string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n#### %s\n\n", plainText(d.Summary))
	out.WriteString("[" + codeSpan(d.Code) + "](" + d.URL + ")")
	if line := at.Filename; line != "" {
		line = codeSpan(fmt.Sprintf("%s:%d", at.Filename, at.Start.Line))
		if v.URL != nil {
			if address := v.URL(at); address != "" {
				line = "[" + line + "](" + address + ")"
			}
		}
		out.WriteString(" in " + line)
	}
	out.WriteString("\n\n")
	// Details hold text of authors without marks around it, so they are a block of text.
	text := d.Detail
	if d.Snippet != nil {
		text = d.Snippet.Code + "\n\n" + text
	}
	fenced(&out, "text", strings.TrimRight(text, "\n")+"\n")
	return out.String()
}
