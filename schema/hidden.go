package schema

import "unicode"

// hidden are the characters that are not seen as what they are: control and
// format characters, which a terminal obeys and of which some turn the direction of
// text, those that end lines for some readers, those for private use, and the others
// that Unicode has a renderer show nothing for (Default_Ignorable_Code_Point).
var hidden = []*unicode.RangeTable{unicode.C, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// IsHidden reports whether a character acts on who reads it, or does not show.
// Whatever prints or logs text of others escapes these.
func IsHidden(r rune) bool {
	if r < unicode.MaxASCII {
		return r < ' '
	}
	return unicode.In(r, hidden...)
}
