package source

import "bytes"

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
