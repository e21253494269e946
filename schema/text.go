package schema

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plural counts a noun that takes an s: "1 API", "2 APIs".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// UpperFirst returns a text with a capital first letter.
func UpperFirst(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:]
}

// Sentence makes a sentence of the text of an error: a capital first and a period
// at the end, unless it ends like a sentence already. A name of the language such as
// client_id stays as it is, since its case counts.
func Sentence(text string) string {
	if text != "" && !strings.ContainsAny(text[len(text)-1:], ".?!") {
		text += "."
	}
	if first, _, _ := strings.Cut(text, " "); strings.Contains(first, "_") {
		return text
	}
	return UpperFirst(text)
}

// ShellQuote writes a word so that a POSIX shell reads it unchanged. Words of characters that
// no shell gives a meaning to are not quoted, since people read and copy them.
func ShellQuote(word string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:=@%+,"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return ShellQuoted(word)
}

// ShellQuoted writes a word in single quotes, as a POSIX shell reads it unchanged.
func ShellQuoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// hidden are the characters that do not show as what they are. These are control and format
// characters, which act on a terminal or change the direction of text; line and paragraph
// separators; spaces that look like the plain one; characters for private use; and those
// that a renderer shows nothing for (Unicode's Default_Ignorable_Code_Point).
var hidden = []*unicode.RangeTable{unicode.C, unicode.Z, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// IsHidden reports whether a character does not show as what it is. Code that prints or logs
// text of authors escapes these.
func IsHidden(r rune) bool {
	if r < unicode.MaxASCII {
		return r < ' '
	}
	const ideographicSpace = '\u3000' // plain to see: as wide as the letters around it
	return r != ideographicSpace && unicode.In(r, hidden...)
}
