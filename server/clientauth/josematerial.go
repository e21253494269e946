package clientauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// The sizes of an RSA modulus.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

func parseRSA(n, e string) (*rsa.PublicKey, error) {
	modulus, ok1 := base64url(n)
	exponent, ok2 := base64url(e)
	if !ok1 || !ok2 || len(modulus) == 0 || modulus[0] == 0 || len(exponent) == 0 || exponent[0] == 0 {
		return nil, errors.New("n and e are not minimal base64url")
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus)}
	switch bits := key.N.BitLen(); {
	case bits < minRSABits || bits > maxRSABits:
		return nil, fmt.Errorf("RSA modulus of %d bits is not of %d to %d", bits, minRSABits, maxRSABits)
	case key.N.Bit(0) == 0:
		return nil, errors.New("RSA modulus is even")
	case len(exponent) > 4:
		return nil, errors.New("RSA exponent is over 31 bits")
	case schema.HasROCA(key.N):
		return nil, errors.New("RSA modulus has the ROCA weakness (CVE-2017-15361)")
	}
	value := new(big.Int).SetBytes(exponent).Int64()
	if value < 65537 || value%2 == 0 || value > 1<<31-1 {
		return nil, fmt.Errorf("RSA exponent %d is not odd and 65537 to 2147483647", value)
	}
	key.E = int(value)
	return key, nil
}

func parseP256(x, y string) (*ecdsa.PublicKey, error) {
	xb, ok1 := base64url(x)
	yb, ok2 := base64url(y)
	if !ok1 || !ok2 || len(xb) != 32 || len(yb) != 32 {
		return nil, errors.New("x and y are not 32 bytes of base64url")
	}
	point := make([]byte, 0, 65)
	point = append(append(append(point, 4), xb...), yb...)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, errors.New("the point does not lie on P-256")
	}
	return key, nil
}

func parseEd25519(x string) (ed25519.PublicKey, error) {
	b, ok := base64url(x)
	if !ok || len(b) != ed25519.PublicKeySize {
		return nil, errors.New("x is not 32 bytes of base64url")
	}
	if !strongEd25519(b) {
		return nil, errors.New("the point does not lie on Ed25519 or is of small order")
	}
	return ed25519.PublicKey(b), nil
}

// strongEd25519 reports whether 32 bytes encode a point of the curve (RFC 8032
// section 5.1.3) that is not of small order. Under a key of small order a
// signature can be made without any private key.
//
// With x² = (y²-1)/(dy²+1), y belongs to a point if that quotient is a square.
// The points of order 1, 2, 4 and 8 are those with y = 1, y = -1, y = 0, and
// x² = -y², whose double has y = 0.
func strongEd25519(key []byte) bool {
	little := slices.Clone(key)
	little[31] &^= 0x80 // the sign of x
	slices.Reverse(little)
	y := new(big.Int).SetBytes(little)
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	if y.Cmp(p) >= 0 {
		return false
	}
	mod := func(z *big.Int) *big.Int { return z.Mod(z, p) }
	// d = -121665/121666; everything is multiplied by 121666 to stay whole.
	y2 := mod(new(big.Int).Mul(y, y))
	u := mod(new(big.Int).Mul(new(big.Int).Sub(y2, big.NewInt(1)), big.NewInt(121666)))
	v := mod(new(big.Int).Sub(big.NewInt(121666), new(big.Int).Mul(y2, big.NewInt(121665))))
	order8 := mod(new(big.Int).Add(u, new(big.Int).Mul(y2, v)))
	if y.Sign() == 0 || u.Sign() == 0 || order8.Sign() == 0 {
		return false
	}
	return big.Jacobi(mod(new(big.Int).Mul(u, v)), p) == 1
}
