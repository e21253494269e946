package quickstart

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"unicode"

	"github.com/writ-auth/writ/schema"
)

// quoting is how each language writes a string that reads back as it is.
// Identifiers, issuers and scopes are printable ASCII without a space and a
// backslash, which the rules of schema hold; a name is used in comments only.
func quoting() template.FuncMap {
	return template.FuncMap{
		"gostr":   strconv.Quote,
		"str":     jsonString, // JavaScript, Python, Java, C#, YAML, JSON
		"phpstr":  singleQuoted,
		"rbstr":   singleQuoted,
		"shstr":   schema.ShellQuoted,
		"confstr": doubleQuoted,
		"hastr":   haproxyQuoted,
		"url":     percentEncoded,
		"logfmt":  logFormat,
		"plain":   plain,
		"re2":     regexp.QuoteMeta, // Envoy
		"regexp":  escapedRegexp,
	}
}

// jsonString is the string of JSON, with U+2028 and U+2029 escaped: the same in
// JavaScript, Python, Java, C# and YAML for text without a backslash.
func jsonString(s string) (string, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(s)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// singleQuoted is the string of PHP and Ruby in which nothing is expanded.
func singleQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// doubleQuoted is a word of nginx's and Apache's configuration.
func doubleQuoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// haproxyQuoted is a word of HAProxy's configuration, where double quotes
// expand environment variables.
func haproxyQuoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(s) + `"`
}

// logFormat is text where HAProxy, and Apache in a header, expand what begins with "%".
func logFormat(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// percentEncoded is the same URL without any character that a configuration
// language could read as its own.
func percentEncoded(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c)) || strings.IndexByte("-._~:/?&=%@+,[]", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// escapedRegexp is a regular expression (PCRE) for the text itself, without the
// backslashes that have a meaning of their own wherever it stands.
func escapedRegexp(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '^': // what lies between ] and _
			b.WriteString("(?=[]-_])[^]_]")
		case strings.ContainsRune(".+*?()|[]{}$", r):
			b.WriteString("[" + string(r) + "]")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plain is text for a comment: nothing in it can end the comment. Java reads
// \u000a in one as a line's end, C# and JavaScript U+2028, PHP a "?>" as its own.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\\' || !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
	return strings.ReplaceAll(s, "?>", "? >")
}
