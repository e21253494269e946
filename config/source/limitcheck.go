package source

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/writ-auth/writ/config/diag"
)

// A limitChecker follows the tokens of one input and stops at the first one that
// exceeds a limit, before the parser sees any of them.
//
// The parser recurses once for every level that is counted here. It enters a
// level when it reads an opener and, in valid input, leaves it when it reads the
// closer. In invalid input it skips tokens while it recovers, and can then be
// deeper than the brackets say. That happens in two ways:
//
//   - It may skip a closer that does not fit the innermost opener. Such a closer
//     is not counted here, so that the level stays open.
//   - It may leave a block open whose brace was closed, as it skips the rest of a
//     line after a mistake in an attribute. The blocks of one piece are therefore
//     bounded as well, nested or not: see cut.
type limitChecker struct {
	scan   *scanner
	limits Limits

	frames []frame
	depth  int       // open levels of all kinds, as the parser would recurse
	unary  int       // unary operators in a row, each one recursion of the parser
	prev   tokenKind // kind of the previous token, newlines included

	tokens, blocks int // since the last top-level newline
	pieceBlocks    int // since the last cut
	invalid        int // characters that the language does not have

	topBlocks, fileTokens, lines, sequences int // in all

	found    *violation // the first limit exceeded; nil: the input may be parsed
	mistake  *violation // the first bracket that does not fit, or newline in a string
	stop     bool
	unclosed bool // found is a count that a block without its closing brace would exceed too
	cuts     []cut
}

// A violation is the reason why an input is refused, with its offsets.
type violation struct {
	limit           bool // an exceeded limit; otherwise a syntax error
	start, end      int
	summary, detail string
}

func (v *violation) diagnostic(name string, src []byte) diag.Diagnostic {
	code := "syntax"
	if v.limit {
		code = "limit-exceeded"
	}
	return diag.New(code, rangeOf(name, src, v.start, v.end), v.detail).Titled(v.summary)
}

// A cut is the start of a piece, between two top-level items. The parser gets a
// file piece by piece: it then needs little memory at a time, pieces can be parsed
// in parallel, and a mistake cannot make it recurse through a whole file.
type cut struct {
	offset int
	line   int // counted from one
}

// A piece ends at the first newline between two top-level items after it has
// reached pieceBytes bytes or pieceBlocks blocks. The first keeps what the parser needs at a
// time small, the second its recursion after a mistake: see limitChecker.
const (
	pieceBytes  = 64 << 10
	pieceBlocks = 2000
)

// maxInvalid bounds the characters that the language does not have. An input with
// more is a binary or another language, and one report says so.
const maxInvalid = 200

// A frame is an open bracket, sequence or template, or the input itself.
type frame struct {
	open      byte // { [ ( or $ % for sequences, " < for templates, 0 for a file, x for an expression alone
	start     int
	fresh     bool // only newlines so far
	isFor     bool // a for expression, in which commas and newlines separate nothing
	questions int  // conditionals since the last separator
	operators int  // since the last separator
	items     int
	text      int // in a template: bytes of literal text
	parts     int // in a template: lines, escapes and sequences
	opened    int // in a template: %{if} and %{for} without their end
}

// checkLimits returns the first limit that src exceeds, as found, or the places
// where src can be cut. A violation is a diagnostic of its own and keeps the
// input from the parser.
func checkLimits(src []byte, kind modeKind, limits Limits) *limitChecker {
	m := newLimitChecker(src, kind, limits)
	m.scanAll()
	return m
}

// newLimitChecker starts the check of a file, or of a template that is the whole
// input.
func newLimitChecker(src []byte, kind modeKind, limits Limits) *limitChecker {
	m := &limitChecker{scan: newScanner(src, kind), limits: limits, frames: make([]frame, 1, 16)}
	m.cuts = append(m.cuts, cut{offset: 0, line: 1})
	if kind == modeTemplate {
		m.frames[0].open = '<'
	}
	return m
}

// scanAll reads to the end or to the first violation. If the violation is a count
// that a missing brace may have caused, it reads on until that brace: only then
// is it known which of the two to report.
func (m *limitChecker) scanAll() {
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
	m.preferMistake()
}

// preferMistake replaces an exceeded limit by the mistake that most likely caused
// it: after a lost bracket or quote, the counts mean little, and the author needs
// to hear of the bracket.
func (m *limitChecker) preferMistake() {
	switch {
	case m.found == nil || !m.found.limit:
	case m.mistake != nil:
		m.found = m.mistake
	case m.unclosed && len(m.frames) > 1:
		at := m.frames[1].start
		m.found = &violation{start: at, end: at + 1, summary: "Unclosed bracket",
			detail: fmt.Sprintf("Nothing closes this %q before the end of the file.", m.frames[1].open)}
	}
}

func (m *limitChecker) top() *frame { return &m.frames[len(m.frames)-1] }

// token takes one token into account, in three steps: what it is itself, what it opens or
// closes, and what it adds to the counts of the block and the file.
func (m *limitChecker) token(t token) {
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
		m.unary = 0
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

// count counts a token of the current top-level block. The parser holds the
// tokens of a whole piece, at up to 300 bytes each.
func (m *limitChecker) count(t token) {
	if m.tokens++; m.tokens > m.limits.Tokens {
		m.exceed(t, "Too long block", "one top-level block has %d words, symbols and lines at most", m.limits.Tokens)
		m.unclosed = true
	}
}

// newline ends an expression, except inside brackets, where a newline separates
// nothing.
func (m *limitChecker) newline(f *frame, t token) {
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
		m.endExpression(f)
	}
}

// cutAt begins a new piece at an offset between two top-level items, if the
// current piece is large enough.
func (m *limitChecker) cutAt(end int) {
	last := m.cuts[len(m.cuts)-1]
	if end-last.offset < pieceBytes && m.pieceBlocks < pieceBlocks || end == len(m.scan.src) {
		return
	}
	lines := bytes.Count(m.scan.src[last.offset:end], []byte("\n"))
	m.cuts = append(m.cuts, cut{offset: end, line: last.line + lines})
	m.pieceBlocks = 0
}

// endExpression resets what is counted for one expression, at a separator. The
// conditionals in it were levels that its end leaves.
func (m *limitChecker) endExpression(f *frame) {
	m.depth -= f.questions
	f.questions, f.operators, m.unary = 0, 0, 0
}

// text counts the literal text of a string. The value of the string may be
// longer, as sequences add to it: package eval measures that.
func (m *limitChecker) text(f *frame, t token) {
	if f.text += t.end - t.start; f.text > m.limits.StringBytes {
		m.exceed(t, "Too long string", "a string has %d bytes at most", m.limits.StringBytes)
	}
	m.part(f, t)
}

// part counts one part of a string. HCL joins the parts one by one, in time that
// grows with the square of their number.
func (m *limitChecker) part(f *frame, t token) {
	if f.parts++; f.parts > m.limits.TextPieces {
		m.exceed(t, "Too many parts", "a string in a configuration file has %d lines, escapes and ${ } sequences at most; a longer one belongs in a file of its own, read by file()", m.limits.TextPieces)
	}
}

// word checks the length and the characters of a name. The first word after an
// opener also tells a for expression and a directive.
func (m *limitChecker) word(f *frame, t token, first bool) {
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

// isKeyword reports whether the lexer may read w as the keyword. Where w goes on
// with a character beyond ASCII, only the lexer knows where the word ends, and
// the answer is yes: a level too many is counted rather than one too few.
func isKeyword(w []byte, keyword string) bool {
	return bytes.HasPrefix(w, []byte(keyword)) && (len(w) == len(keyword) || w[len(keyword)] >= utf8.RuneSelf)
}

// directive counts %{if} and %{for} as levels of the template around them: the
// parser recurses from each to its %{endif} or %{endfor}.
func (m *limitChecker) directive(w []byte) {
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

// number bounds the digits and the exponent of a number. A short literal such as
// 1e999999999 would take minutes and gigabytes to evaluate.
func (m *limitChecker) number(t token) {
	lit := m.scan.src[t.start:t.end]
	if len(lit) > m.limits.NumberDigits {
		m.exceed(t, "Too long number", "a number has %d characters at most", m.limits.NumberDigits)
		return
	}
	if exponentDigits(lit) > m.limits.ExponentDigits {
		m.exceed(t, "Too large exponent", "the exponent of a number has %d digits at most", m.limits.ExponentDigits)
	}
}

// exponentDigits returns the length of the longest run of digits after an e. The
// lexer takes more than one exponent into one literal; the parser refuses it
// later.
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

// invalidCharacter counts a character that the language does not have. A line
// that ends inside a quoted string is kept as the mistake to report: all that
// follows is read with code and string exchanged.
func (m *limitChecker) invalidCharacter(t token, c byte) {
	if m.top().open == '"' && m.mistake == nil && (c == '\n' || c == '\r') {
		m.mistake = &violation{start: t.start, end: t.end, summary: "Invalid multi-line string",
			detail: "Quoted strings may not be split over multiple lines. Close the string, or write \\n for a line end, or use a heredoc."}
	}
	if m.invalid++; m.invalid > maxInvalid {
		m.refuse(t, "Too many invalid characters", "This character and many before it are not used within the language. Is this an HCL file?")
	}
}

// exceed records that a limit is exceeded, if it is the first. The format takes
// the limit and says what it bounds.
func (m *limitChecker) exceed(t token, summary, format string, limit int) {
	if m.found != nil {
		return
	}
	m.found = &violation{limit: true, start: t.start, end: t.end, summary: summary, detail: limitDetail(format, limit)}
}

func limitDetail(format string, limit int) string {
	return "This is past a limit: " + fmt.Sprintf(format, limit) + "."
}

// refuse records a syntax error that makes reading on pointless.
func (m *limitChecker) refuse(t token, summary, detail string) {
	m.found = &violation{start: t.start, end: t.end, summary: summary, detail: detail}
	m.stop = true
}

// punctuation counts separators and operators. Each operator makes the syntax
// tree one level deeper; unary operators and conditionals make the parser recurse
// too.
func (m *limitChecker) punctuation(f *frame, t token, c byte) {
	size := t.end - t.start
	switch {
	case c == ',':
		m.item(f, t)
		if f.open == '{' || !f.isFor && (f.open == '[' || f.open == '(') {
			m.endExpression(f)
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
		m.enterLevel(t)
	case c == '-' || size == 1 && c == '!':
		m.unary++
		if m.depth+m.unary > m.limits.Nesting {
			m.tooDeep(t)
		}
	}
	m.operator(f, t)
}

// operator counts what makes the syntax tree of an expression one level deeper,
// operators and traversal steps alike: later passes recurse through the tree.
func (m *limitChecker) operator(f *frame, t token) {
	if f.operators++; f.operators > m.limits.Operators {
		m.exceed(t, "Too long expression", "an expression has %d operators and traversal steps at most", m.limits.Operators)
	}
}

// item counts the elements of a collection by their separators, and the
// attributes of a body by their equals signs.
func (m *limitChecker) item(f *frame, t token) {
	if (f.open == '{' || f.open == 0) && m.scan.src[t.start] == ',' {
		return
	}
	if f.items++; f.items > m.limits.Collection {
		m.exceed(t, "Too large collection", "a collection has %d elements at most", m.limits.Collection)
	}
}

// enterLevel counts one more level that the parser recurses into.
func (m *limitChecker) enterLevel(t token) {
	if m.depth++; m.depth > m.limits.Nesting {
		m.tooDeep(t)
	}
}

func (m *limitChecker) tooDeep(t token) {
	m.exceed(t, "Too deep nesting", "brackets, templates and conditionals nest %d levels deep at most", m.limits.Nesting)
	m.stop = true
}

// open enters a bracket, sequence or template. A quote or heredoc is no level of
// its own: only the sequences in it make the parser recurse.
func (m *limitChecker) open(f *frame, t token, c byte) {
	switch t.kind {
	case tokQuoteOpen, tokHeredocOpen:
		m.frames = append(m.frames, frame{open: c, start: t.start})
		return
	case tokInterp, tokControl:
		m.part(f, t)
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
	m.enterLevel(t)
}

// block counts a { after a word or label, the only place where the parser begins
// the body of a block.
func (m *limitChecker) block(f *frame, t token) {
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

// close leaves the innermost level if the closer fits its opener.
func (m *limitChecker) close(f *frame, t token, c byte) {
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

// closes reports whether a closer fits an opener.
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

// mismatch keeps the first closer that fits nothing, for preferMistake. It is no
// violation: the parser reports it as a syntax error of its own.
func (m *limitChecker) mismatch(f *frame, t token) {
	if m.mistake != nil {
		return
	}
	detail := fmt.Sprintf("Nothing is open here that %q could close.", m.scan.src[t.start:t.end])
	if len(m.frames) > 1 {
		line, _ := lineOf(m.scan.src, f.start)
		detail = fmt.Sprintf("%q does not close the %q of line %d, which is still open.", m.scan.src[t.start:t.end], f.open, line)
	}
	m.mistake = &violation{start: t.start, end: t.end, summary: "Mismatched bracket", detail: detail}
}
