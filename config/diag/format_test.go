package diag_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/writ-auth/writ/config/diag"
)

// findings are the sample with policies and expectations, in a folder of a repository.
func findings(t *testing.T) *diag.Findings {
	l, sources := sample(t)
	sources["policies.hcl"] = []byte("policy \"short\" {\n}\npolicy \"typed\" {\n}\n")
	sources["many, 100%: é.hcl"] = []byte("n\u0303ame = \"é%\"\r\n")
	short := at(t, "policies.hcl", string(sources["policies.hcl"]), `policy "short"`)
	typed := at(t, "policies.hcl", string(sources["policies.hcl"]), `policy "typed"`)
	l = append(l,
		diag.New("policy-failed", l[1].Range, "api.orders does not satisfy policy.short: \"]]>\" <b>&amp;::error::100%\nis long", diag.Related{Message: "policy.short is declared here", Range: short}),
		diag.New("invalid-value", hcl.Range{
			Filename: "many, 100%: é.hcl", Start: hcl.Pos{Line: 1, Column: 8, Byte: 9}, End: hcl.Pos{Line: 1, Column: 12, Byte: 14},
		}, "::error::It is\nodd. ##[group]"),
	)
	return &diag.Findings{
		Problems: diag.Problems{List: l, Sources: sources, Policies: []diag.Declared{{Address: "policy.short", Range: short}, {Address: "policy.typed", Range: typed}}},
		Changes: diag.List{
			diag.New("failed-check", short, "--check no-new-access does not hold: client.billing gains \x1b]0;a\u202e."),
			diag.New("access-gained", typed, "client.billing may now write:orders on api.orders"),
			diag.New("access-extended", l[1].Range, "Tokens for api.orders may live 2h instead of 1h."),
		},
		Cases: []diag.Case{
			{Suite: "expectations", Name: "billing reads", Range: short},
			{Suite: "expectations", Name: "billing \x1b]0;may\u202e not", Range: typed, Failure: "granted: expected false, got true\ndecided by x"},
		},
		Command: "writ check", Version: "v1.2.3", Path: func(name string) string { return "access/" + name },
	}
}

// TestFormats compares with what hosts have taken, byte for byte.
func TestFormats(t *testing.T) {
	for _, format := range []diag.Format{diag.FormatGitHub, diag.FormatSARIF, diag.FormatJUnit} {
		var b bytes.Buffer
		if err := findings(t).Write(&b, format); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(b.String(), "\x1b\x07\u202e\ufeff") {
			t.Errorf("%s: what acts on a terminal gets through", format)
		}
		golden(t, "findings."+string(format), b.String())
	}
}

// TestGitHubCommands reads the commands as the runner does (ActionCommand.cs): every one
// has its file, and no text of an author begins a command of its own.
func TestGitHubCommands(t *testing.T) {
	f := findings(t)
	var b bytes.Buffer
	if err := f.Write(&b, diag.FormatGitHub); err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`^::(error|warning|notice) ((?:[a-zA-Z]+=[^,:\r\n]*,?)+)::(.*)$`)
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if want := len(f.List.Sorted()) + len(f.Changes); len(lines) != want {
		t.Errorf("%d lines, want %d", len(lines), want)
	}
	unescape := strings.NewReplacer("%0A", "\n", "%0D", "\r", "%3A", ":", "%2C", ",", "%25", "%")
	var files []string
	for _, line := range lines {
		m := command.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("no command: %q", line)
			continue
		}
		for property := range strings.SplitSeq(m[2], ",") {
			if name, ok := strings.CutPrefix(property, "file="); ok {
				files = append(files, unescape.Replace(name))
			}
		}
		if detail := unescape.Replace(m[3]); strings.Contains(line, "100%25") && strings.Contains(line, "policy-failed") && !strings.Contains(detail, "::error::100%\nis long") {
			t.Errorf("the detail is %q", detail)
		}
	}
	if !slices.Contains(files, "access/many, 100%: é.hcl") || !slices.Contains(files, "access/apis/orders.hcl") {
		t.Errorf("files %q", files)
	}
}

// TestSARIFSchema holds the log to the schema of OASIS, from which the descriptions are
// taken out.
func TestSARIFSchema(t *testing.T) {
	text, err := os.Open("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	parsed, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]*diag.Findings{"full": findings(t), "empty": {Command: "writ validate"}} {
		var b bytes.Buffer
		if err := f.Write(&b, diag.FormatSARIF); err != nil {
			t.Fatal(err)
		}
		log, err := jsonschema.UnmarshalJSON(&b)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(log); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		log.(map[string]any)["runs"].([]any)[0].(map[string]any)["columnKind"] = "graphemes"
		if schema.Validate(log) == nil {
			t.Error("the schema takes anything")
		}
	}
}

// TestJUnitIsRead parses the report as strangers do, by its elements: each policy is a
// test named by its address, and the counts are those of the elements.
func TestJUnitIsRead(t *testing.T) {
	f := findings(t)
	valid := &diag.Findings{Problems: diag.Problems{Policies: f.Policies}, Command: "writ validate"}
	for _, c := range []struct {
		findings *diag.Findings
		want     string
	}{
		{f, "configuration 6/6/0: FFFFFF; policies 2/1/1: policy.short=F policy.typed=S; expectations 2/1/0: billing reads=P billing \\u001b]0;may\\u202e not=F"},
		{valid, "configuration 1/0/0: P; policies 2/0/0: policy.short=P policy.typed=P"},
	} {
		var b bytes.Buffer
		if err := c.findings.Write(&b, diag.FormatJUnit); err != nil {
			t.Fatal(err)
		}
		var suites []string
		suite, name, outcome, sep := "", "", "", ""
		decoder := xml.NewDecoder(&b)
		for {
			token, err := decoder.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			attribute := func(e xml.StartElement, name string) string {
				for _, a := range e.Attr {
					if a.Name.Local == name {
						return a.Value
					}
				}
				return ""
			}
			switch e := token.(type) {
			case xml.StartElement:
				switch e.Name.Local {
				case "testsuite":
					suite = attribute(e, "name") + " " + attribute(e, "tests") + "/" + attribute(e, "failures") + "/" + attribute(e, "skipped") + ": "
					sep = ""
				case "testcase":
					name, outcome = attribute(e, "name")+"=", "P"
					if strings.HasPrefix(suite, "configuration") {
						name = ""
					}
				case "failure":
					outcome = "F"
				case "skipped":
					outcome = "S"
				}
			case xml.EndElement:
				switch e.Name.Local {
				case "testcase":
					if suite += sep + name + outcome; name != "" {
						sep = " "
					}
				case "testsuite":
					suites = append(suites, suite)
				}
			}
		}
		if got := strings.Join(suites, "; "); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// TestSummaryEndsItsBlock holds that what an author wrote cannot end the code block.
func TestSummaryEndsItsBlock(t *testing.T) {
	f := &diag.Findings{Problems: diag.Problems{List: diag.List{diag.New("syntax", hcl.Range{}, "```\n</details><img>")}}, Command: "writ validate"}
	var b strings.Builder
	if err := f.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	if want := "### writ validate: 1 error, 0 warnings\n\n````text\nError: Invalid syntax [syntax]\n\n```\n</details><img>\n````\n"; b.String() != want {
		t.Errorf("got %q", b.String())
	}
	b.Reset()
	for range 40_000 {
		f.List = append(f.List, diag.Newf("syntax", hcl.Range{}, "number %d", len(f.List)))
	}
	if err := f.WriteMarkdown(&b); err != nil || b.Len() > 300<<10 || !strings.Contains(b.String(), "This is not all: `writ validate` prints the rest.") {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}
}
