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

// UpperFirst begins a text with a capital.
func UpperFirst(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:]
}

// Sentence makes a sentence of the text of an error: a capital first and a period
// at the end, unless it ends like a sentence already.
func Sentence(text string) string {
	if text != "" && !strings.ContainsAny(text[len(text)-1:], ".?!") {
		text += "."
	}
	return UpperFirst(text)
}
