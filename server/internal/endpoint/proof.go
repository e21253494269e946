package endpoint

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/token"
)

// prove verifies the DPoP proof of a request that has one (RFC 9449 section 5),
// after the client has authenticated: the token will be bound to its key, and
// not to a certificate, because one token has one key (RFC 7800 section 3.1).
func (e *tokenEndpoint) prove(x *exchange, client snapshot.Client, w http.ResponseWriter, r *http.Request) *Error {
	headers := r.Header["Dpop"]
	if len(headers) == 0 {
		return nil
	}
	// Also with a refusal: a client whose nonce is too old gets the next one with it.
	if nonces := e.nonces; nonces != nil {
		w.Header().Set("DPoP-Nonce", nonces.at(x.now)) // RFC 9449 section 8.2
	}
	if !e.auth.limits.uses.allow(client.Label(), maxUses, x.now) {
		return refuse(CodeTooManyRequests, ReasonUseRate)
	}
	jkt, err := x.state.Credentials.Proofs.Verify(r.Context(), clientauth.ProofRequest{
		Client: x.request.ClientID, Headers: headers, Method: r.Method, Target: x.state.Credentials.ProofTarget,
	})
	if err == nil {
		x.request.Confirmation = token.Confirmation{JKT: jkt}
		return nil
	}
	if isGone(err) {
		return refuse(CodeUnavailable, ReasonGone)
	}
	if refused, ok := errors.AsType[*clientauth.Refusal](err); ok && refused.Reason == clientauth.ReasonNonce {
		return credentialError(err, CodeUseDPoPNonce)
	}
	return credentialError(err, CodeInvalidDPoPProof)
}

// noncePeriod is how long a nonce is given out. It is accepted for as long again, so that a
// client has two minutes at least from getting one to using it.
const noncePeriod = 2 * time.Minute

// Nonces makes the nonces of DPoP proofs (RFC 9449 section 8). Each is an HMAC of the
// time, with a key of the process, so that none has to be remembered.
type Nonces struct{ key [32]byte }

// NewNonces makes nonces with a key of the random source.
func NewNonces(rand io.Reader) (*Nonces, error) {
	n := new(Nonces)
	if _, err := io.ReadFull(rand, n.key[:]); err != nil {
		return nil, fmt.Errorf("random source: %w", err)
	}
	return n, nil
}

// at returns the nonce that is given out at now.
func (n *Nonces) at(now time.Time) string { return n.of(now.Unix() / int64(noncePeriod/time.Second)) }

// of returns the nonce of a period, counted since 1970: 16 bytes of the HMAC, enough that
// nobody guesses one.
func (n *Nonces) of(period int64) string {
	mac := hmac.New(sha256.New, n.key[:])
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(period)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// Made reports whether the nonce is the one of now or the one before it. Both are compared in
// constant time.
func (n *Nonces) Made(nonce string, now time.Time) bool {
	last := n.at(now.Add(-noncePeriod))
	return hmac.Equal([]byte(nonce), []byte(n.at(now))) || hmac.Equal([]byte(nonce), []byte(last))
}
