package active

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/remedy"
)

// Credentials are what clients of one configuration authenticate with, apart
// from secrets, and what their proofs are verified with.
type Credentials struct {
	Assertions  *clientauth.Assertions
	Proofs      *clientauth.Proofs
	ProofTarget clientauth.Target

	keys    map[string][]clientauth.ClientKeys // by client_id
	sets    map[keySet]parsedKeys
	numKeys int                         // in sets
	maxKeys int                         // in sets, at most
	issuers map[string][]*TrustedIssuer // by iss
	methods []clientauth.Method         // that some client can authenticate by, in the order of the metadata
}

// ClientKeys returns the public keys of a client.
func (c *Credentials) ClientKeys(clientID string) []clientauth.ClientKeys { return c.keys[clientID] }

// A keySet is the text of a JWK Set and the algorithms that its keys may be pinned to.
type keySet struct{ jwks, algs string }

// parsedKeys is the result of parsing one.
type parsedKeys struct {
	keys *clientauth.Keys
	err  error
}

// parse parses equal sets once, and none that last has parsed. It does not
// parse more keys than a configuration may have: see tooManyKeys.
func (c *Credentials) parse(last *Credentials, jwks string, algs []schema.SigningAlg) (*clientauth.Keys, error) {
	set := keySet{jwks, fmt.Sprint(algs)}
	parsed, ok := c.sets[set]
	if !ok && last != nil {
		parsed, ok = last.sets[set]
	}
	if !ok && c.tooManyKeys() == nil {
		parsed.keys, parsed.err = clientauth.ParseKeys(jwks, algs...)
	}
	if _, counted := c.sets[set]; !counted && parsed.keys != nil {
		c.numKeys += parsed.keys.Len()
	}
	c.sets[set] = parsed
	return parsed.keys, parsed.err
}

// tooManyKeys is an error when there are more keys than memory and time for a reload
// may go into.
func (c *Credentials) tooManyKeys() error {
	if c.numKeys > c.maxKeys {
		return fmt.Errorf("the snapshot has more than %d public keys in all, equal sets counted once", c.maxKeys)
	}
	return nil
}

// A TrustedIssuer is another issuer with its keys, which are pinned or fetched.
type TrustedIssuer struct {
	schema.TrustedIssuer
	pinned *clientauth.Keys
	remote *clientauth.RemoteKeys
}

// buildCredentials resolves hashes of secrets and parses keys. What cannot be
// read is a problem of its client or issuer. It is an error when clients have
// credentials and none of them can be used.
func (a *Activator) buildCredentials(s *State) error {
	issuer := s.Snapshot.Issuer().URL
	target, err := clientauth.NewTarget(endpointURL(issuer, TokenPath))
	if err != nil {
		return err
	}
	c := &Credentials{
		keys: map[string][]clientauth.ClientKeys{}, sets: map[keySet]parsedKeys{}, maxKeys: a.maxKeys, issuers: map[string][]*TrustedIssuer{},
		ProofTarget: target, Proofs: clientauth.NewProofs(clientauth.ProofOptions{Store: a.Store, Now: a.Now, Since: a.Since, Nonce: a.Nonce}),
	}
	s.Credentials = c
	problems := len(s.Problems)
	var last *Credentials
	if active := a.Current(); active != nil {
		last = active.Credentials
	}
	a.buildSecrets(s)
	a.buildIssuers(s, last)
	declared := false
	works := map[clientauth.Method]bool{}
	for i := range s.Snapshot.NumClients() {
		declared = a.buildClient(s, last, s.Snapshot.Client(i), works) || declared
	}
	if err := c.tooManyKeys(); err != nil {
		return err
	}
	c.Assertions = clientauth.NewAssertions(clientauth.AssertionOptions{
		Issuer: issuer, Store: a.Store, Now: a.Now, Since: a.Since, Clients: maps.Values(c.keys), Work: a.Work,
	})
	if s.Secrets.Usable() {
		works[clientauth.SecretBasic], works[clientauth.SecretPost] = true, true
	}
	for _, method := range methods {
		if works[method] {
			c.methods = append(c.methods, method)
		}
	}
	if declared && len(c.methods) == 0 {
		err := errors.New("no client credential can be used")
		if len(s.Problems) > problems {
			first := s.Problems[problems]
			err = remedy.With(errors.Join(err, first), first.Action)
		}
		return err
	}
	return nil
}

// methods are all there are, in the order in which the metadata lists them.
var methods = []clientauth.Method{
	clientauth.SecretBasic, clientauth.SecretPost, clientauth.PrivateKeyJWT, clientauth.TLSClientAuth, clientauth.SelfSignedTLSClientAuth,
}

// buildSecrets resolves the hashes of client secrets.
func (a *Activator) buildSecrets(s *State) {
	secrets, unusable := clientauth.NewSecrets(s.Snapshot, a.secretHash, a.SlowHashes, a.Work)
	for _, u := range unusable {
		s.Problems = append(s.Problems, newProblem("client."+u.Client, fmt.Errorf("secret %q: %w", u.Secret, u.Err)))
	}
	s.Secrets = secrets
}

// errOwnIssuer is why a trusted issuer is not trusted. The compiler refuses it too.
var errOwnIssuer = remedy.With(errors.New("it is the issuer itself, and whoever is sent a token of ours could log in with it"),
	"remove the block from the configuration")

// buildIssuers parses the pinned keys of trusted issuers and finds the fetched
// ones, which outlive the snapshots. One that is ourselves is left out: a token of
// ours is neither a credential nor a user.
func (a *Activator) buildIssuers(s *State, last *Credentials) {
	for i := range s.Snapshot.NumTrustedIssuers() {
		declared := s.Snapshot.TrustedIssuer(i)
		if declared.Issuer == s.Snapshot.Issuer().URL {
			s.Problems = append(s.Problems, newProblem("trusted_issuer."+declared.Label, errOwnIssuer))
			continue
		}
		algs := declared.Algorithms
		if len(algs) == 0 {
			algs = clientauth.AssertionAlgorithms()
		}
		t := &TrustedIssuer{TrustedIssuer: declared}
		if declared.JWKS == "" {
			t.remote = a.remotes.get(declared.JWKSURI, algs)
		} else {
			var err error
			if t.pinned, err = s.Credentials.parse(last, declared.JWKS, algs); err != nil {
				s.Problems = append(s.Problems, newProblem("trusted_issuer."+t.Label, err))
				continue
			}
		}
		s.Credentials.issuers[t.Issuer] = append(s.Credentials.issuers[t.Issuer], t)
	}
}

// buildClient parses the client's keys and notes by which methods it can
// authenticate; declared is whether it has any credential at all.
func (a *Activator) buildClient(s *State, last *Credentials, client snapshot.Client, works map[clientauth.Method]bool) (declared bool) {
	for range client.Secrets() {
		declared = true
	}
	for block := range client.PublicKeys() {
		declared = true
		keys, err := s.Credentials.parse(last, block.JWKS, clientauth.AssertionAlgorithms())
		if err != nil {
			s.Problems = append(s.Problems, newProblem("client."+client.Label(), fmt.Errorf("public_key %q: %w", block.Label, err)))
			continue
		}
		id := client.ClientID()
		s.Credentials.keys[id] = append(s.Credentials.keys[id], clientauth.ClientKeys{Label: block.Label, Keys: keys, Window: block.Window})
		works[clientauth.PrivateKeyJWT] = true
	}
	for block := range client.Federated() {
		declared = true
		works[clientauth.PrivateKeyJWT] = works[clientauth.PrivateKeyJWT] || s.Credentials.trusts(block.TrustedIssuer)
	}
	for block := range client.Certificates() {
		declared = true
		method := clientauth.TLSClientAuth
		if block.SHA256 != "" {
			method = clientauth.SelfSignedTLSClientAuth
		}
		works[method] = works[method] || a.ClientCertificates.Takes(method)
	}
	return declared
}

// trusts reports whether tokens of the issuer with this label authenticate clients.
func (c *Credentials) trusts(label string) bool {
	for _, issuers := range c.issuers {
		if slices.ContainsFunc(issuers, func(t *TrustedIssuer) bool { return t.Label == label && t.Vouches(schema.SubjectClient) }) {
			return true
		}
	}
	return false
}

// remoteKeys are the key sets that are fetched.
func (c *Credentials) remoteKeys() (sets []*clientauth.RemoteKeys) {
	for _, issuers := range c.issuers {
		for _, t := range issuers {
			if t.remote != nil {
				sets = append(sets, t.remote)
			}
		}
	}
	return sets
}

// keyFetchProblems returns the issuers whose last fetch failed; keys that were fetched
// earlier remain in use.
func (c *Credentials) keyFetchProblems() (problems []Problem) {
	for _, iss := range slices.Sorted(maps.Keys(c.issuers)) {
		for _, t := range c.issuers[iss] {
			if t.remote == nil {
				continue
			}
			if err := t.remote.Err(); err != nil {
				problems = append(problems, newProblem("trusted_issuer."+t.Label, fmt.Errorf("fetch keys: %w", err)))
			}
		}
	}
	return problems
}

// has reports whether the keys of a declared issuer can be used.
func (c *Credentials) has(declared schema.TrustedIssuer) bool {
	return slices.ContainsFunc(c.issuers[declared.Issuer], func(t *TrustedIssuer) bool { return t.Label == declared.Label })
}

// Vouches reports whether the issuer's tokens may name such a subject.
func (t *TrustedIssuer) Vouches(subject schema.SubjectType) bool {
	return slices.Contains(t.VouchesFor, subject)
}

// VouchesForClient reports whether the assertion says that it is from an issuer
// whose tokens authenticate clients.
func (c *Credentials) VouchesForClient(foreign *clientauth.Token) bool {
	return slices.ContainsFunc(c.Issuers(foreign), func(t *TrustedIssuer) bool { return t.Vouches(schema.SubjectClient) })
}

// Issuers finds the trusted issuers that the token says it is from. A JWT-SVID need not
// say so: then it is the trust domain of its subject.
func (c *Credentials) Issuers(foreign *clientauth.Token) []*TrustedIssuer {
	iss := foreign.UnverifiedIssuer()
	if rest, ok := strings.CutPrefix(foreign.UnverifiedSubject(), "spiffe://"); ok && iss == "" {
		domain, _, _ := strings.Cut(rest, "/")
		iss = "spiffe://" + domain
	}
	if iss == "" {
		return nil
	}
	return c.issuers[iss]
}

// VerifyFederated checks another issuer's token and matches it with the client's
// federated blocks, of which it returns the label. The token is verified first, so that
// a client that is not known takes as long. If none of the issuers takes the token and
// the keys of one have not been fetched, the error is clientauth.ErrNoKeys, because
// that one might have taken it.
func (c *Credentials) VerifyFederated(foreign *clientauth.Token, client snapshot.Client, known bool, now time.Time) (label string, err error) {
	for _, t := range c.Issuers(foreign) {
		if !t.Vouches(schema.SubjectClient) {
			continue
		}
		verified, failed := t.Verify(foreign, now)
		if failed == nil && !known {
			return "", clientauth.ErrUnknownClient
		}
		if failed == nil {
			label, failed = clientauth.MatchFederated(verified, t.Label, client.Federated(), now)
		}
		if failed == nil {
			return label, nil
		}
		if !errors.Is(err, clientauth.ErrNoKeys) {
			err = failed
		}
	}
	return "", err
}

// Verify checks the issuer's token. types are media types that it may have
// beside those of a plain JWT.
func (t *TrustedIssuer) Verify(foreign *clientauth.Token, now time.Time, types ...string) (*clientauth.Verified, error) {
	keys := t.pinned
	if t.remote != nil {
		keys = t.remote.Keys()
	}
	verified, err := (&clientauth.TrustedIssuer{Issuer: t.Issuer, Keys: keys, Audiences: t.Audiences}).Verify(foreign, now, types...)
	refused, ok := errors.AsType[*clientauth.Refusal](err)
	if ok && refused.Reason == clientauth.ReasonUnknownKey && t.remote != nil {
		t.remote.Ask()
	}
	return verified, err
}
