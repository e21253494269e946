package snapshot

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/writ-auth/writ/schema"
)

// A View is a snapshot as data for people's tools: what "writ show --json"
// prints, described by the JSON Schema in schema/snapshot.schema.json. Lists are
// in the order of labels. Of a credential it shows that it exists, of what kind
// and when it is accepted; neither hashes nor keys.
type View struct {
	FormatVersion  string       `json:"format_version"` // of the view
	Digest         string       `json:"digest"`
	Serial         uint64       `json:"serial"`
	Previous       string       `json:"previous,omitempty"`
	Revision       string       `json:"revision,omitempty"`
	Created        time.Time    `json:"created,omitzero"`
	NotAfter       time.Time    `json:"not_after,omitzero"`
	Environment    string       `json:"environment,omitempty"`
	LockDigest     string       `json:"lock_digest,omitempty"`
	WritVersion    string       `json:"writ_version,omitempty"`
	SignedBy       []string     `json:"signed_by"` // key ids as claimed: the view verifies nothing
	Issuer         ObjectView   `json:"issuer"`
	APIs           []ObjectView `json:"apis"`
	Clients        []ObjectView `json:"clients"`
	Authorizations []ObjectView `json:"authorizations"`
	TrustedIssuers []ObjectView `json:"trusted_issuers"`
	SigningKeys    []ObjectView `json:"signing_keys"`
}

// An ObjectView is one object of a View: its label, its attributes under the names and
// in the order of the language reference, its nested blocks and where it was declared.
// Durations are in seconds, times in RFC 3339. An attribute without a value is absent.
type ObjectView []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (v ObjectView) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, m := range v {
		b.WriteByte("{,"[min(i, 1)])
		text, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.WriteString(`"` + m.name + `":`)
		b.Write(text)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// A SourceView is where an object was declared.
type SourceView struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// NewView returns a snapshot as data. It holds a copy of everything: for a
// million authorizations that is a few hundred megabytes. It is no method, so
// that a server which never calls it need not link it.
func NewView(s *Snapshot) *View {
	doc, env := Decode(s), s.env
	v := &View{
		FormatVersion: "1",
		Digest:        env.Digest, Serial: env.Serial, Previous: env.Previous, Revision: env.Revision,
		Created: env.Created, NotAfter: env.NotAfter, Environment: env.Environment,
		LockDigest: env.LockDigest, WritVersion: env.WritVersion,
		SignedBy: listed(env.Signatures, func(_ int, sig *Signature) string { return sig.KeyID }),
		Issuer:   rows(nil, &doc.Issuer).source(s.Source(KindIssuer, "")),
		APIs: listed(doc.APIs, func(i int, a *schema.API) ObjectView {
			scopes := listed(a.Scopes, func(_ int, s *schema.Scope) ObjectView { return rows(ObjectView{{"name", s.Name}}, s) })
			return append(labelled(a.Label, a), member{"scopes", scopes}).source(s.API(i).Source())
		}),
		Clients: listed(doc.Clients, func(i int, c *schema.Client) ObjectView {
			return clientView(c).source(s.Client(i).Source())
		}),
		TrustedIssuers: listed(doc.TrustedIssuers, func(_ int, t *schema.TrustedIssuer) ObjectView {
			return labelled(t.Label, t).source(s.Source(KindTrustedIssuer, t.Label))
		}),
		SigningKeys: listed(doc.SigningKeys, func(_ int, k *schema.SigningKey) ObjectView {
			return labelled(k.Label, k).source(s.Source(KindSigningKey, k.Label))
		}),
	}
	handles := s.authorizationsByLabel() // in the order of the document
	v.Authorizations = listed(doc.Authorizations, func(i int, a *schema.Authorization) ObjectView {
		effective := *a
		effective.TokenLifetime = handles[i].Lifetime()
		return labelled(a.Label, &effective).source(handles[i].Source())
	})
	return v
}

// Object returns one object of the view: the issuer, or what has the label in the list of
// a kind.
func (v *View) Object(kind Kind, label string) (ObjectView, bool) {
	if kind == KindIssuer {
		return v.Issuer, true
	}
	lists := map[Kind][]ObjectView{
		KindAPI: v.APIs, KindClient: v.Clients, KindAuthorization: v.Authorizations,
		KindTrustedIssuer: v.TrustedIssuers, KindSigningKey: v.SigningKeys,
	}
	for _, object := range lists[kind] {
		if object[0].value == label { // labelled puts it first
			return object, true
		}
	}
	return nil, false
}

// listed applies view to each element; the result is [] in JSON when empty, never null.
func listed[T, V any](list []T, view func(int, *T) V) []V {
	views := make([]V, len(list))
	for i := range list {
		views[i] = view(i, &list[i])
	}
	return views
}

func (v ObjectView) source(file string, line int, ok bool) ObjectView {
	if !ok {
		return v
	}
	return append(v, member{"source", SourceView{File: file, Line: line}})
}

func labelled(label string, object any) ObjectView { return rows(ObjectView{{"label", label}}, object) }

func clientView(c *schema.Client) ObjectView {
	v := labelled(c.Label, c)
	v = append(v, member{"credentials", listed(c.Credentials(), func(_ int, c *schema.Credential) ObjectView {
		return blockRows(ObjectView{{"kind", c.Block.Type}, {"label", c.Label}}, c.Block, c.Of)
	})})
	if c.RefreshToken != nil {
		v = append(v, member{"refresh_token", rows(nil, c.RefreshToken)})
	}
	return v
}

func rows(v ObjectView, object any) ObjectView { return blockRows(v, schema.BlockOf(object), object) }

// blockRows appends the attributes of a block. Of keys it says whether there are any.
func blockRows(v ObjectView, block *schema.Block, object any) ObjectView {
	for i := range block.Attributes {
		a := &block.Attributes[i]
		switch {
		case !a.IsStored() || a.Hidden:
		case a.ParseKeys != nil:
			v = append(v, member{"pinned_keys", !schema.IsZero(a.Get(object))})
		default:
			value := a.Get(object)
			if !schema.IsZero(value) || isAlwaysShown(block, a) {
				v = append(v, member{a.Name, viewValue(a, value)})
			}
		}
	}
	return v
}

// isAlwaysShown reports whether an attribute is there even with its zero value: where
// the language gives it a value, and where zero is one.
func isAlwaysShown(block *schema.Block, a *schema.Attribute) bool {
	switch a.Type {
	case schema.TypeBool:
		return true
	case schema.TypeStrings:
		return a.Required || a.DefaultValue() != nil || a.Inherit != schema.InheritNone
	case schema.TypeDuration:
		return a.Inherit != schema.InheritNone || block.Type == "refresh_token"
	case schema.TypeString, schema.TypeReference:
		return len(a.Enum) == 0 && (a.Required || a.Inherit != schema.InheritNone || block.Type == "scope")
	}
	return false
}

func viewValue(a *schema.Attribute, value any) any {
	switch v := value.(type) {
	case []string:
		return append([]string{}, v...)
	case int64:
		if a.Type == schema.TypeTime {
			return schema.FormatTime(v)
		}
	case string:
		if a.Type == schema.TypeObject {
			return json.RawMessage(v)
		}
	}
	return value
}
