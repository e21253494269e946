package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/explain"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// "writ explain --assertion" in words and as JSON.

// Assertion prints what a token of another issuer would be taken for: each block with the
// reason why it matches or not, then the verdict, and last what was not checked. The token
// itself is never printed: the output ends up in logs of CI, and the token still opens
// something.
func Assertion(env *cli.Env, w io.Writer, a *explain.Assertion) error {
	if env.JSON {
		return assertionJSON(w, a)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "A token with iss %q, sub %q, aud %q.\n\n", a.Issuer, a.Subject, strings.Join(a.Audiences, " "))
	told := map[string]bool{}
	unsigned := []string{}
	for i := range a.Candidates {
		c := &a.Candidates[i]
		block, mark, at := c.Block, env.Paint(cli.Red, "no"), c.Range
		// Where the issuer takes no such token, its blocks have nothing to add: one line
		// for all of them keeps the one that matters in sight.
		if c.OfIssuer {
			if told[c.TrustedIssuer] {
				continue
			}
			told[c.TrustedIssuer] = true
			block, at = compiler.Address(compiler.KindTrustedIssuer, c.TrustedIssuer), c.IssuerRange
		}
		if c.Matches {
			mark = env.Paint(cli.Green, "ok")
			if !c.Signed {
				unsigned = append(unsigned, compiler.Address(compiler.KindTrustedIssuer, c.TrustedIssuer))
			}
		}
		fmt.Fprintf(&text, "  %s  %s%s\n", mark, diag.OneLine(fmt.Sprintf("%s: %s: %s", block, c.Reason, c.Detail)), places([]hcl.Range{at}))
	}
	if len(a.Candidates) > 0 {
		text.WriteByte('\n')
	}
	switch len(a.Clients) {
	case 0:
		text.WriteString("It is no client's credential.\n")
	case 1:
		fmt.Fprintf(&text, "It is the credential of %s.\n", diag.OneLine(compiler.Address(compiler.KindClient, a.Clients[0])))
	default:
		fmt.Fprintf(&text, "It is the credential of %s: %s.\n", schema.Plural(len(a.Clients), "client"), diag.OneLine(strings.Join(a.Clients, ", ")))
	}
	text.WriteString("Checked: form, issuer, audience, times, subject and claims")
	if len(unsigned) > 0 {
		fmt.Fprintf(&text, ". Not checked: the signature, as the server fetches the keys of %s.\n", diag.OneLine(strings.Join(unsigned, ", ")))
	} else {
		text.WriteString(", and the signature where keys are pinned.\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// assertionJSON prints the same for machines, every candidate. Members are only ever added.
func assertionJSON(w io.Writer, a *explain.Assertion) error {
	type candidate struct {
		TrustedIssuer string           `json:"trusted_issuer"` // label
		Block         string           `json:"block"`          // address
		Matches       bool             `json:"matches"`
		Reason        string           `json:"reason"`
		Detail        string           `json:"detail"`
		Signature     string           `json:"signature"` // "verified" or "not_checked"
		Range         diag.ReportRange `json:"range"`
	}
	out := struct {
		FormatVersion string      `json:"format_version"`
		Candidates    []candidate `json:"candidates"`
		Client        *string     `json:"client"` // label; null unless exactly one matches
	}{FormatVersion: "1", Candidates: []candidate{}}
	for i := range a.Candidates {
		c := &a.Candidates[i]
		signature := "not_checked"
		if c.Signed {
			signature = "verified"
		}
		out.Candidates = append(out.Candidates, candidate{c.TrustedIssuer, c.Block, c.Matches, string(c.Reason), c.Detail, signature, diag.ReportRangeOf(c.Range)})
	}
	if len(a.Clients) == 1 {
		out.Client = &a.Clients[0]
	}
	return cli.WriteJSON(w, out)
}
