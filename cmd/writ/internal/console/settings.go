package console

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A setting is one attribute of a block, as the reference has it, with its value.
type setting struct {
	Name   string
	Doc    string
	Value  string // as HCL; "" when it is not set
	Origin string // "set", "default", "required" or "not set"
	Slash  bool   // the value ends with a slash, to be pointed out
}

// A source is where a block was declared.
type source struct {
	File string
	Line int
}

// settingsOf lists every attribute of a block with its value in object, in the order of the
// language reference. A value that equals the default counts as the default: a snapshot
// does not say who wrote it. Custom claims have no value here, as they are evaluated for
// each authorization.
func settingsOf(block *schema.Block, object any, label string) []setting {
	var all []setting
	for i := range block.Attributes {
		a := &block.Attributes[i]
		s := setting{Name: a.Name, Doc: a.Doc, Origin: "set"}
		isDefault := false
		switch {
		case a.IsStored():
			value := a.Get(object)
			s.Value = hclValue(a, value)
			isDefault = schema.IsZero(value) && schema.IsZero(a.DefaultValue()) || reflect.DeepEqual(value, a.DefaultValue()) ||
				(a.Inherit == schema.InheritLabel || a.Inherit == schema.InheritBlockLabel) && value == label
		case a.Type == schema.TypeForEach:
			s.Value = instance(label)
		}
		switch {
		case s.Value == "":
			s.Origin = "not set"
		case a.Required:
			s.Origin = "required"
		case isDefault:
			s.Origin = "default"
		}
		s.Slash = strings.HasSuffix(s.Value, `/"`)
		all = append(all, s)
	}
	return all
}

// hclValue is a value as HCL, "" for one that is not set.
func hclValue(a *schema.Attribute, value any) string {
	switch v := value.(type) {
	case bool:
		return strconv.FormatBool(v)
	case map[string]string:
		return hclMap(v)
	case []string:
		if a.Type == schema.TypeReferences {
			return references(a.Of, v)
		}
		return hclStrings(v)
	case int64:
		if a.Type == schema.TypeDuration {
			return hclString(schema.FormatDuration(v))
		}
		if v != 0 {
			return hclString(schema.FormatTime(v))
		}
	case float64:
		if v != 0 {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	case string:
		switch {
		case v == "" || a.Type == schema.TypeObject:
			return v
		case a.Type == schema.TypeReference:
			return a.Of + "." + v
		}
		return hclString(v)
	}
	return ""
}

// settingsPage is the Settings view.
type settingsPage struct {
	Settings []setting
	Source   *source // nil when the snapshot does not say
}

// settings shows the attributes of an API.
func (p *page) settings(v apiView, api snapshot.API) {
	full := api.Schema()
	body := settingsPage{Settings: settingsOf(schema.BlockOf(&full), &full, full.Label)}
	if file, line, ok := api.Source(); ok {
		body.Source = &source{file, line}
	}
	p.showTab(v, body)
}

// block returns a block of the language. It panics for a type that the language lacks.
func block(typ string) *schema.Block {
	b, ok := schema.LanguageBlock(typ)
	if !ok {
		panic("console: the language has no block " + typ)
	}
	return b
}

// instance is the key of a block that for_each made, "" for any other.
func instance(label string) string {
	_, key, ok := strings.Cut(label, "[")
	if !ok {
		return ""
	}
	return "each.key = " + strings.TrimSuffix(key, "]")
}

// hclString quotes a string as HCL reads it: templates begin with ${ and %{.
func hclString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case (r == '$' || r == '%') && strings.HasPrefix(s[i+1:], "{"):
			b.WriteRune(r)
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// hclStrings is a list of strings as HCL.
func hclStrings(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = hclString(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// hclMap is a map as HCL, sorted by key. A key that is no identifier is quoted.
func hclMap(m map[string]string) string {
	var members []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		name := key
		if schema.CheckLabel(key) != nil {
			name = hclString(key)
		}
		members = append(members, name+" = "+hclString(m[key]))
	}
	if len(members) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(members, ", ") + " }"
}

// references is a list of references as HCL.
func references(kind string, labels []string) string {
	refs := make([]string, len(labels))
	for i, label := range labels {
		refs[i] = kind + "." + label
	}
	return "[" + strings.Join(refs, ", ") + "]"
}
