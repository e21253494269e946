//go:build pkcs11

package pkcs11

import (
	"crypto"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/ThalesGroup/crypto11"
	"github.com/miekg/pkcs11"

	"github.com/writ-auth/writ/schema"
)

// Built reports whether this program was built with PKCS #11.
const Built = true

// sessionWait bounds how long a signature waits for a free session.
const sessionWait = 5 * time.Second

// Tokens is the tokens of one PKCS #11 module, a library of the token's maker.
// A session with a token stays open for as long as the program runs. It is safe
// for concurrent use.
type Tokens struct {
	module   string
	sessions int

	mu      sync.Mutex
	open    map[tokenID]*crypto11.Context
	found   map[schema.PKCS11Key]bool // keys that their token had when asked last
	refused map[tokenID]string        // the PIN that a token did not take
}

type tokenID struct{ label, serial string }

// New uses the module at path, with at most so many signatures at once. The
// module is loaded when the first key is asked for; path may be "".
func New(path string, signatures int) *Tokens {
	return &Tokens{
		module: path, sessions: max(signatures, 1) + 2,
		open: map[tokenID]*crypto11.Context{}, refused: map[tokenID]string{}, found: map[schema.PKCS11Key]bool{},
	}
}

// Signer finds the key in its token. The signer is safe for concurrent use. No
// error holds the PIN.
func (t *Tokens) Signer(key schema.PKCS11Key, pin string) (crypto.Signer, error) {
	pair, token, err := t.pair(key, pin, nil)
	if err != nil {
		return nil, err
	}
	return &signer{tokens: t, key: key, pin: pin, pair: pair, token: token}, nil
}

// pair finds the key. A session that has ended (the token was reset, or taken
// out and put back) is opened anew: it is the dead one, it answers with errors,
// or it no longer sees a key that it has seen, which is how a login ends.
func (t *Tokens) pair(key schema.PKCS11Key, pin string, dead *crypto11.Context) (crypto.Signer, *crypto11.Context, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := tokenID{key.Token, key.Serial}
	if token, ok := t.open[id]; ok {
		if token != dead {
			pair, err := find(token, key)
			if err == nil || errors.Is(err, errFound) && !t.found[key] {
				t.found[key] = err == nil
				return pair, token, err
			}
		}
		delete(t.open, id)
		token.Close()
	}
	token, err := t.login(id, pin)
	if err != nil {
		return nil, nil, err
	}
	t.open[id] = token
	pair, err := find(token, key)
	t.found[key] = err == nil
	return pair, token, err
}

// login opens a session. A PIN that was refused is not tried again, because
// tokens lock themselves after a few wrong ones and every reload would be one.
func (t *Tokens) login(id tokenID, pin string) (*crypto11.Context, error) {
	if t.module == "" {
		return nil, errors.New("a key in a PKCS #11 token needs --pkcs11-module, the library of the token's maker")
	}
	if _, err := os.Stat(t.module); err != nil {
		return nil, fmt.Errorf("PKCS #11 module: %w", err)
	}
	if refused, ok := t.refused[id]; ok && refused == pin {
		return nil, fmt.Errorf("the PKCS #11 token %q has refused this PIN before: it is not tried again", id.label+id.serial)
	}
	token, err := crypto11.Configure(&crypto11.Config{
		Path: t.module, TokenLabel: id.label, TokenSerial: id.serial,
		Pin: pin, LoginNotSupported: pin == "", MaxSessions: t.sessions, PoolWaitTimeout: sessionWait,
	})
	if err != nil {
		if wrongPIN(err) {
			t.refused[id] = pin
		}
		return nil, fmt.Errorf("open the PKCS #11 token %q: %w", id.label+id.serial, err)
	}
	delete(t.refused, id)
	return token, nil
}

// errFound is of keys that the token answers for, if only by having none.
var errFound = errors.New("PKCS #11")

// find looks for exactly one key pair. Its public half must be in the token too.
func find(token *crypto11.Context, key schema.PKCS11Key) (crypto.Signer, error) {
	pairs, err := token.FindKeyPairs([]byte(key.ID), []byte(key.Object))
	if err != nil {
		return nil, fmt.Errorf("look for the PKCS #11 key: %w", err)
	}
	switch len(pairs) {
	case 0:
		return nil, fmt.Errorf("%w: the token %q has no pair of a private and a public key by that object and id", errFound, key.Token+key.Serial)
	case 1:
		return pairs[0], nil
	}
	return nil, fmt.Errorf("%w: the token %q has %d such keys: name one by object and id", errFound, key.Token+key.Serial, len(pairs))
}

// wrongPIN reports whether the token has said that the PIN is wrong.
func wrongPIN(err error) bool {
	refusal, ok := errors.AsType[pkcs11.Error](err)
	return ok && (refusal == pkcs11.CKR_PIN_INCORRECT || refusal == pkcs11.CKR_PIN_INVALID || refusal == pkcs11.CKR_PIN_LEN_RANGE || refusal == pkcs11.CKR_PIN_LOCKED)
}
