package console

import (
	"cmp"
	"html/template"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// The Settings of an API and of a client, from the table of the language. An attribute that
// is added to the language is on the page without a change here.

// A Declaration is how an object is written in the files.
type Declaration struct {
	// Origins are the places of the attributes that are written, by name; of a nested block,
	// by "refresh_token.lifetime".
	Origins map[string]Origin
	// Blocks are the block itself, and the one that it inherits from.
	Blocks []BlockText
}

// An Origin is the place of one value. Inherited: in the issuer's defaults.
type Origin struct {
	File      string
	Line      int
	Inherited bool
}

// A BlockText is a block as it is written, without what no page shows.
type BlockText struct {
	File string
	Line int // of its first line
	Text string
}

// A setting is one attribute of a block, as the reference has it, with its value and who
// set it.
type setting struct {
	Name   string
	Doc    string
	Value  string // as HCL; "" when it is not set
	Origin string // "set", "inherited", "default", "required", "compiled" or "not set"
	Place  *source
	Linked bool // the page has the line
	Slash  bool // the value ends with a slash, to be pointed out
}

// IsSet reports whether somebody has written the value.
func (s setting) IsSet() bool {
	return s.Origin == "set" || s.Origin == "inherited" || s.Origin == "required"
}

// A source is where a block or a value was declared.
type source struct {
	File string
	Line int
}

// A settingSection is the settings of one subject: those that are set, and the others.
type settingSection struct {
	Title        string
	Set, Default []setting
}

// sectionOf puts attributes into sections. One that is not here is in the last, which has
// what few need: so an attribute that is added to the language needs nothing here to be on
// the page.
var sectionOf = map[string]string{
	"name": "General", "identifier": "General", "client_id": "General", "metadata": "General",
	"token_profile": "Tokens", "signing_alg": "Tokens", "signing_secret": "Tokens", "token_lifetime": "Tokens", "claims": "Tokens",
	"include_permissions": "Tokens", "reuse_window": "Tokens", "allow_offline_access": "Tokens",
	"grant_types": "Access", "default_api": "Access", "introspects": "Access", "scope_mode": "Access", "rate_limit": "Access",
	"require_sender_constrained": "Access", "revoked_before": "Access",
	"rotation": "Refresh tokens", "lifetime": "Refresh tokens", "idle_lifetime": "Refresh tokens", "leeway": "Refresh tokens",
}

// sectionTitles are the sections in their order.
var sectionTitles = []string{"General", "Tokens", "Access", "Refresh tokens", "Safeguards"}

// sections puts settings in order: by subject, and in each what is set before what is the
// default. Within these they keep the order of the language reference.
func sections(all []setting) []settingSection {
	bySection := map[string]*settingSection{}
	for _, s := range all {
		title := cmp.Or(sectionOf[s.Name], "Safeguards")
		if bySection[title] == nil {
			bySection[title] = &settingSection{Title: title}
		}
		if in := bySection[title]; s.IsSet() {
			in.Set = append(in.Set, s)
		} else {
			in.Default = append(in.Default, s)
		}
	}
	var ordered []settingSection
	for _, title := range sectionTitles {
		if in := bySection[title]; in != nil {
			ordered = append(ordered, *in)
		}
	}
	return ordered
}

// settingsOf lists every attribute of a block with its value in object, in the order of the
// language reference. label is the object's, as some defaults are. Where the files are not
// at hand a value that equals the default counts as the default: a snapshot does not say
// who wrote it. Custom claims have no value here, as they are evaluated for each
// authorization.
func settingsOf(block *schema.Block, object any, label string, d Declaration) []setting {
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
		// What the files say is better than what a value suggests; without files only the
		// value is known.
		origin, written := d.Origins[a.Name]
		if block.Type == "refresh_token" {
			origin, written = d.Origins["refresh_token."+a.Name]
		}
		switch {
		case written:
			s.Place, s.Linked = &source{origin.File, origin.Line}, d.has(origin)
			if origin.Inherited {
				s.Origin = "inherited"
			}
		case a.Deferred && d.Origins == nil: // whether the block has claims is not in a snapshot
			s.Origin = "compiled"
		case s.Value == "":
			s.Origin = "not set"
		case a.Required:
			s.Origin = "required"
		case isDefault || d.Origins != nil:
			s.Origin = "default"
		}
		s.Slash = strings.HasSuffix(s.Value, `/"`)
		all = append(all, s)
	}
	return all
}

// has reports whether the blocks of a declaration have a line.
func (d Declaration) has(o Origin) bool {
	return slices.ContainsFunc(d.Blocks, func(b BlockText) bool {
		return b.File == o.File && o.Line >= b.Line && o.Line <= b.Line+strings.Count(b.Text, "\n")
	})
}

// declared is where an object is written; it is empty where the files are not at hand.
func (p *page) declared(address string) Declaration {
	if p.console.opts.Declared == nil {
		return Declaration{}
	}
	return p.console.opts.Declared(address)
}

// A sourceLine is a line of HCL with its colours. Its id is its place, so that a setting
// leads to it without a script. Its number is an attribute and no text, so that copying
// lines gives HCL.
type sourceLine struct {
	Place string // "orders.hcl:4"
	Line  int
	Code  template.HTML
}

// Lines are the lines of the block.
func (b BlockText) Lines() []sourceLine {
	var all []sourceLine
	for i, line := range strings.Split(string(highlight("hcl", b.Text)), "\n") {
		all = append(all, sourceLine{b.File + ":" + strconv.Itoa(b.Line+i), b.Line + i, template.HTML(line)})
	}
	return all
}

// hclValue is a value as HCL, "" for one that is not set. Which type it has the attribute's
// row says: a number is a duration, a time or a count.
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
	Sections []settingSection
	Source   *source // nil when the snapshot does not say
	Blocks   []BlockText
}

// settings shows the attributes of an API.
func (p *page) settings(v apiView, api snapshot.API) {
	full := api.Schema()
	d := p.declared("api." + full.Label)
	body := settingsPage{Sections: sections(settingsOf(schema.BlockOf(&full), &full, full.Label, d)), Blocks: d.Blocks}
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

// hclString quotes a string as HCL reads it: templates begin with ${ and %{, and are
// escaped by doubling the first character. Nothing that a form sends can end the string or
// be evaluated.
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

// hclMap is a map as HCL on one line, sorted by key. A key that is no identifier is quoted.
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
