package schema

import (
	"testing"
	"unicode"
)

func TestIsHidden(t *testing.T) {
	for what, runes := range map[string]string{
		"control characters":  "\x00\x07\b\t\n\r\x1b\x1f\x7f\u0080\u0085\u009b\u009f",
		"separators of lines": "\u2028\u2029",
		"turns of direction":  "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
		"without a shape":     "\u00ad\u034f\u115f\u1160\u17b4\u180b\u180e\u200b\u200c\u200d\u2060\u2061\u2065\u206a\u3164\ufe00\ufe0f\ufeff\uffa0\ufff9\U000e0001\U000e0041\U000e0100\U000e01ef",
		"other spaces":        "\u00a0\u1680\u2000\u2002\u2009\u200a\u202f\u205f",
		"for private use":     "\ue000\uf8ff\U000f0000\U0010fffd",
	} {
		for _, r := range runes {
			if !IsHidden(r) {
				t.Errorf("%s: %U is seen", what, r)
			}
		}
	}
	for _, r := range " ~azAZ09\"\\<>&\u00e9\u0301\u6f22\u05d0\u0627\u3000\ufffd\U0001f511" {
		if IsHidden(r) {
			t.Errorf("%U is hidden", r)
		}
	}
	// Whatever turns the direction of text, of this version of Unicode and the next.
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.Is(unicode.Bidi_Control, r) && !IsHidden(r) {
			t.Errorf("%U turns the direction and is seen", r)
		}
	}
}
