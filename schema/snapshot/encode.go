package snapshot

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// An encoder turns a document into the sections of a body.
type encoder struct {
	pool
	doc     *schema.Document
	apis    map[string]uint32 // label -> index
	clients map[string]uint32
	trusted map[string]uint32
	scopes  map[string]uint32 // scope list and scopes -> secScopeSets
	objects map[string]bool   // JSON objects that were found valid
}

// Encode makes the body of a snapshot. The same document gives the same bytes,
// always. A document that breaks what schema.Document promises is an error: its
// order, its references, its closed sets of values.
func Encode(doc *schema.Document) ([]byte, error) {
	e := &encoder{doc: doc, scopes: map[string]uint32{}, objects: map[string]bool{}}
	e.texts = make(map[string]uint32, 4*(len(doc.APIs)+len(doc.Clients)))
	for _, step := range []func() error{
		e.labels, e.issuer, e.trustedIssuers, e.signingKeys, e.encodeAPIs, e.encodeClients, e.authorizations, e.indexes,
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("encode snapshot: %w", err)
		}
	}
	return e.body()
}

// labels numbers the objects that others refer to.
func (e *encoder) labels() (err error) {
	if e.apis, err = number("api", e.doc.APIs, func(a *schema.API) string { return a.Label }); err != nil {
		return err
	}
	if e.clients, err = number("client", e.doc.Clients, func(c *schema.Client) string { return c.Label }); err != nil {
		return err
	}
	label := func(t *schema.TrustedIssuer) string { return t.Label }
	e.trusted, err = number("trusted_issuer", e.doc.TrustedIssuers, label)
	return err
}

// number maps each label to its position and insists on rising labels.
func number[T any](kind string, list []T, label func(*T) string) (map[string]uint32, error) {
	positions := make(map[string]uint32, len(list))
	for i := range list {
		at := label(&list[i])
		if i > 0 && label(&list[i-1]) >= at {
			return nil, fmt.Errorf("%s %q: not sorted by label, or twice", kind, at)
		}
		positions[at] = uint32(i)
	}
	return positions, nil
}

func (e *encoder) issuer() error {
	is := &e.doc.Issuer
	style, ok1 := errorStyles.code(is.ErrorStyle)
	sub, ok2 := subStyles.code(is.SubStyle)
	if !ok1 || !ok2 {
		return fmt.Errorf("issuer: unknown error style %q or sub style %q", is.ErrorStyle, is.SubStyle)
	}
	r := appendPair(nil, e.text(is.URL))
	r = appendPair(r, e.text(is.Environment))
	e.sections[secIssuer] = append(r, style, sub, 0, 0, 0, 0, 0, 0)
	return nil
}

func (e *encoder) trustedIssuers() error {
	for i := range e.doc.TrustedIssuers {
		t := &e.doc.TrustedIssuers[i]
		r := e.sections[secTrustedIssuers]
		for _, s := range []string{t.Label, t.Issuer, t.JWKS, t.JWKSURI} {
			r = appendPair(r, e.text(s))
		}
		r = appendPair(r, stringList(e, t.Algorithms))
		r = appendPair(r, stringList(e, t.Audiences))
		r = appendPair(r, stringList(e, t.VouchesFor))
		e.sections[secTrustedIssuers] = append(r, flags(t.CapsLifetime), 0, 0, 0, 0, 0, 0, 0)
	}
	return nil
}

func (e *encoder) signingKeys() error {
	label := func(k *schema.SigningKey) string { return k.Label }
	if _, err := number("signing_key", e.doc.SigningKeys, label); err != nil {
		return err
	}
	for i := range e.doc.SigningKeys {
		k := &e.doc.SigningKeys[i]
		alg, ok := algs.code(k.Alg)
		if !ok {
			return fmt.Errorf("signing_key %q: unknown algorithm %q", k.Label, k.Alg)
		}
		r := appendPair(e.sections[secSigningKeys], e.text(k.Label))
		r = appendPair(r, e.text(string(k.PrivateKey)))
		r = appendI64(r, k.ActivatesAt, k.RetiresAt)
		e.sections[secSigningKeys] = append(r, alg, 0, 0, 0, 0, 0, 0, 0)
	}
	return nil
}

// indexes makes the three hash indexes, and insists on keys without twins.
func (e *encoder) indexes() error {
	ids := make([]string, len(e.doc.Clients))
	for i := range ids {
		ids[i] = e.doc.Clients[i].ClientID
	}
	identifiers, near := make([]string, len(e.doc.APIs)), make([]string, len(e.doc.APIs))
	for i := range identifiers {
		identifiers[i] = e.doc.APIs[i].Identifier
		near[i] = schema.NearKey(identifiers[i])
	}
	e.index(&clientIndex, ids)
	e.index(&identifierIndex, identifiers)
	e.index(&nearIndex, near)
	return cmp.Or(twins("client_id", ids), twins("identifier", identifiers))
}

func (e *encoder) index(x *hashIndex, keys []string) {
	e.sections[x.buckets], e.sections[x.entries] = appendIndex(nil, nil, keys)
}

// twins reports a key that two objects have. It sorts keys.
func twins(what string, keys []string) error {
	slices.Sort(keys)
	for i := 1; i < len(keys); i++ {
		if keys[i] == keys[i-1] {
			return fmt.Errorf("%s %q: twice", what, keys[i])
		}
	}
	return nil
}

// stringList adds a list of strings.
func stringList[T ~string](e *encoder, list []T) [2]uint32 {
	var r []byte
	for _, s := range list {
		r = appendPair(r, e.text(string(s)))
	}
	return e.list(secStrings, r)
}

// metadata adds pairs, sorted by key.
func (e *encoder) metadata(m map[string]string) [2]uint32 {
	var r []byte
	for _, k := range sortedKeys(m) {
		r = appendPair(r, e.text(k))
		r = appendPair(r, e.text(m[k]))
	}
	return e.list(secMetadata, r)
}

// apiList adds references to APIs.
func (e *encoder) apiList(labels []string) ([2]uint32, error) {
	var r []byte
	for _, label := range labels {
		i, ok := e.apis[label]
		if !ok {
			return [2]uint32{}, fmt.Errorf("there is no api %q", label)
		}
		r = appendU32(r, i)
	}
	return e.list(secIndexes, r), nil
}

// object adds a JSON object or nothing.
func (e *encoder) object(s string) ([2]uint32, error) {
	if s != "" && !e.objects[s] {
		if s[0] != '{' || s[len(s)-1] != '}' || !json.Valid([]byte(s)) {
			return [2]uint32{}, fmt.Errorf("%q is not a JSON object without space around it", s)
		}
		e.objects[s] = true
	}
	return e.text(s), nil
}

func (e *encoder) window(w schema.Window) uint32 {
	return e.record(secWindows, appendI64(nil, w.NotBefore, w.ExpiresAt))
}

// seconds checks a duration, which the format holds in 32 bits.
func seconds(n int64) (uint32, error) {
	if n < 0 || n > math.MaxUint32 {
		return 0, fmt.Errorf("a duration of %d seconds", n)
	}
	return uint32(n), nil
}

func flags(bits ...bool) (b byte) {
	for i, set := range bits {
		if set {
			b |= 1 << i
		}
	}
	return b
}

func appendI64(b []byte, values ...int64) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}
