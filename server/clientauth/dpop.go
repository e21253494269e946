package clientauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/store"
)

// DefaultProofAge is how old a DPoP proof may be when ProofOptions do not say.
const DefaultProofAge = time.Minute

// ProofOptions configure Proofs.
type ProofOptions struct {
	Store store.Store      // remembers each jti
	Now   func() time.Time // time.Now when nil

	// MaxAge is how old a proof may be; it may also be up to ten seconds ahead.
	// DefaultProofAge when 0.
	MaxAge time.Duration

	// Nonce reports whether the server gave out the nonce and still takes it.
	// When nil no nonce is demanded and one that a proof holds is ignored.
	Nonce func(nonce string) bool

	// Since refuses proofs that could have been used before it, as
	// AssertionOptions.Since does. A proof with a nonce is none of them: the nonces
	// that Nonce takes are given out after Since.
	Since time.Time
}

// Proofs verifies DPoP proofs (RFC 9449 section 4.3).
type Proofs struct{ opts ProofOptions }

// NewProofs returns a verifier that is safe for concurrent use.
func NewProofs(opts ProofOptions) *Proofs {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.MaxAge <= 0 {
		opts.MaxAge = DefaultProofAge
	}
	return &Proofs{opts: opts}
}

// A ProofRequest is what a proof must have been made for.
type ProofRequest struct {
	Client  string   // the client_id of who has authenticated
	Headers []string // every DPoP field of the request
	Method  string   // as it was received
	Target  Target   // the public URL of what was requested

	// AccessToken and Thumbprint are set where a proof comes with an access
	// token: the token, and the jkt that it is bound to.
	AccessToken string
	Thumbprint  string
}

// Verify checks the proof of a request, uses it up and returns the RFC 7638
// thumbprint of its key, the jkt to bind a token to. It is not called for a
// request without a DPoP field, and only once the client has authenticated:
// anyone can make a proof, and each takes a place in the store.
//
// A refusal with ReasonNonce is answered with use_dpop_nonce, every other one
// with invalid_dpop_proof. An error that is not ErrRefused decided nothing.
func (p *Proofs) Verify(ctx context.Context, request ProofRequest) (jkt string, err error) {
	if len(request.Headers) != 1 { // check 1
		return "", refuse(ReasonProofCount, "%d DPoP header fields", len(request.Headers))
	}
	proof, err := readToken(request.Headers[0], MaxProof, jose.Proofs) // checks 2 and 5
	if err != nil {
		return "", err
	}
	now := p.opts.Now()
	if err := p.checkClaims(proof, request, now.Unix()); err != nil {
		return "", err
	}
	key, err := proofKey(proof)
	if err != nil {
		return "", err
	}
	if err := checkBinding(proof, request, key.Thumbprint); err != nil {
		return "", err
	}
	if !key.Verify(proof.JWS) { // check 6
		return "", refuse(ReasonBadSignature, "alg %s", proof.Alg)
	}
	if err := p.useUp(ctx, proof, request.Client, key.Thumbprint, now); err != nil {
		return "", err
	}
	return key.Thumbprint, nil
}

// proofKey is check 7 and takes the key from the header. It is pinned to the
// proof's own algorithm, which readToken has found to be one of proofs, and to the
// key's if that names one.
func proofKey(proof *Token) (jose.PublicKey, error) {
	key, err := jose.ParseKey(proof.Header.Get("jwk"), proof.Alg)
	if err != nil {
		return key, refuse(ReasonProofKey, "the key in jwk %v", err)
	}
	return key, nil
}

// checkClaims are checks 3, 4 and 8 to 11.
func (p *Proofs) checkClaims(proof *Token, request ProofRequest, now int64) error {
	if proof.Type != "dpop+jwt" {
		return refuse(ReasonWrongType, "typ %s", excerpt(proof.Type))
	}
	if jti, ok := proof.claims.Text("jti"); !ok || jti == "" {
		return refuse(ReasonMissingClaim, "jti is not a string")
	}
	if htm, ok := proof.claims.Text("htm"); !ok || htm != request.Method {
		return refuse(ReasonWrongMethod, "htm %s", excerpt(htm))
	}
	if htu, ok := proof.claims.Text("htu"); !ok || !request.Target.matches(htu) {
		return refuse(ReasonWrongTarget, "htu %s", excerpt(htu))
	}
	if nonce, ok := proof.claims.Text("nonce"); p.opts.Nonce != nil && (!ok || !p.opts.Nonce(nonce)) {
		return refuse(ReasonNonce, "nonce is absent or not one of ours")
	}
	return p.checkAge(proof, now)
}

// checkAge is check 11.
func (p *Proofs) checkAge(proof *Token, now int64) error {
	iat, ok := proof.claims.Seconds("iat")
	switch {
	case !ok:
		return refuse(ReasonMissingClaim, "iat is not a whole number of seconds")
	case iat > now+skew:
		return refuse(ReasonTooEarly, "iat is %d seconds ahead", iat-now)
	case iat < now-p.maxAge():
		return refuse(ReasonExpired, "iat was %d seconds ago", now-iat)
	case p.opts.Nonce != nil:
		return nil
	}
	return checkStart(iat-skew, iat >= now-skew, p.opts.Since)
}

// maxAge returns Options.MaxAge in seconds, as iat counts.
func (p *Proofs) maxAge() int64 { return int64(p.opts.MaxAge / time.Second) }

// checkBinding is check 12: a proof that comes with an access token names it,
// and its key is the one that the token is bound to.
func checkBinding(proof *Token, request ProofRequest, thumbprint string) error {
	if request.AccessToken == "" && request.Thumbprint == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(request.AccessToken))
	if ath, ok := proof.claims.Text("ath"); !ok || ath != base64.RawURLEncoding.EncodeToString(sum[:]) {
		return refuse(ReasonWrongBinding, "ath is not the hash of the access token")
	}
	if request.Thumbprint != thumbprint {
		return refuse(ReasonWrongBinding, "the access token is bound to another key")
	}
	return nil
}

// useUp remembers the jti for as long as the proof could be accepted again, of the
// client's share of the store.
func (p *Proofs) useUp(ctx context.Context, proof *Token, client, jkt string, now time.Time) error {
	jti, _ := proof.claims.Text("jti")
	iat, _ := proof.claims.Seconds("iat")
	until := time.Unix(iat+p.maxAge()+1, 0)
	err := p.opts.Store.PutOnce(ctx, store.NewKey("dpop proof", jkt, jti).Of(client), until.Sub(now))
	if errors.Is(err, store.ErrExists) {
		return refuse(ReasonReplayed, "jti was used before")
	}
	if err != nil {
		return fmt.Errorf("remember dpop proof: %w", err)
	}
	return nil
}
