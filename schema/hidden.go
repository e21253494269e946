package schema

import "unicode"

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
