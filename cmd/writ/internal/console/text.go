package console

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/usage"
	"github.com/writ-auth/writ/schema"
)

// functions are what templates call. They format; none of them reads the state or decides
// anything. version is that of the assets.
func functions(version string) template.FuncMap {
	return template.FuncMap{
		"asset":    func(name string) string { return Path + "assets/" + name + "?v=" + version },
		"apiURL":   apiURL,
		"client":   clientURL,
		"duration": schema.FormatDuration,
		"count":    count,
		"plural":   plural,
		"short":    short,
		"ago":      ago,
		"moment":   moment,
		"since":    since,
		"unix":     unix,
		"base":     func(identifier string) string { return strings.TrimSuffix(identifier, "/") },
		"shell":    shellWord,
		"slashed":  func(identifier string) bool { return strings.HasSuffix(identifier, "/") },
		"added":    added,
		"breaks":   breaks,
		"alike":    func(name, label string) bool { return labelFrom(name) == labelFrom(label) },
		"lines":    lines,
		"library":  func(title, group string) string { return strings.TrimPrefix(title, group+" with ") },
		"add":      func(a, b int) int { return a + b },
	}
}

// apiURL is the address of a view of an API; the first view has the API's own. An API with
// the label "new" is the exception, as the form for a new API has that address.
func apiURL(label, tab string) string {
	address := Path + "apis/" + url.PathEscape(label)
	switch {
	case tab != "" && tab != "quickstart":
		return address + "/" + tab
	case label == "new":
		return address + "/quickstart"
	}
	return address
}

// shellWord is a label as a word of a shell. Labels of for_each have brackets and double
// quotes.
func shellWord(label string) string {
	if schema.CheckLabel(label) == nil {
		return label
	}
	return schema.ShellQuoted(label)
}

// clientURL is the address of a client's page.
func clientURL(label string) string { return Path + "clients/" + url.PathEscape(label) }

// count writes a number with commas between thousands.
func count(n int) string { return usage.Thousands(int64(n)) }

// plural is schema.Plural with commas between thousands.
func plural(n int, noun string) string { return usage.Counted(int64(n), noun) }

// short is the beginning of a digest or of a git commit, enough to compare by eye.
func short(digest string) string {
	scheme, hash, ok := strings.Cut(digest, ":")
	switch {
	case ok && len(hash) > 12:
		return scheme + ":" + hash[:12] + "…"
	case !ok && len(digest) == 40:
		return digest[:12]
	}
	return digest
}

// ago says how far t is from now, in its largest unit: "3 hours ago", "in 2 days".
func ago(t, now time.Time) string {
	// What lies behind is rounded down. What lies ahead is rounded to the next unit when it
	// is close to it, since "in 11 hours" for a token of 12 hours looks like a mistake.
	d := now.Sub(t)
	form := "%s ago"
	if d < 0 {
		d, form = -d, "in %s"
		for _, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
			if d > 2*unit-unit/60 { // a token of 12 hours has 11:59:59 when it is looked at
				d = d.Round(unit / 60)
				break
			}
		}
	}
	switch {
	case d < 5*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf(form, plural(int(d/time.Second), "second"))
	case d < time.Hour:
		return fmt.Sprintf(form, plural(int(d/time.Minute), "minute"))
	case d < 48*time.Hour:
		return fmt.Sprintf(form, plural(int(d/time.Hour), "hour"))
	}
	return fmt.Sprintf(form, plural(int(d/(24*time.Hour)), "day"))
}

// momentForms are how a moment is written in UTC, where no script puts it into the reader's
// own zone.
var momentForms = map[string]string{"clock": "15:04 UTC", "day": "2006-01-02", "minute": "2006-01-02 15:04 UTC"}

// moment is a time on a page, in one of momentForms. It is the one way for all pages: the
// script puts it into the reader's zone, and the title keeps it in UTC.
func moment(t time.Time, form string) template.HTML {
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s" data-local="%s">%s</time>`,
		t.Format(time.RFC3339), t.Format("2006-01-02 15:04:05 UTC"), form, t.Format(momentForms[form])))
}

// since is a time on a page as its distance from now, with the time itself as its title.
func since(t, now time.Time) template.HTML {
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, t.Format(time.RFC3339), t.Format("2006-01-02 15:04:05 UTC"), ago(t, now)))
}

// unix is a time of the configuration, which is in Unix seconds.
func unix(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// added are the new lines of a difference, for the clipboard.
func added(f FileDiff) string {
	var b strings.Builder
	for _, line := range f.Lines {
		if line.Sign == "+" {
			b.WriteString(line.Text + "\n")
		}
	}
	return b.String()
}

// breaks lets a long word break after any of the characters in after, and nowhere else. The
// text is escaped.
func breaks(s, after string) template.HTML {
	var b strings.Builder
	for {
		i := strings.IndexAny(s, after)
		if i < 0 || i+1 == len(s) {
			break
		}
		b.WriteString(template.HTMLEscapeString(s[:i+1]))
		b.WriteString("<wbr>")
		s = s[i+1:]
	}
	b.WriteString(template.HTMLEscapeString(s))
	return template.HTML(b.String())
}

// commandLines are commands of a shell under an id, with a button that copies them.
type commandLines struct {
	ID   string
	Code template.HTML
}

// lines puts commands together; each of parts is a string or a list of strings.
func lines(id string, parts ...any) commandLines {
	var all []string
	for _, part := range parts {
		switch commands := part.(type) {
		case string:
			all = append(all, commands)
		case []string:
			all = append(all, commands...)
		}
	}
	return commandLines{id, highlight("shell", strings.Join(all, "\n"))}
}
