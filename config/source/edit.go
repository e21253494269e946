package source

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
)

// A BlockEdit is a change of one top-level block of a file in native syntax.
type BlockEdit struct {
	Type, Label string
	Remove      bool            // the block goes, as Prune takes it out; Set is left out
	Set         []AttributeEdit // applied in this order
	Behind      string          // blocks that are put behind it
}

// An AttributeEdit gives an attribute another value.
type AttributeEdit struct {
	Name  string
	Value string // an expression; "" removes the attribute
	After string // a new attribute is put behind this one, or behind the last where the block lacks it
}

// EditBlock applies an edit. The block and the new text get the canonical layout; all
// other bytes stay as they are, comments in the block and behind it too. The error is
// that of a file which does not parse, before or after the edit, or has no such block. The
// result is nil where nothing is left of the file.
func EditBlock(name string, src []byte, edit BlockEdit) ([]byte, error) {
	if edit.Remove {
		return Prune(name, src, []Cut{{Type: edit.Type, Label: edit.Label}})
	}
	start, end, err := findBlock(name, src, edit.Type, edit.Label)
	if err != nil {
		return nil, err
	}
	behind := endOfLine(src, end)
	block := src[start:end]
	for _, set := range edit.Set {
		if block, err = setAttribute(name, block, set); err != nil {
			return nil, err
		}
	}
	out := slices.Concat(src[:start], hclwrite.Format(block))
	if edit.Behind == "" {
		return ifParses(name, append(out, src[end:]...))
	}
	return ifParses(name, slices.Concat(out, bytes.TrimRight(src[end:behind], "\n"), []byte("\n\n"), hclwrite.Format([]byte(edit.Behind)), src[behind:]))
}

// AppendBlocks puts blocks at the end of a file, behind an empty line. src is empty for a
// new file.
func AppendBlocks(name string, src []byte, blocks string) ([]byte, error) {
	before := bytes.TrimRight(src, "\n")
	if len(before) > 0 {
		before = append(slices.Clip(before), "\n\n"...)
	}
	return ifParses(name, append(slices.Clip(before), hclwrite.Format([]byte(blocks))...))
}

// ifParses returns the content of a file that parses.
func ifParses(name string, content []byte) ([]byte, error) {
	if _, l := ParseFile(name, content, Limits{}); l.HasErrors() {
		return nil, &diag.Problems{List: l, Sources: map[string][]byte{name: content}}
	}
	return content, nil
}

// findBlock is where a block of a file begins and ends, in bytes.
func findBlock(name string, src []byte, typ, label string) (start, end int, err error) {
	if _, err := ifParses(name, src); err != nil {
		return 0, 0, err
	}
	file, _ := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		if block.Type == typ && slices.Equal(block.Labels, []string{label}) {
			return block.TypeRange.Start.Byte, block.CloseBraceRange.End.Byte, nil
		}
	}
	return 0, 0, fmt.Errorf("%q has no %s %q", name, typ, label)
}

// Excerpt is the text of the block that begins at a byte of a file in native syntax, as it is
// written, with the spaces before it. A value for which hide says so is replaced by
// "…", with as many lines. The file has been loaded, so that it parses; ok is false where no
// block begins there.
func Excerpt(src []byte, start int, hide func(block, attribute string) bool) (text string, ok bool) {
	if start < 0 || start >= len(src) {
		return "", false
	}
	for size := 4096; ; size *= 8 { // a whole file would be parsed for one of its blocks
		part := src[start:min(len(src), start+size)]
		file, _ := hclsyntax.ParseConfig(part, "", hcl.InitialPos)
		if body := file.Body.(*hclsyntax.Body); len(body.Blocks) > 0 {
			block := body.Blocks[0]
			if end := block.CloseBraceRange.End.Byte; block.TypeRange.Start.Byte == 0 && end > 0 && end <= len(part) && part[end-1] == '}' {
				indent := src[len(bytes.TrimRight(src[:start], " \t")):start]
				return string(indent) + string(withoutHidden(part[:end], block, hide)), true
			}
		}
		if len(part) == len(src)-start {
			return "", false
		}
	}
}

// withoutHidden is the text of a block without the values that hide names.
func withoutHidden(text []byte, block *hclsyntax.Block, hide func(block, attribute string) bool) []byte {
	var places []hcl.Range
	for blocks := []*hclsyntax.Block{block}; len(blocks) > 0; blocks = blocks[1:] {
		for name, a := range blocks[0].Body.Attributes {
			if hide(blocks[0].Type, name) {
				places = append(places, a.Expr.Range())
			}
		}
		blocks = append(blocks, blocks[0].Body.Blocks...)
	}
	slices.SortFunc(places, func(a, b hcl.Range) int { return b.Start.Byte - a.Start.Byte }) // from the end
	for _, r := range places {
		inside := bytes.Count(text[r.Start.Byte:r.End.Byte], []byte("\n"))
		text = slices.Concat(text[:r.Start.Byte], []byte(`"…"`), bytes.Repeat([]byte("\n"), inside), text[r.End.Byte:])
	}
	return text
}

// setAttribute edits the text of one block, which parses.
func setAttribute(name string, block []byte, set AttributeEdit) ([]byte, error) {
	file, l := hclsyntax.ParseConfig(block, name, hcl.InitialPos)
	if l.HasErrors() {
		return nil, &diag.Problems{List: diag.FromHCL(l, "syntax"), Sources: map[string][]byte{name: block}}
	}
	parsed := file.Body.(*hclsyntax.Body).Blocks[0]
	written := parsed.Body.Attributes[set.Name]
	switch {
	case written != nil && set.Value == "":
		from, to := written.SrcRange.Start.Byte, written.Expr.Range().End.Byte
		if at := endOfLine(block, to); !isOneLine(parsed) {
			from, to = bytes.LastIndexByte(block[:from], '\n')+1, at
		}
		return slices.Concat(block[:from], block[to:]), nil
	case written != nil:
		at := written.Expr.Range()
		return slices.Concat(block[:at.Start.Byte], []byte(set.Value), block[at.End.Byte:]), nil
	case set.Value == "":
		return block, nil
	}
	line := fmt.Appendf(nil, "%s = %s\n", set.Name, set.Value)
	open := parsed.OpenBraceRange.End.Byte
	if isOneLine(parsed) { // such a block takes no second attribute
		inner := bytes.TrimSpace(block[open:parsed.CloseBraceRange.Start.Byte])
		if len(inner) > 0 {
			inner = append(slices.Clip(inner), '\n')
		}
		return slices.Concat(block[:open], []byte("\n"), inner, line, block[parsed.CloseBraceRange.Start.Byte:]), nil
	}
	at := endOfLine(block, open)
	if after := parsed.Body.Attributes[set.After]; after != nil {
		at = endOfLine(block, after.Expr.Range().End.Byte)
	} else {
		for _, other := range parsed.Body.Attributes {
			at = max(at, endOfLine(block, other.Expr.Range().End.Byte))
		}
	}
	return slices.Concat(block[:at], line, block[at:]), nil
}

// isOneLine reports whether a block stands on one line.
func isOneLine(b *hclsyntax.Block) bool {
	return b.OpenBraceRange.Start.Line == b.CloseBraceRange.Start.Line
}

// endOfLine is the place behind the end of the line that ends something, which a heredoc
// does itself.
func endOfLine(src []byte, at int) int {
	if src[at-1] == '\n' {
		return at
	}
	if n := bytes.IndexByte(src[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(src)
}

// A Cut is what Prune takes out of a top-level block: all of it, a nested block, or of a
// list of strings all but some.
type Cut struct {
	Type, Label string   // of the top-level block
	Nested      string   // the type of the nested block that goes; "" for none
	NestedLabel string   // its label
	List        string   // the attribute whose strings become Strings; "" for none
	Strings     []string // what stays, in this order
	start, end  int      // the bytes that are replaced
	replacement string
}

// Prune takes cuts out of a native file. All other bytes stay as they are. Comments that
// stand directly above a block, or behind it on its last line, go with it: they are about
// it. A comment that begins the file is about the file and stays. The result is nil where
// nothing is left. The error is that of a file which does not parse, or lacks what is to be
// cut.
func Prune(name string, src []byte, cuts []Cut) ([]byte, error) {
	if _, err := ifParses(name, src); err != nil {
		return nil, err
	}
	parsed, _ := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	blocks, comments := parsed.Body.(*hclsyntax.Body).Blocks, commentsOf(name, src)
	cuts = slices.Clone(cuts)
	for i := range cuts {
		c := &cuts[i]
		at := slices.IndexFunc(blocks, func(b *hclsyntax.Block) bool { return b.Type == c.Type && slices.Equal(b.Labels, []string{c.Label}) })
		if at < 0 {
			return nil, fmt.Errorf("%q has no %s %q", name, c.Type, c.Label)
		}
		if err := c.find(src, blocks[at], comments); err != nil {
			return nil, fmt.Errorf("%s %q in %q %w", c.Type, c.Label, name, err)
		}
	}
	slices.SortFunc(cuts, func(a, b Cut) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end)) })
	var out []byte
	done := 0
	for _, c := range cuts {
		if c.start < done { // inside of a block that goes as a whole
			continue
		}
		out = append(append(out, src[done:c.start]...), c.replacement...)
		done = c.end
	}
	return ifParses(name, append(out, src[done:]...))
}

// find finds the bytes that the cut replaces.
func (c *Cut) find(src []byte, block *hclsyntax.Block, comments []extent) error {
	switch {
	case c.List != "":
		a := block.Body.Attributes[c.List]
		if a == nil {
			return fmt.Errorf("has no %s", c.List)
		}
		at := a.Expr.Range()
		c.start, c.end = at.Start.Byte, at.End.Byte
		texts := make([]hclwrite.Tokens, len(c.Strings))
		for i, s := range c.Strings {
			texts[i] = hclwrite.TokensForValue(cty.StringVal(s))
		}
		c.replacement = string(hclwrite.TokensForTuple(texts).Bytes())
	case c.Nested != "":
		i := slices.IndexFunc(block.Body.Blocks, func(b *hclsyntax.Block) bool {
			return b.Type == c.Nested && slices.Equal(b.Labels, []string{c.NestedLabel})
		})
		if i < 0 {
			return fmt.Errorf("has no %s %q", c.Nested, c.NestedLabel)
		}
		c.start, c.end = lines(src, block.Body.Blocks[i], comments)
	default:
		c.start, c.end = lines(src, block, comments)
	}
	return nil
}

// lines are the lines of a block with the comments that go with it, and the blank lines that
// nothing would need any more: below, where one stays above, and above at the end.
func lines(src []byte, block *hclsyntax.Block, comments []extent) (start, end int) {
	start, end = block.TypeRange.Start.Byte, block.CloseBraceRange.End.Byte
	line, alone := lineStart(src, start)
	if !alone { // something else begins the line, and stays
		return start, end
	}
	start = withCommentsAbove(src, line, comments)
	end = withCommentsBehind(src, end, comments)
	above := bytes.TrimRight(src[:start], " \t")
	for start == 0 || bytes.HasSuffix(above, []byte("\n\n")) || bytes.HasSuffix(above, []byte("{\n")) {
		next := end + bytes.IndexByte(src[end:], '\n') + 1
		if next == end || len(bytes.TrimSpace(src[end:next])) > 0 {
			break
		}
		end = next
	}
	if end == len(src) && start > 0 {
		start = min(start, len(bytes.TrimRight(src[:start], " \t\n"))+1)
	}
	return start, end
}

// An extent is a range of bytes.
type extent struct{ start, end int }

// commentsOf are the comments of a file that parses, without the ends of their lines. They
// come from the lexer: what looks like a comment may be text in a heredoc, or the middle of
// a comment of several lines.
func commentsOf(name string, src []byte) (comments []extent) {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	for _, t := range tokens {
		if t.Type == hclsyntax.TokenComment {
			end := t.Range.Start.Byte + len(bytes.TrimRight(t.Bytes, "\r\n"))
			comments = append(comments, extent{t.Range.Start.Byte, end})
		}
	}
	return comments
}

// withCommentsAbove is where the comments begin that end on the line above a place, each on
// lines of its own. Those that begin the file are about the file.
func withCommentsAbove(src []byte, line int, comments []extent) int {
	from := line
	for i := len(comments) - 1; i >= 0; i-- {
		c := comments[i]
		if c.end >= from {
			continue
		}
		start, alone := lineStart(src, c.start)
		between := src[c.end:from]
		if !alone || len(bytes.TrimSpace(between)) > 0 || bytes.Count(between, []byte("\n")) != 1 {
			break
		}
		from = start
	}
	if from == 0 {
		return line
	}
	return from
}

// withCommentsBehind is where the line ends that holds a place, with the comments that begin
// on it.
func withCommentsBehind(src []byte, at int, comments []extent) int {
	for _, c := range comments {
		if c.start >= at && len(bytes.Trim(src[at:c.start], " \t")) == 0 {
			at = c.end
		}
	}
	next := endOfLine(src, at)
	if len(bytes.TrimSpace(src[at:next])) > 0 { // something else stands there, and stays
		return at
	}
	return next
}

// lineStart is the beginning of the line of a place, and whether nothing stands before it.
func lineStart(src []byte, at int) (start int, alone bool) {
	start = bytes.LastIndexByte(src[:at], '\n') + 1
	return start, len(bytes.TrimSpace(src[start:at])) == 0
}
