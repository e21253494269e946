package source

import "fmt"

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
