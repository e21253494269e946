//go:build pkcs11

package pkcs11

import (
	"errors"

	"github.com/miekg/pkcs11"
)

// wrongPIN reports whether the token has said that the PIN is wrong.
func wrongPIN(err error) bool {
	refusal, ok := errors.AsType[pkcs11.Error](err)
	return ok && (refusal == pkcs11.CKR_PIN_INCORRECT || refusal == pkcs11.CKR_PIN_INVALID || refusal == pkcs11.CKR_PIN_LEN_RANGE || refusal == pkcs11.CKR_PIN_LOCKED)
}
