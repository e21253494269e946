package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/schema"
)

// maxComparisons bounds the search for near names, about a microsecond each, so two tenths
// of a second in all: every mistake is compared with every name. Mistakes after that have
// no suggestion.
const maxComparisons = 200_000

// problems collects what is wrong, and keeps apart causes and consequences: an author who
// made one mistake reads one diagnostic. A mistake inside a for_each is one mistake,
// however many instances show it: the first instance reports it. Consequences of a syntax
// error and of a spent budget are left out, see isConsequence and add.
type problems struct {
	list        diag.Bounded
	owner       *object           // the instance whose expressions are being evaluated
	first       map[place]*object // which instance reported what
	comparisons int
	exhausted   bool             // the budget of evaluation, which is reported once
	syntax      map[string][]int // where syntax errors stand, by file
	broken      map[string]bool  // files with syntax errors, of which something may be missing: see Config.Partial
}

// consequences are the codes that follow from a syntax error in the same file: the parser
// drops what it cannot read, so that attributes and blocks seem to be missing.
var consequences = []string{"missing-attribute", "unknown-attribute", "unknown-block", "invalid-label"}

// isConsequence reports whether a problem may be nothing but the consequence of
// a syntax error, which is then reported alone.
func (p *problems) isConsequence(d diag.Diagnostic) bool {
	if d.Code == "unknown-reference" || d.Code == "invalid-variable" {
		return len(p.broken) > 0 // what is missing may be declared in the broken file, whichever that is
	}
	if p.broken[d.Range.Filename] && slices.Contains(consequences, d.Code) {
		return true
	}
	// An expression that a syntax error stands in is not what its author wrote.
	return slices.ContainsFunc(p.syntax[d.Range.Filename], func(at int) bool { return d.Range.Start.Byte < at && at < d.Range.End.Byte })
}

// A place tells one problem from another within a block that has instances.
type place struct {
	code string
	at   hcl.Range
}

// add collects a problem, unless another that was collected explains it: a syntax error, a
// budget that is used up, or the same problem of another instance of the block.
func (p *problems) add(d diag.Diagnostic) {
	if p.isConsequence(d) || p.exhausted && eval.IsExhausted(d) {
		return
	}
	p.exhausted = p.exhausted || eval.IsExhausted(d)
	d.Range = diag.Forward(d.Range)
	if p.owner != nil {
		k := place{d.Code, d.Range}
		if o, seen := p.first[k]; seen && o != p.owner {
			return
		}
		if p.first == nil {
			p.first = map[place]*object{}
		}
		p.first[k] = p.owner
	}
	p.list.Add(d)
}

// addAll adds each problem of a list.
func (p *problems) addAll(l diag.List) {
	for _, d := range l {
		p.add(d)
	}
}

// addParsed collects the problems of reading and parsing. An attribute that is
// set twice leaves nothing out, so it does not make a file broken.
func (p *problems) addParsed(l diag.List) {
	for _, d := range l {
		if d.Severity == diag.Error && d.Code != "duplicate-name" {
			if p.broken == nil {
				p.broken, p.syntax = map[string]bool{}, map[string][]int{}
			}
			p.broken[d.Range.Filename] = true
			p.syntax[d.Range.Filename] = append(p.syntax[d.Range.Filename], d.Range.Start.Byte)
		}
	}
	p.list.AddAll(l)
}

// errorf reports a problem, an error unless the code says otherwise. The detail
// is one or more full sentences.
func (p *problems) errorf(code string, at hcl.Range, format string, args ...any) {
	p.add(diag.Newf(code, at, format, args...))
}

// secretf is errorf for a place where a secret may stand in plain text: no rendering of
// the diagnostic shows the source there.
func (p *problems) secretf(code string, at hcl.Range, format string, args ...any) {
	d := diag.Newf(code, at, format, args...)
	d.Secret = true
	p.add(d)
}

// related is errorf with further places that the problem involves.
func (p *problems) related(code string, at hcl.Range, related []diag.Related, format string, args ...any) {
	p.add(diag.New(code, at, fmt.Sprintf(format, args...), related...))
}

// didYouMean is a sentence to append to a detail, or "".
func (p *problems) didYouMean(word string, candidates []string) string {
	if s := p.nearest(word, candidates); s != "" {
		return fmt.Sprintf(" Did you mean %q?", s)
	}
	return ""
}

// nearest is the candidate that a misspelled word most likely stands for, "" for none.
func (p *problems) nearest(word string, candidates []string) string {
	if p.comparisons += len(candidates); p.comparisons > maxComparisons {
		return ""
	}
	return schema.Suggest(word, candidates)
}

// quoted lists values for a detail: "a", "b" or "c". The values are words of the language,
// or names that were checked: what an author may have written at any length goes through clip.
func quoted(values []string) string {
	var b strings.Builder
	for i, v := range values {
		switch {
		case i == 0:
		case i == len(values)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", v)
	}
	return b.String()
}

// typeName names the type of a value with its article, as an author would.
func typeName(ty cty.Type) string {
	switch {
	case ty.IsTupleType(), ty.IsListType():
		return "a list"
	case ty.IsObjectType(), ty.IsMapType():
		return "an object"
	case ty == cty.Bool:
		return "true or false"
	}
	return article(ty.FriendlyName())
}

// valueName is typeName for what should hold strings: it names the first part
// that is none, as in `a list with a number in it`. A null is accepted in a map.
func valueName(v cty.Value) string {
	name := typeName(v.Type())
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return name
	}
	for it := v.ElementIterator(); it.Next(); {
		key, part := it.Element()
		named := v.Type().IsObjectType() || v.Type().IsMapType()
		switch {
		case part.Type() == cty.String && !part.IsNull(), named && part.IsNull():
		case part.IsNull():
			return name + " with a null in it"
		case named:
			return fmt.Sprintf("%s whose %q is %s", name, key.AsString(), typeName(part.Type()))
		default:
			return name + " with " + typeName(part.Type()) + " in it"
		}
	}
	return name
}

// article puts "a" or "an" before a noun.
func article(noun string) string {
	if strings.ContainsAny(noun[:1], "aeio") {
		return "an " + noun
	}
	return "a " + noun
}

// related is one further place of a diagnostic.
func related(message string, at hcl.Range) []diag.Related {
	return []diag.Related{{Message: message, Range: at}}
}
