//go:build openssl

package openssl

/*
#cgo LDFLAGS: -lcrypto
#include <openssl/evp.h>
#include <openssl/rsa.h>

static EVP_PKEY *writ_key(const unsigned char *der, long size) {
	return d2i_PrivateKey(EVP_PKEY_RSA, NULL, &der, size);
}

// writ_sign signs a SHA-256 digest and returns 1 for success.
static int writ_sign(EVP_PKEY *key, int pss, const unsigned char *digest, unsigned char *sig, size_t *size) {
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	int ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1
		&& EVP_PKEY_CTX_set_rsa_padding(ctx, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) == 1
		&& EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1
		&& (!pss || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1)
		&& EVP_PKEY_sign(ctx, sig, size, digest, 32) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}
*/
import "C"

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"runtime"
	"unsafe"
)

// A Signer is an RSA key in libcrypto's memory. It is safe for concurrent use.
type Signer struct {
	key    *C.EVP_PKEY
	public *rsa.PublicKey
}

// NewSigner copies the key to libcrypto. The copy is freed with the signer.
func NewSigner(key *rsa.PrivateKey) (*Signer, error) {
	der := x509.MarshalPKCS1PrivateKey(key)
	handle := C.writ_key((*C.uchar)(unsafe.Pointer(unsafe.SliceData(der))), C.long(len(der)))
	clear(der)
	if handle == nil {
		return nil, errors.New("libcrypto does not take the RSA key")
	}
	s := &Signer{key: handle, public: &key.PublicKey}
	runtime.AddCleanup(s, func(handle *C.EVP_PKEY) { C.EVP_PKEY_free(handle) }, handle)
	return s, nil
}

// Public is of crypto.Signer: an *rsa.PublicKey.
func (s *Signer) Public() crypto.PublicKey { return s.public }

// Sign is of crypto.Signer. The digest is of SHA-256; opts say PKCS #1 v1.5 or,
// with *rsa.PSSOptions, PSS with a salt as long as the digest. The random bytes
// are libcrypto's own.
func (s *Signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != crypto.SHA256 || len(digest) != sha256.Size {
		return nil, fmt.Errorf("sign a digest of %d bytes with %v: only SHA-256 is for tokens", len(digest), opts.HashFunc())
	}
	pss := C.int(0)
	if o, ok := opts.(*rsa.PSSOptions); ok {
		if o.SaltLength != rsa.PSSSaltLengthEqualsHash && o.SaltLength != sha256.Size {
			return nil, fmt.Errorf("sign with a salt of %d bytes: only one as long as the hash is for tokens", o.SaltLength)
		}
		pss = 1
	}
	signature := make([]byte, s.public.Size())
	size := C.size_t(len(signature))
	ok := C.writ_sign(s.key, pss, (*C.uchar)(unsafe.Pointer(&digest[0])), (*C.uchar)(unsafe.Pointer(&signature[0])), &size)
	runtime.KeepAlive(s)
	if ok != 1 {
		return nil, errors.New("libcrypto could not sign")
	}
	return signature[:size], nil
}
