package lockfile

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/diag"
)

// conflictMarker finds the first line that git writes around a conflict. No
// line of a lockfile begins like one.
func conflictMarker(name string, b []byte) (diag.Diagnostic, bool) {
	line, offset := 1, 0
	for text := range bytes.Lines(b) {
		for _, marker := range []string{"<<<<<<<", "|||||||", "=======", ">>>>>>>"} {
			if bytes.HasPrefix(text, []byte(marker)) {
				return conflict(lineRange(name, line, offset, text)), true
			}
		}
		line++
		offset += len(text)
	}
	return diag.Diagnostic{}, false
}

// conflict returns the diagnostic about a mark of a merge conflict.
func conflict(at hcl.Range) diag.Diagnostic {
	return diag.New("lock-conflict", at,
		`Git left a conflict in the lockfile. Keep the lines of both sides without the marks and run "writ lock": `+
			`it sorts them and says which records contradict each other. Or take the whole file of the branch that you apply from `+
			`(git checkout BRANCH -- `+at.Filename+`) and run "writ lock", which records what is new in the configuration.`)
}

// notCanonical points at the first line that is not as writ writes it.
func notCanonical(name string, b, canonical []byte) diag.Diagnostic {
	detail := `The lockfile is not as writ writes it: its records are sorted and each is one line, so that a merge is either ` +
		`clean or seen. Run "writ lock" to put it in order, and read what that changes.`
	if bytes.Contains(b, []byte("\r\n")) && bytes.Equal(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), canonical) {
		detail = fmt.Sprintf(`The lines of the lockfile end in CR LF. Add the line "%s text eol=lf" to .gitattributes and run "writ lock".`, DefaultName)
	}
	line, offset := 1, 0
	for text := range bytes.Lines(b) {
		if !bytes.HasPrefix(canonical[min(offset, len(canonical)):], text) {
			return diag.New("lock-not-canonical", lineRange(name, line, offset, text), detail)
		}
		line++
		offset += len(text)
	}
	return diag.New("lock-not-canonical", lineRange(name, line, offset, nil), detail)
}

// lineRange is the range of one line without its line break.
func lineRange(name string, line, offset int, text []byte) hcl.Range {
	width := len(bytes.TrimRight(text, "\r\n"))
	return hcl.Range{
		Filename: name,
		Start:    hcl.Pos{Line: line, Column: 1, Byte: offset},
		End:      hcl.Pos{Line: line, Column: 1 + width, Byte: offset + width},
	}
}
