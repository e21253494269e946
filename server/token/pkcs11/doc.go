// Package pkcs11 finds private keys in PKCS #11 tokens, such as hardware
// security modules, and signs with them behind crypto.Signer. The key never
// leaves its token.
//
// It exists with the build tag pkcs11, which needs cgo; without the tag every
// key is answered with ErrAbsent and nothing of it is linked. It owns the
// sessions with the tokens. What a reference may say is package schema's, and
// whether a key is fit for an algorithm package server/token's.
package pkcs11

import "errors"

// ErrAbsent says that the program was built without PKCS #11.
var ErrAbsent = errors.New("this writd was built without PKCS #11: build it with -tags pkcs11")
