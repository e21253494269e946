package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/writ-auth/writ/schema/jose"
)

// maxToken bounds a token on the command line and on standard input, in bytes. Servers take
// less: this is for what somebody has, whatever it is.
const maxToken = 64 << 10

// A jws is a token in compact form (RFC 7515 section 3.1), taken apart but not verified.
// Header and Claims are decoded; header and claims are the bytes as the token has them, for
// printing.
type jws struct {
	*jose.JWS
	Header map[string]any
	Claims map[string]any
	header json.RawMessage
	claims json.RawMessage
}

// parseJWS takes a token apart as strictly as a careful resource server does: base64url
// without padding, one JSON object each, no member twice. What the header says is judged
// later, by inspect, so that the person who asks learns everything that is wrong.
func parseJWS(compact string) (*jws, error) {
	parsed, err := jose.Split(compact, maxToken)
	if err != nil {
		return nil, err
	}
	if _, err := jose.ReadObject(parsed.Payload); err != nil {
		return nil, fmt.Errorf("the claims: %w", err)
	}
	t := &jws{JWS: parsed, header: parsed.RawHeader, claims: parsed.Payload}
	return t, errors.Join(decodeJSON(t.header, &t.Header), decodeJSON(t.claims, &t.Claims))
}

// decodeJSON decodes the first value of a JSON text into what value points to. Numbers stay
// as they are written: a float64 would round an integer above 2^53.
func decodeJSON(text []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(value)
}

// A verifyKey verifies signatures: a public key, or the secret of an HS256 API.
type verifyKey = jose.PublicKey
