package server

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
)

// A registered is what clients of one configuration authenticate with, apart
// from secrets, and what their proofs are verified with.
type registered struct {
	keys       map[string][]clientauth.ClientKeys // by client_id
	sets       map[keySet]parsedKeys
	numKeys    int                         // in sets
	maxKeys    int                         // in sets, at most
	issuers    map[string][]*trustedIssuer // by iss
	assertions *clientauth.Assertions
	proofs     *clientauth.Proofs
	target     clientauth.Target
	methods    []clientauth.Method // what works, in the order of the metadata
}

// A keySet is the text of a JWK Set and the algorithms that its keys may be pinned to.
type keySet struct{ jwks, algs string }

// parsedKeys is what came of parsing one.
type parsedKeys struct {
	keys *clientauth.Keys
	err  error
}

// parse parses equal sets once, and what last has parsed not again. It does not
// parse more keys than a configuration may have: see tooManyKeys.
func (c *registered) parse(last *registered, jwks string, algs []schema.SigningAlg) (*clientauth.Keys, error) {
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
func (c *registered) tooManyKeys() error {
	if c.numKeys > c.maxKeys {
		return fmt.Errorf("the snapshot has more than %d public keys in all, equal sets counted once", c.maxKeys)
	}
	return nil
}

// A trustedIssuer is another issuer with its keys, which are pinned or fetched.
type trustedIssuer struct {
	schema.TrustedIssuer
	pinned *clientauth.Keys
	remote *clientauth.RemoteKeys
}

// buildCredentials resolves hashes of secrets and parses keys. What cannot be
// had is a problem of its client or issuer; it is an error when clients have
// credentials and not one of them can be used.
func (s *Server) buildCredentials(a *Active) error {
	issuer := a.snapshot.Issuer().URL
	target, err := clientauth.NewTarget(endpointURL(issuer, tokenPath))
	if err != nil {
		return err
	}
	c := &registered{
		keys: map[string][]clientauth.ClientKeys{}, sets: map[keySet]parsedKeys{}, maxKeys: s.maxKeys, issuers: map[string][]*trustedIssuer{}, target: target,
		proofs: clientauth.NewProofs(s.proofOptions()),
	}
	a.registered = c
	problems := len(a.problems)
	var last *registered
	if active := s.active.Load(); active != nil {
		last = active.registered
	}
	s.buildSecrets(a)
	s.buildIssuers(a, last)
	declared := false
	works := map[clientauth.Method]bool{}
	for i := range a.snapshot.NumClients() {
		declared = s.buildClient(a, last, a.snapshot.Client(i), works) || declared
	}
	if err := c.tooManyKeys(); err != nil {
		return err
	}
	c.assertions = clientauth.NewAssertions(clientauth.AssertionOptions{
		Issuer: issuer, Store: s.store, Now: s.opts.Now, Since: s.since, Clients: maps.Values(c.keys), Work: s.work,
	})
	if a.secrets.Usable() {
		works[clientauth.SecretBasic], works[clientauth.SecretPost] = true, true
	}
	for _, method := range methods {
		if works[method] {
			c.methods = append(c.methods, method)
		}
	}
	if declared && len(c.methods) == 0 {
		err := errors.New("no client credential can be used")
		if len(a.problems) > problems {
			err = errors.Join(err, a.problems[problems])
		}
		return err
	}
	return nil
}

// methods are all there are, in the order in which the metadata lists them.
var methods = []clientauth.Method{
	clientauth.SecretBasic, clientauth.SecretPost, clientauth.PrivateKeyJWT, clientauth.TLSClientAuth, clientauth.SelfSignedTLSClientAuth,
}

func (s *Server) proofOptions() clientauth.ProofOptions {
	opts := clientauth.ProofOptions{Store: s.store, Now: s.opts.Now, Since: s.since}
	if s.nonces != nil {
		opts.Nonce = func(nonce string) bool { return s.nonces.takes(nonce, s.opts.Now()) }
	}
	return opts
}

// buildSecrets resolves the hashes of client secrets.
func (s *Server) buildSecrets(a *Active) {
	secrets, unusable := clientauth.NewSecrets(a.snapshot, s.refs.secretHash, s.slow, s.work)
	for _, u := range unusable {
		a.problems = append(a.problems, Problem{
			Address: "client." + u.Client, Reason: fmt.Sprintf("secret %q: %v", u.Secret, u.Err),
		})
	}
	a.secrets = secrets
}

// errOwnIssuer is why a trusted issuer is not trusted. The compiler refuses it too.
var errOwnIssuer = errors.New("it is the issuer itself, and whoever is sent a token of ours could log in with it")

// buildIssuers parses the pinned keys of trusted issuers and finds the fetched
// ones, which outlive the snapshots. One that is ourselves is left out: a token of
// ours is neither a credential nor a user.
func (s *Server) buildIssuers(a *Active, last *registered) {
	for i := range a.snapshot.NumTrustedIssuers() {
		declared := a.snapshot.TrustedIssuer(i)
		if declared.Issuer == a.snapshot.Issuer().URL {
			a.problems = append(a.problems, Problem{Address: "trusted_issuer." + declared.Label, Reason: errOwnIssuer.Error()})
			continue
		}
		algs := declared.Algorithms
		if len(algs) == 0 {
			algs = clientauth.AssertionAlgorithms()
		}
		t := &trustedIssuer{TrustedIssuer: declared}
		if declared.JWKS == "" {
			t.remote = s.remotes.get(declared.JWKSURI, algs)
		} else {
			var err error
			if t.pinned, err = a.registered.parse(last, declared.JWKS, algs); err != nil {
				a.problems = append(a.problems, Problem{Address: "trusted_issuer." + t.Label, Reason: err.Error()})
				continue
			}
		}
		a.registered.issuers[t.Issuer] = append(a.registered.issuers[t.Issuer], t)
	}
}

// buildClient parses the client's keys and notes by which methods it can
// authenticate; declared is whether it has any credential at all.
func (s *Server) buildClient(a *Active, last *registered, client snapshot.Client, works map[clientauth.Method]bool) (declared bool) {
	for range client.Secrets() {
		declared = true
	}
	algs := clientauth.AssertionAlgorithms()
	for block := range client.PublicKeys() {
		declared = true
		keys, err := a.registered.parse(last, block.JWKS, algs)
		if err != nil {
			a.problems = append(a.problems, Problem{Address: "client." + client.Label(), Reason: fmt.Sprintf("public_key %q: %v", block.Label, err)})
			continue
		}
		id := client.ClientID()
		a.registered.keys[id] = append(a.registered.keys[id], clientauth.ClientKeys{Label: block.Label, Keys: keys, Window: block.Window})
		works[clientauth.PrivateKeyJWT] = true
	}
	for block := range client.Federated() {
		declared = true
		works[clientauth.PrivateKeyJWT] = works[clientauth.PrivateKeyJWT] || a.registered.trusts(block.TrustedIssuer)
	}
	for block := range client.Certificates() {
		declared = true
		method := clientauth.TLSClientAuth
		if block.SHA256 != "" {
			method = clientauth.SelfSignedTLSClientAuth
		}
		works[method] = works[method] || s.opts.ClientCertificates.Takes(method)
	}
	return declared
}

func (c *registered) trusts(label string) bool {
	for _, issuers := range c.issuers {
		if slices.ContainsFunc(issuers, func(t *trustedIssuer) bool { return t.Label == label && t.vouchesFor(schema.SubjectClient) }) {
			return true
		}
	}
	return false
}

// remotes are the key sets that are fetched.
func (c *registered) remotes() (sets []*clientauth.RemoteKeys) {
	for _, issuers := range c.issuers {
		for _, t := range issuers {
			if t.remote != nil {
				sets = append(sets, t.remote)
			}
		}
	}
	return sets
}

// unfetched are the issuers whose keys could not be fetched at the last attempt;
// those that were had before stay in use.
func (c *registered) unfetched() (problems []Problem) {
	for _, iss := range slices.Sorted(maps.Keys(c.issuers)) {
		for _, t := range c.issuers[iss] {
			if t.remote == nil {
				continue
			}
			if err := t.remote.Err(); err != nil {
				problems = append(problems, Problem{Address: "trusted_issuer." + t.Label, Reason: "fetch keys: " + err.Error()})
			}
		}
	}
	return problems
}

// has reports whether the keys of a declared issuer can be used.
func (c *registered) has(declared schema.TrustedIssuer) bool {
	return slices.ContainsFunc(c.issuers[declared.Issuer], func(t *trustedIssuer) bool { return t.Label == declared.Label })
}

func (t *trustedIssuer) vouchesFor(subject schema.SubjectType) bool {
	return slices.Contains(t.VouchesFor, subject)
}

// vouchesForClient reports whether the assertion says that it is from an issuer
// whose tokens authenticate clients.
func (c *registered) vouchesForClient(foreign *clientauth.Token) bool {
	return slices.ContainsFunc(c.trusted(foreign), func(t *trustedIssuer) bool { return t.vouchesFor(schema.SubjectClient) })
}

// trusted finds the issuers that the token says it is from. A JWT-SVID need not
// say so: then it is the trust domain of its subject.
func (c *registered) trusted(foreign *clientauth.Token) []*trustedIssuer {
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

// verifyFederated checks another issuer's token and matches it with the client's
// federated blocks. The token is verified first, whoever the client is. An issuer
// whose keys have not been had decides nothing: it may have taken the token.
func (c *registered) verifyFederated(foreign *clientauth.Token, client snapshot.Client, known bool, now time.Time) (label string, err error) {
	for _, t := range c.trusted(foreign) {
		if !t.vouchesFor(schema.SubjectClient) {
			continue
		}
		verified, failed := t.verify(foreign, now)
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

// verify checks the issuer's token. types are media types that it may have
// beside those of a plain JWT.
func (t *trustedIssuer) verify(foreign *clientauth.Token, now time.Time, types ...string) (*clientauth.Verified, error) {
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
