package main

import (
	"fmt"
	"strings"

	"github.com/writ-auth/writ/config/diag"
)

const diffContext = 3

// lineDiff is a unified diff of two texts that formatting made of one another.
// Formatting moves nothing between lines, so line n is compared with line n;
// texts of different length are shown as one replacement. What would act on a
// terminal or a pipeline is escaped, so the diff is for people and not for patch(1).
func lineDiff(name, before, after string) string {
	old, updated := splitLines(before), splitLines(after)
	name = visible(name)
	var text strings.Builder
	fmt.Fprintf(&text, "--- a/%s\n+++ b/%s\n", name, name)
	if len(old) != len(updated) {
		fmt.Fprintf(&text, "@@ -1,%d +1,%d @@\n", len(old), len(updated))
		writeLines(&text, "-", old)
		writeLines(&text, "+", updated)
		return text.String()
	}
	for start := nextChange(old, updated, 0); start < len(old); {
		end := start + 1 // a hunk goes on while the next change is within its context
		for next := nextChange(old, updated, end); next < len(old) && next-end <= 2*diffContext; next = nextChange(old, updated, end) {
			end = next + 1
		}
		writeHunk(&text, old, updated, start, end)
		start = nextChange(old, updated, end)
	}
	return text.String()
}

// nextChange is the first line from i on that differs, len(old) when none does.
func nextChange(old, updated []string, i int) int {
	for i < len(old) && old[i] == updated[i] {
		i++
	}
	return i
}

// writeHunk writes the changes in lines start to end, with context around them.
func writeHunk(text *strings.Builder, old, updated []string, start, end int) {
	from, to := max(0, start-diffContext), min(len(old), end+diffContext)
	fmt.Fprintf(text, "@@ -%d,%d +%d,%d @@\n", from+1, to-from, from+1, to-from)
	for i := from; i < to; {
		if old[i] == updated[i] {
			writeLines(text, " ", old[i:i+1])
			i++
			continue
		}
		run := i
		for run < to && old[run] != updated[run] {
			run++
		}
		writeLines(text, "-", old[i:run])
		writeLines(text, "+", updated[i:run])
		i = run
	}
}

func writeLines(text *strings.Builder, mark string, lines []string) {
	for _, line := range lines {
		line, whole := strings.CutSuffix(line, "\n")
		text.WriteString(diag.Inert(mark+diag.Visible(line, "\t")) + "\n")
		if !whole {
			text.WriteString("\\ No newline at end of file\n")
		}
	}
}

// splitLines cuts a text after each newline.
func splitLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, line)
	}
	return lines
}
