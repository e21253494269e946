package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/compiler"
)

// planMarkdown prints a plan as a comment on a pull request: what it means open,
// the objects folded. Whatever an author could write stands in code spans or
// blocks, where neither Markdown nor HTML means anything.
type planMarkdown struct {
	note string // what a reader must know first; "" for nothing
}

// maxComment is how long a comment gets, in bytes: the platforms refuse more than
// 65,536 characters. What does not fit is counted, the objects first.
const maxComment = 60_000

// maxLines is how many lines a section has before the rest is only counted.
const maxLines = 50

func (v planMarkdown) render(w io.Writer, p *compiler.Plan) error {
	var out strings.Builder
	fmt.Fprintf(&out, "### writ plan\n\n**%s**\n", planSummary(p))
	if v.note != "" {
		fmt.Fprintf(&out, "\n⚠️ %s\n", markdownText(v.note))
	}
	if files := planFiles(p); files != "" {
		fmt.Fprintf(&out, "\n%s\n", files)
	}
	for _, section := range effectSections {
		markdownSection(&out, p, section.effect, section.heading)
	}
	markdownAccess(&out, p.Access)
	if len(p.Changes) > 0 {
		const around = len("\n<details><summary>Every object</summary>\n\n\n</details>\n") + 200
		objects := objectsText(p, maxComment-out.Len()-around)
		out.WriteString("\n<details><summary>Every object</summary>\n\n")
		fenced(&out, objects)
		out.WriteString("\n</details>\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// A markdownLines writes lines as long as there is room, and counts the rest.
type markdownLines struct {
	out   *strings.Builder
	until int // the length of out at which there is no more room
	lines int
	more  int
}

func (l *markdownLines) add(line string) {
	if l.lines == maxLines || l.out.Len()+len(line) > l.until {
		l.more++
		return
	}
	l.lines++
	l.out.WriteString(line)
}

func markdownSection(out *strings.Builder, p *compiler.Plan, effect compiler.Effect, heading string) {
	lines := &markdownLines{out: out, until: maxComment / 2}
	if effect == compiler.EffectWiden {
		heading = "⚠️ " + heading
	}
	started := false
	for i := range p.Changes {
		c := &p.Changes[i]
		for _, reason := range reasonsOf(c, effect) {
			if !started {
				fmt.Fprintf(out, "\n#### %s\n\n", heading)
				started = true
			}
			lines.add(fmt.Sprintf("- `%s` %s: %s\n", actionSign(c.Action), codeSpan(c.Address), markdownText(reason)))
		}
	}
	if lines.more > 0 {
		fmt.Fprintf(out, "- and %d more\n", lines.more)
	}
}

func markdownAccess(out *strings.Builder, changes []compiler.AccessChange) {
	if len(changes) == 0 {
		return
	}
	out.WriteString("\n#### Who gains and loses what\n\n| who | gains | loses |\n| --- | --- | --- |\n")
	lines := &markdownLines{out: out, until: maxComment * 3 / 4}
	for i := range changes {
		gained, lost := accessLines(&changes[i])
		lines.add(fmt.Sprintf("| %s | %s | %s |\n", tableCell(accessParty(changes, i)), tableCell(gained), tableCell(lost)))
	}
	if lines.more > 0 {
		fmt.Fprintf(out, "| and %d more | | |\n", lines.more)
	}
}

// objectsText is the same text that a terminal gets, as far as there is room.
func objectsText(p *compiler.Plan, room int) string {
	var text, object strings.Builder
	for i := range p.Changes {
		object.Reset()
		out := &planPrinter{bufio.NewWriter(&object), false}
		out.change(&p.Changes[i])
		out.Flush()
		if text.Len()+object.Len() > room {
			fmt.Fprintf(&text, "\n# and %d more objects\n", len(p.Changes)-i)
			break
		}
		text.WriteString(object.String())
	}
	return strings.TrimPrefix(text.String(), "\n")
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
	text = visible(text)
	if text == "" {
		return ""
	}
	delimiter := strings.Repeat("`", longestRun(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return delimiter + text + delimiter
}

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

// markdownText shows a sentence: what it quotes, which is whatever authors
// wrote, as code, and the rest without any meaning (CommonMark 0.31 section 2.4).
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

// plainText escapes every character that could mean something, a mention of a
// person or an issue included.
func plainText(text string) string {
	var b strings.Builder
	for _, r := range visible(text) {
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
