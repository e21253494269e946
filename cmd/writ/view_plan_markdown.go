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
type planMarkdown struct{}

// maxComment is how many bytes of folded detail are printed: the platforms cut
// or refuse comments of more than 65,536 characters.
const maxComment = 40_000

func (v planMarkdown) render(w io.Writer, p *compiler.Plan) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "### writ plan\n\n**%s**\n", planSummary(p))
	if files := planFiles(p); files != "" {
		fmt.Fprintf(out, "\n%s\n", files)
	}
	for _, section := range effectSections {
		markdownSection(out, p, section.effect, section.heading)
	}
	markdownAccess(out, p.Access)
	if len(p.Changes) > 0 {
		fmt.Fprint(out, "\n<details><summary>Every object</summary>\n\n")
		fenced(out, objectsText(p))
		fmt.Fprint(out, "\n</details>\n")
	}
	return out.Flush()
}

// maxLines is how many lines a section has before the rest is only counted.
const maxLines = 100

func markdownSection(out io.Writer, p *compiler.Plan, effect compiler.Effect, heading string) {
	lines := 0
	for i := range p.Changes {
		c := &p.Changes[i]
		for _, reason := range reasonsOf(c, effect) {
			if lines++; lines > maxLines {
				continue
			}
			if lines == 1 {
				if effect == compiler.EffectWiden {
					heading = "⚠️ " + heading
				}
				fmt.Fprintf(out, "\n#### %s\n\n", heading)
			}
			fmt.Fprintf(out, "- `%s` %s: %s\n", actionSign(c.Action), codeSpan(c.Address), markdownText(reason))
		}
	}
	if lines > maxLines {
		fmt.Fprintf(out, "- and %d more\n", lines-maxLines)
	}
}

func markdownAccess(out io.Writer, changes []compiler.AccessChange) {
	if len(changes) == 0 {
		return
	}
	fmt.Fprint(out, "\n#### Who gains and loses what\n\n| who | gains | loses |\n| --- | --- | --- |\n")
	for i := range changes {
		if i == maxLines {
			fmt.Fprintf(out, "| and %d more | | |\n", len(changes)-maxLines)
			return
		}
		gained, lost := accessLines(&changes[i])
		fmt.Fprintf(out, "| %s | %s | %s |\n", tableCell(accessParty(&changes[i])), tableCell(gained), tableCell(lost))
	}
}

// objectsText is the same text that a terminal gets, cut where a comment would
// be too long.
func objectsText(p *compiler.Plan) string {
	var b strings.Builder
	out := &planPrinter{bufio.NewWriter(&b), false}
	for i := range p.Changes {
		out.change(&p.Changes[i])
		out.Flush()
		if b.Len() > maxComment {
			fmt.Fprintf(&b, "\n# and %d more objects\n", len(p.Changes)-i-1)
			break
		}
	}
	return strings.TrimPrefix(b.String(), "\n")
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
