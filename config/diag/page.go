package diag

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/mitchellh/go-wordwrap"
)

// Severities returns the severities that diagnostics of the code may have.
func (c Code) Severities() []Severity {
	if c.Either {
		return []Severity{Error, Warning}
	}
	return []Severity{c.Severity}
}

// severity is the severity in words.
func (c Code) severity() string {
	if c.Either {
		return "error or warning"
	}
	return string(c.Severity)
}

// MarshalJSON writes the row and the address of its page.
func (c Code) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Code       string     `json:"code"`
		Severities []Severity `json:"severities"`
		Summary    string     `json:"summary"`
		Meaning    string     `json:"meaning"`
		Example    string     `json:"example"`
		Remedy     string     `json:"remedy"`
		URL        string     `json:"url"`
	}{c.Name, c.Severities(), c.Summary, c.Meaning, c.Example, c.Remedy, c.URL()})
}

// WriteText writes the code's page for people. Lines have at most width
// characters; with 0 they are not wrapped. Examples never are, as they are copied.
func (c Code) WriteText(w io.Writer, width int) error {
	wrapped := func(text string) string {
		if width > 1 {
			return wordwrap.WrapString(text, uint(width-1))
		}
		return text
	}
	_, err := fmt.Fprintf(w, "%s [%s], %s\n\n%s\n\nFor example:\n\n%s\n\n%s\n\n%s\n", c.Summary, c.Name, c.severity(),
		wrapped(c.Meaning), indented(c.Example), wrapped(c.Remedy), c.URL())
	return err
}

// indented sets an example off from the text around it.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// aboutCodes begins the catalogue as a document.
const aboutCodes = "# Diagnostic codes\n\n" +
	"`writ explain CODE` prints one of these pages. A code is stable: compare it, not the text beside it. In JSON output each diagnostic has its code and,\n" +
	"as `url`, the address of its page. `writ schema --codes` prints this document.\n\n"

// aboutExamples says how to read the examples.
const aboutExamples = "\nAn example in HCL stands beside this configuration, and what it declares itself takes the place of the block of that name. It is reported with\n" +
	"its code and with nothing else. One in several files names each in a line such as `-- orders.hcl --`; lines that begin with `$` are commands.\n\n"

// CodesMarkdown returns the catalogue as a Markdown document with one section for
// each code. docs/codes.md is this document; a test compares them.
func CodesMarkdown() string {
	var b strings.Builder
	b.WriteString(aboutCodes)
	b.WriteString("| code | severity | summary |\n| --- | --- | --- |\n")
	for _, c := range codes {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", c.Name, c.Name, c.severity(), c.Summary)
	}
	b.WriteString(aboutExamples)
	writeFenced(&b, "hcl", strings.TrimSuffix(ExampleSetting, "\n"))
	for _, c := range codes {
		fmt.Fprintf(&b, "\n## %s\n\n**%s** (%s). %s\n\n", c.Name, c.Summary, c.severity(), c.Meaning)
		language := "hcl"
		if c.IsCommand() {
			language = "console"
		}
		writeFenced(&b, language, c.Example)
		fmt.Fprintf(&b, "\n%s\n", c.Remedy)
	}
	return b.String()
}

// writeFenced writes a code block. The catalogue holds no backticks.
func writeFenced(b *strings.Builder, language, text string) {
	fmt.Fprintf(b, "```%s\n%s\n```\n", language, text)
}
