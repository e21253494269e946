package view

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// PlanMarkdown prints a plan as a comment on a pull request, with the objects folded away.
// Text of authors is printed in code spans and code blocks, where neither Markdown nor
// HTML takes effect.
//
// Platforms limit the length of a comment, and an author could make a plan so long that
// the harmful part falls off. So the addresses of everything that widens come first.
// Lines are shortened before any is left out, the longest names first. The first lines
// count what is not shown and give the command that prints it.
type PlanMarkdown struct {
	Command string // that prints the whole plan
	Note    string // what a reader must know first; "" for nothing
}

// The length in bytes up to which each part may fill the comment; platforms take 65,536
// characters. Room that one part leaves is there for the next.
const (
	roomForAddresses = 16_000 // of what widens
	roomForWidening  = 26_000 // why it widens
	roomForOthers    = 31_000 // what narrows, changes shape and text
	roomForTable     = 38_000 // who gains and loses what
	roomForLists     = 56_000 // the scopes that the table has no room for
	maxComment       = 60_000 // every object; the rest is for what a workflow adds
)

// Render writes the comment. The banner comes first and depends on all that follows, so the
// rest is made before anything is written.
func (v PlanMarkdown) Render(w io.Writer, r *Review) error {
	p := r.Plan
	c := &planComment{}
	c.changes(p)
	c.checks(r.Checks)
	c.access(p.Access)
	c.objects(r)
	var out strings.Builder
	out.WriteString("### writ plan\n\n")
	if banner := c.banner(v.Command); banner != "" {
		fmt.Fprintf(&out, "%s\n\n", banner)
	}
	fmt.Fprintf(&out, "**%s**\n", planSummary(p))
	if v.Note != "" {
		fmt.Fprintf(&out, "\n⚠️ %s\n", markdownText(v.Note))
	}
	if files := planFiles(p); files != "" {
		fmt.Fprintf(&out, "\n%s\n", files)
	}
	out.WriteString(c.String())
	_, err := io.WriteString(w, out.String())
	return err
}

// A planComment is the text below the summary, and the account of what it shows.
type planComment struct {
	strings.Builder
	gains, losses, addressed, lines, shown account
	short                                  int // names that are cut short
}

// maxCommand is the longest command, in bytes, that the banner repeats.
const maxCommand = 1000

// An account counts things, and how many of them are shown whole.
type account struct{ shown, of int }

// banner says what the comment does not show; "" where it shows everything.
func (c *planComment) banner(command string) string {
	var parts []string
	for _, part := range []struct {
		account
		noun string
	}{{c.gains, "gains"}, {c.losses, "losses"}, {c.addressed, "addresses"}, {c.lines, "lines"}, {c.shown, "objects"}} {
		if part.shown < part.of {
			parts = append(parts, fmt.Sprintf("%d of %d %s", part.shown, part.of, part.noun))
		}
	}
	text := strings.Join(parts, ", ") + " are shown"
	switch {
	case len(parts) == 0 && c.short == 0:
		return ""
	case len(parts) == 0:
		text = schema.Plural(c.short, "name") + " cut short"
	case c.short > 0:
		text += ", " + schema.Plural(c.short, "name") + " cut short"
	}
	if len(command) > maxCommand {
		return fmt.Sprintf("**This comment is not complete: %s; `writ plan` with the same flags prints all.**", text)
	}
	return fmt.Sprintf("**This comment is not complete: %s; %s prints all.**", text, codeSpan(command))
}

// changes writes what the changes mean, one section for each effect.
func (c *planComment) changes(p *compiler.Plan) {
	for _, section := range effectSections {
		lines := linesOf(p.Changes, section.effect)
		heading, until := section.heading, roomForOthers
		if section.effect == compiler.EffectWiden {
			heading, until = "⚠️ "+heading, roomForWidening
			c.addresses(lines)
		}
		if len(lines) > 0 {
			fmt.Fprintf(c, "\n#### %s\n\n", heading)
			c.meaning(lines, until)
		}
	}
}

// checks writes what --check was asked, with each counterexample.
func (c *planComment) checks(checks []CheckResult) {
	if len(checks) == 0 {
		return
	}
	c.WriteString("\n#### Checks\n\n")
	for _, check := range checks {
		answer := "holds"
		if !check.Holds {
			answer = "**does not hold**"
		}
		fmt.Fprintf(c, "- %s %s\n", codeSpan(check.Check), answer)
		for _, sentence := range check.Counterexamples {
			fmt.Fprintf(c, "  - %s\n", markdownText(sentence))
		}
	}
}

// addresses lists the addresses of what widens if their reasons take more than a screen.
func (c *planComment) addresses(lines []planLine) {
	if !moreThanAScreen(lines) {
		return
	}
	addresses := addressesOf(lines)
	fmt.Fprintf(c, "\n⚠️ **Access widens at %d addresses:** ", len(addresses))
	shown, longest := fit(addresses, roomForAddresses-c.Len()-len(" and 10000000 more\n"), len(", "), 40, codeSpan)
	for i, address := range addresses[:shown] {
		if i > 0 {
			c.WriteString(", ")
		}
		c.name(address, longest)
	}
	c.addressed = account{shown, len(addresses)}
	c.rest(len(addresses) - shown)
	c.WriteString("\n")
}

// rest says how many are left out.
func (c *planComment) rest(n int) {
	if n > 0 {
		fmt.Fprintf(c, " and %d more", n)
	}
}

// name writes a name as code, cut in its middle where it is too long, and reports
// whether it is whole.
func (c *planComment) name(name string, longest int) (whole bool) {
	text, cut := cutInto(name, longest, codeSpan, cutMiddle)
	if cut {
		c.short++
	}
	c.WriteString(text)
	return !cut
}

// meaning writes why changes have an effect: each line as far as it fits.
func (c *planComment) meaning(lines []planLine, until int) {
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = line.reason
	}
	const around = maxParty + len("- `-/+` : \n")
	shown, longest := fit(texts, until-c.Len()-len("- and 10000000 more\n"), around, 100, markdownText)
	for _, line := range lines[:shown] {
		fmt.Fprintf(c, "- `%s` ", actionSign(line.change.Action))
		c.name(line.change.Address, maxParty)
		reason, cut := cutInto(line.reason, longest, markdownText, cutEnd)
		if !cut {
			c.lines.shown++
		}
		fmt.Fprintf(c, ": %s\n", reason)
	}
	c.lines.of += len(lines)
	if shown < len(lines) {
		fmt.Fprintf(c, "- and %d more\n", len(lines)-shown)
	}
}

// Limits of the table: bytes of a party, bytes of a cell, and scopes in a cell.
const (
	maxParty = 160
	maxCell  = 400
	maxNames = 8
)

// access writes a table of who gains and loses what. Lists that are too long for a cell are
// written whole below it.
func (c *planComment) access(changes []compiler.AccessChange) {
	if len(changes) == 0 {
		return
	}
	c.WriteString("\n#### Who gains and loses what\n\n| who | gains | loses |\n| --- | --- | --- |\n")
	var lists []accessList
	hidden := 0
	for i := range changes {
		party := accessParty(changes, i)
		gained, lost := accessLists(&changes[i])
		who, cut := cutInto(party, maxParty, tableCell, cutMiddle)
		row := fmt.Sprintf("| %s | %s | %s |\n", who, gained.cell(), lost.cell())
		fits := c.Len()+len(row) <= roomForTable
		if fits {
			c.WriteString(row)
		} else {
			hidden++
		}
		for _, list := range []accessList{gained, lost} {
			if list.of = party; len(list.names) == 0 {
				continue
			} else if fits && !cut && list.inCell() {
				c.account(&list, len(list.names))
			} else {
				lists = append(lists, list)
			}
		}
	}
	if hidden > 0 {
		fmt.Fprintf(c, "| and %d more, below | | |\n", hidden)
	}
	c.lists(lists)
}

// inCell reports whether a cell of the table holds the whole list.
func (l *accessList) inCell() bool {
	return len(l.names) <= maxNames && len(tableCell(l.String())) <= maxCell
}

// cell is the list in a cell of the table, or its beginning.
func (l *accessList) cell() string {
	if l.inCell() {
		return tableCell(l.String())
	}
	first := *l
	first.names, first.remark = l.names[:min(maxNames, len(l.names))], ""
	text, _ := cutInto(first.String(), maxCell, tableCell, cutEnd)
	if more := len(l.names) - len(first.names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + " (all below)"
}

// lists writes lists of scopes, gains before losses. If there is not room for all, it cuts
// the longest names first, then shows fewer names of each list, and last fewer lists.
func (c *planComment) lists(lists []accessList) {
	if len(lists) == 0 {
		return
	}
	slices.SortStableFunc(lists, func(a, b accessList) int { return strings.Compare(a.sign, b.sign) }) // "+" before "-"
	c.WriteString("\n<details><summary>Every scope gained and lost</summary>\n\n")
	room := roomForLists - c.Len() - len("\n</details>\n")
	const around = maxParty + 100 // a party, a sign, a remark
	rows := min(len(lists), max(room, 0)/(around+shortest))
	each := 0
	for _, list := range lists[:rows] {
		each = max(each, min(len(list.names), room/shortest))
	}
	longest := 0
	for names := []string(nil); ; {
		names = names[:0]
		for _, list := range lists[:rows] {
			names = append(names, list.names[:min(each, len(list.names))]...)
		}
		shown := 0
		if shown, longest = fit(names, room-rows*around, len(", "), shortest, codeSpan); shown == len(names) {
			break
		}
		if each > 1 {
			each = each * 3 / 4
		} else {
			rows = rows * 3 / 4
		}
	}
	for i := range lists[:rows] {
		c.list(&lists[i], each, longest)
	}
	for i := range lists[rows:] {
		c.account(&lists[rows+i], 0)
	}
	if len(lists) > rows {
		fmt.Fprintf(c, "- and %d more\n", len(lists)-rows)
	}
	c.WriteString("\n</details>\n")
}

// list writes one list of at most that many names of at most that length.
func (c *planComment) list(list *accessList, each, longest int) {
	c.WriteString("- ")
	c.name(list.of, maxParty)
	fmt.Fprintf(c, " `%s` ", list.sign)
	shown, whole := min(each, len(list.names)), 0
	for i, name := range list.names[:shown] {
		if i > 0 {
			c.WriteString(", ")
		}
		if c.name(name, longest) {
			whole++
		}
	}
	c.rest(len(list.names) - shown)
	c.WriteString(plainText(list.remark) + "\n")
	c.account(list, whole)
}

// account adds a list to the count of gains or losses.
func (c *planComment) account(list *accessList, shown int) {
	a := &c.losses
	if list.sign == "+" {
		a = &c.gains
	}
	a.of += len(list.names)
	a.shown += shown
}

// objects writes the objects as a terminal shows them, folded, as far as there is room.
func (c *planComment) objects(r *Review) {
	changes := r.Changes
	if len(changes) == 0 {
		return
	}
	const around = len("\n<details><summary>Every object</summary>\n\n\n</details>\n") + 100
	text, shown := objectsText(r, maxComment-c.Len()-around)
	c.shown = account{shown, len(changes)}
	c.WriteString("\n<details><summary>Every object</summary>\n\n")
	fenced(c, text)
	c.WriteString("\n</details>\n")
}

// objectsText is the objects as a terminal shows them. One that does not fit is
// left out, and smaller ones after it are shown.
func objectsText(r *Review, room int) (text string, shown int) {
	changes := r.Changes
	var all, object strings.Builder
	for i := range changes {
		if room-all.Len() < 100 {
			break
		}
		object.Reset()
		out := &planPrinter{bufio.NewWriter(&object), false, r.Notes}
		out.change(&changes[i])
		out.Flush()
		if all.Len()+object.Len() <= room {
			all.WriteString(object.String())
			shown++
		}
	}
	if shown < len(changes) {
		fmt.Fprintf(&all, "\n# and %d more objects\n", len(changes)-shown)
	}
	return strings.TrimPrefix(all.String(), "\n"), shown
}

// shortest is the length in bytes below which no scope is cut.
const shortest = 24

// fit returns how many texts fit into room, and the length at which to cut them. One length
// holds for all, so that short texts stay whole and only the longest are cut; it is never
// below least. around is the length of what is printed around each text.
func fit(texts []string, room, around, least int, render func(string) string) (shown, longest int) {
	lengths := make([]int, 0, len(texts))
	for _, text := range texts {
		length := len(render(text))
		if room -= min(length, least) + around; room < 0 {
			return len(lengths), least
		}
		lengths = append(lengths, length)
	}
	slices.Sort(lengths)
	longest = least // which all have; room is what is left
	for i, length := range lengths {
		more, left := length-longest, len(lengths)-i
		switch {
		case more <= 0:
			continue
		case more*left > room:
			return len(lengths), longest + room/left
		}
		room -= more * left
		longest = length
	}
	return len(lengths), math.MaxInt
}

// cutInto renders a text in at most that many bytes, cut where it must be.
func cutInto(text string, longest int, render func(string) string, cut func(string, int) string) (rendered string, isCut bool) {
	rendered = render(text)
	for n := longest; len(rendered) > longest && n > 0; n = n * 3 / 4 {
		rendered, isCut = render(cut(text, n)), true
	}
	return rendered, isCut
}

// cutMiddle keeps the beginning and the end of a name: either may tell it from another.
func cutMiddle(text string, n int) string {
	const mark = "…"
	if text = diag.OneLine(text); len(text) <= n {
		return text
	}
	head := max(n-len(mark), 0) * 2 / 3
	tail := max(n-len(mark)-head, 0)
	return strings.ToValidUTF8(text[:head], "") + mark + strings.ToValidUTF8(text[len(text)-tail:], "")
}

// cutEnd keeps the beginning of a sentence.
func cutEnd(text string, n int) string {
	const mark = "…"
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:max(n-len(mark), 0)], "") + mark
}

// fenced writes text as a code block whose fence is longer than any run of
// backticks in it (CommonMark 0.31 section 4.5).
func fenced(out io.Writer, text string) {
	fence := strings.Repeat("`", max(3, longestRun(text)+1))
	fmt.Fprintf(out, "%shcl\n%s%s\n", fence, text, fence)
}

// codeSpan writes text as a code span whose delimiter is longer than any run of
// backticks in it (CommonMark 0.31 section 6.1).
func codeSpan(text string) string {
	text = diag.OneLine(text)
	if text == "" {
		return ""
	}
	delimiter := strings.Repeat("`", longestRun(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return delimiter + text + delimiter
}

// longestRun is the length of the longest run of backticks.
func longestRun(text string) int {
	longest, run := 0, 0
	for i := range len(text) {
		if text[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// tableCell is a code span in a table of GitHub Flavored Markdown, which splits
// cells at pipes before it looks for code.
func tableCell(text string) string {
	return strings.ReplaceAll(codeSpan(text), "|", `\|`)
}

// markdownText writes a sentence. Quoted parts, which may hold text of authors, become code
// spans; in the rest every special character is escaped (CommonMark 0.31 section 2.4).
func markdownText(text string) string {
	var b strings.Builder
	for text != "" {
		start := strings.IndexByte(text, '"')
		if start < 0 {
			break
		}
		quoted, err := strconv.QuotedPrefix(text[start:])
		if err != nil {
			break
		}
		b.WriteString(plainText(text[:start]))
		b.WriteString(codeSpan(quoted))
		text = text[start+len(quoted):]
	}
	b.WriteString(plainText(text))
	return b.String()
}

// plainText escapes every character with a meaning, also those that would mention a person
// or an issue.
func plainText(text string) string {
	var b strings.Builder
	for _, r := range diag.OneLine(text) {
		switch {
		case r == '@' || r == '#':
			fmt.Fprintf(&b, "&#%d;", r)
		case strings.ContainsRune("\\`*_{}[]<>+!|~&$", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
