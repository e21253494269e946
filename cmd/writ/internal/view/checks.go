package view

import (
	"bytes"
	"fmt"
	"io"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
)

// A CheckResult is the answer to one --check.
type CheckResult struct {
	Check           string   `json:"check"` // as it was asked
	Holds           bool     `json:"holds"`
	Counterexamples []string `json:"counterexamples"` // sentences; empty where it holds
}

// A CheckedPlan prints a plan and the answers to its checks.
type CheckedPlan struct {
	Plan
	Checks []CheckResult
}

// Render writes the plan and what was checked: as a member of the same JSON object, or
// below the plan.
func (v CheckedPlan) Render(w io.Writer, p *compiler.Plan) error {
	if len(v.Checks) == 0 {
		return v.Plan.Render(w, p)
	}
	if _, machine := v.Plan.(PlanJSON); machine {
		return cli.WriteJSON(w, struct {
			*compiler.Plan
			Checks []CheckResult `json:"checks"`
		}{p, v.Checks})
	}
	if err := v.Plan.Render(w, p); err != nil {
		return err
	}
	_, markdown := v.Plan.(PlanMarkdown)
	var out bytes.Buffer
	if markdown {
		out.WriteString("\n#### Checks\n")
	}
	out.WriteByte('\n')
	for _, c := range v.Checks {
		answer := "holds"
		if !c.Holds {
			answer = "does not hold"
		}
		if markdown {
			fmt.Fprintf(&out, "- %s %s\n", codeSpan(c.Check), answer)
		} else {
			fmt.Fprintf(&out, "--check %s %s.\n", diag.OneLine(c.Check), answer)
		}
		for _, sentence := range c.Counterexamples {
			if markdown {
				fmt.Fprintf(&out, "  - %s\n", codeSpan(sentence))
			} else {
				fmt.Fprintf(&out, "    %s\n", diag.OneLine(sentence))
			}
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}
