package config

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// decode turns every block into the declared model.
func (l *loader) decode(c *Config) {
	for _, b := range l.plain["issuer"] {
		c.Issuers = append(c.Issuers, l.decodeIssuer(b))
	}
	c.APIs = decodeKind(l, kindAPI, l.decodeAPI)
	c.Clients = decodeKind(l, kindClient, l.decodeClient)
	c.Authorizations = decodeKind(l, kindAuthorization, l.decodeAuthorization)
	c.TrustedIssuers = decodeKind(l, kindTrustedIssuer, l.decodeTrustedIssuer)
	c.SigningKeys = decodePlain(l, "signing_key", l.decodeSigningKey)
	c.Policies = decodePlain(l, "policy", l.decodePolicy)

	slices.SortFunc(c.APIs, func(a, b *API) int { return cmp.Compare(a.Label, b.Label) })
	slices.SortFunc(c.Clients, func(a, b *Client) int { return cmp.Compare(a.Label, b.Label) })
	slices.SortFunc(c.Authorizations, func(a, b *Authorization) int { return cmp.Compare(a.Label, b.Label) })
	slices.SortFunc(c.TrustedIssuers, func(a, b *TrustedIssuer) int { return cmp.Compare(a.Label, b.Label) })
	slices.SortFunc(c.SigningKeys, func(a, b *SigningKey) int { return cmp.Compare(a.Label, b.Label) })
	slices.SortFunc(c.Policies, func(a, b *Policy) int { return cmp.Compare(a.Label, b.Label) })
}

func decodeKind[T any](l *loader, k kind, decode func(*object) *T) []*T {
	out := make([]*T, 0, len(l.kinds[k].order))
	for _, d := range l.kinds[k].order {
		for _, o := range l.objectsOf(d) {
			restore := l.own(o)
			out = append(out, decode(o))
			restore()
		}
	}
	return out
}

var dollarName = regexp.MustCompile(`\$((?:var|local|each|api|client)\.[a-z_][a-z0-9_]*)`)

// unwrapped says how to insert a value, where a string has one as a shell would.
func unwrapped(s string) string {
	if m := dollarName.FindStringSubmatch(s); m != nil {
		return fmt.Sprintf(" To insert a value, write ${%s}.", m[1])
	}
	return ""
}

// decodePlain decodes the blocks of a type that nothing refers to.
func decodePlain[T any](l *loader, typ string, decode func(*source.Block) *T) []*T {
	var out []*T
	seen := map[string]*source.Block{}
	for _, b := range l.plain[typ] {
		label := b.Labels[0]
		if other, twice := seen[label]; twice {
			l.duplicate(typ+"."+label, b, other)
			continue
		}
		seen[label] = b
		out = append(out, decode(b))
	}
	return out
}

func (o *object) declaration() Decl {
	return Decl{Address: o.address(), Range: o.decl.block.DefRange(), block: o.decl.block}
}

func (l *loader) fieldsOfObject(o *object, address string) *fields {
	return l.fieldsOf(l.kinds[o.decl.kind].spec, o.decl.block, address, o)
}

func (l *loader) decodeIssuer(b *source.Block) *Issuer {
	spec, _ := schema.LanguageBlock("issuer")
	f := l.fieldsOf(spec, b, "issuer", nil)
	i := &Issuer{Decl: Decl{Address: "issuer", Range: b.DefRange(), block: b}}
	i.URL = f.ascii("url")
	i.ErrorStyle = schema.ErrorStyle(f.choice("error_style"))
	i.SubStyle = schema.SubStyle(f.choice("sub_style"))
	i.Environment = f.text("environment")
	f.nested("defaults", func(n *fields, _ string) {
		i.Defaults.Profile = schema.Profile(n.text("token_profile"))
		i.Defaults.Alg = schema.SigningAlg(n.text("signing_alg"))
		i.Defaults.TokenLifetime = n.seconds("token_lifetime", 0)
	})
	return i
}

func (l *loader) decodeAPI(o *object) *API {
	a := &API{Decl: o.declaration()}
	f := l.fieldsOfObject(o, a.Address)
	a.Label = o.label()
	a.Name = f.text("name")
	a.Identifier = f.ascii("identifier")
	a.Profile = schema.Profile(f.text("token_profile"))
	a.Alg = schema.SigningAlg(f.text("signing_alg"))
	a.SigningSecret = schema.SecretRef(f.text("signing_secret"))
	a.TokenLifetime = f.seconds("token_lifetime", 0)
	a.AllowOfflineAccess = f.flag("allow_offline_access")
	a.IncludePermissions = f.flag("include_permissions")
	a.ScopeMode = schema.ScopeMode(f.text("scope_mode"))
	a.ReuseWindow = f.seconds("reuse_window", 0)
	a.PreventDestroy = f.flag("prevent_destroy")
	a.Metadata = f.textMap("metadata")
	a.DistinctFrom = f.refs("distinct_from")
	for _, r := range a.DistinctFrom {
		a.API.DistinctFrom = append(a.API.DistinctFrom, r.Label)
	}
	a.Scopes = f.scopes()
	if a.Identifier != "" && !schema.IsURI(a.Identifier) {
		f.problems.errorf("identifier-not-uri", a.AttrRange("identifier"), "Some libraries take only an absolute URI as an audience, and %q is none. Write a URI such as \"https://api.example.com/orders\".%s", a.Identifier, unwrapped(a.Identifier))
	}
	a.claims = f.claims()
	return a
}

func (f *fields) scopes() []schema.Scope {
	if n := len(f.block.Body.Blocks); n > schema.MaxScopes {
		f.errorf("invalid-scope", f.block.Body.Blocks[schema.MaxScopes].DefRange(), "%s has %d scopes: it may have %d. Divide the API.", f.where, n, schema.MaxScopes)
	}
	var out []schema.Scope
	f.nested("scope", func(n *fields, label string) {
		if schema.IsReservedScope(label) {
			n.errorf("reserved-scope", n.block.LabelRange(0), "%q means something else in OpenID Connect and cannot be a scope of an API. Write a name of your own, such as \"read:%s\".", label, label)
		}
		out = append(out, schema.Scope{Name: label, Description: n.text("description")})
	})
	return out
}

func (l *loader) decodeClient(o *object) *Client {
	c := &Client{Decl: o.declaration()}
	f := l.fieldsOfObject(o, c.Address)
	c.Label = o.label()
	c.Name = f.text("name")
	c.ClientID = f.clientID(o)
	c.GrantTypes = f.list("grant_types")
	c.Metadata = f.textMap("metadata")
	c.DefaultAPI = f.ref("default_api")
	c.Client.DefaultAPI = c.DefaultAPI.Label
	c.RateLimit = f.number("rate_limit")
	c.Introspects = f.refs("introspects")
	for _, r := range c.Introspects {
		c.Client.Introspects = append(c.Client.Introspects, r.Label)
	}
	c.RevokedBefore = f.time("revoked_before")
	c.RequireSenderConstrained = f.flag("require_sender_constrained")
	c.PreventDestroy = f.flag("prevent_destroy")
	f.credentials(&c.Client)
	c.claims = f.claims()
	return c
}

// clientID decodes client_id, which is the label by default.
func (f *fields) clientID(o *object) string {
	if a := f.block.Body.Attribute("client_id"); a != nil && !a.Expr.IsNull() {
		return f.text("client_id")
	}
	if o.isInstance() {
		f.errorf("missing-attribute", f.block.DefRange(), "A client with for_each needs a client_id for each instance. Write one, such as: client_id = \"%s-${each.key}\"", o.decl.label)
		return ""
	}
	return o.label()
}

func (l *loader) decodeAuthorization(o *object) *Authorization {
	a := &Authorization{Decl: o.declaration()}
	f := l.fieldsOfObject(o, a.Address)
	a.Label = o.label()
	a.Client = f.ref("client")
	a.API = f.ref("api")
	a.Authorization.Client, a.Authorization.API = a.Client.Label, a.API.Label
	a.Scopes, a.scopes = f.texts("scopes")
	a.SubjectType = schema.SubjectType(f.choice("subject_type"))
	a.SubjectClaims = f.object("subject_claims")
	if a.SubjectClaims != "" && a.SubjectType == schema.SubjectClient {
		what := "subject_claims are what a user's token must say"
		if a.Has("copy_claims") {
			what = "subject_claims and copy_claims are about a user's token"
		}
		f.errorf("invalid-value", a.AttrRange("subject_claims"), "%s, and subject_type is \"client\" here. Leave them out, or write subject_type = \"user\".", what)
	}
	a.CopyClaims = f.copyClaims(a)
	a.TokenLifetime = f.seconds("token_lifetime", 0)
	a.ExpiresAt = f.time("expires_at")
	a.claims = f.claims()
	return a
}

// copyClaims decodes the names of the claims that a user's token hands on.
func (f *fields) copyClaims(a *Authorization) []string {
	names, written := f.texts("copy_claims")
	if len(names) > 0 && a.SubjectType == schema.SubjectClient {
		if a.SubjectClaims != "" { // said there
			return nil
		}
		f.errorf("invalid-value", a.AttrRange("copy_claims"), "copy_claims are taken from a user's token, and subject_type is \"client\" here. Leave them out, or write subject_type = \"user\".")
		return nil
	}
	for i, name := range names {
		code, at := "invalid-claim", elementRange(written, i, a.AttrRange("copy_claims"))
		reserved, err := schema.CheckCopiedClaim(name)
		if reserved {
			code = "reserved-claim"
		}
		if err != nil {
			f.errorf(code, at, "%s cannot copy it from the user's token: %s.", a.Address, err)
		}
	}
	return names
}

func (l *loader) decodeTrustedIssuer(o *object) *TrustedIssuer {
	t := &TrustedIssuer{Decl: o.declaration()}
	f := l.fieldsOfObject(o, t.Address)
	t.Label = o.label()
	t.Issuer = f.ascii("issuer")
	f.oneOf("jwks", "jwks_uri")
	t.JWKS = f.keys("jwks", jose.CanonicalKeys)
	t.JWKSURI = f.text("jwks_uri")
	for _, alg := range f.list("algorithms") {
		t.Algorithms = append(t.Algorithms, schema.SigningAlg(alg))
	}
	t.Audiences, _ = f.texts("audiences")
	for _, who := range f.list("vouches_for") {
		t.VouchesFor = append(t.VouchesFor, schema.SubjectType(who))
	}
	t.CapsLifetime = f.flag("caps_lifetime")
	f.notEmpty("algorithms", "audiences", "vouches_for")
	return t
}

func (l *loader) decodeSigningKey(b *source.Block) *SigningKey {
	spec, _ := schema.LanguageBlock("signing_key")
	k := &SigningKey{Decl: Decl{Address: "signing_key." + b.Labels[0], Range: b.DefRange(), block: b}}
	f := l.fieldsOf(spec, b, k.Address, nil)
	k.Label = b.Labels[0]
	k.Alg = schema.SigningAlg(f.text("algorithm"))
	k.PrivateKey = schema.SecretRef(f.text("private_key"))
	w := f.window("activates_at", "retires_at")
	k.ActivatesAt, k.RetiresAt = w.NotBefore, w.ExpiresAt
	return k
}

func (l *loader) decodePolicy(b *source.Block) *Policy {
	spec, _ := schema.LanguageBlock("policy")
	p := &Policy{Decl: Decl{Address: "policy." + b.Labels[0], Range: b.DefRange(), block: b}, Label: b.Labels[0]}
	f := l.fieldsOf(spec, b, p.Address, nil)
	p.ForEachOf = f.text("for_each_of")
	p.Severity = f.choice("severity")
	if of, ok := kindOf(p.ForEachOf); ok {
		p.condition = f.deferred("condition", selfOf(of))
		p.errorMessage = f.deferred("error_message", selfOf(of))
	}
	return p
}

// choice decodes a string, the language's default where there is none.
func (f *fields) choice(name string) string {
	if s := f.text(name); s != "" {
		return s
	}
	spec, _ := f.spec.Attr(name)
	return strings.Trim(spec.Default, `"`)
}

// list decodes strings, the language's default where there are none.
func (f *fields) list(name string) []string {
	values, _ := f.texts(name)
	if values == nil {
		spec, _ := f.spec.Attr(name)
		return defaultStrings(spec)
	}
	return values
}

// ascii decodes a string of ASCII. HCL gives strings in Unicode's normal form
// C, in which some characters outside ASCII become others within it: these are
// caught where they were written, as nothing here is ever rewritten.
func (f *fields) ascii(name string) string {
	s := f.text(name)
	if s == "" {
		return ""
	}
	a := f.block.Body.Attribute(name)
	if _, isLiteral := a.Expr.Literal(); !isLiteral {
		return s
	}
	at := a.Expr.Range()
	src := f.sources[at.Filename]
	if at.End.Byte > len(src) || !rewritten(string(src[at.Start.Byte:at.End.Byte])) {
		return s
	}
	spec, _ := f.spec.Attr(name)
	f.errorf(spec.Code, at, "%s has a character outside ASCII. Percent-encode it, or write the host in Punycode.", name)
	return ""
}

// rewritten reports whether source text has a character outside ASCII, written
// out or as \uXXXX.
func rewritten(src string) bool {
	for i := 0; i < len(src); i++ {
		switch {
		case src[i] >= 0x80:
			return true
		case src[i] == '\\' && i+1 < len(src):
			if src[i+1] == 'u' && !strings.HasPrefix(src[i+2:], "00") || src[i+1] == 'U' && !strings.HasPrefix(src[i+2:], "000000") {
				return true
			}
			i++
		}
	}
	return false
}

// keys decodes a set of public keys.
func (f *fields) keys(name string, parse func(string) (string, error)) string {
	v, at, spec, ok := f.value(name)
	if !ok {
		return ""
	}
	text := ""
	switch {
	case v.Type() == cty.String:
		text = v.AsString()
	case name == "jwks" && (v.Type().IsObjectType() || v.Type().IsMapType()):
		var err error
		if text, err = canonicalJSON(v); err != nil {
			f.errorf("invalid-key", at, "%s %s.", name, err)
			return ""
		}
	default:
		f.wrongType(spec, v, at)
		return ""
	}
	if canonical, known := f.keySets[keySetText{name, text}]; known {
		return canonical
	}
	canonical, err := parse(text)
	switch {
	case err != nil && isPath(text):
		f.errorf("invalid-key", at, "%s takes the keys themselves. To read them from a file, write %s = file(%q).", name, name, text)
		return ""
	case err != nil:
		f.refuseKey(at, err)
		return ""
	}
	f.keySets[keySetText{name, text}] = canonical
	f.countKeys(canonical, at)
	return canonical
}

// countKeys takes the keys of a set from the budget, of equal sets once: so the server
// holds them.
func (l *loader) countKeys(canonical string, at hcl.Range) {
	if l.distinct[canonical] {
		return
	}
	l.distinct[canonical] = true
	before := l.keys
	l.keys += jose.NumKeys(canonical)
	if before <= l.limits.Keys && l.keys > l.limits.Keys {
		l.problems.errorf("limit-exceeded", at, "The configuration has more than %d public keys in all; equal key sets count once. Have clients share a set, or trust the issuer that signs for them.", l.limits.Keys)
	}
}

// isPath reports whether a text is more likely the name of a file of keys than
// keys. It may be shown.
func isPath(text string) bool {
	names := []string{".json", ".jwks", ".pem", ".pub", ".crt", ".key"}
	return len(text) < 256 && !strings.ContainsAny(text, " \t\r\n{") && slices.Contains(names, path.Ext(text))
}

// refuseKey reports key material that is no public key. It may be a private
// one, so it is shown only where nothing but the name of its file stands.
func (f *fields) refuseKey(at hcl.Range, err error) {
	src := f.sources[at.Filename]
	if at.Start.Byte < len(src) && bytes.HasPrefix(src[at.Start.Byte:], []byte("file(")) {
		f.errorf("invalid-key", at, "%s", sentence(err))
		return
	}
	f.secretf("invalid-key", at, "%s", sentence(err))
}

func rangeOf(b *source.Block, attr string) (hcl.Range, bool) {
	if a := b.Body.Attribute(attr); a != nil {
		return a.Expr.Range(), true
	}
	return hcl.Range{}, false
}
