package view

import (
	"bufio"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// This file holds what a comment folds away: the lists that its lines have no room for, what
// no expectation exercises, and the objects. The lists come first, since a gain that is only
// there must not give way to an object that says it again.

// A nameList is what a line has no room for: the scopes of one client, or the addresses of
// objects that change alike. access says that the names count as gains or losses in the
// first line of the comment, and not as addresses.
type nameList struct {
	of     string // what they are gained or lost on, or what happens to them
	sign   string
	names  []string
	each   int // what one name counts as: the scopes that a client gains
	access bool
	remark string
}

// foldedAccess is the list of a statement whose line shows less than all: of its scopes, or
// of its clients, of which each counts as often as it has scopes. Only one of the two may
// be long: see meaning.scopes.
func foldedAccess(s *statement) nameList {
	names := s.scopes
	if len(names) == 0 {
		names = []string{"tokens without scopes"}
	}
	if len(s.addresses) > 1 {
		return nameList{
			of: strings.Join(names, ", ") + " on " + s.api + s.behalf, sign: s.sign, names: s.addresses, each: len(names), access: true, remark: s.remark,
		}
	}
	return nameList{of: s.addresses[0] + " on " + s.api + s.behalf, sign: s.sign, names: names, each: 1, access: true, remark: s.remark}
}

// foldedAddresses is the list of a statement about several objects, under the sentence that
// its line has.
func foldedAddresses(s *statement) nameList {
	return nameList{of: s.subject() + ": " + s.reason, sign: s.sign, names: s.addresses, each: 1}
}

// lists writes the lists that lines have no room for, gains before losses. If there is not
// room for all, it cuts the longest names first, then shows fewer names of each list, and
// last fewer lists. A list that is not shown at all is counted as missing.
func (c *planComment) lists() {
	if len(c.folded) == 0 {
		return
	}
	slices.SortStableFunc(c.folded, func(a, b nameList) int { return strings.Compare(a.sign, b.sign) }) // "+" before "-"
	c.WriteString("\n<details><summary>Every scope and address</summary>\n\n")
	room := c.room(roomForLists) - c.Len() - len("\n</details>\n")
	const around = maxParty + 100 // what they are of, a sign, a remark
	rows := min(len(c.folded), max(room, 0)/(around+shortest))
	each := 0
	for _, list := range c.folded[:rows] {
		each = max(each, min(len(list.names), room/shortest))
	}
	// A name is never cut below shortest, so what does not fit at that length has to go: a
	// quarter of the names of each list, time after time, and with one name each, a quarter
	// of the lists.
	longest := 0
	for names := []string(nil); ; {
		names = names[:0]
		for _, list := range c.folded[:rows] {
			names = append(names, list.names[:min(each, len(list.names))]...)
		}
		shown := 0
		if shown, longest = fit(lengthsOf(names, codeSpan), room-rows*around, len(", "), shortest); shown == len(names) {
			break
		}
		if each > 1 {
			each = each * 3 / 4
		} else {
			rows = rows * 3 / 4
		}
	}
	for i := range c.folded[:rows] {
		c.names(&c.folded[i], each, longest)
	}
	// Lists without room are counted all the same, for the first line of the comment.
	for i := range c.folded[rows:] {
		c.tell(&c.folded[rows+i], 0)
	}
	if more := len(c.folded) - rows; more > 0 {
		fmt.Fprintf(c, "- and %d more\n", more)
	}
	c.WriteString("\n</details>\n")
}

// lengthsOf yields the lengths of texts as they are rendered, in bytes, for fit.
func lengthsOf(texts []string, render func(string) string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, text := range texts {
			if !yield(len(render(text))) {
				return
			}
		}
	}
}

// names writes one list: at most each names, none longer than longest bytes.
func (c *planComment) names(list *nameList, each, longest int) {
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
	c.tell(list, whole)
}

// tell counts a list of which whole names are shown uncut, for the first line of the comment.
func (c *planComment) tell(list *nameList, whole int) {
	if list.access {
		c.account(list.sign, whole*list.each, len(list.names)*list.each)
		return
	}
	c.addressed.of += len(list.names)
	c.addressed.shown += whole
}

// unexercised lists the authorizations that no expectation exercises, as far as there is
// room. It is no part of the change, so that the banner does not count it: a comment that
// leaves some out is still complete about what it is about.
func (c *planComment) unexercised(g *Guards) {
	if g == nil || len(g.Unexercised) == 0 || g.Expectations == 0 {
		return
	}
	const end = " and 10000000 more: `writ check --coverage`\n\n</details>\n"
	summary := fmt.Sprintf("\n<details><summary>%s without an expectation</summary>\n\n", schema.Plural(len(g.Unexercised), "authorization"))
	// What the change itself touches comes after this, so it takes a tenth at most.
	room := min(c.room(roomForObjects)-c.Len(), c.room(100)) - len(summary) - len(end)
	shown, longest := fit(lengthsOf(g.Unexercised, codeSpan), room, len(", "), shortest)
	if shown == 0 {
		return
	}
	c.WriteString(summary)
	for i, address := range g.Unexercised[:shown] {
		if i > 0 {
			c.WriteString(", ")
		}
		text, _ := cutInto(address, longest, codeSpan, cutMiddle)
		c.WriteString(text)
	}
	if more := len(g.Unexercised) - shown; more > 0 {
		fmt.Fprintf(c, " and %d more: `writ check --coverage`", more)
	}
	c.WriteString("\n\n</details>\n")
}

// objects writes the objects as a diff, folded, as far as there is room. It comes last, and
// is the first to be cut: whatever matters in it has been said above.
func (c *planComment) objects(r *Review) {
	if len(r.Changes) == 0 {
		return
	}
	summary := fmt.Sprintf("\n<details><summary>%s</summary>\n\n", planSummary(r.Plan))
	around := len(summary) + len("\n</details>\n") + 100
	text, shown := objectsText(r, c.room(roomForObjects)-c.Len()-around)
	c.shown = account{shown, len(r.Changes)}
	c.WriteString(summary)
	fenced(c, "diff", text)
	c.WriteString("\n</details>\n")
}

// objectsText is the objects as a diff of at most room bytes, those that change alike once.
// One that does not fit is left out, and smaller ones after it are shown. shown counts
// objects, not diffs.
func objectsText(r *Review, room int) (text string, shown int) {
	var all strings.Builder
	for _, group := range alike(r) {
		if room-all.Len() < 100 {
			break
		}
		if text := group.text; all.Len()+len(text) <= room {
			all.WriteString(text)
			shown += group.size
		}
	}
	if more := len(r.Changes) - shown; more > 0 {
		fmt.Fprintf(&all, "\n# and %d more objects\n", more)
	}
	return strings.TrimPrefix(all.String(), "\n"), shown
}

// An objectGroup is the diff of an object, with the names of others whose diff is the same.
type objectGroup struct {
	text string
	size int
}

// mostCompared is how many objects are compared with each other. A comment has no room for
// more, and each has to be rendered to be compared.
const mostCompared = 5000

// alike groups objects of one kind that are updated in the same way, in the order of the
// first of each group. What is created or destroyed is never grouped.
func alike(r *Review) []objectGroup {
	type group struct {
		first   string
		members []string
	}
	var groups []*group
	known := map[string]*group{}
	var object strings.Builder
	for i := range r.Changes[:min(len(r.Changes), mostCompared)] {
		c := &r.Changes[i]
		object.Reset()
		out := &planPrinter{Writer: bufio.NewWriter(&object), diff: true, notes: r.Notes}
		out.change(c)
		out.Flush()
		// Two objects change alike if the lines that differ are the same ones.
		kind, _, _ := compiler.ParseAddress(c.Address)
		key := string(kind) + differences(object.String())
		if g := known[key]; g != nil && c.Action == compiler.ActionUpdate {
			g.members = append(g.members, c.Address)
			continue
		}
		g := &group{object.String(), []string{c.Address}}
		known[key] = g
		groups = append(groups, g)
	}
	list := make([]objectGroup, len(groups))
	for i, g := range groups {
		text := g.first
		if others := g.members[1:]; len(others) > 0 {
			text += " # alike: " + diag.OneLine(strings.Join(others, ", ")) + "\n"
		}
		list[i] = objectGroup{text, len(g.members)}
	}
	return list
}

// differences are the lines of a diff that begin with a sign, without the first, which
// names the object.
func differences(text string) string {
	var b strings.Builder
	signed := 0
	for line := range strings.Lines(text) {
		if strings.IndexAny(line, "+-!") != 0 {
			continue
		}
		if signed++; signed > 1 { // the first names the object
			b.WriteString(line)
		}
	}
	return b.String()
}
