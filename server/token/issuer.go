package token

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/writ-auth/writ/schema"
)

// ErrNoKey says that no key is in force for the API and its algorithm.
var ErrNoKey = errors.New("no signing key in force")

// An Issuer signs grants with one set of keys. The gate and the random source
// outlive it; the keys change with the configuration.
type Issuer struct {
	keys     *Keys
	gate     *Gate
	rand     io.Reader
	reusable reusableTokens
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
	KID    string
	JTI    string
	Reused bool // the token was issued before, for an identical grant
}

// Issue appends the token of g in compact form (RFC 7515 section 3.1) to dst.
// It fails with ErrNoKey, with ErrBusy when too many signatures wait, with the
// context's error, or when the random source or the signer does.
//
// A grant with a ReuseWindow may get the token that an identical one got within it.
// Then Issue sets the times of g so that its lifetime is what is left of the token's.
func (i *Issuer) Issue(ctx context.Context, dst []byte, g *Grant) ([]byte, Signed, error) {
	if g.ReuseWindow > 0 {
		return i.issueOnce(ctx, dst, g)
	}
	return i.issue(ctx, dst, g)
}

// issue signs a new token.
func (i *Issuer) issue(ctx context.Context, dst []byte, g *Grant) ([]byte, Signed, error) {
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

// Signer returns the key that signs for the API with the algorithm at now, in
// Unix seconds, or nil when there is none. Of several live keys the one
// activated last signs.
func (k *Keys) Signer(alg schema.SigningAlg, api string, now int64) *Key {
	if alg == schema.HS256 {
		return k.secrets[api]
	}
	for _, key := range k.scheduled[alg] {
		if key.ActivatesAt <= now && !key.retired(now) {
			return key.Key
		}
	}
	if k.managed == nil || !slices.Contains(k.need.Algs, alg) {
		return nil
	}
	keys := k.managed.table.Load().keys[alg]
	if i := signing(keys, now); i >= 0 {
		return keys[i].Key
	}
	return nil
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

// scratches are reused, so that making a token's claims allocates nothing.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

// newJTI fills in a token id of 128 random bits, so that no two tokens ever have the same.
func (s *scratch) newJTI(rand io.Reader) error {
	if _, err := io.ReadFull(rand, s.random[:]); err != nil {
		return err
	}
	base64.RawURLEncoding.Encode(s.jti[:], s.random[:])
	return nil
}

// A Grant is a decided request: everything a token will say except its jti.
// Package server decides it; the strings may alias a snapshot.
type Grant struct {
	Issuer    string // iss, byte for byte
	Audience  string // aud, byte for byte
	Subject   string // sub
	ClientID  string
	GrantType string // as in the request

	API         string // the API's label: whose HS256 secret signs
	Profile     schema.Profile
	Alg         schema.SigningAlg
	Scope       string // scope-tokens joined by single spaces, "" for none
	Permissions bool   // repeat the scopes as the permissions array
	Act         string // who acts for the subject: the act claim (RFC 8693 section 4.1) as a JSON object, "" for none
	Claims      string // custom claims as JSON members without braces, "" for none
	Confirmation

	IssuedAt  int64 // Unix seconds
	ExpiresAt int64 // Unix seconds

	// ReuseWindow is for how many seconds an identical grant may get the same token
	// again; 0: each gets its own.
	ReuseWindow int64
}

// A Confirmation says what a token is bound to (RFC 7800): whoever presents it
// must hold that key. At most one member is set; none is a bearer token.
type Confirmation struct {
	JKT  string // RFC 7638 thumbprint of a DPoP key (RFC 9449 section 6.1)
	X5TS string // x5t#S256, of a client certificate (RFC 8705 section 3.1)
}

// Bound reports whether the token is bound to anything.
func (c Confirmation) Bound() bool { return c != Confirmation{} }

// Lifetime is the number of seconds the token lives.
func (g *Grant) Lifetime() int64 { return g.ExpiresAt - g.IssuedAt }

// jtiLen is the length of a jti: 128 random bits in unpadded base64url.
const jtiLen = 22

// AppendClaims appends the claims of g as one JSON object. The order is fixed:
// iss, aud, sub, iat, exp, the client, then what the profile and the
// configuration add, the custom claims last. jti is written in the profiles
// that have one (RFC 9068 section 2.2) and must be of the base64url alphabet.
func AppendClaims(dst []byte, g *Grant, jti []byte) []byte {
	dst = append(dst, `{"iss":`...)
	dst = appendString(dst, g.Issuer)
	dst = append(dst, `,"aud":`...)
	dst = appendString(dst, g.Audience)
	dst = append(dst, `,"sub":`...)
	dst = appendString(dst, g.Subject)
	dst = append(dst, `,"iat":`...)
	dst = strconv.AppendInt(dst, g.IssuedAt, 10)
	dst = append(dst, `,"exp":`...)
	dst = strconv.AppendInt(dst, g.ExpiresAt, 10)
	dst = appendProfile(dst, g, jti)
	if g.Scope != "" {
		dst = append(dst, `,"scope":`...)
		dst = appendString(dst, g.Scope)
	}
	if g.Permissions {
		dst = append(dst, `,"permissions":`...)
		dst = appendPermissions(dst, g.Scope)
	}
	if g.Bound() {
		dst = appendConfirmation(dst, g.Confirmation)
	}
	if g.Act != "" {
		dst = append(dst, `,"act":`...)
		dst = append(dst, g.Act...)
	}
	if g.Claims != "" {
		dst = append(dst, ',')
		dst = append(dst, g.Claims...)
	}
	return append(dst, '}')
}

// appendProfile appends the claims in which the two profiles differ.
func appendProfile(dst []byte, g *Grant, jti []byte) []byte {
	if g.Profile == schema.ProfileAuth0 {
		dst = append(dst, `,"azp":`...)
		dst = appendString(dst, g.ClientID)
		if g.GrantType == schema.GrantClientCredentials {
			dst = append(dst, `,"gty":"client-credentials"`...)
		}
		return dst
	}
	dst = append(dst, `,"client_id":`...)
	dst = appendString(dst, g.ClientID)
	dst = append(dst, `,"jti":"`...)
	dst = append(dst, jti...)
	return append(dst, '"')
}

// appendConfirmation appends the cnf claim (RFC 7800 section 3).
func appendConfirmation(dst []byte, c Confirmation) []byte {
	name, value := `,"cnf":{"jkt":`, c.JKT
	if value == "" {
		name, value = `,"cnf":{"x5t#S256":`, c.X5TS
	}
	dst = append(dst, name...)
	return append(appendString(dst, value), '}')
}

// appendPermissions appends the space-joined scopes as a JSON array, [] for none.
func appendPermissions(dst []byte, scope string) []byte {
	dst = append(dst, '[')
	for start := 0; start < len(scope); {
		end := start
		for end < len(scope) && scope[end] != ' ' {
			end++
		}
		if start > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, scope[start:end])
		start = end + 1
	}
	return append(dst, ']')
}

// appendString appends s as a JSON string. Identifiers, client ids and scopes
// are held to alphabets that need no escaping, so the copy is the common case.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		if b := s[i]; b >= 0x20 && b != '"' && b != '\\' && b < utf8.RuneSelf {
			continue
		}
		dst = append(dst, s[start:i]...)
		size := 1
		dst, size = appendEscaped(dst, s[i:])
		i += size - 1
		start = i + 1
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// appendEscaped appends the first character of s, which is not plain ASCII,
// and returns how many bytes of s it took. A byte that is not UTF-8 becomes U+FFFD.
func appendEscaped(dst []byte, s string) ([]byte, int) {
	const hex = "0123456789abcdef"
	switch b := s[0]; {
	case b == '"' || b == '\\':
		return append(dst, '\\', b), 1
	case b < 0x20:
		return append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15]), 1
	}
	r, size := utf8.DecodeRuneInString(s)
	return utf8.AppendRune(dst, r), size
}

// ErrBusy says that the queue before the signing gate is full.
var ErrBusy = errors.New("too many signatures are waiting")

// A Gate lets a bounded number of signatures run at once, first come first
// served, with a bounded queue before it: what comes in a rush beyond it is
// refused at once rather than served when nobody waits for it any more.
type Gate struct {
	slots   chan struct{} // a blocked send on a channel is served in order
	waiting atomic.Int64
	queue   int64
}

// NewGate makes a gate for running signatures at once with at most queue
// callers waiting.
func NewGate(running, queue int) *Gate {
	return &Gate{slots: make(chan struct{}, running), queue: int64(queue)}
}

// enter waits for a slot. It returns ErrBusy at once if the queue is full, and the error of
// ctx if that ends first; then leave must not be called.
func (g *Gate) enter(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	if g.waiting.Add(1) > g.queue {
		g.waiting.Add(-1)
		return ErrBusy
	}
	defer g.waiting.Add(-1)
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave frees the slot, for the caller that has waited longest.
func (g *Gate) leave() { <-g.slots }
