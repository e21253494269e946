package console

import (
	"maps"
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

// A source is where a block stands.
type source struct {
	File string
	Line int
}

// settingsOf is every attribute of a block, in the order of the reference. What
// equals the language's default is called the default, whoever wrote it.
func settingsOf(block *schema.Block, values map[string]string) []setting {
	var all []setting
	for _, a := range block.Attributes {
		s := setting{Name: a.Name, Doc: a.Doc, Value: values[a.Name]}
		switch {
		case s.Value == "":
			s.Origin = "not set"
		case a.Required:
			s.Origin = "required"
		case isDefault(a, s.Value, values["\x00label"]):
			s.Origin = "default"
		default:
			s.Origin = "set"
		}
		s.Slash = strings.HasSuffix(s.Value, `/"`)
		all = append(all, s)
	}
	return all
}

// isDefault reports whether a value means what the attribute's default means.
func isDefault(a schema.Attribute, value, label string) bool {
	switch {
	case a.Type == schema.TypeDuration:
		is, err1 := schema.ParseDuration(strings.Trim(value, `"`))
		would, err2 := schema.ParseDuration(strings.Trim(a.Default, `"`))
		return err1 == nil && err2 == nil && is == would
	case a.Default == "the label":
		return value == label
	}
	return value == a.Default
}

// settingsPage is the Settings view.
type settingsPage struct {
	Settings []setting
	Source   *source // nil when the snapshot does not say
}

func (p *page) settings(v apiView, api snapshot.API) {
	body := settingsPage{Settings: settingsOf(block("api"), apiValues(api.Schema()))}
	if file, line, ok := api.Source(); ok {
		body.Source = &source{file, line}
	}
	p.showTab(v, body)
}

// block is a block of the language, which is there or the program is wrong.
func block(typ string) *schema.Block {
	b, ok := schema.LanguageBlock(typ)
	if !ok {
		panic("console: the language has no block " + typ)
	}
	return b
}

// apiValues are the attributes of an API as one would write them. Custom claims
// are not among them: the compiler evaluates them for each authorization.
func apiValues(a schema.API) map[string]string {
	return map[string]string{
		"\x00label":            hclString(a.Label),
		"name":                 hclString(a.Name),
		"identifier":           hclString(a.Identifier),
		"token_profile":        hclString(string(a.Profile)),
		"signing_alg":          hclString(string(a.Alg)),
		"signing_secret":       unlessEmpty(string(a.SigningSecret)),
		"token_lifetime":       hclString(schema.FormatDuration(a.TokenLifetime)),
		"allow_offline_access": strconv.FormatBool(a.AllowOfflineAccess),
		"include_permissions":  strconv.FormatBool(a.IncludePermissions),
		"scope_mode":           hclString(string(a.ScopeMode)),
		"reuse_window":         hclString(schema.FormatDuration(a.ReuseWindow)),
		"prevent_destroy":      strconv.FormatBool(a.PreventDestroy),
		"distinct_from":        references("api", a.DistinctFrom),
		"metadata":             hclMap(a.Metadata),
		"for_each":             instance(a.Label),
	}
}

// clientValues are the attributes of a client as one would write them.
func clientValues(c schema.Client) map[string]string {
	values := map[string]string{
		"\x00label":                  hclString(c.Label),
		"name":                       hclString(c.Name),
		"client_id":                  hclString(c.ClientID),
		"grant_types":                hclStrings(c.GrantTypes),
		"metadata":                   hclMap(c.Metadata),
		"introspects":                references("api", c.Introspects),
		"require_sender_constrained": strconv.FormatBool(c.RequireSenderConstrained),
		"prevent_destroy":            strconv.FormatBool(c.PreventDestroy),
		"for_each":                   instance(c.Label),
	}
	if c.DefaultAPI != "" {
		values["default_api"] = "api." + c.DefaultAPI
	}
	if c.RateLimit != 0 {
		values["rate_limit"] = strconv.FormatFloat(c.RateLimit, 'f', -1, 64)
	}
	if c.RevokedBefore != 0 {
		values["revoked_before"] = hclString(schema.FormatTime(c.RevokedBefore))
	}
	return values
}

func refreshValues(r *schema.RefreshToken) map[string]string {
	return map[string]string{
		"rotation":      hclString(string(r.Rotation)),
		"lifetime":      hclString(schema.FormatDuration(r.Lifetime)),
		"idle_lifetime": hclString(schema.FormatDuration(r.IdleLifetime)),
		"leeway":        hclString(schema.FormatDuration(r.Leeway)),
	}
}

// instance is the key of a block that for_each made, "" for any other.
func instance(label string) string {
	_, key, ok := strings.Cut(label, "[")
	if !ok {
		return ""
	}
	return "each.key = " + strings.TrimSuffix(key, "]")
}

func unlessEmpty(s string) string {
	if s == "" {
		return ""
	}
	return hclString(s)
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

func hclStrings(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = hclString(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

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

func references(kind string, labels []string) string {
	refs := make([]string, len(labels))
	for i, label := range labels {
		refs[i] = kind + "." + label
	}
	return "[" + strings.Join(refs, ", ") + "]"
}
