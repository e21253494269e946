package view

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// PlanMarkdown prints a plan as a comment on a pull request. A busy reader can stop after
// any part: the consequences in one line, who gains, who is cut off, whose verifiers break,
// what policies and expectations say, what else changes, and the objects, folded away. Text
// of authors is printed in code spans and code blocks, where neither Markdown nor HTML
// takes effect.
//
// Platforms limit the length of a comment, and an author could make a plan so long that the
// harmful part falls off. So the addresses of everything that widens come first. Lines are
// shortened before any is left out, the longest names first. The first line counts what is
// not shown and gives the command that prints it. A test searches the comments of hostile
// plans for each gain.
type PlanMarkdown struct {
	Command string // that prints the whole plan
	Limit   int    // most characters of the comment; 0 for MarkdownLimit
}

// MarkdownLimit is how many characters GitHub takes in a comment.
const MarkdownLimit = 65_536

// MinMarkdownLimit is the least in which the first lines of a comment have room, in characters.
const MinMarkdownLimit = 4_000

// The parts of a comment that may be filled up to the end of each part, in thousandths of
// its length. Room that one part leaves is there for the next. What is left at the end is
// for the lines before all parts.
const (
	roomForAddresses = 240 // of what widens
	roomForGains     = 400 // who gains what
	roomForLosses    = 480 // cut off, narrows, verifiers
	roomForGuards    = 540 // checks, policies, expectations
	roomForOthers    = 580
	roomForLists     = 850 // the scopes and addresses that the lines have no room for
	roomForObjects   = 910
)

// Marker is the first line of every comment about an environment. By it the next run finds
// the comment that this one has posted. Renderers of Markdown show nothing of it.
func Marker(environment string) string { return "<!-- writ:" + environment + " -->" }

// Render writes the comment. The first lines depend on all that follows, so the rest is made
// before anything is written. Room is counted in bytes, of which a text has at least as many
// as characters.
func (v PlanMarkdown) Render(w io.Writer, r *Review) error {
	limit := max(cmp.Or(v.Limit, MarkdownLimit), MinMarkdownLimit)
	m := meaningOf(r)
	text := ""
	for length := limit; ; length = length * 9 / 10 {
		text = v.comment(m, length)
		if len(text) <= limit || length < limit/10 {
			break // long flags and notes leave less room for the rest
		}
	}
	_, err := io.WriteString(w, text)
	return err
}

// comment is the comment, made for a length in bytes. It may come out longer, by what
// stands in no part: see Render.
func (v PlanMarkdown) comment(m *meaning, length int) string {
	r := m.review
	c := &planComment{length: length, links: m.count() <= maxLinks}
	c.addresses(m)
	for i := range m.sections {
		if i == sectionCutOff { // what contradicts a check stands between the gains and the losses
			c.checks(r.Checks)
		}
		if i == sectionGuards {
			c.guards(r.Guards, &m.sections[i])
		} else {
			c.section(&m.sections[i], c.until(i))
		}
	}
	// The fold comes after all sections: only then it is known what their lines had no room
	// for.
	c.lists()
	c.unexercised(r.Guards)
	c.objects(r)

	var out strings.Builder
	fmt.Fprintf(&out, "%s\n### writ plan", Marker(r.Environment))
	if r.Environment != "" {
		out.WriteString(": " + plainText(r.Environment))
	}
	out.WriteString("\n\n" + c.banner(v.Command) + "**" + plainText(schema.UpperFirst(m.consequences())) + "**\n")
	for _, line := range []string{c.compared(r), markdownText(planFiles(r.Plan))} {
		if line != "" {
			fmt.Fprintf(&out, "\n%s\n", line)
		}
	}
	if r.Warning != "" {
		fmt.Fprintf(&out, "\n⚠️ %s\n", markdownText(r.Warning))
	}
	out.WriteString(c.String())
	return out.String()
}

// compared says which commits are compared, and what could not be; "" for neither.
func (c *planComment) compared(r *Review) string {
	var text string
	switch head := shortCommit(r.Head); {
	case head != "" && r.Dirty:
		head += " with uncommitted changes"
		fallthrough
	case head != "" && r.Base != "":
		text = strings.TrimPrefix(shortCommit(r.Base)+" → "+head, " → ")
	case head != "":
		text = head
	}
	if len(r.Unchecked) > 0 {
		if text != "" {
			text += " · "
		}
		text += "not compared: " + plainText(strings.Join(r.Unchecked, ", "))
	}
	return text
}

// shortCommit is the beginning of a commit's hash, as code, of the length that git shows.
func shortCommit(hash string) string { return codeSpan(hash[:min(len(hash), 7)]) }

// A planComment is the text below the first lines, and the count of what it shows. The
// first lines say what is missing, so they are written last.
type planComment struct {
	strings.Builder
	length                   int  // of the whole comment
	links                    bool // places are links
	folded                   []nameList
	gains, losses, addressed account
	lines, shown             account
	short                    int // names that are cut short
}

// maxLinks is from how many statements on places are no links: their addresses would take
// the room of what is gained. The file and the line stay.
const maxLinks = 60

// maxCommand is the longest command, in bytes, that the banner repeats.
const maxCommand = 1000

// An account counts things, and how many of them are shown whole.
type account struct{ shown, of int }

// until is the length in bytes up to which a section may fill the comment.
func (c *planComment) until(section int) int {
	switch {
	case section <= sectionCredential:
		return c.room(roomForGains)
	case section <= sectionVerifiers:
		return c.room(roomForLosses)
	case section == sectionGuards:
		return c.room(roomForGuards)
	}
	return c.room(roomForOthers)
}

// room is a part of the comment's length, in bytes.
func (c *planComment) room(thousandths int) int { return c.length * thousandths / 1000 }

// banner is the sentence about what the comment does not show, with the command that prints
// it; "" where it shows everything. A comment that is cut must not look complete.
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
	// A name that is cut is shown, and yet a reader cannot tell it from another: it is said
	// apart.
	text := strings.Join(parts, ", ") + " are shown"
	switch {
	case len(parts) == 0 && c.short == 0:
		return ""
	case len(parts) == 0:
		text = schema.Plural(c.short, "name") + " cut short"
	case c.short > 0:
		text += ", " + schema.Plural(c.short, "name") + " cut short"
	}
	return fmt.Sprintf("**This comment is not complete: %s; %s prints all.** ", text, printsAll(command))
}

// printsAll is the command that prints what a comment has no room for.
func printsAll(command string) string {
	if command == "" || len(command) > maxCommand {
		return "`writ plan` with the same flags"
	}
	return codeSpan(command)
}

// addresses lists the addresses of what widens if the lines about it take more than a
// screen, so that no amount of other changes hides one.
func (c *planComment) addresses(m *meaning) {
	if !m.moreThanAScreen() {
		return
	}
	addresses := widening(m.review)
	fmt.Fprintf(c, "\n⚠️ **Access widens at %d addresses:** ", len(addresses))
	shown, longest := fit(lengthsOf(addresses, codeSpan), c.room(roomForAddresses)-c.Len()-len(" and 10000000 more\n"), len(", "), 40)
	for i, address := range addresses[:shown] {
		if i > 0 {
			c.WriteString(", ")
		}
		c.name(address, longest)
	}
	c.addressed.of += len(addresses)
	c.addressed.shown += shown
	c.rest(len(addresses) - shown)
	c.WriteString("\n")
}

// moreThanAScreen reports whether what widens is more than a reader sees at once: 20 lines
// or about 2,000 characters. It stops counting where that is certain.
func (m *meaning) moreThanAScreen() bool {
	size, lines := 0, 0
	for i := range m.sections {
		if !m.sections[i].widens {
			continue
		}
		for _, s := range m.sections[i].statements {
			lines++
			size += len(s.reason)
			for _, scope := range s.scopes {
				size += len(scope)
			}
			for _, address := range s.addresses {
				size += len(address)
			}
		}
		if size > 2000 {
			break
		}
	}
	return len(m.review.Changes) > 1 && (lines > 20 || size > 2000)
}

// count counts the statements of all sections.
func (m *meaning) count() int {
	n := 0
	for i := range m.sections {
		n += len(m.sections[i].statements)
	}
	return n
}

// rest says how many names are left out, and nothing for none.
func (c *planComment) rest(n int) {
	if n > 0 {
		fmt.Fprintf(c, " and %d more", n)
	}
}

// name writes a name as code, cut in its middle where it is too long, and reports
// whether it is whole. A name that is cut is counted for the banner.
func (c *planComment) name(name string, longest int) (whole bool) {
	text, cut := cutInto(name, longest, codeSpan, cutMiddle)
	if cut {
		c.short++
	}
	c.WriteString(text)
	return !cut
}

// Limits of a line: bytes of a name, names in it, and bytes of a list of names.
const (
	maxParty     = 160
	maxInline    = 8
	maxAddresses = 20
	maxList      = 1000
)

// A line of a comment is written whole, or where there is not room, in fewer bytes. told is
// called once for each line, whether it is shown or not, so that the counts in the banner
// are complete.
type line struct {
	whole string
	short func(longest int) string // of at most that many bytes, at least leastLine
	told  func(whole, shown bool)  // takes account of what the line shows
}

// leastLine is the length in bytes below which no line is cut: room for a mark, both names and
// a place.
const leastLine = 260

// section writes a section up to a length of the comment: each line as far as it fits.
func (c *planComment) section(s *section, until int) {
	// Lines are made as far as there may be room: a change of everything has a million.
	var lines []line
	made := 0
	for room := until - c.Len(); made < len(s.statements) && room > 0; made++ {
		l := c.line(s.statements[made])
		room -= min(len(l.whole), leastLine)
		lines = append(lines, l)
	}
	c.list(s.mark+s.heading, lines, len(s.statements)-made, until)
	for _, left := range s.statements[made:] {
		c.leaveOut(left)
	}
}

// leaveOut counts a statement that no line shows, and has the fold list its names.
func (c *planComment) leaveOut(s *statement) {
	if s.isAccess() {
		c.folded = append(c.folded, foldedAccess(s))
		return
	}
	c.lines.of++
	if len(s.addresses) > 1 {
		c.folded = append(c.folded, foldedAddresses(s))
	}
}

// list writes a heading and lines below it, up to a length of the comment; more is how many
// further lines there would be. Where not all fit whole, the longest are shortened before
// any is left out.
func (c *planComment) list(heading string, lines []line, more, until int) {
	if len(lines)+more == 0 {
		return
	}
	fmt.Fprintf(c, "\n#### %s\n\n", heading)
	lengths := func(yield func(int) bool) {
		for i := range lines {
			if !yield(len(lines[i].whole)) {
				return
			}
		}
	}
	// Room is kept for the line that says how many are left out, with the longest number
	// there is.
	shown, longest := fit(lengths, until-c.Len()-len("- and 10000000 more, below\n"), 0, leastLine)
	for i := range lines[:shown] {
		if l := &lines[i]; len(l.whole) <= longest {
			c.WriteString(l.whole)
			l.told(true, true)
		} else {
			c.WriteString(l.short(longest))
			l.told(false, true)
		}
	}
	for i := range lines[shown:] {
		lines[shown+i].told(false, false)
	}
	if more += len(lines) - shown; more > 0 {
		fmt.Fprintf(c, "- and %d more\n", more)
	}
}

// line is a statement as a line of a list: the subject if the sentence does not name it,
// the sentence, the place, and the objects if there are several. The sentence is what gets
// shorter.
func (c *planComment) line(s *statement) line {
	if s.isAccess() {
		return c.accessLine(s)
	}
	subject, where, inline, listed := "", c.where(s.place), "", true
	sentence := s.reason
	if where != "" {
		sentence = strings.TrimSuffix(sentence, ".") // the place ends it
	}
	if len(s.addresses) > 1 {
		subject = s.subject() + ": "
		inline, listed = c.inline(s.addresses)
	} else if !strings.Contains(s.reason, s.addresses[0]) {
		text, cut := cutInto(s.addresses[0], maxParty, codeSpan, cutMiddle)
		if subject = text + ": "; cut {
			c.short++
		}
	}
	if s.loosens {
		subject = "⚠️ " + subject
	}
	// When it is short of room only the sentence is cut. The subject and the place say what
	// to look up, and notes are of this program's own making.
	notes := notesOf(s.notes)
	around := "- " + subject + where + inline + "\n" + notes
	return line{
		whole: "- " + subject + markdownText(sentence) + where + inline + "\n" + notes,
		short: func(longest int) string {
			reason, _ := cutInto(sentence, max(longest-len(around), 40), markdownText, cutEnd)
			return "- " + subject + reason + where + inline + "\n" + notes
		},
		told: func(whole, shown bool) {
			c.lines.of++
			if whole {
				c.lines.shown++
			}
			if len(s.addresses) > 1 && (!listed || !shown) {
				c.folded = append(c.folded, foldedAddresses(s))
			}
		},
	}
}

// notesOf are sentences below a line, each a list item of its own.
func notesOf(notes []string) string {
	var b strings.Builder
	for _, note := range notes {
		fmt.Fprintf(&b, "  - %s\n", markdownText(note))
	}
	return b.String()
}

// where says who answers for something and where it is written: " (payments,
// clients.hcl:12)". An owner whose name is longer than maxParty is left out: it would be
// cut to something that is no name.
func (c *planComment) where(p Place) string {
	at := codeSpan(p.Line())
	if at != "" && p.URL != "" && c.links {
		at = fmt.Sprintf("[%s](%s)", at, p.URL)
	}
	owner := ""
	if len(p.Owner) <= maxParty {
		owner = ownerText(p.Owner)
	}
	if owner != "" && at != "" {
		owner += ", "
	}
	return remark(owner + at)
}

// inlined is the beginning of a list of names in a line, as code: at most most of them, and
// no more than maxList bytes. The first bold names are in bold. shown is how many there
// are.
func inlined(names []string, most, bold int) (text string, shown int) {
	var b strings.Builder
	for ; shown < min(len(names), most); shown++ {
		span := codeSpan(names[shown])
		if shown < bold {
			span = "**" + span + "**"
		}
		if len(span) > maxParty || shown > 0 && b.Len()+len(span) > maxList {
			break
		}
		if shown > 0 {
			b.WriteString(", ")
		}
		b.WriteString(span)
	}
	return b.String(), shown
}

// inline names several addresses at the end of a line, or says that the fold does.
func (c *planComment) inline(addresses []string) (text string, all bool) {
	text, shown := inlined(addresses, maxAddresses, 0)
	if shown < len(addresses) {
		return " (all below)", false
	}
	return ": " + text, true
}

// accessLine says who gains or loses what. Sensitive scopes come first and in bold. A line
// that does not name everything has the fold list it, and counts there.
func (c *planComment) accessLine(s *statement) line {
	api, apiCut := cutInto(s.api, maxParty, partyText, cutMiddle)
	who, whoCut := cutInto(s.addresses[0], maxParty, partyText, cutMiddle)
	inline, listed := "", true
	if len(s.addresses) > 1 {
		who = s.subject()
		inline, listed = c.inline(s.addresses)
	}
	scopes, shown := inlined(s.scopes, maxInline, s.sensitive)
	all := shown == len(s.scopes)
	switch more := len(s.scopes) - shown; {
	case shown == 0 && !all:
		scopes = schema.Plural(more, "scope") + " (all below)"
	case !all:
		scopes += fmt.Sprintf(" and %d more (all below)", more)
	}
	mark := ""
	if s.sensitive > 0 && s.sign == "+" {
		mark = "🔴 **sensitive:** "
	}
	tail := plainText(s.remark) + c.where(s.place) + inline + "\n" + notesOf(s.notes)
	// A gain counts as shown only if the line names client, API and every scope in full.
	// Otherwise the fold lists it, and counts what it shows.
	complete := all && listed && !apiCut && !whoCut
	return line{
		whole: "- " + mark + accessText(s, who, scopes, api) + tail,
		short: func(int) string {
			who, _ := cutInto(s.addresses[0], 60, codeSpan, cutMiddle)
			api, _ := cutInto(s.api, 60, codeSpan, cutMiddle)
			if len(s.addresses) > 1 {
				who = s.subject()
			}
			return "- " + mark + accessText(s, who, schema.Plural(max(len(s.scopes), 1), "scope")+" (all below)", api) + "\n"
		},
		told: func(whole, _ bool) {
			if whole && complete {
				c.account(s.sign, s.pairs(), s.pairs())
			} else {
				c.folded = append(c.folded, foldedAccess(s))
			}
		},
	}
}

// accessText is a statement about access with its names as they are to be written, in the
// words of statement.text.
func accessText(s *statement, who, scopes, api string) string {
	behalf := markdownText(s.behalf)
	switch {
	case s.verb == cutOff && scopes == "":
		return fmt.Sprintf("%s gets no more tokens for %s%s", who, api, behalf)
	case s.verb == cutOff:
		return fmt.Sprintf("%s gets no more tokens for %s%s; had %s", who, api, behalf, scopes)
	case scopes == "":
		return fmt.Sprintf("%s %s tokens without scopes for %s%s", who, getting(s.verb), api, behalf)
	}
	return fmt.Sprintf("%s %s %s on %s%s", who, s.verb, scopes, api, behalf)
}

// account adds to the count of gains ("+") or losses: of in all, of which shown can be read.
func (c *planComment) account(sign string, shown, of int) {
	a := &c.losses
	if sign == "+" {
		a = &c.gains
	}
	a.of += of
	a.shown += shown
}

// text is a line that says one thing. Without render it is Markdown already. It counts as
// one line, and as shown if it is whole.
func (c *planComment) text(bullet, text string, render func(string) string) line {
	if render == nil {
		render = func(text string) string { return text }
	}
	return line{
		whole: bullet + render(text) + "\n",
		short: func(longest int) string {
			cut, _ := cutInto(text, longest-len(bullet)-1, render, cutEnd)
			return bullet + cut + "\n"
		},
		told: func(whole, _ bool) {
			c.lines.of++
			if whole {
				c.lines.shown++
			}
		},
	}
}
