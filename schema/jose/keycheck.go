package jose

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// The sizes of an RSA modulus in bits. RFC 7518 section 3.3 has the least; the
// greatest bounds the work of a verification.
const (
	MinRSABits = 2048
	maxRSABits = 8192
)

// checkRSA holds a key to RFC 7518 section 3.3 and RFC 8725 section 3.4.
func checkRSA(n *big.Int, e int64) error {
	switch bits := n.BitLen(); {
	case bits < MinRSABits || bits > maxRSABits:
		return fmt.Errorf("is RSA of %d bits: it must have %d to %d", bits, MinRSABits, maxRSABits)
	case n.Bit(0) == 0:
		return errors.New("has an even RSA modulus, which is no key")
	case e < 65537 || e%2 == 0 || e > 1<<31-1:
		return fmt.Errorf("has the RSA exponent %d: it must be odd and at least 65537", e)
	case hasROCA(n):
		return errors.New("has the ROCA weakness (CVE-2017-15361) and can be factored: make a new key")
	}
	return nil
}

// hasROCA recognises moduli whose primes a flawed library made as powers of
// 65537 modulo the product of many small primes. A sound modulus passes for one
// with a chance under one in a hundred million, and nearly always within the first
// few primes.
func hasROCA(n *big.Int) bool {
	var rest, prime big.Int
	for _, p := range []int64{
		3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
		107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
	} {
		r := rest.Mod(n, prime.SetInt64(p)).Int64()
		if !isPowerOf65537(r, p) {
			return false
		}
	}
	return true
}

// isPowerOf65537 reports whether r is a power of 65537 modulo p, by trying all: there are
// fewer than p.
func isPowerOf65537(r, p int64) bool {
	power := int64(1)
	for range p {
		if power == r {
			return true
		}
		power = power * 65537 % p
	}
	return false
}

// checkEd25519 refuses what is no point of the curve (RFC 8032 section 5.1.3) and
// the points of small order: under such a key a signature can be made without any
// private key.
//
// With x² = (y²-1)/(dy²+1), y belongs to a point if that quotient is a square.
// The points of order 1, 2, 4 and 8 are those with y = 1, y = -1, y = 0, and
// x² = -y², whose double has y = 0.
func checkEd25519(key ed25519.PublicKey) error {
	weak := errors.New("is a point that does not lie on Ed25519 or is of small order")
	if len(key) != ed25519.PublicKeySize {
		return weak
	}
	little := slices.Clone(key)
	little[31] &^= 0x80 // the sign of x
	slices.Reverse(little)
	y := new(big.Int).SetBytes(little)
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	if y.Cmp(p) >= 0 {
		return weak
	}
	mod := func(z *big.Int) *big.Int { return z.Mod(z, p) }
	// d = -121665/121666; everything is multiplied by 121666 to stay whole.
	y2 := mod(new(big.Int).Mul(y, y))
	u := mod(new(big.Int).Mul(new(big.Int).Sub(y2, big.NewInt(1)), big.NewInt(121666)))
	v := mod(new(big.Int).Sub(big.NewInt(121666), new(big.Int).Mul(y2, big.NewInt(121665))))
	order8 := mod(new(big.Int).Add(u, new(big.Int).Mul(y2, v)))
	if y.Sign() == 0 || u.Sign() == 0 || order8.Sign() == 0 || big.Jacobi(mod(new(big.Int).Mul(u, v)), p) != 1 {
		return weak
	}
	return nil
}
