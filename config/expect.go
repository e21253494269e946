package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// decodeTests decodes the expectations of the *.test.hcl files. All files share one
// namespace, and expectations count towards the limit on objects. They stay in the order of
// the files, in which "writ check" reports them.
func (l *loader) decodeTests(files []*source.File) []*Test {
	spec := &schema.TestLanguage[0]
	var out []*Test
	seen := map[string]*source.Block{}
	for _, file := range files {
		l.strayAttributes(file, topOfTests, "a test file")
		for _, b := range file.Body.Blocks {
			if b.Type != spec.Type {
				l.unknownBlock(b, file.Body, topOfTests, "a test file")
				continue
			}
			if !l.checkLabels(b, spec) || !l.count(b.DefRange()) {
				continue
			}
			if other, twice := seen[b.Labels[0]]; twice {
				l.duplicate(fmt.Sprintf("expect %q", b.Labels[0]), b, other)
				continue
			}
			seen[b.Labels[0]] = b
			out = append(out, l.decodeTest(spec, b))
		}
	}
	return out
}

// decodeTest decodes one expectation. What may be absent is a pointer in the Test: a
// lifetime that is not expected is not one of 0 seconds.
func (l *loader) decodeTest(spec *schema.Block, b *source.Block) *Test {
	t := &Test{Name: b.Labels[0]}
	t.Decl = Decl{Address: fmt.Sprintf("expect %q", t.Name), Range: b.DefRange(), block: b}
	f := l.fieldsOf(spec, b, t.Address, nil)
	t.Client = read[string](f, "client")
	t.API = read[string](f, "api")
	t.SubjectType = schema.SubjectType(read[string](f, "subject_type"))
	t.SubjectClaims = read[string](f, "subject_claims")
	t.Scopes = read[[]string](f, "scopes")
	t.ScopesSet = t.Has("scopes")
	t.At = read[int64](f, "at")
	t.Granted = read[bool](f, "granted")
	if t.Has("scope") {
		s := read[string](f, "scope")
		t.Scope = &s
	}
	if t.Has("lifetime") {
		n := read[int64](f, "lifetime")
		t.Lifetime = &n
	}
	t.Claims = f.expectedClaims()
	t.Error = read[string](f, "error")
	if !f.bad {
		f.checkExpectation(t)
	}
	return t
}

// expectedClaims decodes the claims that a token must carry, sorted by name. Each keeps its
// canonical JSON, which is compared byte for byte with that of the token.
func (f *fields) expectedClaims() []Claim {
	var members map[string]json.RawMessage
	if text := read[string](f, "claims"); text == "" || json.Unmarshal([]byte(text), &members) != nil {
		return nil
	}
	at, _ := rangeOf(f.block, "claims")
	var out []Claim
	for _, name := range slices.Sorted(maps.Keys(members)) {
		out = append(out, Claim{Name: name, JSON: string(members[name]), Range: at})
	}
	return out
}

// checkExpectation refuses to expect a token and a refusal at once, and a user's
// claims where there is no user. Such a test could never pass, or would test less than it
// says.
func (f *fields) checkExpectation(t *Test) {
	if t.Has("subject_claims") && t.SubjectType != schema.SubjectUser {
		f.errorf("invalid-test", t.AttrRange("subject_claims"), "Only the token of a user has claims. Leave subject_claims out, or write subject_type = \"user\".")
	}
	if t.Granted && t.Has("error") {
		f.errorf("invalid-test", t.AttrRange("error"), "A request that is granted has no error. Leave error out, or write granted = false.")
	}
	if t.Granted {
		return
	}
	for _, name := range []string{"scope", "lifetime", "claims"} {
		if t.Has(name) {
			f.errorf("invalid-test", t.AttrRange(name), "A request that is refused has no token. Leave %s out, or write granted = true.", name)
		}
	}
}
