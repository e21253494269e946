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

// decode turns every block into the declared model, sorted by label whatever the files
// are called. Only the issuer stays in the order of the files: a second one is an error.
// What no expression has asked for until then is evaluated here, so that each block is
// checked even if nothing refers to it.
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

// decodeKind decodes the blocks of a kind, one object for each instance. Problems found
// meanwhile belong to the instance, see problems.owner. Space is made for one object a
// block, which is right for all but those with for_each.
func decodeKind[T any](l *loader, k kind, decode func(*object) *T) []*T {
	out := make([]*T, 0, len(l.kinds[k].order))
	for _, d := range l.kinds[k].order {
		for _, o := range l.objectsOf(d) {
			restore := l.setOwner(o)
			out = append(out, decode(o))
			restore()
		}
	}
	return out
}

// dollarName matches a reference that is written as a variable of a shell. Other words
// after a dollar sign may be meant as they stand.
var dollarName = regexp.MustCompile(`\$((?:var|local|each|api|client)\.[a-z_][a-z0-9_]*)`)

// shellVariableHint says how to insert a value where a string has one in the shell's way,
// $var.name: HCL takes that as plain text.
func shellVariableHint(s string) string {
	if m := dollarName.FindStringSubmatch(s); m != nil {
		return fmt.Sprintf(" To insert a value, write ${%s}.", m[1])
	}
	return ""
}

// decodePlain decodes the blocks of a type that nothing refers to. Repeated labels are
// reported here: they are in no table of the index. Of two, the first by file counts.
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

// declaration returns where the object was declared, for the declared model. Its block
// stays referenced from there, so that later rules can point at any attribute.
func (o *object) declaration() Decl {
	return Decl{Address: o.address(), Range: o.decl.block.DefRange(), block: o.decl.block}
}

// fieldsOfObject begins the decoding of an object's own block. Its address is passed since
// every caller has made it already.
func (l *loader) fieldsOfObject(o *object, address string) *fields {
	return l.fieldsOf(l.kinds[o.decl.kind].spec, o.decl.block, address, o)
}

// decodeIssuer decodes the issuer and its defaults. Package compiler refuses a second one.
func (l *loader) decodeIssuer(b *source.Block) *Issuer {
	spec, _ := schema.LanguageBlock("issuer")
	f := l.fieldsOf(spec, b, "issuer", nil)
	i := &Issuer{Decl: Decl{Address: "issuer", Range: b.DefRange(), block: b}}
	f.fill(&i.Issuer)
	f.nested("defaults", func(n *fields, _ string) { n.fill(&i.Defaults) })
	return i
}

// decodeAPI decodes an API with its scopes. An identifier that is no URI is a warning: the
// identifiers of a system that is migrated may be anything.
func (l *loader) decodeAPI(o *object) *API {
	a := &API{Decl: o.declaration()}
	f := l.fieldsOfObject(o, a.Address)
	a.Label = o.label()
	f.fill(&a.API)
	if n := len(f.block.Body.Blocks); n > schema.MaxScopes {
		f.errorf("invalid-scope", f.block.Body.Blocks[schema.MaxScopes].DefRange(), "%s has %d scopes: it may have %d. Divide the API.", f.where, n, schema.MaxScopes)
	}
	f.fillNested(&a.API)
	if a.Identifier != "" && !schema.IsURI(a.Identifier) {
		f.problems.errorf("identifier-not-uri", a.AttrRange("identifier"), "Some libraries take only an absolute URI as an audience, and %q is none. Write a URI such as \"https://api.example.com/orders\".%s", a.Identifier, shellVariableHint(a.Identifier))
	}
	a.claims = f.claims()
	return a
}

// decodeClient decodes a client with its credentials.
func (l *loader) decodeClient(o *object) *Client {
	c := &Client{Decl: o.declaration()}
	f := l.fieldsOfObject(o, c.Address)
	c.Label = o.label()
	f.fill(&c.Client)
	f.fillNested(&c.Client)
	c.claims = f.claims()
	return c
}

// decodeAuthorization decodes an authorization. Its scopes are compared with those of the API
// by package compiler, which knows both. Claims are prepared here and evaluated there, because
// an expression may read attributes that are inherited, which only that package resolves.
func (l *loader) decodeAuthorization(o *object) *Authorization {
	a := &Authorization{Decl: o.declaration()}
	f := l.fieldsOfObject(o, a.Address)
	a.Label = o.label()
	f.fill(&a.Authorization)
	f.checkUserClaims(a)
	a.claims = f.claims()
	return a
}

// checkUserClaims checks the attributes that read a user's token: only an authorization
// with subject_type "user" has one.
func (f *fields) checkUserClaims(a *Authorization) {
	if a.SubjectType == schema.SubjectClient && (a.SubjectClaims != "" || len(a.CopyClaims) > 0) {
		about, what := "copy_claims", "copy_claims are taken from a user's token"
		switch {
		case a.SubjectClaims != "" && a.Has("copy_claims"):
			about, what = "subject_claims", "subject_claims and copy_claims are about a user's token"
		case a.SubjectClaims != "":
			about, what = "subject_claims", "subject_claims are what a user's token must say"
		}
		f.errorf("invalid-value", a.AttrRange(about), "%s, and subject_type is \"client\" here. Leave them out, or write subject_type = \"user\".", what)
		a.CopyClaims = nil // or package compiler would find claims of the same names at odds with them
		return
	}
	for i, name := range a.CopyClaims {
		code := "invalid-claim"
		reserved, err := schema.CheckCopiedClaim(name)
		if reserved {
			code = "reserved-claim"
		}
		if err != nil {
			f.errorf(code, a.ElementRange("copy_claims", i), "%s cannot copy it from the user's token: %s.", a.Address, err)
		}
	}
}

// decodeTrustedIssuer decodes a trusted issuer with its pinned keys. It fetches nothing: a
// jwks_uri is asked by the server alone.
func (l *loader) decodeTrustedIssuer(o *object) *TrustedIssuer {
	t := &TrustedIssuer{Decl: o.declaration()}
	t.Label = o.label()
	l.fieldsOfObject(o, t.Address).fill(&t.TrustedIssuer)
	return t
}

// decodeSigningKey decodes a declared key, of which the configuration has a reference only.
func (l *loader) decodeSigningKey(b *source.Block) *SigningKey {
	spec, _ := schema.LanguageBlock("signing_key")
	k := &SigningKey{Decl: Decl{Address: "signing_key." + b.Labels[0], Range: b.DefRange(), block: b}}
	k.Label = b.Labels[0]
	l.fieldsOf(spec, b, k.Address, nil).fill(&k.SigningKey)
	return k
}

// decodePolicy prepares a policy for evaluation: names are resolved now, values come later.
// Without a valid for_each_of nothing is known of self, so nothing more is checked. A policy
// with mistakes is kept, and not evaluated: see Policy.
func (l *loader) decodePolicy(b *source.Block) *Policy {
	spec, _ := schema.LanguageBlock("policy")
	p := &Policy{Decl: Decl{Address: "policy." + b.Labels[0], Range: b.DefRange(), block: b}, Label: b.Labels[0]}
	f := l.fieldsOf(spec, b, p.Address, nil)
	p.ForEachOf = read[string](f, "for_each_of")
	p.Severity = read[string](f, "severity")
	if of, ok := policyKindOf(p.ForEachOf); ok {
		p.condition = f.deferred("condition", selfOf(of))
		p.errorMessage = f.deferred("error_message", selfOf(of))
	}
	return p
}

// ascii decodes a string that is compared byte for byte. HCL converts strings to Unicode
// normal form C, which replaces some characters outside ASCII by others within it, so the
// check reads the source text and not the value.
func (f *fields) ascii(spec *schema.Attribute) string {
	s := f.text(spec)
	if s == "" {
		return ""
	}
	a := f.block.Body.Attribute(spec.Name)
	if _, isLiteral := a.Expr.Literal(); !isLiteral {
		return s // what it is made of may stand anywhere; spec.Check has seen the value
	}
	at := a.Expr.Range()
	src := f.sources[at.Filename]
	if at.End.Byte > len(src) || !hasNonASCII(string(src[at.Start.Byte:at.End.Byte])) {
		return s
	}
	f.errorf(spec.Code, at, "%s has a character outside ASCII. Percent-encode it, or write the host in Punycode.", spec.Name)
	return ""
}

// hasNonASCII reports whether source text has a character outside ASCII, as itself or as
// the escape \uXXXX or \UXXXXXXXX. The character after any other backslash is skipped, so
// that the second of two does not begin an escape.
func hasNonASCII(src string) bool {
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

// keys decodes a set of public keys into its canonical form. It is text, as JSON or PEM, or
// for jwks also an object in HCL. Equal texts are parsed once: thousands of clients may
// share one key set, and parsing checks each key, for a weak modulus among other things.
func (f *fields) keys(spec *schema.Attribute) string {
	v, at, ok := f.value(spec)
	if !ok {
		return ""
	}
	name, text := spec.Name, ""
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
	canonical, err := spec.ParseKeys(text)
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

// countKeys takes the keys of a set from the budget of the configuration. Equal sets count
// once, because the server holds them once.
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

// isPath reports whether a text is more likely the name of a key file than a key. A name
// may be repeated in a message; key material never is, as it may be a private key. Hence the
// narrow rule: short, one word, and a suffix that key files have.
func isPath(text string) bool {
	names := []string{".json", ".jwks", ".pem", ".pub", ".crt", ".key"}
	return len(text) < 256 && !strings.ContainsAny(text, " \t\r\n{") && slices.Contains(names, path.Ext(text))
}

// refuseKey reports key material that is not a public key. It may be a private key, so
// the source is shown only where it is no more than a call of file().
func (f *fields) refuseKey(at hcl.Range, err error) {
	src := f.sources[at.Filename]
	if at.Start.Byte < len(src) && bytes.HasPrefix(src[at.Start.Byte:], []byte("file(")) {
		f.errorf("invalid-key", at, "%s", schema.Sentence(err.Error()))
		return
	}
	f.secretf("invalid-key", at, "%s", schema.Sentence(err.Error()))
}

// rangeOf returns where an attribute's value was written, and false if it was not.
func rangeOf(b *source.Block, attr string) (hcl.Range, bool) {
	if a := b.Body.Attribute(attr); a != nil {
		return a.Expr.Range(), true
	}
	return hcl.Range{}, false
}

// checkScope refuses the scopes that OpenID Connect has given a meaning.
func (f *fields) checkScope(s *schema.Scope) {
	if schema.IsReservedScope(s.Name) {
		f.errorf("reserved-scope", f.block.LabelRange(0), "%q means something else in OpenID Connect and cannot be a scope of an API. Write a name of your own, such as \"read:%s\".", s.Name, s.Name)
	}
}

// checkFederated warns about subjects that do not name whom they seem to name. The rules
// that need the issuer, or other federated blocks, are in package compiler.
func (f *fields) checkFederated(c *schema.Federated) {
	if strings.Contains(c.Subject, "*") {
		at, _ := rangeOf(f.block, "subject")
		f.problems.errorf("wildcard-in-subject", at, "The subject is compared as it stands, so its * matches nothing but a *. Write subject_pattern if it stands for something.")
	}
	if why := schema.LooseSubjectPattern(c.SubjectPattern); why != "" {
		at, _ := rangeOf(f.block, "subject_pattern")
		f.problems.errorf("loose-subject-pattern", at, "The pattern %q is loose: %s.", c.SubjectPattern, why)
	}
}

// checkRefreshToken holds idle_lifetime to lifetime. One that was written must not be
// longer; one that was not is the language's default or lifetime, whichever is shorter.
func (f *fields) checkRefreshToken(r *schema.RefreshToken) {
	idle, written := rangeOf(f.block, "idle_lifetime")
	switch {
	case f.bad || r.IdleLifetime <= r.Lifetime:
	case written:
		f.errorf("invalid-lifetime", idle, "idle_lifetime is %s, longer than lifetime, which is %s. Write at most that.",
			schema.FormatDuration(r.IdleLifetime), schema.FormatDuration(r.Lifetime))
	default:
		r.IdleLifetime = r.Lifetime
	}
}
