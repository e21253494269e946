package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
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
	if nonces := e.server.nonces; nonces != nil {
		w.Header().Set("DPoP-Nonce", nonces.at(x.now)) // RFC 9449 section 8.2
	}
	if !e.server.uses.allow(client.Label(), maxUses, x.now) {
		return refuse(CodeTooManyRequests, ReasonUseRate)
	}
	jkt, err := x.active.registered.proofs.Verify(r.Context(), clientauth.ProofRequest{
		Client: x.request.ClientID, Headers: headers, Method: r.Method, Target: x.active.registered.target,
	})
	if err == nil {
		x.request.Confirmation = token.Confirmation{JKT: jkt}
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return refuse(CodeUnavailable, ReasonGone)
	}
	if refused, ok := errors.AsType[*clientauth.Refusal](err); ok && refused.Reason == clientauth.ReasonNonce {
		return credentialError(err, CodeUseDPoPNonce)
	}
	return credentialError(err, CodeInvalidDPoPProof)
}

// nonceTurn is how long a nonce is given out. It is taken for as long again.
const nonceTurn = 2 * time.Minute

// A nonces makes the nonces of DPoP proofs (RFC 9449 section 8). They are the
// time under a key of the process, so that nothing has to be remembered.
type nonces struct{ key [32]byte }

// at is the nonce that is given out at now.
func (n *nonces) at(now time.Time) string { return n.of(now.Unix() / int64(nonceTurn/time.Second)) }

func (n *nonces) of(turn int64) string {
	mac := hmac.New(sha256.New, n.key[:])
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(turn)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// takes reports whether the nonce is the one of now or the one before it.
func (n *nonces) takes(nonce string, now time.Time) bool {
	last := n.at(now.Add(-nonceTurn))
	return hmac.Equal([]byte(nonce), []byte(n.at(now))) || hmac.Equal([]byte(nonce), []byte(last))
}
