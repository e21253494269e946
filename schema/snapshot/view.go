package snapshot

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// A View is a snapshot as data for people's tools: what "writ show --json"
// prints, described by the JSON Schema in schema/snapshot.schema.json. Lists are
// in the order of labels. Of a credential it shows that it exists, of what kind
// and when it is accepted; neither hashes nor keys.
type View struct{ object }

// NewView returns a snapshot as data. It holds a copy of everything: for a
// million authorizations that is a few hundred megabytes. It is no method, so
// that a server which never calls it need not link it.
func NewView(s *Snapshot) *View {
	v, env, doc, byLabel := &View{}, s.env, Decode(s), s.authorizationsByLabel()
	v.member("format_version", "1") // of the view
	v.member("digest", env.Digest)
	v.member("serial", env.Serial)
	v.member("previous,omitempty", env.Previous)
	v.member("revision,omitempty", env.Revision)
	v.member("created,omitempty", env.Created)
	v.member("not_after,omitempty", env.NotAfter)
	v.member("environment,omitempty", env.Environment)
	v.member("lock_digest,omitempty", env.LockDigest)
	v.member("writ_version,omitempty", env.WritVersion)
	keys := make([]string, len(env.Signatures)) // as claimed: the view verifies nothing
	for i, signature := range env.Signatures {
		keys[i] = signature.KeyID
	}
	v.member("signed_by", keys)
	issuer := &pass{op: listing, list: v.object.object("issuer")}
	new(issuerRecord).fields(issuer, &doc.Issuer)
	issuer.source(s, KindIssuer, 0)
	listed(&v.object, "apis", doc.APIs, func(p *pass, i int, a *schema.API) {
		apiFields(p, new(apiRecord), new(apiExtraRecord), a)
		p.source(s, KindAPI, i)
	})
	listed(&v.object, "clients", doc.Clients, func(p *pass, i int, c *schema.Client) {
		clientFields(p, new(clientRecord), new(clientExtraRecord), c)
		p.source(s, KindClient, i)
	})
	listed(&v.object, "authorizations", doc.Authorizations, func(p *pass, i int, a *schema.Authorization) {
		p.list.member("label", a.Label)
		p.list.member("client", a.Client)
		p.list.member("api", a.API)
		p.list.member("subject_type", a.SubjectType)
		a.TokenLifetime = byLabel[i].Lifetime()
		if a.Claims == "{}" {
			a.Claims = ""
		}
		new(termsRecord).fields(p, a)
		p.source(s, KindAuthorization, byLabel[i].Index())
	})
	listed(&v.object, "trusted_issuers", doc.TrustedIssuers, func(p *pass, i int, t *schema.TrustedIssuer) {
		new(trustedIssuerRecord).fields(p, t)
		p.source(s, KindTrustedIssuer, i)
	})
	listed(&v.object, "signing_keys", doc.SigningKeys, func(p *pass, i int, k *schema.SigningKey) {
		new(signingKeyRecord).fields(p, k)
		p.source(s, KindSigningKey, i)
	})
	return v
}

// source lists where an object was declared.
func (p *pass) source(s *Snapshot, kind Kind, i int) {
	if file, line, ok := s.place(kind, i); ok {
		source := p.list.object("source")
		source.member("file", file)
		source.member("line", line)
	}
}

// An object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// member adds a member. Of its name, what follows a comma is an option: with
// omitempty the member is left out when the value is empty, as by encoding/json;
// with hidden it is always left out.
func (o *object) member(name string, value any) {
	name, option, _ := strings.Cut(name, ",")
	v := reflect.ValueOf(value)
	list := v.Kind() == reflect.Slice || v.Kind() == reflect.Map
	if option == "hidden" || option == "omitempty" && (v.IsZero() || list && v.Len() == 0) {
		return
	}
	if list && v.IsNil() {
		value = []string{} // [] and not null
	}
	*o = append(*o, member{name, value})
}

// memberName is the name of a field without its options.
func memberName(name string) string {
	name, _, _ = strings.Cut(name, ",")
	return name
}

// json adds a member that is JSON already, if there is any.
func (o *object) json(name, value string) {
	if value != "" {
		o.member(name, json.RawMessage(value))
	}
}

// object adds an object as a member.
func (o *object) object(name string) *object {
	inner := &object{}
	*o = append(*o, member{name, inner})
	return inner
}

// listed adds objects to the list that is the member of that name.
func listed[T any](o *object, name string, list []T, members func(p *pass, i int, v *T)) {
	if n := len(*o); n == 0 || (*o)[n-1].name != name {
		*o = append(*o, member{name, []*object{}})
	}
	objects := (*o)[len(*o)-1].value.([]*object)
	for i := range list {
		objects = append(objects, &object{})
		members(&pass{op: listing, list: objects[len(objects)-1]}, i, &list[i])
	}
	(*o)[len(*o)-1].value = objects
}

// MarshalJSON writes the members. The encoder that calls it escapes HTML if it is to.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + m.name + `":`)
		if err := encoder.Encode(m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
