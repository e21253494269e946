// Package refresh remembers refresh tokens: what a client holds, and the record of its
// family in the store.
//
// It owns the form of a token and of a record, how a token is replaced at each use,
// what a use of an old one means, and how a family ends. Whether the grant that a
// family stands for is still given, package server/decide says. It knows no HTTP:
// token.go is pure functions of token, record and clock, families.go is the store.
package refresh

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/decide"
)

// Sizes of the parts of a refresh token and of what is kept of it, in bytes.
const (
	familyIDSize = 16
	secretSize   = 32
)

// A Token is what a client holds: the random id of its family, which finds
// the record, and a secret, which is replaced at each use. To the client it is 64
// characters of base64url without meaning.
type Token struct {
	id     [familyIDSize]byte
	secret [secretSize]byte
}

// ReadToken decodes a token. Each has one spelling: ok is false for one that is
// truncated, extended or padded. No access token can be read as one.
func ReadToken(compact string) (t Token, ok bool) {
	var raw [familyIDSize + secretSize]byte
	if len(compact) != base64.RawURLEncoding.EncodedLen(len(raw)) {
		return t, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(compact))
	if err != nil || n != len(raw) { // the decoder skips newlines
		return t, false
	}
	copy(t.id[:], raw[:familyIDSize])
	copy(t.secret[:], raw[familyIDSize:])
	return t, true
}

// newToken draws the first token of a family.
func newToken(rand io.Reader) (t Token, err error) {
	if _, err = io.ReadFull(rand, t.id[:]); err == nil {
		_, err = io.ReadFull(rand, t.secret[:])
	}
	return t, err
}

// String is the token as the client gets it.
func (t Token) String() string {
	return base64.RawURLEncoding.EncodeToString(append(t.id[:], t.secret[:]...))
}

// successor is the token that follows this one in its family.
//
// Its secret is HMAC-SHA256 over a fresh random salt, with the secret of this
// token as the key. The store has the salt and hashes of both secrets, from which
// neither secret can be computed. A client that presents this token once more, because
// the answer to the first time was lost, brings the key along, so that the server can
// compute the same successor again without having kept it. The holder of this token
// cannot compute the one after that, because its salt has not been drawn yet.
func (t Token) successor(salt []byte) Token {
	mac := hmac.New(sha256.New, t.secret[:])
	mac.Write(salt)
	next := Token{id: t.id}
	mac.Sum(next.secret[:0])
	return next
}

// A record is what the store has of a family: the grant that one token exchange began,
// and hashes of the secrets of its tokens.
type record struct {
	Version int `json:"v"`
	decide.Family

	Rotated int64 `json:"rotated,omitempty"` // last, Unix milliseconds

	Current  []byte `json:"current"`            // SHA-256 of the newest token's secret
	Previous []byte `json:"previous,omitempty"` // and of the one before
	Salt     []byte `json:"salt,omitempty"`     // with which the newest was made from that one
}

// recordVersion is the format of the records.
const recordVersion = 1

// errRecord does not say what is wrong with a record: that could quote a part of it.
var errRecord = errors.New("the record of a refresh token is damaged or of a newer version")

// readRecord decodes a record. It refuses what could not have been written: text
// that would make a malformed token, hashes of the wrong size.
func readRecord(encoded []byte) (record, error) {
	var r record
	if err := json.Unmarshal(encoded, &r); err != nil || r.Version != recordVersion {
		return record{}, errRecord
	}
	ok := r.Client != "" && r.API != "" && strings.HasPrefix(r.Subject, r.Issuer+decide.SubjectBar) && r.Used >= r.Started && r.Started > 0
	ok = ok && len(r.Current) == sha256.Size && (r.Rotated == 0 && r.Previous == nil && r.Salt == nil ||
		r.Rotated >= r.Started && len(r.Previous) == sha256.Size && len(r.Salt) == secretSize)
	ok = ok && (r.Act == "" || r.Act[0] == '{' && json.Valid([]byte(r.Act))) && (r.Scope == "" || decide.ValidScope(r.Scope))
	for _, claim := range r.Claims {
		_, err := schema.CheckCopiedClaim(claim.Name)
		ok = ok && err == nil && json.Valid([]byte(claim.Value))
	}
	if !ok {
		return record{}, errRecord
	}
	return r, nil
}

func (r *record) encode() []byte {
	encoded, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings, numbers and bytes
	}
	return encoded
}

// A Use is what it means that a token is presented.
type Use int

// The uses of a token.
const (
	Reused   Use = iota // it was replaced, or is none of the family: a thief may have it
	Current             // it is the newest of the family
	Repeated            // it was replaced within the leeway, and its successor is the newest
)

// use compares the secret with those of the family. The leeway is for the token
// before the newest alone. Without leeway, even a request that arrived before the token
// was replaced comes too late.
func (r *record) use(secret [secretSize]byte, policy schema.RefreshToken, now time.Time) Use {
	sum := sha256.Sum256(secret[:])
	switch {
	case subtle.ConstantTimeCompare(sum[:], r.Current) == 1:
		return Current
	case policy.Leeway > 0 && subtle.ConstantTimeCompare(sum[:], r.Previous) == 1 && now.UnixMilli() < r.Rotated+1000*policy.Leeway:
		return Repeated
	}
	return Reused
}

// rotate puts the successor in the place of the newest token.
func (r *record) rotate(presented Token, salt []byte, now time.Time) (next Token) {
	next = presented.successor(salt)
	sum := sha256.Sum256(next.secret[:])
	r.Previous, r.Current, r.Salt = r.Current, sum[:], salt
	r.Used, r.Rotated = now.UnixMilli(), now.UnixMilli()
	return next
}
