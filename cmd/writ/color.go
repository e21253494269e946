package main

// A color is an SGR sequence (ECMA-48 section 8.3.117).
type color string

const (
	red   color = "\x1b[31m"
	green color = "\x1b[32m"
	bold  color = "\x1b[1m"

	plain color = "\x1b[0m"
)

// paint colours text for standard output where that takes colour.
func (a *app) paint(c color, text string) string {
	if !a.outColor {
		return text
	}
	return string(c) + text + string(plain)
}
