package token

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// ErrNotOurs says that a token was not signed by a key that is published, or
// by the secret of the API that it is for.
var ErrNotOurs = errors.New("not a token signed here")

// A Read is a token of ours whose signature has been verified, and nothing
// else: not its issuer, not its times.
type Read struct {
	KID       string
	Issuer    string
	Audience  string
	Subject   string
	ClientID  string
	Scope     string // space-joined, "" for none
	JTI       string // "" in the profile without one
	IssuedAt  int64  // Unix seconds
	ExpiresAt int64  // Unix seconds

	// Claims are all members as they were signed, the above included.
	Claims map[string]json.RawMessage
}

// Read verifies the signature of a compact token made by this program. It fails
// with ErrNotOurs.
//
// No header is parsed: a token is ours when its header is, byte for byte, one
// that a key of ours writes. So there is no alg, kid, crit or typ to be
// deceived by, and one spelling of every token. An HS256 key belongs to one
// API; labelOf finds it by the audience that the token names.
func (k *Keys) Read(compact string, labelOf func(audience string) (label string, ok bool), now int64) (*Read, error) {
	dot := strings.LastIndexByte(compact, '.')
	if dot < 0 {
		return nil, ErrNotOurs
	}
	signature, ok := jose.Base64URL(compact[dot+1:])
	if !ok {
		return nil, ErrNotOurs
	}
	key, profile, payload := k.writer(compact[:dot], labelOf, now)
	if key == nil || key.verify([]byte(compact[:dot]), signature) != nil {
		return nil, ErrNotOurs
	}
	return readClaims(key, profile, payload)
}

// writer finds the key that writes the token's header, and the claims after it.
func (k *Keys) writer(signed string, labelOf func(string) (string, bool), now int64) (*Key, schema.Profile, []byte) {
	for _, key := range k.All(now) {
		if key.State == Retired {
			continue
		}
		if profile, payload := key.wrote(signed); payload != nil {
			return key.Key, profile, payload
		}
	}
	for _, one := range k.secrets { // all write the same header
		profile, payload := one.wrote(signed)
		if payload == nil {
			break
		}
		// Until the signature is verified this only says whose secret to try. It
		// is the member that readClaims takes, so that nobody signs for one API
		// with the secret of another.
		var audience string
		if claims, err := members(payload); err != nil || json.Unmarshal(claims["aud"], &audience) != nil {
			break
		}
		label, _ := labelOf(audience)
		return k.secrets[label], profile, payload
	}
	return nil, "", nil
}

// wrote returns the claims of a token with the key's header, nil for others.
func (k *Key) wrote(signed string) (schema.Profile, []byte) {
	for profile, header := range k.headers {
		encoded, ok := strings.CutPrefix(signed, string(header))
		if !ok {
			continue
		}
		payload, ok := jose.Base64URL(encoded)
		if !ok {
			return "", nil
		}
		return profile, payload
	}
	return "", nil
}

// members decodes one JSON object. Names are compared exactly, which decoding
// into a struct would not do.
func members(payload []byte) (claims map[string]json.RawMessage, err error) {
	return claims, json.Unmarshal(payload, &claims)
}

// readClaims takes apart claims whose signature has been verified.
func readClaims(key *Key, profile schema.Profile, payload []byte) (*Read, error) {
	claims, err := members(payload)
	if err != nil {
		return nil, ErrNotOurs
	}
	r := &Read{KID: key.kid, Claims: claims}
	client := "client_id"
	if profile == schema.ProfileAuth0 {
		client = "azp"
	}
	for _, member := range []struct {
		name     string
		into     any
		required bool
	}{
		{"iss", &r.Issuer, true}, {"aud", &r.Audience, true}, {"sub", &r.Subject, true}, {client, &r.ClientID, true},
		{"iat", &r.IssuedAt, true}, {"exp", &r.ExpiresAt, true}, {"scope", &r.Scope, false}, {"jti", &r.JTI, false},
	} {
		value, ok := r.Claims[member.name]
		if !ok && !member.required {
			continue
		}
		if !ok || json.Unmarshal(value, member.into) != nil {
			return nil, ErrNotOurs
		}
	}
	return r, nil
}
