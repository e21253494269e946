package clientauth

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/store"
)

// AssertionType is the client_assertion_type of a JWT (RFC 7523 section 2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// SPIFFEAssertionType is the client_assertion_type of a JWT-SVID
// (draft-ietf-oauth-spiffe-client-auth). Nothing else may come under it; a
// JWT-SVID may come under AssertionType too.
const SPIFFEAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"

// PrivateKeyJWT is the method of an assertion that the client signed itself
// (OpenID Connect Core section 9). Federated is that of another issuer's token,
// a name of our own for the log: to the outside it is private_key_jwt too.
const (
	PrivateKeyJWT Method = "private_key_jwt"
	Federated     Method = "federated"
)

// Limits of an assertion, in seconds.
const (
	maxAssertionLifetime = 5 * 60
	skew                 = 10 // how far the caller's clock may be off, in either direction
)

// AssertionAlgorithms returns the algorithms of assertions, for ParseKeys. A key of a
// client that names no algorithm is pinned to the first that fits it.
func AssertionAlgorithms() []schema.SigningAlg { return jose.Algs(jose.Assertions) }

// AssertionOptions configure Assertions.
type AssertionOptions struct {
	Issuer string           // our issuer url, which must be the audience
	Store  store.Store      // remembers each jti
	Now    func() time.Time // time.Now when nil

	// Since refuses every assertion that could have been used before it; the zero
	// time refuses none. It is the start of the process when Store does not outlive
	// the process. One that a client with a right clock signs is refused until ten
	// seconds after Since, because a clock that is ahead by as much made the same.
	Since time.Time

	// Clients are the keys of every client. Each refusal makes as many verifications
	// of each kind of key as the client with the most of that kind needs.
	Clients iter.Seq[[]ClientKeys]
	// Work takes note of verifications, in tests. Nil: nothing does.
	Work *Work
}

// Assertions verifies assertions that clients sign with their own keys
// (private_key_jwt: RFC 7523 sections 2.2 and 3, as draft-ietf-oauth-rfc7523bis
// tightens them).
type Assertions struct {
	opts     AssertionOptions
	standIns map[schema.SigningAlg][]*jose.PublicKey // by kind, as many as one client has
}

// NewAssertions returns a verifier that is safe for concurrent use.
func NewAssertions(opts AssertionOptions) *Assertions {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Assertions{opts: opts, standIns: collectStandIns(opts.Clients)}
}

// maxStandIns bounds what a refused signature costs, whatever keys clients have: of RSA
// keys of more sizes than that the smallest are left out.
const maxStandIns = 16

// collectStandIns finds, for each algorithm, keys of the clients: of each kind as many as the
// client with the most of that kind has. Where no client has one of an algorithm, the
// key printed in an RFC stands in.
func collectStandIns(clients iter.Seq[[]ClientKeys]) map[schema.SigningAlg][]*jose.PublicKey {
	most := map[keyKind][]*jose.PublicKey{}
	note := func(sets []ClientKeys) {
		kinds := map[keyKind][]*jose.PublicKey{}
		for _, set := range sets {
			for i := range set.Keys.keys {
				key := &set.Keys.keys[i]
				if kind := kindOf(key); len(kinds[kind]) < maxCandidates {
					kinds[kind] = append(kinds[kind], key)
				}
			}
		}
		for kind, keys := range kinds {
			if len(keys) > len(most[kind]) {
				most[kind] = keys
			}
		}
	}
	if clients != nil {
		for sets := range clients {
			note(sets)
		}
	}
	all := map[schema.SigningAlg][]*jose.PublicKey{}
	for _, kind := range slices.SortedFunc(maps.Keys(most), slowestFirst) {
		keys := append(all[kind.alg], most[kind]...)
		all[kind.alg] = keys[:min(len(keys), maxStandIns)]
	}
	for _, alg := range AssertionAlgorithms() {
		if all[alg] != nil {
			continue
		}
		all[alg] = []*jose.PublicKey{decoys()[alg]}
	}
	return all
}

// Verify checks an assertion of the client clientID, whose keys are given. It
// returns the label of the block whose key signed it. The assertion is good once
// UseUp has succeeded, too. A client that has no keys or does not exist is refused
// after the same work as any other.
//
// An error is ErrRefused and refuses the client, or a *StartError.
func (a *Assertions) Verify(assertionType string, token *Token, clientID string, keys []ClientKeys) (label string, err error) {
	now := a.opts.Now()
	if err := a.checkClaims(assertionType, token, clientID, now.Unix()); err != nil {
		return "", err
	}
	if label, err = a.verifySignature(token, keys, now.Unix()); err != nil {
		return "", err
	}
	return label, nil
}

// checkClaims checks everything that does not depend on the client's keys.
func (a *Assertions) checkClaims(assertionType string, token *Token, clientID string, now int64) error {
	if assertionType != AssertionType {
		return refuse(ReasonWrongType, "client_assertion_type %s", excerpt(assertionType))
	}
	// draft-ietf-oauth-rfc7523bis: typed, or untyped as before it.
	if typ := token.Type; typ != "" && typ != "jwt" && typ != "client-authentication+jwt" {
		return refuse(ReasonWrongType, "typ %s", excerpt(typ))
	}
	if token.iss != clientID || clientID == "" {
		return refuse(ReasonWrongIssuer, "iss is not the client_id")
	}
	if token.sub != clientID {
		return refuse(ReasonWrongSubject, "sub is not the client_id")
	}
	// Another audience beside ours could present the assertion here.
	if aud, ok := token.claims.Texts("aud"); !ok || len(aud) != 1 || aud[0] != a.opts.Issuer {
		return refuse(ReasonWrongAudience, "aud is not our issuer url alone")
	}
	if jti, ok := token.claims.Text("jti"); !ok || jti == "" {
		return refuse(ReasonMissingClaim, "jti is not a string")
	}
	times, err := token.times(now)
	if err != nil {
		return err
	}
	return a.checkAge(times, now)
}

// checkAge bounds how long the assertion can be used and refuses one that the
// store may have forgotten.
func (a *Assertions) checkAge(times timeClaims, now int64) error {
	if times.exp > now+maxAssertionLifetime+skew {
		return refuse(ReasonTooLong, "exp is %d seconds ahead", times.exp-now)
	}
	if times.hasIat && times.exp-times.iat > maxAssertionLifetime+skew {
		return refuse(ReasonTooLong, "exp is %d seconds after iat", times.exp-times.iat)
	}
	fresh := !times.hasIat || times.iat >= now-skew
	return checkStart(max(times.from, times.exp-maxAssertionLifetime-skew), fresh, a.opts.Since)
}

// verifySignature finds the client's key that signed the token. When none did,
// stand-ins are tried after the client's own: the work of a refusal tells neither
// which clients exist nor what keys they have. All keys are chosen before the first is
// tried, so that what follows the last is the same for every client, too.
func (a *Assertions) verifySignature(token *Token, sets []ClientKeys, now int64) (label string, err error) {
	var room [maxCandidates + maxStandIns]candidate
	keys, none := candidates(room[:0], token.JWS, sets, now)
	own := len(keys)
	for i, candidate := range a.addStandIns(keys, token.Alg) {
		if work := a.opts.Work; work != nil {
			work.Did(fmt.Sprint("verification ", kindOf(candidate.key)))
		}
		if candidate.key.Verify(token.JWS) && i < own {
			return candidate.label, nil
		}
	}
	return "", refuseSignature(none, token.JWS)
}

// addStandIns appends to a client's own keys the stand-ins that every refusal of the
// algorithm tries beside them: those for which the client has no key of that kind.
func (a *Assertions) addStandIns(own []candidate, alg schema.SigningAlg) []candidate {
	var counted [maxCandidates]bool
	all := own
	for _, key := range a.standIns[alg] {
		kind, counts := kindOf(key), false
		for i := range own {
			if !counts && !counted[i] && kindOf(own[i].key) == kind {
				counted[i], counts = true, true
			}
		}
		if !counts {
			all = append(all, candidate{key: key})
		}
	}
	return all
}

// UseUp remembers the jti of an assertion that Verify accepted, for as long as it
// could be accepted again. The key is bound to the client: one client's jti says
// nothing about another's, and takes of its share of the store only.
//
// An error that is ErrRefused refuses the client; any other one decided nothing.
func (a *Assertions) UseUp(ctx context.Context, token *Token, clientID string) error {
	jti, _ := token.claims.Text("jti")
	exp, _ := token.claims.Seconds("exp")
	until := time.Unix(exp+skew+1, 0)
	err := a.opts.Store.PutOnce(ctx, store.NewKey("client assertion", clientID, jti).Of(clientID), until.Sub(a.opts.Now()))
	if errors.Is(err, store.ErrExists) {
		return refuse(ReasonReplayed, "jti was used before")
	}
	if err != nil {
		return fmt.Errorf("remember client assertion: %w", err)
	}
	return nil
}

// decoys are decoyKeys by algorithm, parsed once: every activation needs them, and a
// fleet activates at the same moment.
var decoys = sync.OnceValue(func() map[schema.SigningAlg]*jose.PublicKey {
	byAlg := map[schema.SigningAlg]*jose.PublicKey{}
	for _, alg := range AssertionAlgorithms() {
		keys, err := jose.ParseKeys(decoyKeys, alg)
		if err != nil {
			panic("clientauth: decoy keys: " + err.Error())
		}
		byAlg[alg] = &keys[0]
	}
	return byAlg
})

// decoyKeys are public keys of every type: those of RFC 7515 appendices A.2 and A.3,
// of RFC 7520 section 3.1, of RFC 8037 appendix A.2, and the base point of P-384. Their
// private halves are public too: nothing is ever accepted by them.
const decoyKeys = `{"keys":[
{"kty":"RSA","e":"AQAB","n":"` + decoyModulus + `"},
{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
{"kty":"EC","crv":"P-384","x":"qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3","y":"NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f"},
{"kty":"EC","crv":"P-521","x":"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt","y":"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"},
{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`

const decoyModulus = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR" +
	"T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV" +
	"MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
