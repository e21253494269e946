// Package keyfile reads what a person chooses to show who a client is: a private key, a
// certificate with its key, a token that a platform gave the client. With a key it makes
// the assertions that a token endpoint takes.
//
// It owns the forms of such files and what is said of a wrong one. It neither keeps nor
// prints what it reads: no error holds more of a file than the type of a PEM block, and a
// File has no method that would show its key.
package keyfile

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema/jose"
)

// MaxBytes bounds a file. A key has 4 KiB at most, a chain of certificates some more.
const MaxBytes = 64 << 10

// A File is what was chosen: a key, a key with its certificate, or a token. It lives for
// one request.
type File struct {
	Key   crypto.Signer     // nil for a token
	Leaf  *x509.Certificate // of the key; nil where only a key was chosen
	Chain [][]byte          // Leaf and what follows it, in DER
	Token string            // a JWT in compact form; "" for a key
}

// Read reads one file, or a key and its certificate from two. The order does not matter,
// and one file may hold both; empty ones, of form fields that were left out, are skipped. A
// token is not checked beyond its form: whether it is believed is the server's to say.
// Errors are for the person who chose the files.
func Read(contents ...[]byte) (File, error) {
	var f File
	for _, content := range contents {
		content = bytes.TrimSpace(content)
		var err error
		switch {
		case len(content) == 0:
			continue
		case len(content) > MaxBytes:
			err = fmt.Errorf("the file has over %d KiB: a key or a certificate is smaller", MaxBytes>>10)
		case content[0] == '{':
			err = f.readJWK(content)
		case bytes.Contains(content, []byte("-----BEGIN ")):
			err = f.readPEM(content)
		case bytes.Count(content, []byte{'.'}) == 2 && !bytes.ContainsAny(content, " \r\n\t\x00"):
			f.Token = string(content)
		default:
			err = errors.New("the file is neither PEM, nor a JWK, nor a token: choose the client’s private key (PKCS #8, PKCS #1 or SEC 1 in PEM, or a JWK)")
		}
		if err != nil {
			return File{}, err
		}
	}
	if err := f.check(); err != nil {
		return File{}, err
	}
	return f, nil
}

// check refuses parts that do not make a whole: no file, a certificate without its key, a
// key that is not that of the certificate. A server would refuse these too, and say less.
func (f *File) check() error {
	switch {
	case f.Token != "" && (f.Key != nil || f.Chain != nil):
		return errors.New("one file is a token and the other a key or a certificate: choose one of them")
	case f.Token != "":
		return nil
	case f.Key == nil && f.Chain != nil:
		return errors.New("there is a certificate without its private key, and it proves nothing alone: choose both files, or one that has both")
	case f.Key == nil:
		return errors.New("no file was chosen")
	case f.Chain == nil:
		return nil
	}
	leaf, err := x509.ParseCertificate(f.Chain[0])
	if err != nil {
		return errors.New("the certificate is malformed")
	}
	if own, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !own.Equal(f.Key.Public()) {
		return errors.New("the private key does not belong to the certificate, which stands first in its file")
	}
	f.Leaf = leaf
	return nil
}

// readJWK takes a private key in JSON (RFC 7517).
func (f *File) readJWK(content []byte) error {
	key, _, err := jose.ParsePrivateJWK(content)
	if err != nil {
		return fmt.Errorf("the %w", err)
	}
	return f.takeKey(key)
}

// readPEM takes the private key and the certificates of a PEM text. openssl writes the
// parameters of a curve before its key, and people keep comments between the blocks. Wrong
// kinds of keys are told apart, because each has another way out.
func (f *File) readPEM(content []byte) error {
	// Blocks of another type, such as EC PARAMETERS, are skipped.
	found, rest := false, content
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == "CERTIFICATE":
			found, f.Chain = true, append(f.Chain, block.Bytes)
		case block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return errors.New("the key is encrypted with a passphrase, which is not asked for here: choose a copy without one, which “openssl pkey -in FILE -out COPY” makes, and delete it afterwards")
		case block.Type == "OPENSSH PRIVATE KEY":
			return errors.New("the key is in OpenSSH’s own form: OAuth clients have theirs as PKCS #8, as “writ keys new” makes them")
		case strings.HasSuffix(block.Type, "PUBLIC KEY"):
			return errors.New("this is the public half of the key: who the client is shows the private one")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			key, err := jose.ParsePrivateKey(pem.EncodeToMemory(block))
			if err != nil {
				return fmt.Errorf("the file is not readable as a key: %w", err)
			}
			if err := f.takeKey(key); err != nil {
				return err
			}
			found = true
		}
	}
	if !found {
		return errors.New("the file is PEM and has no private key in it, nor a certificate; or its end is missing")
	}
	return nil
}

// takeKey takes a key with which a client can sign assertions. Of several nobody knows
// which one is meant.
func (f *File) takeKey(key crypto.Signer) error {
	if f.Key != nil {
		return errors.New("there are two private keys: choose the one to sign with")
	}
	if _, err := jose.AlgOf(key.Public(), jose.Assertions); err != nil {
		return fmt.Errorf("the key %w", err)
	}
	f.Key = key
	return nil
}

// Certificate is the key with its certificate, for a TLS connection; nil without one. It
// shares the file's memory.
func (f *File) Certificate() *tls.Certificate {
	if f.Leaf == nil {
		return nil
	}
	return &tls.Certificate{Certificate: f.Chain, PrivateKey: f.Key, Leaf: f.Leaf}
}

// assertionLifetime is how long an assertion may be used: for one request.
const assertionLifetime = time.Minute

// Assertion makes a JWT by which the client authenticates with its key (RFC 7523 section
// 3): of itself, where issuer and subject are its client id, or of another issuer. claims
// are further ones, and may be nil; they never replace those that are set here. kid may be
// "". The token is valid for assertionLifetime from now.
func (f *File) Assertion(alg jose.Alg, kid, issuer, subject, audience string, claims map[string]any, now time.Time) (string, error) {
	// encoding/json sorts the members, which nothing depends on: the signature is over the
	// bytes that are sent.
	header := map[string]string{"alg": string(alg), "typ": "JWT"}
	if kid != "" {
		header["kid"] = kid
	}
	body := map[string]any{
		"iss": issuer, "sub": subject, "aud": audience, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(assertionLifetime).Unix(),
	}
	for name, value := range claims {
		if _, taken := body[name]; !taken {
			body[name] = value
		}
	}
	var input []byte
	for _, part := range []any{header, body} {
		text, err := json.Marshal(part)
		if err != nil {
			return "", err
		}
		input = append(base64.RawURLEncoding.AppendEncode(input, text), '.')
	}
	input = input[:len(input)-1]
	signature, err := sign(alg, f.Key, input)
	if err != nil {
		return "", err
	}
	return string(base64.RawURLEncoding.AppendEncode(append(input, '.'), signature)), nil
}

// sign makes a JWS signature (RFC 7518 section 3, RFC 8037 section 3.1). A key that the
// algorithm does not sign with is an error. The hash is chosen by the key: of RSA there are
// RS256 and PS256 alone.
func sign(alg jose.Alg, private crypto.Signer, input []byte) ([]byte, error) {
	if err := alg.Check(private.Public()); err != nil {
		return nil, fmt.Errorf("the key %w", err)
	}
	hash := crypto.SHA256 // of RSA here, and of P-256
	if key, ok := private.(*ecdsa.PrivateKey); ok {
		switch key.Curve {
		case elliptic.P384():
			hash = crypto.SHA384
		case elliptic.P521():
			hash = crypto.SHA512
		}
	}
	digest := hash.New()
	digest.Write(input)
	sum := digest.Sum(nil)
	switch key := private.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, input), nil
	case *ecdsa.PrivateKey: // two integers of the curve's size, and not the ASN.1 of crypto.Signer
		r, s, err := ecdsa.Sign(rand.Reader, key, sum)
		if err != nil {
			return nil, err
		}
		size := (key.Params().BitSize + 7) / 8
		signature := make([]byte, 2*size)
		r.FillBytes(signature[:size])
		s.FillBytes(signature[size:])
		return signature, nil
	case *rsa.PrivateKey:
		if strings.HasPrefix(string(alg), "PS") {
			return rsa.SignPSS(rand.Reader, key, hash, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(rand.Reader, key, hash, sum)
	}
	return nil, errors.New("the key is neither RSA, EC nor Ed25519")
}
