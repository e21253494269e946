package schema

import "unicode"

// hidden are the characters that are not seen as what they are: control and
// format characters, which a terminal obeys and of which some turn the direction of
// text, those that end lines for some readers, spaces that look like the plain one,
// those for private use, and the others that Unicode has a renderer show nothing for
// (Default_Ignorable_Code_Point).
var hidden = []*unicode.RangeTable{unicode.C, unicode.Z, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// IsHidden reports whether a character acts on who reads it, or does not show.
// Whatever prints or logs text of others escapes these.
func IsHidden(r rune) bool {
	if r < unicode.MaxASCII {
		return r < ' '
	}
	const ideographicSpace = '\u3000' // plain to see: as wide as the letters around it
	return r != ideographicSpace && unicode.In(r, hidden...)
}
