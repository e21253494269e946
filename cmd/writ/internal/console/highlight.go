package console

import (
	"html/template"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A lexicon is what a language looks like: enough to tell comments, strings and keywords
// apart. It is not a grammar. Where it is wrong a word has another colour, and nothing else:
// highlight writes every byte of the code in its order.
type lexicon struct {
	comments string // regular expression of a comment
	strings  string // of a string
	keywords string // of what the language reserves, or of the first word of a line
}

// The parts that several languages share.
const (
	slashes  = `//[^\n]*|/\*(?s:.*?)\*/`
	hashes   = `(?:^|[\s;{])#[^\n]*`
	double   = `"(?:[^"\\\n]|\\.)*"`
	single   = `'(?:[^'\\\n]|\\.)*'`
	backtick = "`[^`]*`"
	longText = `"""(?s:.*?)"""`
	// firstWord is a directive of a configuration file, or a command of a shell.
	firstWord = `(?m:^[ \t]*[\w./<][\w./:-]*)`
	// member is a key of YAML.
	member = `(?m:^[ \t]*(?:- )*[\w./@-]+:)`
)

// words is the regular expression of any of the words.
func words(list string) string {
	return `\b(?:` + strings.Join(strings.Fields(list), "|") + `)\b`
}

// lexicons are the languages of the quickstarts, as package quickstart names them, and that
// of the configuration.
var lexicons = map[string]lexicon{
	"go": {slashes, double + "|" + single + "|" + backtick,
		words("break case const continue default defer else false for func go if import interface map nil package range return select struct switch true type var")},
	"javascript": {slashes, double + "|" + single + "|" + backtick,
		words("async await case catch class const default else export false finally for from function if import instanceof let new null of return static switch this throw true try typeof undefined")},
	"python": {hashes, longText + "|" + double + "|" + single,
		words("False None True and as class def elif else except finally for from global if import in is lambda not or pass raise return try while with yield")},
	"java": {slashes, longText + "|" + double + "|" + single,
		words("boolean catch class else extends final for if implements import instanceof int interface new null package private protected public record return static this throw throws true false try var void")},
	"csharp": {slashes, double + "|" + single,
		words("async await bool catch class else false foreach if is namespace new null out private public return static string this throw true try using var void")},
	"php": {slashes + "|" + hashes, double + "|" + single,
		words("array as catch class declare else extends false final fn foreach function if implements instanceof namespace new null private protected public return static throw true try use") + `|<\?php`},
	"ruby": {hashes, double + "|" + single,
		words("and begin class def do else elsif end ensure false if include module nil not or private raise require rescue return self super then true unless when")},
	"shell":   {hashes, double + `|'[^']*'`, firstWord},
	"yaml":    {hashes, double + "|" + single, member},
	"json":    {`$^`, double, `\b(?:true|false|null)\b`},
	"xml":     {`<!--(?s:.*?)-->`, double, `</?[\w.:-]+|/?>`},
	"nginx":   {hashes, double + "|" + single, firstWord},
	"haproxy": {hashes, double + "|" + single, firstWord},
	"apache":  {hashes, double, firstWord},
	"hcl":     {slashes + "|" + hashes, double, `(?m:^[ \t]*[\w-]+)|` + words("true false null for in if")},
}

// patterns are the compiled lexicons: group 1 is a comment, 2 a string, 3 a keyword.
var patterns = sync.OnceValue(func() map[string]*regexp.Regexp {
	all := map[string]*regexp.Regexp{}
	for name, l := range lexicons {
		all[name] = regexp.MustCompile("(" + l.comments + ")|(" + l.strings + ")|(" + l.keywords + ")")
	}
	return all
})

// tokenClasses are the classes of the groups of a pattern.
var tokenClasses = [...]string{"", "tc", "ts", "tk"}

// highlight marks comments, strings and keywords in code, and in strings the values of the
// configuration: those are what a reader looks for. The text of the result is the code,
// byte for byte, so that copying gives it without the marks. A language that has no lexicon
// stays plain.
func highlight(language, code string, values ...string) template.HTML {
	var b strings.Builder
	at := 0
	if pattern := patterns()[language]; pattern != nil {
		for _, m := range pattern.FindAllStringSubmatchIndex(code, -1) {
			for group := 1; group < len(tokenClasses); group++ {
				from, to := m[2*group], m[2*group+1]
				if from < 0 || from == to {
					continue
				}
				b.WriteString(template.HTMLEscapeString(code[at:from]))
				text := code[from:to]
				class := tokenClasses[group]
				if group == 2 && slices.ContainsFunc(values, func(v string) bool { return v != "" && strings.Contains(text, v) }) {
					class += " own"
				}
				open, end := `<span class="`+class+`">`, `</span>`
				// A line can be taken out of the result: no mark goes beyond its end.
				b.WriteString(open + strings.ReplaceAll(template.HTMLEscapeString(text), "\n", end+"\n"+open) + end)
				at = to
			}
		}
	}
	b.WriteString(template.HTMLEscapeString(code[at:]))
	return template.HTML(b.String())
}
