package quickstart

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// parse reads one target: "key: value" lines, then files, each below a line
// "-- name --". It panics on a text that is not one.
//
//	title, group, library, version, tested as in Target
//	test                                   the test that runs it
//	parsed                                 the test that holds it to its own schema, no more
//	aliases                                separated by spaces
//	refuses X                              the reason why profile or algorithm X cannot be verified
//	cannot say X                           the reason why no value may hold the text X
//	identifiers X                          the reason why identifiers must match the regular expression X
//	mcp                                    "yes" for an MCP server
//	install, run                           a command, repeated
func parse(name, text string) Target {
	t := Target{Name: name, refusals: map[string]string{}, NotExecuted: true}
	front, files, _ := strings.Cut(text, "\n-- ")
	for line := range strings.Lines(front) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !ok || !t.set(key, strings.TrimSpace(value)) {
			panic(fmt.Sprintf("target %s: line %q", name, line))
		}
	}
	for _, profile := range allProfiles() {
		if t.refusals[string(profile)] == "" {
			t.Profiles = append(t.Profiles, profile)
		}
	}
	for _, alg := range jose.Algs(jose.APITokens) {
		if t.refusals[string(alg)] == "" {
			t.Algs = append(t.Algs, alg)
		}
	}
	t.files = parseFiles(name, "-- "+files)
	return t
}

// set takes one line of the front matter and reports whether it knows the key.
func (t *Target) set(key, value string) bool {
	fields := map[string]*string{"title": &t.Title, "group": &t.Group, "library": &t.Library, "version": &t.Version, "tested": &t.Tested}
	if field := fields[key]; field != nil {
		*field = value
		return true
	}
	what, found := strings.CutPrefix(key, "refuses ")
	text, limited := strings.CutPrefix(key, "cannot say ")
	pattern, patterned := strings.CutPrefix(key, "identifiers ")
	switch {
	case key == "test":
		t.Test, t.NotExecuted = value, false
	case key == "parsed":
		t.Test = value
	case key == "aliases":
		t.Aliases = strings.Fields(value)
	case key == "mcp":
		t.MCP = value == "yes"
	case key == "install":
		t.install = append(t.install, value)
	case key == "run":
		t.run = append(t.run, value)
	case found && (slices.Contains(allProfiles(), schema.Profile(what)) || jose.Registered(what)):
		t.refusals[what] = value
	case limited:
		t.limits = append(t.limits, limit{text: text, reason: value})
	case patterned:
		t.limits = append(t.limits, limit{identifier: regexp.MustCompile(pattern), reason: value})
	default:
		return false
	}
	return true
}

// parseFiles cuts a template into its files, at lines such as "-- main.go --" as in a txtar
// archive. It panics for a template of ours that begins otherwise.
func parseFiles(target, text string) []source {
	var files []source
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(name, " --\n") {
			name = strings.TrimSuffix(name, " --\n")
			files = append(files, source{name: name, language: languageOf(name)})
			continue
		}
		if len(files) == 0 {
			panic(fmt.Sprintf("target %s: %q stands before the first file", target, line))
		}
		files[len(files)-1].text += line
	}
	return files
}

// languageOf names a file's language as syntax highlighters do.
func languageOf(name string) string {
	byName := map[string]string{"haproxy.cfg": "haproxy", "nginx.conf": "nginx", "apache.conf": "apache"}
	byExtension := map[string]string{
		".go": "go", ".mjs": "javascript", ".js": "javascript", ".py": "python", ".yaml": "yaml", ".java": "java",
		".xml": "xml", ".cs": "csharp", ".csproj": "xml", ".php": "php", ".rb": "ruby", ".json": "json", ".sh": "shell",
	}
	if language := byName[path.Base(name)]; language != "" {
		return language
	}
	return byExtension[path.Ext(name)]
}
