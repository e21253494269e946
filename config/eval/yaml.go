package eval

import (
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/source"
)

// The YAML decoder recurses for every level and has no limit of its own, and
// aliases multiply what they stand for. All bounds here look at the text
// alone, and so count too much where a string looks like structure.
const (
	maxYAMLFlow   = 10_000 // [ and { in all
	maxYAMLIndent = 1000   // columns before the first word of a line
	maxYAMLAlias  = 1000
)

var (
	yamlIndent = regexp.MustCompile(`(?m)^(?:[ \t]|[-?:][ \t])*`)
	yamlAnchor = regexp.MustCompile(`(?m)(?:^|[\s,\[{:-])&([^\s,\[\]{}]+)`)
	yamlAlias  = regexp.MustCompile(`(?m)(?:^|[\s,\[{:-])\*([^\s,\[\]{}]+)`)
)

func boundYAML(limits source.Limits, args []cty.Value) (int64, error) {
	text := args[0].AsString()
	if n := strings.Count(text, "[") + strings.Count(text, "{"); n > maxYAMLFlow {
		return 0, past("Too large value", "a YAML text has %d brackets and braces at most, this one has %d", maxYAMLFlow, n)
	}
	for at := 0; at < len(text); {
		line := text[at:]
		if n := strings.IndexByte(line, '\n'); n >= 0 {
			line = line[:n+1]
		}
		at += len(line)
		if len(yamlIndent.FindString(line)) > maxYAMLIndent {
			return 0, past("Too deep nesting", "a line of a YAML text is indented by %d columns at most", maxYAMLIndent)
		}
	}
	steps, err := decoded(text, ",\n[{:-", limits)
	if err != nil {
		return 0, err
	}
	more, err := boundAliases(text, limits)
	return steps + more, err
}

// boundAliases lets aliases through when no anchor can hold one, so that what
// they stand for cannot grow with each level.
func boundAliases(text string, limits source.Limits) (int64, error) {
	names := map[string]bool{}
	anchors := yamlAnchor.FindAllStringSubmatchIndex(text, -1)
	for _, a := range anchors {
		names[text[a[2]:a[3]]] = true
	}
	uses, firstUse := int64(0), 0
	for _, a := range yamlAlias.FindAllStringSubmatchIndex(text, -1) {
		if !names[text[a[2]:a[3]]] {
			continue
		}
		if uses++; uses == 1 {
			firstUse = a[0]
		}
	}
	if uses == 0 {
		return 0, nil
	}
	if uses > maxYAMLAlias || anchors[len(anchors)-1][0] > firstUse {
		return 0, past("Too many aliases", "a YAML text has %d aliases at most, and all of its anchors stand before the first of them", maxYAMLAlias)
	}
	return uses * int64(len(text)), nil
}
