package snapshot

import (
	"iter"

	"github.com/writ-auth/writ/schema"
)

// A SecretKind says what is known of a client secret.
type SecretKind uint8

// The kinds of secret.
const (
	SecretSHA256    SecretKind = iota // the SHA-256 of the secret
	SecretPHC                         // a password hash in PHC form: argon2id or bcrypt
	SecretReference                   // "env:NAME" or "file:NAME", which holds one of the other two
	numSecretKinds  = iota
)

// A Secret is a handle on one client secret.
type Secret struct {
	s *Snapshot
	i uint32
}

func (c Secret) record() []byte { return record(c.s.sections[secSecrets], c.i, secretSize) }

// Label is the secret's label.
func (c Secret) Label() string { return c.s.text(c.record(), secretLabel) }

// Kind says which of SHA256 and Text holds the secret.
func (c Secret) Kind() SecretKind { return SecretKind(c.record()[secretKind]) }

// SHA256 is the hash of a secret of kind SecretSHA256.
func (c Secret) SHA256() (sum [32]byte) {
	if c.Kind() == SecretSHA256 {
		copy(sum[:], c.record()[secretHash:])
	}
	return sum
}

// Text is the PHC string or the reference of the other kinds.
func (c Secret) Text() string {
	if c.Kind() == SecretSHA256 {
		return ""
	}
	return c.s.text(c.record(), secretHash)
}

// Window is when the secret is accepted.
func (c Secret) Window() schema.Window { return c.s.window(u32(c.record(), secretWindow)) }

// Secrets yields the client's secrets in declaration order.
func (c Client) Secrets() iter.Seq[Secret] {
	return func(yield func(Secret) bool) {
		lo, hi := c.slice(clientSecrets, secSecrets, secretSize)
		for i := lo; i < hi; i++ {
			if !yield(Secret{c.s, i}) {
				return
			}
		}
	}
}

// PublicKeys yields the client's public keys in declaration order.
func (c Client) PublicKeys() iter.Seq[schema.PublicKey] {
	return records(c, clientExtraPublicKeys, secPublicKeys, publicKeySize, (*Snapshot).publicKey)
}

// Certificates yields the client's certificates in declaration order.
func (c Client) Certificates() iter.Seq[schema.Certificate] {
	return records(c, clientExtraCertificates, secCertificates, certificateSize, (*Snapshot).certificate)
}

// Federated yields the client's federated credentials in declaration order.
func (c Client) Federated() iter.Seq[schema.Federated] {
	return records(c, clientExtraFederated, secFederated, federatedSize, (*Snapshot).federated)
}

// records yields the records of a range that stands in the client's extras.
func records[T any](c Client, field int, sec section, size int, decode func(*Snapshot, []byte) T) iter.Seq[T] {
	return func(yield func(T) bool) {
		r := c.extra()
		start, n := u32(r, field), u32(r, field+4)
		for i := start; i < start+n; i++ {
			if !yield(decode(c.s, record(c.s.sections[sec], i, size))) {
				return
			}
		}
	}
}

func (s *Snapshot) publicKey(r []byte) schema.PublicKey {
	return schema.PublicKey{
		Label:  s.text(r, publicKeyLabel),
		JWKS:   s.text(r, publicKeyJWKS),
		Window: s.window(u32(r, publicKeyWindow)),
	}
}

// The codes of certificateKind: which selector of schema.Certificate is set.
const (
	certificateSubjectDN = iota
	certificateSANDNS
	certificateSANURI
	certificateSHA256
	numCertificateKinds
)

func (s *Snapshot) certificate(r []byte) schema.Certificate {
	c := schema.Certificate{Label: s.text(r, certificateLabel), Window: s.window(u32(r, certificateWindow))}
	value := s.text(r, certificateValue)
	switch r[certificateKind] {
	case certificateSubjectDN:
		c.SubjectDN = value
	case certificateSANDNS:
		c.SANDNS = value
	case certificateSANURI:
		c.SANURI = value
	case certificateSHA256:
		c.SHA256 = value
	}
	return c
}

func (s *Snapshot) federated(r []byte) schema.Federated {
	issuer := record(s.sections[secTrustedIssuers], u32(r, federatedIssuer), trustedSize)
	return schema.Federated{
		Label:          s.text(r, federatedLabel),
		TrustedIssuer:  s.text(issuer, trustedLabel),
		Subject:        s.text(r, federatedSubject),
		SubjectPattern: s.text(r, federatedPattern),
		Claims:         s.text(r, federatedClaims),
		Window:         s.window(u32(r, federatedWindow)),
	}
}

func (s *Snapshot) window(i uint32) schema.Window {
	r := record(s.sections[secWindows], i, windowSize)
	return schema.Window{NotBefore: i64(r, windowNotBefore), ExpiresAt: i64(r, windowExpiresAt)}
}
