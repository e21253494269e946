package lockfile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// header is what every lockfile begins with, up to the version.
const header = `# Maintained by "writ lock" and "writ apply". Commit this file. Edit it only to release a retired identifier.
version = `

// A section is one kind of block and the list that it fills.
type section struct {
	blockType string
	attribute string
	retired   bool // labels may repeat: an api can be replaced more than once
	entries   *[]Entry
}

// sections lists the four kinds of block in the order of the file.
func (f *File) sections() [4]section {
	return [4]section{
		{"api", "identifier", false, &f.APIs},
		{"client", "client_id", false, &f.Clients},
		{"retired_api", "identifier", true, &f.RetiredAPIs},
		{"retired_client", "client_id", true, &f.RetiredClients},
	}
}

// Bytes is the file in its one canonical form.
func (f *File) Bytes() []byte {
	b := make([]byte, 0, len(header)+96*(len(f.APIs)+len(f.Clients)+len(f.RetiredAPIs)+len(f.RetiredClients)))
	b = append(b, header...)
	b = strconv.AppendInt(b, Version, 10)
	b = append(b, '\n')
	for _, s := range f.sections() {
		if len(*s.entries) > 0 {
			b = append(b, '\n')
		}
		for _, e := range sorted(*s.entries) {
			b = appendEntry(b, s, e)
		}
	}
	return b
}

// appendEntry writes a record on one line. Git merges lines, so no line may
// belong to two records: with braces on lines of their own, a conflict between two new
// blocks takes one closing brace for both.
func appendEntry(b []byte, s section, e Entry) []byte {
	b = append(b, s.blockType...)
	b = append(b, ' ')
	b = appendQuoted(b, e.Label)
	b = append(b, " { "...)
	b = append(b, s.attribute...)
	b = append(b, " = "...)
	b = appendQuoted(b, e.Value)
	return append(b, " }\n"...)
}

// appendQuoted writes s as an HCL string, on one line, with nothing in it that
// a template would evaluate.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case (r == '$' || r == '%') && i+1 < len(s) && s[i+1] == '{':
			b = append(b, byte(r), byte(r))
		case r < ' ' || r == 0x7f:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// compareEntries is the order of a section: by label, then by value.
func compareEntries(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Value, b.Value))
}

// sorted returns the entries in order, without touching the caller's slice.
func sorted(entries []Entry) []Entry {
	if slices.IsSortedFunc(entries, compareEntries) {
		return entries
	}
	return slices.SortedFunc(slices.Values(entries), compareEntries)
}
