package token

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/writ-auth/writ/schema"
)

// ErrNoKey says that no key is in force for the API and its algorithm.
var ErrNoKey = errors.New("no signing key in force")

// An Issuer signs grants with one set of keys. The gate and the random source
// outlive it; the keys change with the configuration.
type Issuer struct {
	keys *Keys
	gate *Gate
	rand io.Reader
}

// NewIssuer makes an issuer. rand must be safe for concurrent use and
// cryptographically strong.
func NewIssuer(keys *Keys, gate *Gate, rand io.Reader) *Issuer {
	return &Issuer{keys: keys, gate: gate, rand: rand}
}

// Keys returns the set that the issuer signs with.
func (i *Issuer) Keys() *Keys { return i.keys }

// Signed says by which key a token was signed and under which id. The zero
// values mean that the token carries none.
type Signed struct {
	KID string
	JTI string
}

// Issue appends the token of g in compact form (RFC 7515 section 3.1) to dst.
// It fails with ErrNoKey, with ErrBusy when too many signatures wait, with the
// context's error, or when the random source or the signer does.
func (i *Issuer) Issue(ctx context.Context, dst []byte, g *Grant) ([]byte, Signed, error) {
	key := i.keys.Signer(g.Alg, g.API, g.IssuedAt)
	if key == nil {
		return dst, Signed{}, fmt.Errorf("%w for %q with %q", ErrNoKey, g.API, g.Alg)
	}
	scratch := scratches.Get().(*scratch)
	defer scratches.Put(scratch)
	signed := Signed{KID: key.kid}
	if g.Profile == schema.ProfileRFC9068 {
		if err := scratch.newJTI(i.rand); err != nil {
			return dst, Signed{}, fmt.Errorf("token id: %w", err)
		}
		signed.JTI = string(scratch.jti[:])
	}
	start := len(dst)
	scratch.claims = AppendClaims(scratch.claims[:0], g, scratch.jti[:])
	dst = append(dst, key.headers[g.Profile]...)
	dst = base64.RawURLEncoding.AppendEncode(dst, scratch.claims)
	signature, err := i.sign(ctx, key, dst[start:])
	if err != nil {
		return dst[:start], Signed{}, err
	}
	dst = append(dst, '.')
	return base64.RawURLEncoding.AppendEncode(dst, signature), signed, nil
}

// sign runs the signature primitive, an asymmetric one through the gate.
func (i *Issuer) sign(ctx context.Context, key *Key, input []byte) ([]byte, error) {
	if key.public != nil {
		if err := i.gate.enter(ctx); err != nil {
			return nil, err
		}
		defer i.gate.leave()
	}
	signature, err := key.signer.Sign(input, key.raw)
	if err != nil {
		return nil, fmt.Errorf("sign with %q: %w", key.alg, err)
	}
	return signature, nil
}

// A scratch holds what a token needs while it is put together.
type scratch struct {
	claims []byte
	random [16]byte
	jti    [jtiLen]byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) newJTI(rand io.Reader) error {
	if _, err := io.ReadFull(rand, s.random[:]); err != nil {
		return err
	}
	base64.RawURLEncoding.Encode(s.jti[:], s.random[:])
	return nil
}
