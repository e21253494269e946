package source

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// FuzzScan holds the scanner to the lexer: both see the same brackets,
// templates, numbers and operators at the same places.
func FuzzScan(f *testing.F) {
	for _, s := range scanSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if checkText(src) != nil || strings.Contains(string(src), "\r") && !crlfOnly(src) {
			t.Skip()
		}
		if diff := compareTokens(src); diff != "" {
			t.Fatal(diff)
		}
	})
}

var scanSeeds = []string{
	"a=\"$$${x}\"\n", "a=\"b$c${d}\"\n", "a=\"$\\${x}\"", "a=\"x$${~y}\"", "a=<<E\n$$${x}\n$\nE\n",
	"a=<<E\nq\r\n  E  \r\n", "a=<<-é\né\n", "a=<<→\n", "a=1..2...", "a=1.e5e+3e", "/* a", "a=b~}",
	"a=\"${{~}}\"", "a=\"${b~}c~}\"", "a=<<E\nx${y}E\nE\n", "a=1::2:::b", "a=&&& ||| === <== =>= !==",
	"a=\"%%{if}%{if x}\"", "a=\"\\\n\"", "a{\n b = [for x in y : x...]\n}\n", "\ufeffa=1\n", "a=<<E\n%${x}%\nE\n",
	"é-ü=\"→\"\n", "a=<<E\n${<<F\nF\n}\nE\n", "# c\r\n//d\n/* e */f=1",
}

func TestScanSeeds(t *testing.T) {
	for _, s := range scanSeeds {
		if diff := compareTokens([]byte(s)); diff != "" {
			t.Errorf("%q: %s", s, diff)
		}
	}
}

func crlfOnly(b []byte) bool {
	return strings.Count(string(b), "\r") == strings.Count(string(b), "\r\n")
}

// compareTokens reports the first difference, if any. Text may come in other
// pieces, and what neither refuses to the other is left out: characters beyond
// ASCII outside strings, and characters that are not part of the language.
func compareTokens(src []byte) string {
	want, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	s := newScanner(src, modeFile)
	i := 0
	for {
		got := s.next()
		if got.kind == tokUnclosed {
			return ""
		}
		if got.kind == tokText || got.kind == tokInvalid {
			continue
		}
		if got.kind == tokWord && !isASCII(src[got.start:got.end]) {
			for i < len(want) && want[i].Range.Start.Byte < got.end {
				i++
			}
			continue
		}
		for i < len(want) && isText(want[i].Type) {
			if want[i].Type == hclsyntax.TokenInvalid && want[i].Range.End.Byte == len(src) {
				return "" // the lexer gave up
			}
			i++
		}
		w := want[i]
		i++
		if w.Range.Start.Byte != got.start || w.Range.End.Byte != got.end || kindOf(w.Type) != got.kind {
			return fmt.Sprintf("lexer: %s at %d-%d; scanner: kind %d at %d-%d", w.Type, w.Range.Start.Byte, w.Range.End.Byte, got.kind, got.start, got.end)
		}
		if got.kind == tokEOF {
			return ""
		}
	}
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isText(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenQuotedNewline, hclsyntax.TokenInvalid, hclsyntax.TokenBadUTF8:
		return true
	}
	return false
}

func kindOf(t hclsyntax.TokenType) tokenKind {
	switch t {
	case hclsyntax.TokenEOF:
		return tokEOF
	case hclsyntax.TokenNewline:
		return tokNewline
	case hclsyntax.TokenComment:
		return tokComment
	case hclsyntax.TokenIdent:
		return tokWord
	case hclsyntax.TokenNumberLit:
		return tokNumber
	case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen:
		return tokOpen
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen:
		return tokClose
	case hclsyntax.TokenOQuote:
		return tokQuoteOpen
	case hclsyntax.TokenCQuote:
		return tokQuoteClose
	case hclsyntax.TokenOHeredoc:
		return tokHeredocOpen
	case hclsyntax.TokenCHeredoc:
		return tokHeredocClose
	case hclsyntax.TokenTemplateInterp:
		return tokInterp
	case hclsyntax.TokenTemplateControl:
		return tokControl
	case hclsyntax.TokenTemplateSeqEnd:
		return tokSeqEnd
	}
	return tokPunct
}
