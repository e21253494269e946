package diag

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// A Report is a list of diagnostics as JSON. Every command prints this shape with
// --json. Within a format_version members are added and none is changed or taken away.
type Report struct {
	FormatVersion string             `json:"format_version"` // "1"
	Valid         bool               `json:"valid"`
	ErrorCount    int                `json:"error_count"`
	WarningCount  int                `json:"warning_count"`            // without those that are accepted
	AcceptedCount int                `json:"accepted_count,omitempty"` // warnings
	Diagnostics   []ReportDiagnostic `json:"diagnostics"`
}

// A ReportDiagnostic is one diagnostic of a Report.
type ReportDiagnostic struct {
	Severity Severity        `json:"severity"`
	Accepted bool            `json:"accepted,omitempty"` // a warning that the configuration acknowledges
	Code     string          `json:"code"`
	URL      string          `json:"url"` // of the code's page
	Summary  string          `json:"summary"`
	Detail   string          `json:"detail"`
	Range    *ReportRange    `json:"range,omitempty"`   // nil when there is no place to show
	Snippet  *ReportSnippet  `json:"snippet,omitempty"` // nil when the source is not at hand
	Related  []ReportRelated `json:"related,omitempty"`
}

// A ReportRange is a range of source. Its end is exclusive.
type ReportRange struct {
	Filename string    `json:"filename"` // relative to the root
	Start    ReportPos `json:"start"`
	End      ReportPos `json:"end"`
}

// A ReportPos is a place in a file. Line and column count from one, the column in
// characters as a reader sees them (grapheme clusters); the byte counts from
// zero.
type ReportPos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// A ReportSnippet is the source at a range, with secrets masked and with
// characters that act on a terminal escaped.
type ReportSnippet struct {
	Context string `json:"context,omitempty"` // the block around it: `api "orders"`
	Code    string `json:"code"`              // the lines of the range
}

// A ReportRelated is a further place, see Related.
type ReportRelated struct {
	Message string      `json:"message"`
	Range   ReportRange `json:"range"`
}

// NewReport makes the report of a list, sorted and without duplicates. sources
// holds the files by the names that ranges have. A file that is missing there
// only costs the snippet.
func NewReport(l List, sources map[string][]byte) Report {
	return reportInOrder(l.Sorted(), sources)
}

// reportInOrder is the report of a list in the order that it has.
func reportInOrder(l List, sources map[string][]byte) Report {
	lib := newLibrary(l, sources)
	r := Report{FormatVersion: "1", Valid: !l.HasErrors(), Diagnostics: make([]ReportDiagnostic, 0, len(l))}
	r.ErrorCount, r.WarningCount, r.AcceptedCount = l.Count()
	for _, d := range l {
		r.Diagnostics = append(r.Diagnostics, report(d, lib))
	}
	return r
}

// report is one diagnostic. Text of authors is made visible, as a report may be printed
// to a terminal.
func report(d Diagnostic, lib *library) ReportDiagnostic {
	out := ReportDiagnostic{Severity: d.Severity, Accepted: d.Accepted, Code: d.Code, URL: urlOf(d.Code), Summary: Visible(d.Summary, ""), Detail: Visible(d.Detail, "\n\t")}
	if d.Range.Filename != "" {
		rng := ReportRangeOf(d.Range)
		out.Range = &rng
		out.Snippet = reportSnippet(d.Range, lib)
	}
	for _, rel := range d.Related {
		out.Related = append(out.Related, ReportRelated{Message: Visible(rel.Message, ""), Range: ReportRangeOf(rel.Range)})
	}
	return out
}

// ReportRangeOf is a range as a report has it.
func ReportRangeOf(r hcl.Range) ReportRange {
	return ReportRange{Filename: r.Filename, Start: ReportPos(r.Start), End: ReportPos(r.End)}
}

// reportSnippet is the source at a range, nil if it is not at hand.
func reportSnippet(rng hcl.Range, lib *library) *ReportSnippet {
	src := lib.source(rng.Filename)
	if src == nil {
		return nil
	}
	lines, more := src.snippet(rng)
	var code []string
	for _, l := range lines {
		code = append(code, l.text)
	}
	if more {
		code = append(code, "...")
	}
	return &ReportSnippet{Context: src.blockAround(rng.Start.Byte), Code: strings.Join(code, "\n")}
}
