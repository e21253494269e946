//go:build pkcs11

package pkcs11

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/ThalesGroup/crypto11"

	"github.com/writ-auth/writ/schema"
)

// A signer is a key in a token. When the session with the token has ended it
// opens a new one, once for each signature.
type signer struct {
	tokens *Tokens
	key    schema.PKCS11Key
	pin    string

	mu    sync.Mutex
	pair  crypto.Signer
	token *crypto11.Context // in which pair was found
}

func (s *signer) current() (crypto.Signer, *crypto11.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pair, s.token
}

// Public is of crypto.Signer.
func (s *signer) Public() crypto.PublicKey {
	pair, _ := s.current()
	return pair.Public()
}

// Sign is of crypto.Signer.
func (s *signer) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	pair, token := s.current()
	signature, err := pair.Sign(rand, digest, opts)
	if err == nil {
		return signature, nil
	}
	again, opened, findErr := s.tokens.pair(s.key, s.pin, token)
	if findErr != nil {
		return nil, errors.Join(err, findErr)
	}
	public, ok := pair.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(again.Public()) {
		return nil, fmt.Errorf("the PKCS #11 token holds another key by that name now: %w", err)
	}
	s.mu.Lock()
	s.pair, s.token = again, opened
	s.mu.Unlock()
	return again.Sign(rand, digest, opts)
}
