package jose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
)

// ParsePrivateJWK reads a private key in the form of a JWK (RFC 7517), or of a set with
// this one key, and its kid, "" for none. Its private half must fit the public one. An
// error never holds any of its numbers.
func ParsePrivateJWK(text []byte) (private crypto.Signer, kid string, err error) {
	object, err := ReadObject(text)
	if err != nil {
		return nil, "", fmt.Errorf("JWK is refused: %w", err)
	}
	if keys, isSet := Elements(object.Get("keys")); isSet {
		if len(keys) != 1 {
			return nil, "", fmt.Errorf("JWK Set has %d keys: give it the one to sign with", len(keys))
		}
		if object, err = ReadObject(keys[0]); err != nil {
			return nil, "", fmt.Errorf("JWK is refused: %w", err)
		}
	}
	// "d" is in private keys of every type but a symmetric one, which has "k" and no public half.
	if object.Get("d") == nil {
		return nil, "", errors.New(`JWK has no member "d": it is not a private key`)
	}
	public := []byte{'{'} // the members that readJWK takes of a public key
	for _, name := range []string{"crv", "e", "kid", "kty", "n", "x", "y"} {
		if value := object.Get(name); value != nil {
			public = append(fmt.Appendf(public, "%q:", name), append(value, ',')...)
		}
	}
	k, t, err := readJWK(append(bytes.TrimSuffix(public, []byte{','}), '}'))
	if err != nil {
		return nil, "", fmt.Errorf("JWK %w", err)
	}
	half, err := t.material(&k)
	if err != nil {
		return nil, "", fmt.Errorf("JWK %w", err)
	}
	if private, err = t.private(half, object); err != nil {
		return nil, "", fmt.Errorf("JWK %w", err)
	}
	return private, k.KID, nil
}

// private completes a public key with the private members of its JWK (RFC 7518 sections
// 6.2.2 and 6.3.2, RFC 8037 section 2). RSA needs both primes, as every library writes
// them. Its errors follow the word "JWK".
func (t *keyType) private(public crypto.PublicKey, object Object) (crypto.Signer, error) {
	number := func(name string) []byte {
		text, _ := object.Text(name)
		b, _ := Base64URL(text)
		return b
	}
	var private crypto.Signer
	switch public := public.(type) {
	case *rsa.PublicKey:
		key := &rsa.PrivateKey{PublicKey: *public, D: new(big.Int).SetBytes(number("d"))}
		for _, name := range []string{"p", "q"} {
			key.Primes = append(key.Primes, new(big.Int).SetBytes(number(name)))
		}
		if key.Validate() != nil { // before Precompute, which trusts its numbers
			return nil, errors.New("has private members that do not belong to its public ones")
		}
		key.Precompute()
		return key, nil
	case *ecdsa.PublicKey:
		key, err := ecdsa.ParseRawPrivateKey(t.curve, number("d"))
		if err != nil {
			return nil, fmt.Errorf("must have d of %d bytes in unpadded base64url", t.size)
		}
		private = key
	case ed25519.PublicKey:
		seed := number("d")
		if len(seed) != ed25519.SeedSize {
			return nil, fmt.Errorf("must have d of %d bytes in unpadded base64url", ed25519.SeedSize)
		}
		private = ed25519.NewKeyFromSeed(seed)
	}
	if own, ok := public.(interface{ Equal(crypto.PublicKey) bool }); !ok || !own.Equal(private.Public()) {
		return nil, errors.New("has private members that do not belong to its public ones")
	}
	return private, nil
}
