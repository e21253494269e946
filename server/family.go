package server

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

// A refreshToken is what a client holds: the random id of its family, which finds
// the record, and a secret, which is replaced at each use. To the client it is 64
// characters of base64url without meaning.
type refreshToken struct {
	id     [familyIDSize]byte
	secret [secretSize]byte
}

// readRefreshToken takes a token apart. Each has one spelling: one that is
// truncated, extended or padded is none (ok is false).
func readRefreshToken(compact string) (t refreshToken, ok bool) {
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

func newRefreshToken(rand io.Reader) (t refreshToken, err error) {
	if _, err = io.ReadFull(rand, t.id[:]); err == nil {
		_, err = io.ReadFull(rand, t.secret[:])
	}
	return t, err
}

// String is the token as the client gets it.
func (t refreshToken) String() string {
	return base64.RawURLEncoding.EncodeToString(append(t.id[:], t.secret[:]...))
}

// successor is the token that follows this one in its family.
//
// Its secret is HMAC-SHA256 over a fresh random salt, with the secret of this
// token as the key. The store has the salt and hashes of both secrets, and from
// those nobody can make either. Whoever presents this token once more, because
// the answer to the first time was lost, brings the key along: the server makes
// the very same successor again, though it has never kept it. A further one
// cannot be foreseen by whoever holds this token, because its salt is not drawn
// yet.
func (t refreshToken) successor(salt []byte) refreshToken {
	mac := hmac.New(sha256.New, t.secret[:])
	mac.Write(salt)
	next := refreshToken{id: t.id}
	mac.Sum(next.secret[:0])
	return next
}

// A family is the offline grant that one exchange began and what is remembered of
// it: the record in the store. Hashes stand for the secrets of its tokens.
type family struct {
	Version int `json:"v"`
	decide.Family

	Rotated int64 `json:"rotated,omitempty"` // last, Unix milliseconds

	Current  []byte `json:"current"`            // SHA-256 of the secret in force
	Previous []byte `json:"previous,omitempty"` // and of the one before,
	Salt     []byte `json:"salt,omitempty"`     // from which it was made with this
}

// familyVersion is the format of the records.
const familyVersion = 1

var errFamily = errors.New("the record of a refresh token is damaged or of a newer version")

// readFamily decodes a record. It refuses what could not have been written: text
// that would make a malformed token, hashes of the wrong size.
func readFamily(record []byte) (family, error) {
	var f family
	if err := json.Unmarshal(record, &f); err != nil || f.Version != familyVersion {
		return family{}, errFamily
	}
	ok := f.Client != "" && f.API != "" && strings.HasPrefix(f.Subject, f.Issuer+decide.SubjectBar) && f.Used >= f.Started && f.Started > 0
	ok = ok && len(f.Current) == sha256.Size && (f.Rotated == 0 && f.Previous == nil && f.Salt == nil ||
		f.Rotated >= f.Started && len(f.Previous) == sha256.Size && len(f.Salt) == secretSize)
	ok = ok && (f.Act == "" || f.Act[0] == '{' && json.Valid([]byte(f.Act))) && (f.Scope == "" || decide.ValidScope(f.Scope))
	for _, claim := range f.Claims {
		_, err := schema.CheckCopiedClaim(claim.Name)
		ok = ok && err == nil && json.Valid([]byte(claim.Value))
	}
	if !ok {
		return family{}, errFamily
	}
	return f, nil
}

func (f *family) write() []byte {
	record, err := json.Marshal(f)
	if err != nil {
		panic(err) // strings, numbers and bytes
	}
	return record
}

// A use is what presenting a token of a family comes to.
type use int

const (
	usedAgain use = iota // it was replaced, or never was of the family
	usedNow              // it is in force
	usedTwice            // it was replaced a moment ago, and its successor is in force
)

// use compares the secret with those of the family. The leeway is for the token
// before the one in force alone. Without one, even a request that arrived before
// the token was replaced comes too late.
func (f *family) use(secret [secretSize]byte, policy schema.RefreshToken, now time.Time) use {
	sum := sha256.Sum256(secret[:])
	switch {
	case subtle.ConstantTimeCompare(sum[:], f.Current) == 1:
		return usedNow
	case policy.Leeway > 0 && subtle.ConstantTimeCompare(sum[:], f.Previous) == 1 && now.UnixMilli() < f.Rotated+1000*policy.Leeway:
		return usedTwice
	}
	return usedAgain
}

// rotate puts the successor in the place of the token in force.
func (f *family) rotate(held refreshToken, salt []byte, now time.Time) (next refreshToken) {
	next = held.successor(salt)
	sum := sha256.Sum256(next.secret[:])
	f.Previous, f.Current, f.Salt = f.Current, sum[:], salt
	f.Used, f.Rotated = now.UnixMilli(), now.UnixMilli()
	return next
}
