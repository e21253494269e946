package clientauth

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/writ-auth/writ/schema"
)

// The methods of a client certificate (RFC 8705 sections 2.1 and 2.2).
const (
	TLSClientAuth           Method = "tls_client_auth"
	SelfSignedTLSClientAuth Method = "self_signed_tls_client_auth"
)

// A PeerCertificate is the client certificate of a TLS connection. The
// handshake has proved that the caller holds its key.
type PeerCertificate struct {
	Leaf *x509.Certificate
	// ChainVerified says that TLS has verified a chain from the leaf to a CA of
	// the server. Without it only a self-signed certificate can match, by its
	// digest.
	ChainVerified bool
}

// PeerCertificateOf returns the client certificate of a connection; ok is false
// without TLS or without a certificate.
func PeerCertificateOf(state *tls.ConnectionState) (peer PeerCertificate, ok bool) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return PeerCertificate{}, false
	}
	return PeerCertificate{Leaf: state.PeerCertificates[0], ChainVerified: len(state.VerifiedChains) > 0}, true
}

// VerifyPeer is PeerCertificateOf for a listener that asks for certificates
// without verifying them, so that it takes self-signed ones too: the chain is
// verified here, to one of the roots, nil for none. As this happens with the
// roots of the moment, a CA that is withdrawn counts no more on connections and
// resumed sessions from before.
func VerifyPeer(state *tls.ConnectionState, roots *x509.CertPool, now time.Time) (peer PeerCertificate, ok bool) {
	if peer, ok = PeerCertificateOf(state); !ok || roots == nil {
		return peer, ok
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range state.PeerCertificates[1:] {
		intermediates.AddCert(certificate)
	}
	_, err := peer.Leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	peer.ChainVerified = err == nil
	return peer, true
}

// Thumbprint returns the x5t#S256 of the certificate (RFC 8705 section 3.1):
// the unpadded base64url SHA-256 of its DER encoding.
func (p PeerCertificate) Thumbprint() string {
	sum := sha256.Sum256(p.Leaf.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// MatchCertificate finds the certificate block of a client that the peer's
// certificate satisfies. It returns the block's label and the method that it
// belongs to.
func MatchCertificate(peer PeerCertificate, blocks iter.Seq[schema.Certificate], now time.Time) (label string, method Method, err error) {
	if peer.Leaf == nil {
		return "", "", refuse(ReasonNoCertificate, "the connection has no client certificate")
	}
	if now.Before(peer.Leaf.NotBefore) || now.After(peer.Leaf.NotAfter) {
		return "", "", refuse(ReasonExpired, "certificate is valid from %s to %s", peer.Leaf.NotBefore.Format(time.RFC3339), peer.Leaf.NotAfter.Format(time.RFC3339))
	}
	err = refuse(ReasonWrongCertificate, "no certificate block of the client matches")
	for block := range blocks {
		method, blockErr := matchBlock(peer, block)
		switch {
		case blockErr != nil:
			err = blockErr
		case method == "":
		case !block.Window.Contains(now.Unix()):
			err = refuse(ReasonKeyWindow, "certificate block %s is outside its window", excerpt(block.Label))
		default:
			return block.Label, method, nil
		}
	}
	return "", "", err
}

// matchBlock returns the method by which the certificate matches the block, ""
// when it does not. An error is a certificate that has the name but may not
// use it. A block with no selector or with several matches nothing.
func matchBlock(peer PeerCertificate, block schema.Certificate) (Method, error) {
	selectors := [...]string{block.SHA256, block.SubjectDN, block.SANDNS, block.SANURI}
	if set := slices.DeleteFunc(selectors[:], func(s string) bool { return s == "" }); len(set) != 1 {
		return "", nil
	}
	if block.SHA256 != "" {
		if block.SHA256 != peer.Thumbprint() {
			return "", nil
		}
		return SelfSignedTLSClientAuth, nil
	}
	if !matchName(peer.Leaf, block) {
		return "", nil
	}
	if !peer.ChainVerified {
		return "", refuse(ReasonUnverifiedChain, "no CA of the server vouches for the certificate")
	}
	return TLSClientAuth, checkUse(peer.Leaf)
}

// matchName reports whether the certificate has the one name that the block declares (RFC 8705
// section 2.1.2). A block declares exactly one.
func matchName(leaf *x509.Certificate, block schema.Certificate) bool {
	switch {
	case block.SubjectDN != "":
		return matchDistinguishedName(block.SubjectDN, leaf.RawSubject)
	case block.SANDNS != "":
		// Names are compared whole: a wildcard in a certificate is no name.
		return slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return equalFoldASCII(name, block.SANDNS) })
	}
	// Exactly one URI, as SPIFFE's X.509-SVID demands: with two, a certificate
	// would authenticate two clients.
	uris := uriNames(leaf)
	return len(uris) == 1 && uris[0] == block.SANURI
}

// checkUse refuses a certificate of a CA, and one that was issued for something
// other than authenticating a TLS client. TLS checks the purpose for a chain
// that it verifies by itself; this holds for whoever verified it.
func checkUse(leaf *x509.Certificate) error {
	switch {
	case leaf.IsCA || leaf.KeyUsage&x509.KeyUsageCertSign != 0:
		return refuse(ReasonCertificateUse, "certificate is a CA's")
	case leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return refuse(ReasonCertificateUse, "certificate's key usage has no digitalSignature")
	case len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 0:
		return nil // RFC 5280 section 4.2.1.12: no restriction
	case slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth), slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny):
		return nil
	}
	return refuse(ReasonCertificateUse, "certificate's extended key usage has no clientAuth")
}

// uriNames returns the URIs of the subject alternative names as they stand in
// the certificate: x509's parsed URLs may be written differently. Names that do
// not parse count as none.
func uriNames(leaf *x509.Certificate) []string {
	for _, extension := range leaf.Extensions {
		if !extension.Id.Equal([]int{2, 5, 29, 17}) {
			continue
		}
		input := cryptobyte.String(extension.Value)
		var names cryptobyte.String
		if !input.ReadASN1(&names, cryptobyte_asn1.SEQUENCE) || !input.Empty() {
			return nil
		}
		return readURINames(names)
	}
	return nil
}

// readURINames returns the URIs among the names, which are GeneralNames of RFC 5280 section
// 4.2.1.6; tag 6 is uniformResourceIdentifier.
func readURINames(names cryptobyte.String) (uris []string) {
	for !names.Empty() {
		var name cryptobyte.String
		var tag cryptobyte_asn1.Tag
		if !names.ReadAnyASN1(&name, &tag) {
			return nil
		}
		if tag == cryptobyte_asn1.Tag(6).ContextSpecific() {
			uris = append(uris, string(name))
		}
	}
	return uris
}

// equalFoldASCII compares without the case of A to Z. Unlike strings.EqualFold
// it takes no other character for a letter.
func equalFoldASCII(a, b string) bool {
	return len(a) == len(b) && strings.Map(lowerASCII, a) == strings.Map(lowerASCII, b)
}

func lowerASCII(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// The longest chain that a client may present, in certificates and in bytes:
// verifying is quadratic in places.
const (
	maxChain      = 5
	maxChainBytes = 16 << 10
)

// ClientCertificates says which certificates of clients the public listener
// takes (RFC 8705 section 2). A nil pointer is none.
//
// The handshake asks for a certificate and proves that the client holds its
// key, and no more. The chain is verified when the certificate is used to
// authenticate, to the CAs of that moment: so that self-signed certificates come
// through, and a CA that is taken out of the file counts no more on connections
// and resumed sessions from before.
type ClientCertificates struct {
	// SelfSigned takes certificates that a client declares by their digest.
	SelfSigned bool

	file string
	pool atomic.Pointer[x509.CertPool]
}

// LoadClientCertificates reads the CAs, in PEM, that vouch for the names in
// client certificates. Without a file there are none, and self-signed
// certificates are taken.
func LoadClientCertificates(file string, selfSigned bool) (*ClientCertificates, error) {
	c := &ClientCertificates{SelfSigned: selfSigned, file: file}
	if file == "" {
		return c, nil
	}
	return c, c.Reload()
}

// Reload reads the file anew. After an error the last good CAs stay.
func (c *ClientCertificates) Reload() error {
	if c.file == "" {
		return nil
	}
	pool, err := ReadCAs(c.file)
	if err != nil {
		return err
	}
	c.pool.Store(pool)
	return nil
}

// ReadCAs reads a PEM file of certificates, one at least.
func ReadCAs(file string) (*x509.CertPool, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read CAs: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("read CAs %q: no certificate in it", file)
	}
	return pool, nil
}

// Roots returns the CAs of the moment, nil for none.
func (c *ClientCertificates) Roots() *x509.CertPool {
	if c == nil {
		return nil
	}
	return c.pool.Load()
}

// Takes reports whether clients may authenticate by the method.
func (c *ClientCertificates) Takes(method Method) bool {
	switch {
	case c == nil:
		return false
	case method == SelfSignedTLSClientAuth:
		return c.SelfSigned
	}
	return method == TLSClientAuth && c.Roots() != nil
}

// Presented reports whether clients may present certificates and the connection has one.
func (c *ClientCertificates) Presented(state *tls.ConnectionState) bool {
	return c != nil && state != nil && len(state.PeerCertificates) > 0
}

// Ask makes a listener's configuration ask for client certificates. The
// handshake fails on a chain that is too long to look at.
func (c *ClientCertificates) Ask(config *tls.Config) {
	config.ClientAuth = tls.RequestClientCert
	config.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error {
		size := 0
		for _, certificate := range raw {
			size += len(certificate)
		}
		if len(raw) > maxChain || size > maxChainBytes {
			return errors.New("the client's certificate chain is too long")
		}
		return nil
	}
}
