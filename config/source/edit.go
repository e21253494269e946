package source

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/writ-auth/writ/config/diag"
)

// EditBlock sets an attribute of a top-level block of a native file to a string, and
// puts text behind the block. The block and the text get the canonical layout; all other
// bytes stay as they are, comments in the block and behind it too. The attribute is put
// behind the one named after, which the block has. The error is that of a file which does
// not parse, or has no such block.
func EditBlock(name string, src []byte, typ, label, attribute, value, after, text string) ([]byte, error) {
	if _, l := ParseFile(name, src, Limits{}); l.HasErrors() {
		return nil, &diag.Problems{List: l, Sources: map[string][]byte{name: src}}
	}
	parsed, _ := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	blocks := parsed.Body.(*hclsyntax.Body).Blocks
	i := slices.IndexFunc(blocks, func(b *hclsyntax.Block) bool { return b.Type == typ && slices.Equal(b.Labels, []string{label}) })
	if i < 0 {
		return nil, fmt.Errorf("%q has no %s %q", name, typ, label)
	}
	block := blocks[i]
	start, end := block.TypeRange.Start.Byte, block.CloseBraceRange.End.Byte
	line := fmt.Appendf(nil, "%s = %q\n", attribute, value)
	var edited []byte
	if a := block.Body.Attributes[attribute]; a != nil {
		at := a.Expr.Range()
		edited = slices.Concat(src[start:at.Start.Byte], fmt.Appendf(nil, "%q", value), src[at.End.Byte:end])
	} else if a := block.Body.Attributes[after]; a != nil {
		at := endOfLine(src, a.Expr.Range().End.Byte)
		edited = slices.Concat(src[start:at], line, src[at:end])
	} else {
		return nil, fmt.Errorf("%s %q in %q has no %s", typ, label, name, after)
	}
	behind := endOfLine(src, end)
	out := slices.Concat(src[:start], hclwrite.Format(edited), bytes.TrimRight(src[end:behind], "\n"), []byte("\n\n"), hclwrite.Format([]byte(text)), src[behind:])
	if _, l := ParseFile(name, out, Limits{}); l.HasErrors() {
		return nil, &diag.Problems{List: l, Sources: map[string][]byte{name: out}}
	}
	return out, nil
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
