package snapshot

import (
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unsafe"

	"github.com/writ-auth/writ/schema"
)

// credential names the credential that the fields belong to, for errors.
func (p *pass) credential(kind, label string) { p.kind, p.label = kind, label }

// A SecretKind says what is known of a client secret.
type SecretKind uint8

// The kinds of secret.
const (
	SecretSHA256    SecretKind = iota // the SHA-256 of the secret
	SecretPHC                         // a password hash in PHC form: argon2id or bcrypt
	SecretReference                   // "env:NAME" or "file:NAME", which holds one of the other two
	numSecretKinds  = iota
)

const sha256Prefix = "sha256:"

func (SecretKind) limit() int { return numSecretKinds }

// hash is the hash of a secret. Its errors do not repeat it.
func (p *pass) hash(r *secretRecord, v *string) {
	switch sum, ok := rawSHA256(*v); {
	case p.op == decoding && r.kind == SecretSHA256:
		*v = sha256Prefix + base64.RawURLEncoding.EncodeToString(r.hash[:])
	case p.op == decoding:
		*v = r.text().in(p.decoder.Snapshot)
	case ok:
		r.kind, r.hash = SecretSHA256, [32]byte(sum)
	case strings.HasPrefix(*v, "$"):
		r.kind, *r.text() = SecretPHC, p.encoder.text(*v)
	case strings.HasPrefix(*v, "env:"), strings.HasPrefix(*v, "file:"):
		r.kind, *r.text() = SecretReference, p.encoder.text(*v)
	default:
		p.fail("", errors.New("the hash is neither a SHA-256, nor in PHC form, nor a reference"))
	}
}

// text is where the hash stands when it is not the SHA-256 itself.
func (r *secretRecord) text() *text { return (*text)(unsafe.Pointer(&r.hash)) }

// rawSHA256 decodes "sha256:" and unpadded base64url, if it is spelled in the
// one way in which the raw hash is written back.
func rawSHA256(hash string) ([]byte, bool) {
	encoded, ok := strings.CutPrefix(hash, sha256Prefix)
	if !ok {
		return nil, false
	}
	sum, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	return sum, err == nil && len(sum) == 32 && len(encoded) == base64.RawURLEncoding.EncodedLen(32)
}

// A selector says which of the four selectors of a certificate is set.
type selector byte

func (selector) limit() int { return 4 }

func (p *pass) selector(r *certificateRecord, c *schema.Certificate) {
	selectors, set := [...]*string{&c.SubjectDN, &c.SANDNS, &c.SANURI, &c.SHA256}, 0
	switch p.op {
	case encoding:
		for i, s := range selectors {
			if *s != "" {
				set++
				r.selector, r.value = selector(i), p.encoder.text(*s)
			}
		}
		if set != 1 {
			p.fail("", fmt.Errorf("%d selectors instead of 1", set))
		}
	case decoding:
		*selectors[r.selector] = r.value.in(p.decoder.Snapshot)
	}
}

// A Secret is a handle on one client secret.
type Secret struct {
	s *Snapshot
	i uint32
}

func (c Secret) record() *secretRecord { return secSecrets.at(&c.s.sections, c.i) }

// Label is the secret's label.
func (c Secret) Label() string { return c.record().label.in(c.s) }

// Kind says which of SHA256 and Text holds the secret.
func (c Secret) Kind() SecretKind { return c.record().kind }

// SHA256 is the hash of a secret of kind SecretSHA256.
func (c Secret) SHA256() (sum [32]byte) {
	if r := c.record(); r.kind == SecretSHA256 {
		sum = r.hash
	}
	return sum
}

// Text is the PHC string or the reference of the other kinds.
func (c Secret) Text() string {
	r := c.record()
	if r.kind == SecretSHA256 {
		return ""
	}
	return r.text().in(c.s)
}

// Window is when the secret is accepted.
func (c Secret) Window() (w schema.Window) {
	p := c.s.decode()
	p.window(&c.record().window, &w)
	return w
}

// Secrets yields the client's secrets in declaration order.
func (c Client) Secrets() iter.Seq[Secret] {
	return func(yield func(Secret) bool) {
		for i, end := c.secrets(); i < end; i++ {
			if !yield(Secret{c.s, i}) {
				return
			}
		}
	}
}

// PublicKeys yields the client's public keys in declaration order. Like the other lists
// it loops by itself: a loop that is shared by means of a generic function is not inlined
// into the caller, whose loop body then is an allocation for each client of a reload.
func (c Client) PublicKeys() iter.Seq[schema.PublicKey] {
	return func(yield func(schema.PublicKey) bool) {
		for i, records := 0, secPublicKeys.of(&c.s.sections, &c.extra().publicKeys); i < len(records); i++ {
			if !yield(records[i].decode(c.s)) {
				return
			}
		}
	}
}

// Certificates yields the client's certificates in declaration order.
func (c Client) Certificates() iter.Seq[schema.Certificate] {
	return func(yield func(schema.Certificate) bool) {
		for i, records := 0, secCertificates.of(&c.s.sections, &c.extra().certificates); i < len(records); i++ {
			if !yield(records[i].decode(c.s)) {
				return
			}
		}
	}
}

// Federated yields the client's federated credentials in declaration order.
func (c Client) Federated() iter.Seq[schema.Federated] {
	return func(yield func(schema.Federated) bool) {
		for i, records := 0, secFederated.of(&c.s.sections, &c.extra().federated); i < len(records); i++ {
			if !yield(records[i].decode(c.s)) {
				return
			}
		}
	}
}

func (r *publicKeyRecord) decode(s *Snapshot) (k schema.PublicKey) {
	p := s.decode()
	r.fields(&p, &k)
	return k
}

func (r *certificateRecord) decode(s *Snapshot) (c schema.Certificate) {
	p := s.decode()
	r.fields(&p, &c)
	return c
}

func (r *federatedRecord) decode(s *Snapshot) (f schema.Federated) {
	p := s.decode()
	r.fields(&p, &f)
	return f
}
