//go:build openssl

package openssl

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"runtime"
	"sync"
	"testing"
)

var pss = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

func newPair(t testing.TB, bits int) (*rsa.PrivateKey, *Signer) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, signer
}

// PKCS #1 v1.5 is deterministic: both sign the same bytes. PSS is verified.
func TestSignsAsGo(t *testing.T) {
	for _, bits := range []int{2048, 3072, 4096} {
		key, signer := newPair(t, bits)
		if !key.PublicKey.Equal(signer.Public()) {
			t.Error("another public key")
		}
		for i := range 20 {
			digest := sha256.Sum256([]byte{byte(i), byte(bits)})
			got, err := signer.Sign(nil, digest[:], crypto.SHA256)
			want, wantErr := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
			if err != nil || wantErr != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bits: %x, %v; Go signs %x, %v", bits, got, err, want, wantErr)
			}
			got, err = signer.Sign(rand.Reader, digest[:], pss)
			if err != nil {
				t.Fatal(err)
			}
			if err := rsa.VerifyPSS(&key.PublicKey, crypto.SHA256, digest[:], got, pss); err != nil {
				t.Fatalf("%d bits: %v", bits, err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	_, signer := newPair(t, 2048)
	digest, long := sha256.Sum256(nil), sha512.Sum512(nil)
	for name, err := range map[string]error{
		"another hash": second(signer.Sign(nil, long[:], crypto.SHA512)), "a short digest": second(signer.Sign(nil, digest[:31], crypto.SHA256)),
		"no digest": second(signer.Sign(nil, nil, crypto.SHA256)), "another salt": second(signer.Sign(nil, digest[:], &rsa.PSSOptions{SaltLength: 20, Hash: crypto.SHA256})),
	} {
		if err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func second(_ []byte, err error) error { return err }

// Many goroutines share a signer, and signers come and go.
func TestConcurrentUse(t *testing.T) {
	key, signer := newPair(t, 2048)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 20 {
				short, err := NewSigner(key)
				if err != nil {
					t.Error(err)
					return
				}
				digest := sha256.Sum256([]byte{byte(i), byte(n)})
				for _, s := range []*Signer{signer, short} {
					signature, err := s.Sign(nil, digest[:], pss)
					if err != nil || rsa.VerifyPSS(&key.PublicKey, crypto.SHA256, digest[:], signature, pss) != nil {
						t.Errorf("a signature that does not verify, %v", err)
					}
				}
				if n%10 == 0 {
					runtime.GC()
				}
			}
		})
	}
	wg.Wait()
}

// The same signature by libcrypto and by Go.
func BenchmarkSign(b *testing.B) {
	key, signer := newPair(b, 2048)
	digest := sha256.Sum256(nil)
	for _, scheme := range []struct {
		name string
		opts crypto.SignerOpts
	}{{"RS256", crypto.SHA256}, {"PS256", pss}} {
		for name, s := range map[string]crypto.Signer{"libcrypto": signer, "go": key} {
			b.Run(scheme.name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Sign(rand.Reader, digest[:], scheme.opts); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
