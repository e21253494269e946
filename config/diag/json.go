package diag

// A Report is a list as JSON, the shape that every command prints with --json.
type Report struct {
	FormatVersion string             `json:"format_version"` // "1"
	Valid         bool               `json:"valid"`
	ErrorCount    int                `json:"error_count"`
	WarningCount  int                `json:"warning_count"`
	Diagnostics   []ReportDiagnostic `json:"diagnostics"`
}

// A ReportDiagnostic is one diagnostic of a Report.
type ReportDiagnostic struct {
	Severity Severity        `json:"severity"`
	Code     string          `json:"code"`
	Summary  string          `json:"summary"`
	Detail   string          `json:"detail"`
	Range    *ReportRange    `json:"range,omitempty"`
	Snippet  *ReportSnippet  `json:"snippet,omitempty"`
	Related  []ReportRelated `json:"related,omitempty"`
}

// A ReportRange is a range of source: the end is exclusive.
type ReportRange struct {
	Filename string    `json:"filename"`
	Start    ReportPos `json:"start"`
	End      ReportPos `json:"end"`
}

// A ReportPos is a place in a file: line and column count from one, the column
// in characters as a reader sees them, the byte from zero.
type ReportPos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// A ReportSnippet is the source at a range.
type ReportSnippet struct {
	Context string `json:"context,omitempty"` // the block around it: `api "orders"`
	Code    string `json:"code"`              // the lines of the range
}

// A ReportRelated is a second place.
type ReportRelated struct {
	Message string      `json:"message"`
	Range   ReportRange `json:"range"`
}

// NewReport makes the report of a list.
func NewReport(l List, sources map[string][]byte) Report {
	return Report{FormatVersion: "1", Valid: !l.HasErrors(), Diagnostics: []ReportDiagnostic{}}
}
