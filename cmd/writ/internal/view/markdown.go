package view

import (
	"fmt"
	"io"
	"iter"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/writ-auth/writ/config/diag"
)

// This file writes text of authors into Markdown, where none of it may take effect, and
// cuts it to a length.

// shortest is the length in bytes below which no scope is cut: with less, two scopes of one
// API often look the same.
const shortest = 24

// fit returns how many texts of these lengths fit into room, and the length at which to cut
// them. One length holds for all, so that short texts stay whole and only the longest are
// cut; it is never below least. around is the length of what is printed around each text.
// All lengths are bytes. It reads no further than to the first text that does not fit, so a
// list of a million costs no more than what is shown.
func fit(texts iter.Seq[int], room, around, least int) (shown, longest int) {
	var lengths []int
	for length := range texts {
		if room -= min(length, least) + around; room < 0 {
			return len(lengths), least
		}
		lengths = append(lengths, length)
	}
	// All texts fit at least. What is left over lifts the limit for all that are longer,
	// from the shortest of them on, until it is used up.
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

// cutInto renders a text in at most longest bytes, and reports whether it had to be cut.
// What a renderer adds, such as escapes, is not known before, so it cuts by a quarter more
// until the result fits.
func cutInto(text string, longest int, render func(string) string, cut func(string, int) string) (rendered string, isCut bool) {
	rendered = render(text)
	for n := longest; len(rendered) > longest && n > 0; n = n * 3 / 4 {
		rendered, isCut = render(cut(text, n)), true
	}
	return rendered, isCut
}

// cutMiddle cuts a name to n bytes and keeps its beginning and its end: either may tell it from
// another. A character that is cut in half is dropped.
func cutMiddle(text string, n int) string {
	const mark = "…"
	if text = diag.OneLine(text); len(text) <= n {
		return text
	}
	head := max(n-len(mark), 0) * 2 / 3
	tail := max(n-len(mark)-head, 0)
	return strings.ToValidUTF8(text[:head], "") + mark + strings.ToValidUTF8(text[len(text)-tail:], "")
}

// cutEnd cuts a sentence to n bytes and keeps its beginning.
func cutEnd(text string, n int) string {
	const mark = "…"
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:max(n-len(mark), 0)], "") + mark
}

// fenced writes text as a code block whose fence is longer than any run of
// backticks in it (CommonMark 0.31 section 4.5), so that nothing in the text ends the block.
func fenced(out io.Writer, language, text string) {
	fence := strings.Repeat("`", max(3, longestRun(text)+1))
	fmt.Fprintf(out, "%s%s\n%s%s\n", fence, language, text, fence)
}

// codeSpan writes text as a code span whose delimiter is longer than any run of
// backticks in it (CommonMark 0.31 section 6.1). A space on either side keeps a backtick at the
// edge apart from the delimiter; renderers strip it. "" stays "", which as a span would be text.
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

// longestRun is the length of the longest run of backticks, 0 for none.
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

// code finds what is code in a sentence: the beginning of an address, or of a quoted part,
// which may hold text of authors.
var code = regexp.MustCompile(`\b(?:api|client|authorization|trusted_issuer|signing_key|policy|lock\.[a-z_]+|var|local)\.[A-Za-z0-9_](?:[A-Za-z0-9_.:/@+-]*[A-Za-z0-9_/@+-])?|"`)

// markdownText writes a sentence. Addresses and quoted parts become code spans; in the rest
// every special character is escaped (CommonMark 0.31 section 2.4).
func markdownText(text string) string {
	var b strings.Builder
	// Quoted parts come from %q in package compiler, so strconv finds their ends. A quote that begins
	// nothing of that form ends the search, and the rest is escaped as plain text.
	for begun := false; text != ""; begun = true {
		at := code.FindStringIndex(text)
		if at == nil {
			break
		}
		start, end := at[0], at[1]
		if text[start] == '"' {
			quoted, err := strconv.QuotedPrefix(text[start:])
			if err != nil {
				break
			}
			end = start + len(quoted)
		} else if strings.HasPrefix(text[end:], eachInstance) {
			end += len(eachInstance)
		} else if key, found := strings.CutPrefix(text[end:], "["); found { // an instance of for_each
			if quoted, err := strconv.QuotedPrefix(key); err == nil && strings.HasPrefix(key[len(quoted):], "]") {
				end += len("[") + len(quoted) + len("]")
			}
		}
		if b.WriteString(plainText(text[:start])); start == 0 && begun {
			b.WriteByte(' ') // two spans side by side would be one
		}
		b.WriteString(codeSpan(text[start:end]))
		text = text[end:]
	}
	b.WriteString(plainText(text))
	return b.String()
}

// partyText writes the name of a client or an API, with the client id or identifier that tells it from
// another of its label.
func partyText(name string) string {
	if strings.Contains(name, " with ") {
		return markdownText(name)
	}
	return codeSpan(name)
}

// ownerText writes who answers for something. A name of letters and digits means nothing
// in Markdown; any other, such as an address that a platform would make a link of, is code.
func ownerText(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r != ' ' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		return codeSpan(name)
	}
	return name
}

// plainText escapes every character with a meaning in Markdown, and those by which GitHub and GitLab
// mention a person or an issue, or begin a link. Nothing that an author writes may ping somebody or
// lead a reader elsewhere.
func plainText(text string) string {
	var b strings.Builder
	for _, r := range links.Replace(diag.OneLine(text)) {
		switch {
		case r == '@' || r == '#':
			fmt.Fprintf(&b, "&#%d;", r)
		case r == linkBreak:
			b.WriteByte('\\')
		case strings.ContainsRune("\\`*_{}[]<>+!|~&$", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// linkBreak stands for a backslash that keeps a platform from making a link: the replacement
// comes before the escaping, which would escape a backslash of its own. OneLine lets
// no such character through.
const linkBreak = '\x00'

// links finds where platforms make a link of plain text (GFM 0.29 section 6.9).
var links = strings.NewReplacer("://", ":"+string(linkBreak)+"//", "www.", "www"+string(linkBreak)+".")
