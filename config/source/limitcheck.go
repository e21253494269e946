package source

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// A measure follows the tokens of one input and stops at the first limit that
// they go past, before the parser sees any of them.
//
// The parser recurses once for every level that is counted here. It enters a
// level by reading its opener and, in input without mistakes, leaves it by
// reading its closer. In input with mistakes it skips tokens while it recovers,
// and so can be deeper than the brackets say, in two ways. A closer that does
// not fit the innermost opener is therefore not counted at all. And a block
// can stay open for the parser though its brace was closed, as after a mistake
// in an attribute the rest of the line is skipped; so the blocks of one piece
// of input are bounded too, nested or not: see cut.
type measure struct {
	scan   *scanner
	limits Limits

	frames []frame
	depth  int       // levels open, of all kinds
	run    int       // length of the current run of unary operators
	prev   tokenKind // the token before, newlines included

	tokens, blocks int // since the last top-level newline
	pieceBlocks    int // since the last cut
	invalid        int

	topBlocks, fileTokens, lines, sequences int // in all

	found    *finding // what stops the parse
	mistake  *finding // the first bracket that does not fit, or newline in a string
	stop     bool
	unclosed bool // found may be the doing of a block that is never closed
	cuts     []cut
}

// A finding is why an input is refused, and where.
type finding struct {
	limit           bool // a limit, not a mistake
	start, end      int
	summary, detail string
}

// A cut is a place between two top-level items where a piece begins. The
// parser gets a file piece by piece: it needs little memory at a time, and a
// mistake cannot make it recurse through a whole file.
type cut struct {
	offset int
	line   int // from one
}

// A piece is at least pieceBytes long or has pieceBlocks blocks, and ends at
// the next newline between two top-level items.
const (
	pieceBytes  = 64 << 10
	pieceBlocks = 2000
)

// maxInvalid is how many characters from outside the language one input may
// have before the first of them is reported alone.
const maxInvalid = 200

// A frame is an open bracket, sequence or template, or the input itself.
type frame struct {
	open      byte // { [ ( or $ % for sequences, " < for templates, 0 for a file, x for an expression alone
	start     int
	fresh     bool // nothing but newlines has come yet
	isFor     bool // a for expression, in which nothing separates
	questions int  // conditionals since the last separator
	operators int  // since the last separator
	items     int
	text      int // bytes of text, in a template
	pieces    int // pieces of it
	opened    int // %{if} and %{for} without their end
}

// measureInput finds the first limit that src goes past, and where src can be cut.
func measureInput(src []byte, kind modeKind, limits Limits) *measure {
	m := newMeasure(src, kind, limits)
	m.scanAll()
	return m
}

func newMeasure(src []byte, kind modeKind, limits Limits) *measure {
	m := &measure{scan: newScanner(src, kind), limits: limits, frames: make([]frame, 1, 16)}
	m.cuts = append(m.cuts, cut{offset: 0, line: 1})
	if kind == modeTemplate {
		m.frames[0].open = '<'
	}
	return m
}

func (m *measure) scanAll() {
	for !m.stop {
		t := m.scan.next()
		if t.kind == tokEOF {
			break
		}
		m.token(t)
		if m.found != nil && (!m.unclosed || len(m.frames) == 1) {
			break
		}
	}
	m.blame()
}

// blame replaces a limit by the mistake that most likely led to it: once a
// bracket or a quote is lost, counts mean little.
func (m *measure) blame() {
	switch {
	case m.found == nil || !m.found.limit:
	case m.mistake != nil:
		m.found = m.mistake
	case m.unclosed && len(m.frames) > 1:
		at := m.frames[1].start
		m.found = &finding{start: at, end: at + 1, summary: "Unclosed bracket",
			detail: fmt.Sprintf("Nothing closes this %q before the end of the file.", m.frames[1].open)}
	}
}

func (m *measure) top() *frame { return &m.frames[len(m.frames)-1] }

func (m *measure) token(t token) {
	f := m.top()
	switch t.kind {
	case tokNewline:
		m.newline(f, t)
		return
	case tokComment:
		if m.scan.src[t.end-1] == '\n' {
			m.newline(f, t)
		}
		return
	case tokText:
		m.text(f, t)
		return
	}
	first := f.fresh
	f.fresh = false
	c := m.scan.src[t.start]
	if t.kind != tokPunct || c != '-' && c != '!' {
		m.run = 0
	}
	switch t.kind {
	case tokWord:
		m.word(f, t, first)
	case tokNumber:
		m.number(t)
	case tokPunct:
		m.punctuation(f, t, c)
	case tokOpen, tokInterp, tokControl, tokQuoteOpen, tokHeredocOpen:
		m.open(f, t, c)
	case tokClose, tokSeqEnd, tokQuoteClose, tokHeredocClose:
		m.close(f, t, c)
	case tokInvalid:
		m.invalidCharacter(t, c)
	case tokUnclosed:
		m.refuse(token{start: t.start, end: t.start + 2}, "Unclosed comment", "The comment that begins with \"/*\" has no end. Close it with \"*/\".")
	}
	m.count(t)
	if m.fileTokens++; m.fileTokens > m.limits.FileTokens {
		m.exceed(t, "Too long file", "a file has %d words and symbols at most; the rest belongs in another", m.limits.FileTokens)
	}
	m.prev = t.kind
}

// count counts what the parser holds in memory at a time.
func (m *measure) count(t token) {
	if m.tokens++; m.tokens > m.limits.Tokens {
		m.exceed(t, "Too long block", "one top-level block has %d words, symbols and lines at most", m.limits.Tokens)
		m.unclosed = true
	}
}

// newline ends an expression, except inside brackets where it separates nothing.
func (m *measure) newline(f *frame, t token) {
	m.prev = tokNewline
	if m.lines++; m.lines > m.limits.FileLines {
		m.exceed(t, "Too many lines", "a file has %d lines at most", m.limits.FileLines)
	}
	m.count(t)
	if f.open == 0 {
		m.tokens, m.blocks = 0, 0
		m.cutAt(t.end)
	}
	if f.open == 0 || f.open == '{' && !f.isFor {
		m.separate(f)
	}
}

func (m *measure) cutAt(end int) {
	last := m.cuts[len(m.cuts)-1]
	if end-last.offset < pieceBytes && m.pieceBlocks < pieceBlocks || end == len(m.scan.src) {
		return
	}
	lines := bytes.Count(m.scan.src[last.offset:end], []byte("\n"))
	m.cuts = append(m.cuts, cut{offset: end, line: last.line + lines})
	m.pieceBlocks = 0
}

// separate forgets what ends with the expression before a separator.
func (m *measure) separate(f *frame) {
	m.depth -= f.questions
	f.questions, f.operators, m.run = 0, 0, 0
}

func (m *measure) text(f *frame, t token) {
	if f.text += t.end - t.start; f.text > m.limits.StringBytes {
		m.exceed(t, "Too long string", "a string has %d bytes at most", m.limits.StringBytes)
	}
	m.piece(f, t)
}

// piece counts what a string is put together from.
func (m *measure) piece(f *frame, t token) {
	if f.pieces++; f.pieces > m.limits.TextPieces {
		m.exceed(t, "Too many parts", "a string in a configuration file has %d lines, escapes and ${ } sequences at most; a longer one belongs in a file of its own, read by file()", m.limits.TextPieces)
	}
}

func (m *measure) word(f *frame, t token, first bool) {
	w := m.scan.src[t.start:min(t.end, t.start+m.limits.WordBytes)]
	for rest := w; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r >= utf8.RuneSelf && !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.Pc) {
			m.invalidCharacter(t, w[0])
		}
		rest = rest[n:]
	}
	if t.end-t.start > m.limits.WordBytes {
		m.exceed(token{start: t.start, end: t.start + 1}, "Too long name", "a name has %d bytes at most", m.limits.WordBytes)
	}
	if !first {
		return
	}
	switch f.open {
	case '{', '[':
		f.isFor = isKeyword(w, "for")
	case '%':
		m.directive(w)
	}
}

// isKeyword reports whether the lexer may read w as the keyword: beyond ASCII
// it decides where a word ends.
func isKeyword(w []byte, keyword string) bool {
	return bytes.HasPrefix(w, []byte(keyword)) && (len(w) == len(keyword) || w[len(keyword)] >= utf8.RuneSelf)
}

// directive counts %{if} and %{for} as levels of the template around them.
func (m *measure) directive(w []byte) {
	f := &m.frames[len(m.frames)-2]
	switch {
	case isKeyword(w, "if"), isKeyword(w, "for"):
		f.opened++
		m.depth++
	case f.opened > 0 && (string(w) == "endif" || string(w) == "endfor"):
		f.opened--
		m.depth--
	}
}

func (m *measure) number(t token) {
	lit := m.scan.src[t.start:t.end]
	if len(lit) > m.limits.NumberDigits {
		m.exceed(t, "Too long number", "a number has %d characters at most", m.limits.NumberDigits)
		return
	}
	if exponentDigits(lit) > m.limits.ExponentDigits {
		m.exceed(t, "Too large exponent", "the exponent of a number has %d digits at most", m.limits.ExponentDigits)
	}
}

// exponentDigits returns the length of the longest run of digits behind an e.
func exponentDigits(lit []byte) int {
	longest, run, counting := 0, 0, false
	for _, c := range lit {
		switch {
		case c|0x20 == 'e':
			run, counting = 0, true
		case c >= '0' && c <= '9' && counting:
			run++
			longest = max(longest, run)
		case c == '.':
			counting = false
		}
	}
	return longest
}

func (m *measure) invalidCharacter(t token, c byte) {
	if m.top().open == '"' && m.mistake == nil && (c == '\n' || c == '\r') {
		m.mistake = &finding{start: t.start, end: t.end, summary: "Invalid multi-line string",
			detail: "Quoted strings may not be split over multiple lines. Close the string, or write \\n for a line end, or use a heredoc."}
	}
	if m.invalid++; m.invalid > maxInvalid {
		m.refuse(t, "Too many invalid characters", "This character and many before it are not used within the language. Is this an HCL file?")
	}
}

// exceed records that a limit is passed; what it says ends in the limit.
func (m *measure) exceed(t token, summary, format string, limit int) {
	if m.found != nil {
		return
	}
	m.found = &finding{limit: true, start: t.start, end: t.end, summary: summary, detail: limitDetail(format, limit)}
}

func limitDetail(format string, limit int) string {
	return "This is past a limit: " + fmt.Sprintf(format, limit) + "."
}

func (m *measure) refuse(t token, summary, detail string) {
	m.found = &finding{start: t.start, end: t.end, summary: summary, detail: detail}
	m.stop = true
}

// punctuation counts operators: each makes the syntax tree one level deeper,
// and unary operators and conditionals make the parser recurse as well.
func (m *measure) punctuation(f *frame, t token, c byte) {
	size := t.end - t.start
	switch {
	case c == ',':
		m.item(f, t)
		if f.open == '{' || !f.isFor && (f.open == '[' || f.open == '(') {
			m.separate(f)
		}
		return
	case size == 1 && (c == '=' || c == ':'):
		if f.open == '{' || f.open == 0 {
			m.item(f, t)
		}
		return
	case c == '=' && size == 2 && m.scan.src[t.start+1] == '>':
		return
	case c == '?':
		f.questions++
		if f.open == '{' {
			f.items-- // its colon will look like that of an element
		}
		m.deepen(t)
	case c == '-' || size == 1 && c == '!':
		m.run++
		if m.depth+m.run > m.limits.Nesting {
			m.tooDeep(t)
		}
	}
	m.operator(f, t)
}

func (m *measure) operator(f *frame, t token) {
	if f.operators++; f.operators > m.limits.Operators {
		m.exceed(t, "Too long expression", "an expression has %d operators and traversal steps at most", m.limits.Operators)
	}
}

// item counts separators between brackets, which are at most as many as the
// elements, and attributes of a body.
func (m *measure) item(f *frame, t token) {
	if (f.open == '{' || f.open == 0) && m.scan.src[t.start] == ',' {
		return
	}
	if f.items++; f.items > m.limits.Collection {
		m.exceed(t, "Too large collection", "a collection has %d elements at most", m.limits.Collection)
	}
}

func (m *measure) deepen(t token) {
	if m.depth++; m.depth > m.limits.Nesting {
		m.tooDeep(t)
	}
}

func (m *measure) tooDeep(t token) {
	m.exceed(t, "Too deep nesting", "brackets, templates and conditionals nest %d levels deep at most", m.limits.Nesting)
	m.stop = true
}

func (m *measure) open(f *frame, t token, c byte) {
	switch t.kind {
	case tokQuoteOpen, tokHeredocOpen:
		m.frames = append(m.frames, frame{open: c, start: t.start})
		return
	case tokInterp, tokControl:
		m.piece(f, t)
		if m.sequences++; m.sequences > m.limits.Sequences {
			m.exceed(t, "Too many templates", "a file has %d ${ } and %%{ } sequences at most; the rest belongs in another", m.limits.Sequences)
		}
	case tokOpen:
		if c == '[' {
			m.operator(f, t)
		}
		if c == '{' && (m.prev == tokWord || m.prev == tokQuoteClose) {
			m.block(f, t)
		}
	}
	m.frames = append(m.frames, frame{open: c, start: t.start, fresh: true})
	m.deepen(t)
}

// block counts a { behind a word or label, the only place where the parser
// begins the body of a block.
func (m *measure) block(f *frame, t token) {
	m.pieceBlocks++
	if f.open == 0 {
		if m.topBlocks++; m.topBlocks > m.limits.Blocks {
			m.exceed(t, "Too many blocks", "a file has %d top-level blocks at most; the rest belongs in another", m.limits.Blocks)
		}
		return
	}
	if m.blocks++; m.blocks > m.limits.NestedBlocks {
		m.exceed(t, "Too many blocks", "one top-level block holds %d blocks at most", m.limits.NestedBlocks)
		m.unclosed = true
	}
}

func (m *measure) close(f *frame, t token, c byte) {
	if len(m.frames) == 1 || !closes(t.kind, c, f.open) {
		m.mismatch(f, t)
		return
	}
	if f.open != '"' && f.open != '<' {
		m.depth--
	}
	m.depth -= f.questions + f.opened
	m.frames = m.frames[:len(m.frames)-1]
}

func closes(kind tokenKind, c, open byte) bool {
	switch kind {
	case tokSeqEnd:
		return open == '$' || open == '%'
	case tokQuoteClose:
		return open == '"'
	case tokHeredocClose:
		return open == '<'
	}
	return c == '}' && open == '{' || c == ']' && open == '[' || c == ')' && open == '('
}

func (m *measure) mismatch(f *frame, t token) {
	if m.mistake != nil {
		return
	}
	detail := fmt.Sprintf("Nothing is open here that %q could close.", m.scan.src[t.start:t.end])
	if len(m.frames) > 1 {
		line, _ := lineOf(m.scan.src, f.start)
		detail = fmt.Sprintf("%q does not close the %q of line %d, which is still open.", m.scan.src[t.start:t.end], f.open, line)
	}
	m.mistake = &finding{start: t.start, end: t.end, summary: "Mismatched bracket", detail: detail}
}
