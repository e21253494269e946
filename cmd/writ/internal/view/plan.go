// Package view prints the results of commands, for people and for machines: plans,
// snapshots, explanations, graphs. It decides nothing. Text of authors is printed on one
// line, with the characters escaped that a terminal would act on.
package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// A Plan prints a plan.
type Plan interface {
	Render(w io.Writer, p *compiler.Plan) error
}

// PlanOf is the view for the command's output format and terminal.
func PlanOf(env *cli.Env) Plan {
	if env.JSON {
		return PlanJSON{}
	}
	return wrappedPlan{PlanText{Color: env.Color(env.Out)}, cli.Width(env.Out)}
}

// A wrappedPlan breaks the lines of a plan at words, for a terminal of a width in columns.
type wrappedPlan struct {
	Plan
	width int
}

// Render writes the plan as the view inside does, line by line.
func (v wrappedPlan) Render(w io.Writer, p *compiler.Plan) error {
	return v.Plan.Render(cli.NewWrapper(w, v.width), p)
}

// PlanJSON prints a plan for machines.
type PlanJSON struct{}

// Render writes the plan as it is saved.
func (v PlanJSON) Render(w io.Writer, p *compiler.Plan) error { return cli.WriteJSON(w, p) }

// The sections of a plan for people, the strongest effect first.
var effectSections = []struct {
	effect  compiler.Effect
	heading string
}{
	{compiler.EffectWiden, "Widens access"},
	{compiler.EffectNarrow, "Narrows access"},
	{compiler.EffectShape, "Changes how tokens or answers look"},
	{compiler.EffectText, "Changes names, descriptions and guards"},
	{compiler.EffectNone, "Renames"},
}

// actionSign is the mark of an action, as in Terraform's plans.
func actionSign(action compiler.Action) string {
	switch action {
	case compiler.ActionCreate:
		return "+"
	case compiler.ActionDelete:
		return "-"
	case compiler.ActionReplace:
		return "-/+"
	}
	return "~"
}

// actionPhrase says what happens to an object.
func actionPhrase(c *compiler.Change) string {
	switch c.Action {
	case compiler.ActionCreate:
		return "will be created"
	case compiler.ActionDelete:
		return "will be destroyed"
	case compiler.ActionReplace:
		return "will be replaced"
	case compiler.ActionRename:
		return "is renamed from " + c.PreviousAddress
	}
	return "will be updated"
}

// reasonsOf lists why a change has an effect. The attributes of one change may have different
// effects, so that it appears in several sections.
func reasonsOf(c *compiler.Change, effect compiler.Effect) []string {
	if len(c.Attributes) == 0 {
		if c.Effect == effect {
			return []string{c.Reason}
		}
		return nil
	}
	var reasons []string
	for i := range c.Attributes {
		if c.Attributes[i].Effect == effect {
			reasons = append(reasons, c.Attributes[i].Reason)
		}
	}
	return reasons
}

// A planLine is one reason of one change.
type planLine struct {
	change *compiler.Change
	reason string
}

// linesOf lists every reason of an effect.
func linesOf(changes []compiler.Change, effect compiler.Effect) []planLine {
	var lines []planLine
	for i := range changes {
		for _, reason := range reasonsOf(&changes[i], effect) {
			lines = append(lines, planLine{&changes[i], reason})
		}
	}
	return lines
}

// addressesOf lists the changes' addresses, each once.
func addressesOf(lines []planLine) []string {
	var addresses []string
	for i, line := range lines {
		if i == 0 || lines[i-1].change != line.change {
			addresses = append(addresses, line.change.Address)
		}
	}
	return addresses
}

// moreThanAScreen reports whether the lines are more than a reader sees at once.
func moreThanAScreen(lines []planLine) bool {
	size := 0
	for _, line := range lines {
		size += len(line.reason)
	}
	return len(lines) > 1 && (len(lines) > 20 || size > 2000)
}

// planSummary is the line that counts the changes.
func planSummary(p *compiler.Plan) string {
	if p.Empty() {
		return "No changes."
	}
	var line strings.Builder
	fmt.Fprintf(&line, "Plan: %d to add, %d to change, %d to destroy", p.Summary.Add, p.Summary.Change, p.Summary.Destroy)
	if p.Summary.Rename > 0 {
		fmt.Fprintf(&line, ", %d to rename", p.Summary.Rename)
	}
	line.WriteString(". ")
	switch p.Summary.Widen {
	case 0:
		line.WriteString("No change widens access.")
	case 1:
		line.WriteString("1 change widens access.")
	default:
		fmt.Fprintf(&line, "%d changes widen access.", p.Summary.Widen)
	}
	return line.String()
}

// planFiles says which files will be written when no object changes.
func planFiles(p *compiler.Plan) string {
	switch {
	case len(p.Changes) > 0 || p.Empty():
		return ""
	case p.LockChanged && p.PriorDigest == p.Digest:
		return "Nothing that servers see changes. The lockfile will be written."
	case p.LockChanged:
		return "No object changes. The lockfile and the snapshot will be written."
	}
	return "No object changes, but the snapshot has other bytes and will be written."
}

// accessParty names who gains or loses, and on which API. Where other changes have the same
// labels, as after a replacement, it adds the client id or identifier.
func accessParty(changes []compiler.AccessChange, i int) string {
	a := &changes[i]
	client, api := compiler.Address(compiler.KindClient, a.Client), compiler.Address(compiler.KindAPI, a.API)
	for _, other := range sameLabels(changes, i) {
		if other.ClientID != a.ClientID {
			client = fmt.Sprintf("%s with client_id %q", compiler.Address(compiler.KindClient, a.Client), a.ClientID)
		}
		if other.Identifier != a.Identifier {
			api = fmt.Sprintf("%s with identifier %q", compiler.Address(compiler.KindAPI, a.API), a.Identifier)
		}
	}
	party := client + " on " + api
	switch {
	case a.TrustedIssuer != "":
		party += ", on behalf of users of " + compiler.Address(compiler.KindTrustedIssuer, a.TrustedIssuer)
	case a.SubjectType == schema.SubjectUser:
		party += ", on behalf of users"
	}
	return diag.OneLine(party)
}

// sameLabels returns the changes with the labels of change i, itself included. They are
// neighbours, as the list is sorted by label.
func sameLabels(changes []compiler.AccessChange, i int) []compiler.AccessChange {
	same := func(j int) bool {
		a, b := &changes[i], &changes[j]
		return a.Client == b.Client && a.API == b.API && a.SubjectType == b.SubjectType
	}
	start, end := i, i+1
	for start > 0 && same(start-1) {
		start--
	}
	for end < len(changes) && same(end) {
		end++
	}
	return changes[start:end]
}

// An accessList is what one change gives or takes: the scopes, or that there are
// tokens at all.
type accessList struct {
	of     string // the party
	sign   string // "+" or "-"
	names  []string
	remark string // when, and what stays; "" for nothing to add
}

// accessLists says what is gained and lost, and when. A list without names is none.
func accessLists(a *compiler.AccessChange) (gained, lost accessList) {
	gained, lost = accessList{sign: "+", names: a.Gained}, accessList{sign: "-", names: a.Lost}
	switch {
	case a.Token == compiler.TokenGained && len(a.Gained) == 0:
		gained.names = []string{"tokens without scopes"}
	case a.Token == compiler.TokenLost && len(a.Lost) == 0:
		lost.names = []string{"tokens without scopes"}
	}
	when := accessPeriod(a)
	gained.remark, lost.remark = remark(when), remark(when)
	if a.From == "" && a.ValidUntilMax > 0 {
		lost.remark = remark(when, "tokens already issued stay valid for up to "+atMost(a.ValidUntilMax))
	}
	return gained, lost
}

// String is the list on one line; "" for none.
func (l accessList) String() string {
	if len(l.names) == 0 {
		return ""
	}
	return diag.OneLine(strings.Join(l.names, ", ") + l.remark)
}

// atMost is a remaining time such as 22h30m. Above an hour it is rounded up to minutes, so
// that it never says too little.
func atMost(seconds int64) string {
	if seconds > 3600 {
		seconds = (seconds + 59) / 60 * 60
	}
	var b strings.Builder
	for _, unit := range []struct {
		seconds int64
		name    string
	}{{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}} {
		if n := seconds / unit.seconds; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			seconds %= unit.seconds
		}
	}
	return b.String()
}

// accessPeriod says from when to when, "" for from now on.
func accessPeriod(a *compiler.AccessChange) string {
	var words []string
	if a.From != "" {
		words = append(words, "from "+a.From)
	}
	if a.Until != "" {
		words = append(words, "until "+a.Until)
	}
	return strings.Join(words, " ")
}

// remark puts remarks in brackets; empty ones are left out.
func remark(remarks ...string) string {
	remarks = slices.DeleteFunc(remarks, func(r string) bool { return r == "" })
	if len(remarks) == 0 {
		return ""
	}
	return " (" + strings.Join(remarks, "; ") + ")"
}
