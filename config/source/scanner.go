package source

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A token is the part of a token of HCL's native syntax that the limits need: its
// kind and its offsets.
type token struct {
	kind       tokenKind
	start, end int
}

// A tokenKind is a class of tokens that the limits treat alike, where hclsyntax has a type
// for each operator.
type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokNewline
	tokComment // with its newline, if it has one
	tokWord    // an identifier; with non-ASCII characters perhaps more than one
	tokNumber
	tokPunct        // an operator or separator of one to three characters
	tokOpen         // { [ (
	tokClose        // } ] )
	tokQuoteOpen    // "
	tokQuoteClose   // "
	tokHeredocOpen  // <<EOT and its newline
	tokHeredocClose // EOT
	tokInterp       // ${ or ${~
	tokControl      // %{ or %{~
	tokSeqEnd       // } or ~}
	tokText         // literal text in a template, in as many pieces as it comes
	tokInvalid      // what the parser will refuse
	tokUnclosed     // a /* that nothing ends, and the rest of the file
)

// A scanner splits native syntax into tokens at exactly the places where
// hclsyntax.LexConfig does, at a small part of its cost and without keeping them.
// A difference would let input past the limits that the parser reads otherwise;
// FuzzScan compares the two.
type scanner struct {
	src   []byte
	pos   int
	modes []mode
	out   token
}

// A mode is one level of the lexical grammar. Templates hold sequences, sequences
// hold expressions, and expressions hold templates, so the levels are a stack.
type mode struct {
	kind        modeKind
	braces      int    // in an expression: braces opened and not closed
	marker      []byte // in a heredoc
	startOfLine bool   // in a heredoc: at the start of a line, where the marker can be
}

// A modeKind says by which rules a mode reads.
type modeKind uint8

const (
	modeFile     modeKind = iota // an expression or body that no sequence encloses
	modeSequence                 // an expression inside ${ } or %{ }
	modeQuoted
	modeHeredoc
	modeTemplate // a template that is the whole input, as in JSON strings
)

func newScanner(src []byte, kind modeKind) *scanner {
	s := &scanner{src: src, modes: make([]mode, 1, 16)}
	s.modes[0].kind = kind
	if bytes.HasPrefix(src, byteOrderMark) {
		s.pos = len(byteOrderMark)
	}
	return s
}

// byteOrderMark is U+FEFF in UTF-8. At the start of a file it is skipped, as in hclsyntax.
var byteOrderMark = []byte("\xef\xbb\xbf")

// next returns the next token. At the end it returns tokEOF, however often it is
// called.
func (s *scanner) next() token {
	if s.pos >= len(s.src) {
		s.emit(tokEOF, 0)
		return s.out
	}
	m := &s.modes[len(s.modes)-1]
	switch m.kind {
	case modeQuoted:
		s.quoted()
	case modeHeredoc:
		s.heredoc(m)
	case modeTemplate:
		s.template()
	default:
		s.expression(m)
	}
	return s.out
}

// emit makes the next length bytes the current token, and goes on after them.
func (s *scanner) emit(kind tokenKind, length int) {
	s.out = token{kind, s.pos, s.pos + length}
	s.pos += length
}

// at returns the byte n places on, or 0 after the end.
func (s *scanner) at(n int) byte {
	if s.pos+n < len(s.src) {
		return s.src[s.pos+n]
	}
	return 0
}

func (s *scanner) push(m mode) { s.modes = append(s.modes, m) }

func (s *scanner) pop() { s.modes = s.modes[:len(s.modes)-1] }

// expression reads one token outside templates.
func (s *scanner) expression(m *mode) {
	for s.pos < len(s.src) && (s.src[s.pos] == ' ' || s.src[s.pos] == '\t') {
		s.pos++
	}
	if s.pos >= len(s.src) {
		s.emit(tokEOF, 0)
		return
	}
	switch c := s.src[s.pos]; {
	case isWordStart(c):
		s.word()
	case c >= '0' && c <= '9':
		s.number()
	case c == '\n':
		s.emit(tokNewline, 1)
	case c == '\r' && s.at(1) == '\n':
		s.emit(tokNewline, 2)
	case c == '"':
		s.emit(tokQuoteOpen, 1)
		s.push(mode{kind: modeQuoted})
	case c == '{':
		s.emit(tokOpen, 1)
		m.braces++
	case c == '[' || c == '(':
		s.emit(tokOpen, 1)
	case c == ']' || c == ')':
		s.emit(tokClose, 1)
	case c == '}':
		s.closeBrace(m)
	case c == '~' && s.at(1) == '}':
		s.closeTrimmed(m)
	default:
		s.punctuation(c)
	}
}

// isWordStart reports whether c may begin an identifier. All characters beyond
// ASCII count: to decide which of them may takes Unicode tables, and
// limitChecker.word checks them.
func isWordStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80
}

// word reads an identifier, which in HCL may contain hyphens.
func (s *scanner) word() {
	n := 1
	for s.pos+n < len(s.src) {
		if c := s.src[s.pos+n]; !isWordStart(c) && c != '-' && (c < '0' || c > '9') {
			break
		}
		n++
	}
	s.emit(tokWord, n)
}

// number reads digits, dots and exponents as the lexer does. It takes more than a
// number allows, as in 1.2.3, but never a dot at the end.
func (s *scanner) number() {
	n, end := 1, 1
	for {
		c := s.at(n)
		switch {
		case c >= '0' && c <= '9':
			n++
			end = n
			continue
		case c == '.':
			n++
			continue
		case c|0x20 == 'e':
			d := n + 1
			if s.at(d) == '+' || s.at(d) == '-' {
				d++
			}
			if c := s.at(d); c >= '0' && c <= '9' {
				n = d + 1
				end = n
				continue
			}
		}
		s.emit(tokNumber, end)
		return
	}
}

// closeBrace reads a }, which closes the innermost brace or, if none is open, the
// sequence.
func (s *scanner) closeBrace(m *mode) {
	if m.kind == modeSequence && m.braces == 0 {
		s.emit(tokSeqEnd, 1)
		s.pop()
		return
	}
	s.emit(tokClose, 1)
	m.braces--
}

// closeTrimmed reads ~}. The lexer takes it for the end of a sequence even where
// a plain brace has to be closed.
func (s *scanner) closeTrimmed(m *mode) {
	s.emit(tokSeqEnd, 2)
	if m.kind == modeSequence && m.braces == 0 {
		s.pop()
		return
	}
	m.braces--
}

// punctuation reads a comment, an operator or a separator, or the introducer of a
// heredoc.
func (s *scanner) punctuation(c byte) {
	next := s.at(1)
	switch {
	case c == '#' || c == '/' && next == '/':
		s.lineComment()
	case c == '/' && next == '*':
		s.blockComment()
	case c == '<' && next == '<' && s.openHeredoc():
	case c == '.' && next == '.' && s.at(2) == '.':
		s.emit(tokPunct, 3)
	case next == '=' && (c == '=' || c == '!' || c == '<' || c == '>'),
		c == next && (c == '&' || c == '|' || c == ':'),
		c == '=' && next == '>':
		s.emit(tokPunct, 2)
	case bytes.IndexByte(selfTokens, c) >= 0:
		s.emit(tokPunct, 1)
	default:
		s.emit(tokInvalid, 1)
	}
}

// selfTokens are the characters that are a token by themselves: "SelfToken" in the grammar
// of hclsyntax (scan_tokens.rl), without brackets and the newline. Some mean nothing in HCL.
var selfTokens = []byte(".,*/%+-=<>!?:&|~^;`'")

// lineComment reads a comment with its newline, which the lexer includes.
func (s *scanner) lineComment() {
	n := bytes.IndexByte(s.src[s.pos:], '\n')
	if n < 0 {
		n = len(s.src) - s.pos - 1
	}
	s.emit(tokComment, n+1)
}

// blockComment reads a comment. One that is never closed is refused at once: the
// lexer would look for its end again at every following /*, which takes quadratic
// time.
func (s *scanner) blockComment() {
	n := bytes.Index(s.src[s.pos+2:], []byte("*/"))
	if n < 0 {
		s.emit(tokUnclosed, len(s.src)-s.pos)
		return
	}
	s.emit(tokComment, n+4)
}

// openHeredoc reads the introducer of a heredoc, if there is one. The body ends
// at the first line that holds the marker alone.
func (s *scanner) openHeredoc() bool {
	line := bytes.IndexByte(s.src[s.pos:], '\n')
	if line < 0 {
		return false
	}
	intro := s.src[s.pos : s.pos+line+1]
	marker := bytes.TrimSuffix(intro[2:line], []byte("\r"))
	marker = bytes.TrimPrefix(marker, []byte("-"))
	if !isMarker(marker, intro) {
		return false
	}
	s.emit(tokHeredocOpen, len(intro))
	s.push(mode{kind: modeHeredoc, marker: marker, startOfLine: true})
	return true
}

// isMarker reports whether a heredoc's marker is an identifier. Which characters
// beyond ASCII are allowed in one is left to the lexer, which gets the
// introducer.
func isMarker(marker, intro []byte) bool {
	if len(marker) == 0 || !isWordStart(marker[0]) {
		return false
	}
	ascii := true
	for _, c := range marker {
		if c >= 0x80 {
			ascii = false
		} else if !isWordStart(c) && c != '-' && (c < '0' || c > '9') {
			return false
		}
	}
	if ascii {
		return true
	}
	tokens, _ := hclsyntax.LexConfig(intro, "", hcl.InitialPos)
	return len(tokens) > 0 && tokens[0].Type == hclsyntax.TokenOHeredoc
}

// quoted reads one part of a quoted template. A newline does not end the template
// here: the parser reports it and then goes on inside the string.
func (s *scanner) quoted() {
	switch s.src[s.pos] {
	case '"':
		s.emit(tokQuoteClose, 1)
		s.pop()
	case '$', '%':
		s.sigil()
	case '\n', '\r':
		s.emit(tokInvalid, 1)
	default:
		s.quotedText()
	}
}

// quotedText reads literal text up to a quote, sequence or newline. A backslash
// takes the next character with it, unless that is a newline.
func (s *scanner) quotedText() {
	n := 0
	for s.pos+n < len(s.src) {
		switch s.src[s.pos+n] {
		case '"', '$', '%', '\n', '\r':
			s.emit(tokText, n)
			return
		case '\\':
			n++
			if c := s.at(n); c == '\n' || c == '\r' {
				continue
			}
		}
		n++
	}
	s.emit(tokText, min(n, len(s.src)-s.pos))
}

// sigil reads a $ or % of a template: the start of a sequence, the escape $${ or
// %%{, or text. Of several in a row, only the last two can have a meaning.
func (s *scanner) sigil() {
	c := s.src[s.pos]
	switch {
	case s.at(1) == '{':
		s.openSequence(c)
	case s.at(1) == c && s.at(2) == '{':
		s.emit(tokText, 3)
	default:
		s.emit(tokText, 1)
	}
}

// openSequence reads ${ or %{, with the ~ that takes the white space before it away.
func (s *scanner) openSequence(c byte) {
	kind, length := tokInterp, 2
	if c == '%' {
		kind = tokControl
	}
	if s.at(2) == '~' {
		length = 3
	}
	s.emit(kind, length)
	s.push(mode{kind: modeSequence})
}

// heredoc reads one line of a heredoc, or the part of it before a sequence.
func (s *scanner) heredoc(m *mode) {
	rest := s.src[s.pos:]
	n := bytes.IndexAny(rest, "\n$%")
	if n < 0 {
		s.emit(tokText, len(rest))
		return
	}
	if rest[n] != '\n' {
		m.startOfLine = false
		if n > 0 {
			s.emit(tokText, n)
			return
		}
		s.sigil()
		return
	}
	if m.startOfLine && bytes.Equal(bytes.TrimSpace(rest[:n]), m.marker) {
		if n > 0 && rest[n-1] == '\r' {
			n--
		}
		s.emit(tokHeredocClose, n)
		s.pop()
		return
	}
	m.startOfLine = true
	s.emit(tokText, n+1)
}

// template reads one part of a template that is the whole input.
func (s *scanner) template() {
	rest := s.src[s.pos:]
	n := bytes.IndexAny(rest, "\n$%")
	switch {
	case n < 0:
		s.emit(tokText, len(rest))
	case rest[n] == '\n':
		s.emit(tokText, n+1)
	case n > 0:
		s.emit(tokText, n)
	default:
		s.sigil()
	}
}
