package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/explain"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// "writ explain" in words and as JSON. The sentences are made by package explain.

// An Explain prints an explanation in one format.
type Explain interface {
	Render(w io.Writer, question explain.Question, e *explain.Explanation) error
}

// ExplainOf is the view for the command's output format.
func ExplainOf(env *cli.Env) Explain {
	if env.JSON {
		return explainJSON{}
	}
	return explainText{env}
}

// explainText is for people.
type explainText struct{ env *cli.Env }

// Render writes the outcome, each rule that was met with the lines that decide it, what the
// client may have instead, and suggestions. Where the client is told another error than the one
// decided, both are printed: an operator compares the first with what the client reports.
func (v explainText) Render(w io.Writer, question explain.Question, e *explain.Explanation) error {
	var text strings.Builder
	if e.Allowed {
		fmt.Fprintf(&text, "%s: %s gets %s for %s.\n\n", v.env.Paint(cli.Green, "Allowed"), question.ClientID, scopeList(e.Scopes),
			schema.FormatDuration(e.Lifetime))
	} else {
		told := "" // where error_style has the client told another code
		if e.Told != e.Error {
			told = fmt.Sprintf(", of which the client is told %s", e.Told)
		}
		fmt.Fprintf(&text, "%s: %s%s\n\n", v.env.Paint(cli.Red, "Refused"), e.Error, told)
	}
	for _, step := range e.Steps {
		mark := v.env.Paint(cli.Green, "ok")
		if !step.OK {
			mark = v.env.Paint(cli.Red, "no")
		}
		fmt.Fprintf(&text, "  %s  %s%s\n", mark, diag.OneLine(step.Text), places(step.Ranges))
	}
	if len(e.Authorizations) > 0 {
		fmt.Fprintf(&text, "\n  What %s may have:\n", question.ClientID)
	}
	for _, right := range e.Authorizations {
		user := ""
		if right.SubjectType == schema.SubjectUser {
			user = ", on behalf of users"
		}
		fmt.Fprintf(&text, "    %s: %s%s%s\n", right.Identifier, scopeList(right.Scopes), user, places([]hcl.Range{right.Range}))
	}
	// Suggestions quote identifiers and labels, which authors chose.
	for _, suggestion := range e.Suggestions {
		fmt.Fprintf(&text, "\n  %s\n", diag.OneLine(suggestion))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// scopeList is the scopes of a token in a sentence, in the order of the API.
func scopeList(scopes []string) string {
	if len(scopes) == 0 {
		return "a token without scopes"
	}
	return strings.Join(scopes, " ")
}

// places are ranges after a sentence, "  [billing.hcl:23]"; "" where none of them is in a file.
func places(ranges []hcl.Range) string {
	var names []string
	for _, r := range ranges {
		if r.Filename != "" {
			names = append(names, fmt.Sprintf("%s:%d", diag.OneLine(r.Filename), r.Start.Line))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "  [" + strings.Join(names, ", ") + "]"
}

// explainJSON is for machines.
type explainJSON struct{}

// What "writ explain --json" prints. Members are only ever added.
type (
	explanationJSON struct {
		Allowed        bool           `json:"allowed"`
		Error          string         `json:"error,omitempty"`
		Client         string         `json:"client,omitempty"`
		API            string         `json:"api,omitempty"`
		Authorization  string         `json:"authorization,omitempty"`
		Scopes         []string       `json:"scopes"`
		Lifetime       int64          `json:"lifetime,omitempty"`
		Steps          []stepJSON     `json:"steps"`
		NearMisses     []nearMissJSON `json:"near_misses,omitempty"`
		Authorizations []rightJSON    `json:"authorizations,omitempty"`
		Suggestions    []string       `json:"suggestions,omitempty"`
	}
	stepJSON struct {
		Rule   string             `json:"rule"`
		OK     bool               `json:"ok"`
		Text   string             `json:"text"`
		Ranges []diag.ReportRange `json:"ranges"`
	}
	nearMissJSON struct {
		API        string           `json:"api"`
		Identifier string           `json:"identifier"`
		Reason     string           `json:"reason"`
		Range      diag.ReportRange `json:"range"`
	}
	rightJSON struct {
		Authorization string             `json:"authorization"`
		API           string             `json:"api"`
		Identifier    string             `json:"identifier"`
		SubjectType   schema.SubjectType `json:"subject_type"`
		Scopes        []string           `json:"scopes"`
		Range         diag.ReportRange   `json:"range"`
	}
)

// Render writes the explanation as JSON; lists are never null.
func (explainJSON) Render(w io.Writer, _ explain.Question, e *explain.Explanation) error {
	out := explanationJSON{
		Allowed: e.Allowed, Error: string(e.Error), Client: e.Client, API: e.API, Authorization: e.Authorization,
		Scopes: emptyList(e.Scopes), Lifetime: e.Lifetime, Steps: []stepJSON{}, Suggestions: e.Suggestions,
	}
	for _, step := range e.Steps {
		ranges := []diag.ReportRange{}
		for _, r := range step.Ranges {
			ranges = append(ranges, diag.ReportRangeOf(r))
		}
		out.Steps = append(out.Steps, stepJSON{string(step.Rule), step.OK, step.Text, ranges})
	}
	for _, n := range e.NearMisses {
		out.NearMisses = append(out.NearMisses, nearMissJSON{n.API, n.Identifier, n.Reason, diag.ReportRangeOf(n.Range)})
	}
	for _, r := range e.Authorizations {
		out.Authorizations = append(out.Authorizations,
			rightJSON{r.Authorization, r.API, r.Identifier, r.SubjectType, emptyList(r.Scopes), diag.ReportRangeOf(r.Range)})
	}
	return cli.WriteJSON(w, out)
}

// emptyList makes an empty JSON array of a nil slice: readers in other languages iterate
// over a list and fail at null.
func emptyList(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
