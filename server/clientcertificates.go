package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/writ-auth/writ/server/clientauth"
)

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

// roots are the CAs of the moment, nil for none.
func (c *ClientCertificates) roots() *x509.CertPool {
	if c == nil {
		return nil
	}
	return c.pool.Load()
}

// takes reports whether the listener does the method.
func (c *ClientCertificates) takes(method clientauth.Method) bool {
	switch {
	case c == nil:
		return false
	case method == clientauth.SelfSignedTLSClientAuth:
		return c.SelfSigned
	}
	return method == clientauth.TLSClientAuth && c.roots() != nil
}

// presented reports whether the connection has a certificate to look at.
func (c *ClientCertificates) presented(state *tls.ConnectionState) bool {
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
