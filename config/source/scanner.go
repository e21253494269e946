package source

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A token is what the limits need to know of a token of HCL's native syntax.
type token struct {
	kind       tokenKind
	start, end int
}

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
// hclsyntax.LexConfig does, at a small part of its cost and without keeping
// them. FuzzScan holds the two together.
type scanner struct {
	src   []byte
	pos   int
	modes []mode
	out   token
}

// A mode is a level of the lexical grammar: templates hold sequences, which
// hold expressions, which hold templates.
type mode struct {
	kind        modeKind
	braces      int    // in an expression: braces opened and not closed
	marker      []byte // in a heredoc
	startOfLine bool   // in a heredoc: the marker may stand here
}

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

var byteOrderMark = []byte("\xef\xbb\xbf")

// next returns the next token, and tokEOF for ever at the end.
func (s *scanner) next() token {
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

func (s *scanner) emit(kind tokenKind, length int) {
	s.out = token{kind, s.pos, s.pos + length}
	s.pos += length
}

// at returns the byte n places on, or 0 behind the end.
func (s *scanner) at(n int) byte {
	if s.pos+n < len(s.src) {
		return s.src[s.pos+n]
	}
	return 0
}

func (s *scanner) push(m mode) { s.modes = append(s.modes, m) }

func (s *scanner) pop() { s.modes = s.modes[:len(s.modes)-1] }

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

func isWordStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80
}

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

// number takes digits, dots and exponents as the lexer does: more than a
// number allows, never ending with a dot.
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

func (s *scanner) closeBrace(m *mode) {
	if m.kind == modeSequence && m.braces == 0 {
		s.emit(tokSeqEnd, 1)
		s.pop()
		return
	}
	s.emit(tokClose, 1)
	m.braces--
}

// closeTrimmed takes ~}, which is the end of a sequence for the lexer even
// where a plain brace is due.
func (s *scanner) closeTrimmed(m *mode) {
	s.emit(tokSeqEnd, 2)
	if m.kind == modeSequence && m.braces == 0 {
		s.pop()
		return
	}
	m.braces--
}

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

var selfTokens = []byte(".,*/%+-=<>!?:&|~^;`'")

func (s *scanner) lineComment() {
	n := bytes.IndexByte(s.src[s.pos:], '\n')
	if n < 0 {
		n = len(s.src) - s.pos - 1
	}
	s.emit(tokComment, n+1)
}

// blockComment refuses an open comment outright: the lexer would look for its
// end again at each following /*, which is quadratic.
func (s *scanner) blockComment() {
	n := bytes.Index(s.src[s.pos+2:], []byte("*/"))
	if n < 0 {
		s.emit(tokUnclosed, len(s.src)-s.pos)
		return
	}
	s.emit(tokComment, n+4)
}

// openHeredoc takes the introducer of a heredoc if one stands here.
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

// isMarker reports whether marker is an identifier. Which characters beyond
// ASCII one may have is the lexer's to say.
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

// quoted takes one piece of a quoted template. A newline does not end it: the
// parser refuses the newline, and goes on.
func (s *scanner) quoted() {
	if s.pos >= len(s.src) {
		s.emit(tokEOF, 0)
		return
	}
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

// sigil takes a $ or % of a template: a sequence, the escape of one, or text.
// Of several in a row only the last two matter.
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

// heredoc takes a line of a heredoc, or its piece up to a sequence.
func (s *scanner) heredoc(m *mode) {
	if s.pos >= len(s.src) {
		s.emit(tokEOF, 0)
		return
	}
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

// template takes a piece of a template that is the whole input.
func (s *scanner) template() {
	if s.pos >= len(s.src) {
		s.emit(tokEOF, 0)
		return
	}
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
