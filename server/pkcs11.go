package server

import (
	"fmt"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/token"
)

// tokenKey finds a signing key in the PKCS #11 token that it never leaves.
func (s *Server) tokenKey(entry schema.SigningKey) (*token.Key, error) {
	named, err := schema.ParsePKCS11(string(entry.PrivateKey))
	if err != nil {
		return nil, err
	}
	var pin []byte
	if named.PIN != "" {
		if pin, err = s.refs.secret(named.PIN); err != nil {
			return nil, fmt.Errorf("PIN: %w", err)
		}
	}
	signer, err := s.tokens.Signer(named, string(pin))
	if err != nil {
		return nil, fmt.Errorf("%q: %w", entry.PrivateKey, err)
	}
	key, err := token.NewKey(entry.Alg, signer)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", entry.PrivateKey, err)
	}
	return key, key.SelfTest()
}
