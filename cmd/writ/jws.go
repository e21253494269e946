package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/writ-auth/writ/schema/jose"
)

// maxToken bounds a token on the command line, in bytes.
const maxToken = 64 << 10

// A jws is a token in compact form (RFC 7515 section 3.1), taken apart but not
// yet believed.
type jws struct {
	*jose.JWS
	Header map[string]any
	Claims map[string]any
	header json.RawMessage
	claims json.RawMessage
}

// parseJWS takes a token apart as strictly as a careful resource server does. What the
// header says is judged later, so that the person who asks learns of all that is wrong.
func parseJWS(compact string) (*jws, error) {
	parsed, err := jose.Split(compact, maxToken)
	if err != nil {
		return nil, err
	}
	if _, err := jose.ReadObject(parsed.Payload); err != nil {
		return nil, fmt.Errorf("the claims: %w", err)
	}
	t := &jws{JWS: parsed, header: parsed.RawHeader, claims: parsed.Payload}
	return t, errors.Join(decodeObject(t.header, &t.Header), decodeObject(t.claims, &t.Claims))
}

// decodeObject decodes a JSON object, numbers as they are written.
func decodeObject(text []byte, object *map[string]any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(object)
}

// A verifyKey is a public key, or an HS256 secret.
type verifyKey = jose.PublicKey
