package diag

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/schema"
)

// A Format is how a command prints what it found.
type Format string

// The formats. The first two are for a terminal and for scripts, and each command has
// its own layout of them; in the others, which hosts of repositories read, all commands
// print alike.
const (
	FormatText   Format = "text"
	FormatJSON   Format = "json"
	FormatGitHub Format = "github" // commands to the runner of GitHub Actions: annotations
	FormatSARIF  Format = "sarif"  // Static Analysis Results Interchange Format 2.1.0
	FormatJUnit  Format = "junit"  // test results as XML, as Ant's JUnit task began it
)

// Formats lists them for the help.
var Formats = []Format{FormatText, FormatJSON, FormatGitHub, FormatSARIF, FormatJUnit}

// Findings are what one run found, for formats that hosts of repositories read.
type Findings struct {
	Problems
	// Changes are what a plan means, and the counterexamples to its checks. They keep their
	// order, the gravest first, and come before the problems: hosts show a limited number.
	Changes List
	Cases   []Case                   // expectations and checks that were run
	Command string                   // that found it: "writ validate"
	Version string                   // of writ
	Path    func(name string) string // where a file that ranges name is in the repository; nil for at its top
}

// A Case is one thing that was tested: a policy, or an expectation.
type Case struct {
	Suite   string    // "policies", "expectations", "checks"
	Name    string    // of a policy its address
	Range   hcl.Range // where it is declared
	Failure string    // why it failed; "" if it did not
	Skipped bool      // it could not be tested
}

// Write writes the findings in one of the formats that all commands share, with one write
// where it can be. It panics for another format: the command line has checked it.
func (f *Findings) Write(w io.Writer, format Format) error {
	r := reportInOrder(append(slices.Clip(f.Changes), f.List.Sorted()...), f.Sources)
	switch format {
	case FormatGitHub:
		return f.writeGitHub(w, r)
	case FormatSARIF:
		return f.writeSARIF(w, r)
	case FormatJUnit:
		return f.writeJUnit(w, r)
	}
	panic(fmt.Sprintf("diag: no command shares the format %q", format))
}

// path is where a file is in the repository.
func (f *Findings) path(name string) string {
	if f.Path != nil {
		name = f.Path(name)
	}
	return Visible(name, "")
}

// Characters that end a message or a property of a runner's command. GitHub documents
// the escapes only in the source of its toolkit (actions/toolkit, core/src/command.ts).
var (
	runnerData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	runnerProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// writeGitHub writes a command to the runner for each diagnostic. Of each severity GitHub
// shows the first ten of a step beside the lines of a pull request; all of them stand in
// the log.
func (f *Findings) writeGitHub(w io.Writer, r Report) error {
	var b bytes.Buffer
	for _, d := range r.Diagnostics {
		if d.Accepted {
			continue
		}
		fmt.Fprintf(&b, "::%s ", d.Severity)
		if d.Range != nil {
			fmt.Fprintf(&b, "file=%s,line=%d,endLine=%d,", runnerProperty.Replace(f.path(d.Range.Filename)), d.Range.Start.Line, d.Range.End.Line)
			if d.Range.Start.Line == d.Range.End.Line { // columns of several lines are refused
				fmt.Fprintf(&b, "col=%d,endColumn=%d,", d.Range.Start.Column, d.Range.End.Column)
			}
		}
		fmt.Fprintf(&b, "title=%s::%s\n", runnerProperty.Replace(d.Summary+" ["+d.Code+"]"), runnerData.Replace(d.Detail))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// The parts of SARIF 2.1.0 that writ writes. The names are those of its section 3.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		ColumnKind  string            `json:"columnKind"`
		Results     []sarifResult     `json:"results"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
		FullDescription  sarifText `json:"fullDescription"`
		Help             sarifText `json:"help"`
		HelpURI          string    `json:"helpUri"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Descriptor struct {
			ID string `json:"id"`
		} `json:"descriptor"`
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID           string          `json:"ruleId"`
		RuleIndex        int             `json:"ruleIndex"`
		Level            string          `json:"level"`
		Message          sarifText       `json:"message"`
		Locations        []sarifLocation `json:"locations"`
		RelatedLocations []sarifLocation `json:"relatedLocations,omitempty"`
		// PartialFingerprints is by what a host knows the same result in the next run.
		PartialFingerprints map[string]string `json:"partialFingerprints"`
		// Suppressions says that the configuration accepts the warning.
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifSuppression struct {
		Kind string `json:"kind"`
	}
	sarifLocation struct {
		ID               *int       `json:"id,omitempty"`
		Message          *sarifText `json:"message,omitempty"`
		PhysicalLocation struct {
			ArtifactLocation struct {
				URI       string `json:"uri"`
				URIBaseID string `json:"uriBaseId"`
			} `json:"artifactLocation"`
			Region struct {
				StartLine   int `json:"startLine"`
				StartColumn int `json:"startColumn"`
				EndLine     int `json:"endLine"`
				EndColumn   int `json:"endColumn"`
			} `json:"region"`
		} `json:"physicalLocation"`
	}
)

// writeSARIF writes a log with one run. A diagnostic without a place is about the run
// and not about a file: it is a notification, since hosts refuse a result that has no
// location.
func (f *Findings) writeSARIF(w io.Writer, r Report) error {
	var run sarifRun
	run.Tool.Driver = sarifDriver{Name: "writ", Version: f.Version, InformationURI: projectPage, Rules: []sarifRule{}}
	run.ColumnKind, run.Results = "unicodeCodePoints", []sarifResult{}
	invocation := sarifInvocation{ExecutionSuccessful: true}
	rules, seen := map[string]int{}, map[string]int{}
	for _, d := range r.Diagnostics {
		if d.Range == nil {
			n := sarifNotification{Level: sarifLevel(d.Severity), Message: sarifText{d.Summary + ": " + d.Detail}}
			n.Descriptor.ID = d.Code
			invocation.Notifications = append(invocation.Notifications, n)
			invocation.ExecutionSuccessful = invocation.ExecutionSuccessful && d.Severity != Error
			continue
		}
		index, known := rules[d.Code]
		if !known {
			index = len(rules)
			rules[d.Code] = index
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(d.Code))
		}
		result := sarifResult{RuleID: d.Code, RuleIndex: index, Level: sarifLevel(d.Severity), Message: sarifText{d.Summary + ": " + d.Detail}}
		identity := f.fingerprint(&d)
		seen[identity]++
		result.PartialFingerprints = map[string]string{fingerprintName: fmt.Sprintf("%s:%d", identity, seen[identity])}
		result.Locations = []sarifLocation{f.sarifLocation(*d.Range)}
		for i, rel := range d.Related {
			at := f.sarifLocation(rel.Range)
			at.ID, at.Message = &i, &sarifText{rel.Message}
			result.RelatedLocations = append(result.RelatedLocations, at)
		}
		if d.Accepted {
			result.Suppressions = []sarifSuppression{{"inSource"}}
		}
		run.Results = append(run.Results, result)
	}
	run.Invocations = []sarifInvocation{invocation}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

// sarifLevel is the level of a severity (SARIF 2.1.0 section 3.27.10).
func sarifLevel(s Severity) string {
	if s == Notice {
		return "note"
	}
	return string(s)
}

// fingerprintName is the name of our fingerprints, with a version as section 3.27.17 asks
// for. GitHub's own, primaryLocationLineHash, is left to the action that uploads the log:
// it hashes the file and warns of any other value.
const fingerprintName = "writFinding/v1"

// fingerprint says by what a result is known in the next run: its code, its file, and the
// source that it is about with the block around. Neither its line nor its text counts. Lines
// move, and a text may say how much time is left.
func (f *Findings) fingerprint(d *ReportDiagnostic) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\x00%s\x00", d.Code, f.path(d.Range.Filename))
	if d.Snippet != nil {
		fmt.Fprintf(hash, "%s\x00%s", d.Snippet.Context, strings.Join(strings.Fields(d.Snippet.Code), " "))
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}

// sarifRuleOf is a row of the catalogue.
func sarifRuleOf(name string) sarifRule {
	c := mustLookUp(name)
	return sarifRule{ID: c.Name, ShortDescription: sarifText{c.Summary}, FullDescription: sarifText{c.Meaning}, Help: sarifText{c.Remedy}, HelpURI: c.URL()}
}

// sarifLocation is a range whose columns count code points.
func (f *Findings) sarifLocation(r ReportRange) sarifLocation {
	var l sarifLocation
	l.PhysicalLocation.ArtifactLocation.URI = (&url.URL{Path: f.path(r.Filename)}).EscapedPath()
	l.PhysicalLocation.ArtifactLocation.URIBaseID = "%SRCROOT%"
	region := &l.PhysicalLocation.Region
	src := f.Sources[r.Filename]
	region.StartLine, region.StartColumn = r.Start.Line, codePointColumn(src, r.Start)
	region.EndLine, region.EndColumn = r.End.Line, codePointColumn(src, r.End)
	return l
}

// maxMeasuredLine is how much of a line is read to find a column, in bytes. Many
// diagnostics on one very long line must not read it again and again.
const maxMeasuredLine = 4096

// codePointColumn is the column of a place in code points, counted from one. HCL counts
// what a reader sees as one character, which may be several.
func codePointColumn(src []byte, at ReportPos) int {
	if at.Byte > len(src) {
		return at.Column
	}
	before := src[max(0, at.Byte-maxMeasuredLine):at.Byte]
	start := bytes.LastIndexByte(before, '\n') + 1
	if start == 0 && len(before) < at.Byte {
		return at.Column
	}
	return utf8.RuneCount(before[start:]) + 1
}

// The elements of a JUnit report, of which there is no specification: these are those
// that Jenkins, GitLab and GitHub's actions read.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Name    string       `xml:"name,attr"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"` // GitLab groups by it
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitFailure `xml:"failure"`
		Skipped *struct{}     `xml:"skipped"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes suites: the configuration, of which each error is a test that fails, the
// policies, the expectations, and the checks of a plan. Warnings fail nothing and are left
// out.
func (f *Findings) writeJUnit(w io.Writer, r Report) error {
	suites := junitSuites{Name: f.Command, Suites: []junitSuite{{Name: "configuration"}}}
	configuration := &suites.Suites[0]
	for _, d := range r.Diagnostics {
		if d.Severity != Error || d.Code == "policy-failed" || d.Code == "failed-expectation" || d.Code == "failed-check" {
			continue
		}
		c := junitCase{Name: d.Code, Class: configuration.Name}
		if d.Range != nil {
			c.File, c.Line = f.path(d.Range.Filename), d.Range.Start.Line
			c.Name += fmt.Sprintf(" (%s:%d)", c.File, c.Line)
		}
		c.Failure = &junitFailure{Message: d.Summary, Type: d.Code, Text: d.Detail}
		configuration.add(c)
	}
	if configuration.Tests == 0 {
		configuration.add(junitCase{Name: "valid", Class: configuration.Name})
	}
	for _, tested := range append(f.policyCases(configuration.Failures > 0), f.Cases...) {
		// The cases of one suite follow one another.
		if last := suites.Suites[len(suites.Suites)-1]; last.Name != tested.Suite {
			suites.Suites = append(suites.Suites, junitSuite{Name: tested.Suite})
		}
		c := junitCase{Name: Visible(tested.Name, ""), Class: tested.Suite}
		if tested.Range.Filename != "" {
			c.File, c.Line = f.path(tested.Range.Filename), tested.Range.Start.Line
		}
		switch {
		case tested.Failure != "":
			message, _, _ := strings.Cut(tested.Failure, "\n")
			c.Failure = &junitFailure{Message: Visible(message, ""), Type: "failed", Text: Visible(tested.Failure, "\n")}
		case tested.Skipped:
			c.Skipped = &struct{}{}
		}
		suites.Suites[len(suites.Suites)-1].add(c)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	encoder := xml.NewEncoder(&b)
	encoder.Indent("", "  ")
	if err := encoder.Encode(suites); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

// add adds a case and counts it: readers take the numbers from the attributes.
func (s *junitSuite) add(c junitCase) {
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	if c.Skipped != nil {
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// policyCases are the policies, each with every object that does not satisfy it. In a
// configuration that has other errors some objects were not looked at, so that a policy
// which failed for none has not passed either.
func (f *Findings) policyCases(invalid bool) (cases []Case) {
	failures := map[hcl.Range][]string{}
	for _, d := range f.List.Sorted() {
		if d.Code == "policy-failed" && d.Severity == Error && len(d.Related) > 0 {
			at := d.Related[0].Range // the policy's
			failures[at] = append(failures[at], place(d.Range)+": "+d.Detail)
		}
	}
	for _, p := range f.Policies {
		failed := strings.Join(failures[p.Range], "\n")
		cases = append(cases, Case{Suite: "policies", Name: p.Address, Range: p.Range, Failure: failed, Skipped: invalid})
	}
	return cases
}

// maxSummary is how much text a summary holds, in bytes. GitHub takes a mebibyte for the
// page of a step, and nothing of one that is longer.
const maxSummary = 256 << 10

// WriteMarkdown writes the diagnostics for the page of a workflow's step: as for people,
// in a code block, where nothing that an author wrote takes effect.
func (f *Findings) WriteMarkdown(w io.Writer) error {
	var text bytes.Buffer
	if err := WriteText(&text, f.List, f.Sources, 0, false); err != nil {
		return err
	}
	shown, more := strings.TrimRight(text.String(), "\n"), ""
	if len(shown) > maxSummary {
		cut := strings.LastIndexByte(shown[:maxSummary], '\n')
		shown, more = shown[:cut], fmt.Sprintf("\nThis is not all: `%s` prints the rest.\n", f.Command)
	}
	errors, warnings, _ := f.List.Sorted().Count()
	heading := fmt.Sprintf("### %s: %s, %s\n", f.Command, schema.Plural(errors, "error"), schema.Plural(warnings, "warning"))
	if shown != "" {
		fence := "```"
		for strings.Contains(shown, fence) {
			fence += "`"
		}
		heading += "\n" + fence + "text\n" + shown + "\n" + fence + "\n"
	}
	_, err := io.WriteString(w, heading+more)
	return err
}
