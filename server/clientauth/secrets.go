package clientauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A Method is a client authentication method by its registered name (RFC 8414
// section 2, token_endpoint_auth_methods_supported).
type Method string

// The methods of a shared secret.
const (
	SecretBasic Method = "client_secret_basic"
	SecretPost  Method = "client_secret_post"
)

// A Credential is what a request presents: a secret, an assertion, or for the
// method TLSClientAuth the client certificate of its connection.
type Credential struct {
	Method    Method
	ClientID  string // "" where an assertion alone says it
	Secret    string
	Assertion string
	// AssertionType is AssertionType or, for a JWT-SVID, SPIFFEAssertionType.
	AssertionType string
}

// Params are the parameters of a request body that bear on client
// authentication; an empty string is an absent one.
type Params struct {
	ClientID            string
	ClientSecret        string
	ClientAssertion     string
	ClientAssertionType string

	// Certificate says that the connection has a client certificate. It counts
	// only when the request has nothing else to authenticate with and names its
	// client (RFC 8705 section 2): meshes present one on every connection.
	Certificate bool
}

// What Read answers. ErrMultiple and ErrClientIDsDiffer are malformed
// requests; the others are failed authentications.
var (
	ErrMultiple          = errors.New("more than one client authentication method")
	ErrClientIDsDiffer   = errors.New("the client_id is not the one that authenticates")
	ErrNone              = errors.New("no client authentication")
	ErrUnsupportedMethod = errors.New("the client authentication method is not supported")
	ErrMalformedBasic    = errors.New("the Basic credentials are malformed")
)

// Read takes the one credential of a request from its Authorization headers
// and its body parameters. It never looks at the query.
func Read(authorization []string, p Params) (Credential, error) {
	assertion := p.ClientAssertion != "" || p.ClientAssertionType != ""
	switch {
	case len(authorization) > 1,
		len(authorization) == 1 && (p.ClientSecret != "" || assertion),
		p.ClientSecret != "" && assertion:
		return Credential{}, ErrMultiple
	case len(authorization) == 1:
		return readHeader(authorization[0], p.ClientID)
	case assertion && p.ClientAssertionType != AssertionType && p.ClientAssertionType != SPIFFEAssertionType:
		return Credential{ClientID: p.ClientID}, ErrUnsupportedMethod
	case assertion:
		return Credential{Method: PrivateKeyJWT, ClientID: p.ClientID, Assertion: p.ClientAssertion, AssertionType: p.ClientAssertionType}, nil
	case p.Certificate && p.ClientSecret == "" && p.ClientID != "":
		return Credential{Method: TLSClientAuth, ClientID: p.ClientID}, nil
	case p.ClientSecret == "" || p.ClientID == "":
		return Credential{ClientID: p.ClientID}, ErrNone
	}
	return Credential{Method: SecretPost, ClientID: p.ClientID, Secret: p.ClientSecret}, nil
}

// readHeader reads the credential of an Authorization header. Basic is the only scheme for
// clients (RFC 6749 section 2.3.1). A client_id in the body as well must be the same.
func readHeader(header, bodyClientID string) (Credential, error) {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return Credential{ClientID: bodyClientID}, ErrUnsupportedMethod
	}
	id, secret, ok := ParseBasic(strings.TrimLeft(rest, " "))
	if !ok {
		return Credential{ClientID: bodyClientID}, ErrMalformedBasic
	}
	if bodyClientID != "" && bodyClientID != id {
		return Credential{ClientID: bodyClientID}, ErrClientIDsDiffer
	}
	return Credential{Method: SecretBasic, ClientID: id, Secret: secret}, nil
}

// ParseBasic decodes what follows "Basic " in the Authorization header: padded
// base64 of two form-encoded halves (RFC 6749 section 2.3.1). Libraries that
// leave the form encoding out agree on every id and secret of [A-Za-z0-9._-].
func ParseBasic(token68 string) (id, secret string, ok bool) {
	decoded, err := base64.StdEncoding.Strict().DecodeString(token68)
	if err != nil || strings.ContainsAny(token68, "\r\n") {
		return "", "", false
	}
	rawID, rawSecret, ok := strings.Cut(string(decoded), ":")
	if !ok {
		return "", "", false
	}
	id, ok1 := formDecode(rawID)
	secret, ok2 := formDecode(rawSecret)
	return id, secret, ok1 && ok2 && id != "" && secret != ""
}

// formDecode undoes application/x-www-form-urlencoded and refuses what no
// credential holds: control characters and bytes that are not UTF-8.
func formDecode(s string) (string, bool) {
	decoded, err := url.QueryUnescape(s)
	if err != nil || !utf8.ValidString(decoded) {
		return "", false
	}
	for i := 0; i < len(decoded); i++ {
		if decoded[i] < 0x20 || decoded[i] == 0x7f {
			return "", false
		}
	}
	return decoded, true
}

// Why a credential is refused. The client sees one answer for all of them.
var (
	ErrUnknownClient    = errors.New("no client has this client_id")
	ErrWrongSecret      = errors.New("the secret matches none of the client's")
	ErrExpiredSecret    = errors.New("the secret has expired")
	ErrEarlySecret      = errors.New("the secret is not valid yet")
	ErrNoSecrets        = errors.New("the client has no secret to authenticate with")
	ErrUnreadableSecret = errors.New("none of the client's secret hashes could be read")
)

// Secrets checks client secrets against one snapshot. It is immutable.
//
// Every refusal costs the same, so that its time tells neither whether the client
// exists nor what its secrets are: as many comparisons as the client with the most
// secrets needs, and of each kind of slow hash in the snapshot as many computations as
// the client with the most of that kind needs. The snapshot alone decides how many
// these are, so that they are the same at every server and after every start.
type Secrets struct {
	snap     *snapshot.Snapshot
	resolved map[string]string // readable hashes by the reference that names them, a PHC string by itself
	slow     *SlowHashes
	seed     maphash.Seed
	most     int        // secrets of one client
	standIns []slowWork // one for each kind, in the order of the snapshot
	work     *Work
}

// A slowWork is slow hashes of one kind, all of one client.
type slowWork struct {
	kind   string
	hashes []string
}

// An Unusable is a client secret whose hash could not be had.
type Unusable struct {
	Client string // label
	Secret string // label
	Err    error
}

// NewSecrets resolves every reference to a hash in the snapshot. Those that
// cannot be read or hold no hash are returned: they match nothing.
// work is nil but in tests.
func NewSecrets(snap *snapshot.Snapshot, resolve func(schema.SecretRef) (string, error), slow *SlowHashes, work *Work) (*Secrets, []Unusable) {
	s := &Secrets{snap: snap, resolved: map[string]string{}, slow: slow, seed: maphash.MakeSeed(), work: work}
	var unusable []Unusable
	for i := range snap.NumClients() {
		client := snap.Client(i)
		var hashes []string
		secrets := 0
		for secret := range client.Secrets() {
			secrets++
			if err := s.resolve(secret, resolve); err != nil {
				unusable = append(unusable, Unusable{Client: client.Label(), Secret: secret.Label(), Err: err})
			} else if hash, ok := s.slowHash(secret); ok && !slices.Contains(hashes, hash) {
				hashes = append(hashes, hash)
			}
		}
		s.most = max(s.most, secrets)
		s.standIn(hashes)
	}
	return s, unusable
}

// standIn notes the slow hashes of a client, of each kind where it has the most so far.
func (s *Secrets) standIn(hashes []string) {
	for _, work := range byKind(hashes) {
		i := slices.IndexFunc(s.standIns, func(w slowWork) bool { return w.kind == work.kind })
		if i < 0 {
			s.standIns = append(s.standIns, work)
		} else if len(work.hashes) > len(s.standIns[i].hashes) {
			s.standIns[i] = work
		}
	}
}

// byKind sorts slow hashes.
func byKind(hashes []string) (works []slowWork) {
	for _, hash := range hashes {
		kind := slowKind(hash)
		i := slices.IndexFunc(works, func(w slowWork) bool { return w.kind == kind })
		if i < 0 {
			i, works = len(works), append(works, slowWork{kind: kind})
		}
		works[i].hashes = append(works[i].hashes, hash)
	}
	return works
}

// slowHash returns the hash of a secret that has a slow one.
func (s *Secrets) slowHash(secret snapshot.Secret) (hash string, ok bool) {
	if secret.Kind() != snapshot.SecretSHA256 {
		hash = s.resolved[secret.Text()]
	}
	return hash, isSlow(hash)
}

// resolve makes sure that the secret's hash can be compared with.
func (s *Secrets) resolve(secret snapshot.Secret, resolve func(schema.SecretRef) (string, error)) error {
	switch secret.Kind() {
	case snapshot.SecretSHA256:
		return nil
	case snapshot.SecretPHC:
		err := checkHash(secret.Text())
		if err == nil {
			s.resolved[secret.Text()] = secret.Text()
		}
		return err
	}
	ref := secret.Text()
	if _, ok := s.resolved[ref]; ok {
		return nil
	}
	hash, err := resolve(schema.SecretRef(ref))
	if err != nil {
		return err
	}
	if err := checkHash(hash); err != nil {
		return fmt.Errorf("what %q names: %w", ref, err)
	}
	s.resolved[ref] = hash
	return nil
}

// Usable reports whether some client could authenticate with a secret.
func (s *Secrets) Usable() bool {
	for i := range s.snap.NumClients() {
		for secret := range s.snap.Client(i).Secrets() {
			if s.usable(secret) {
				return true
			}
		}
	}
	return false
}

// usable reports whether there is a hash to compare with: one in the snapshot itself, or one
// that was read from where the snapshot refers to.
func (s *Secrets) usable(secret snapshot.Secret) bool {
	_, ok := s.resolved[secret.Text()]
	return ok || secret.Kind() == snapshot.SecretSHA256
}

// Verify finds the client whose credential is presented from an address at now, in
// Unix seconds, and the label of the secret that it is. The zero address is none.
// ErrBusy and a context's error mean that nothing was decided.
func (s *Secrets) Verify(ctx context.Context, addr netip.Addr, cred Credential, now int64) (client snapshot.Client, label string, err error) {
	client, known := s.snap.ClientByID(cred.ClientID)
	s.work.Did("look-up")
	subject, any := s.decoy(cred.ClientID)
	if any {
		s.snap.ClientByID(decoyLookup(subject.ClientID(), known))
		s.work.Did("look-up")
	}
	if known {
		subject = client
	}
	label, slow, outcome := s.compare(subject, any, cred.Secret, now)
	if !known {
		label, slow, outcome = "", nil, ErrUnknownClient // what it was compared with is another client's
	}
	if outcome != nil && len(s.standIns) > 0 {
		found, err := s.compute(ctx, addr, cred, slow)
		if err != nil {
			return snapshot.Client{}, "", err
		}
		if found != "" {
			return client, found, nil
		}
	}
	return client, label, outcome
}

// A slowSecret is a live one of a client.
type slowSecret struct{ label, hash string }

// compare holds the secret against the fast hashes of a client, if there is any, and
// finds the slow ones that are left to try.
func (s *Secrets) compare(client snapshot.Client, any bool, presented string, now int64) (label string, slow []slowSecret, outcome error) {
	sum := sha256.Sum256([]byte(presented))
	outcome = ErrNoSecrets
	comparisons := 0
	if any {
		for secret := range client.Secrets() {
			window := secret.Window()
			want, err := s.fastHash(secret)
			match := subtle.ConstantTimeCompare(sum[:], want[:]) == 1 && err == nil
			s.work.Did("comparison")
			comparisons++
			switch hash, isSlow := s.slowHash(secret); {
			case match && window.Contains(now):
				label, err = secret.Label(), nil
			case match && now < window.NotBefore:
				err = ErrEarlySecret
			case match:
				err = ErrExpiredSecret
			case err == nil:
				err = ErrWrongSecret
				if isSlow && window.Contains(now) {
					slow = append(slow, slowSecret{secret.Label(), hash})
				}
			}
			outcome = clearerOutcome(outcome, err)
		}
	}
	for ; comparisons < s.most; comparisons++ {
		subtle.ConstantTimeCompare(sum[:], dummy[:])
		s.work.Did("comparison")
	}
	return label, slow, outcome
}

// compute tries the slow hashes and returns the label of the one that matches, "" for
// none, after which stand-ins have made it as many of each kind as every refusal costs.
func (s *Secrets) compute(ctx context.Context, addr netip.Addr, cred Credential, slow []slowSecret) (label string, err error) {
	var tried []string
	for _, secret := range slow {
		if slices.Contains(tried, secret.hash) {
			continue
		}
		match, err := s.slow.matches(ctx, addr, cred, secret.hash)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || match {
			return secret.label, err
		}
		tried = append(tried, secret.hash)
	}
	done := byKind(tried)
	for _, work := range s.standIns {
		n := 0
		if i := slices.IndexFunc(done, func(w slowWork) bool { return w.kind == work.kind }); i >= 0 {
			n = len(done[i].hashes)
		}
		for _, hash := range work.hashes[n:] {
			if _, err := s.slow.matches(ctx, addr, cred, hash); err != nil {
				return "", err
			}
		}
	}
	return "", ctx.Err()
}

// decoyLookup returns the client_id for a second look-up, so that every request makes
// one that hits and one that misses: the decoy's after an unknown client, and the
// decoy's with one bit flipped after a known one. It is a copy, because a string that is
// compared with itself is found equal without a look at its bytes.
func decoyLookup(decoy string, known bool) string {
	var buffer [32]byte
	id := append(buffer[:0], decoy...)
	var flip byte // no branch: to guess one wrongly takes as long as a lookup
	if known {
		flip = 1
	}
	if last := len(id) - 1; last >= 0 {
		id[last] ^= flip
	}
	return string(id)
}

// dummy is the fast hash of no secret, and of those that have a slow one.
var dummy [sha256.Size]byte

// decoy picks the client whose secrets stand in for those of an unknown client; ok is
// false in a snapshot without clients.
func (s *Secrets) decoy(clientID string) (client snapshot.Client, ok bool) {
	n := s.snap.NumClients()
	if n == 0 {
		return snapshot.Client{}, false
	}
	return s.snap.Client(int(maphash.String(s.seed, clientID) % uint64(n))), true
}

// fastHash is what the secret is compared with: dummy when its hash is slow.
func (s *Secrets) fastHash(secret snapshot.Secret) ([sha256.Size]byte, error) {
	if secret.Kind() == snapshot.SecretSHA256 {
		return secret.SHA256(), nil
	}
	hash, ok := s.resolved[secret.Text()]
	if !ok {
		return dummy, ErrUnreadableSecret
	}
	if sum, ok := fastSum(hash); ok {
		return sum, nil
	}
	return dummy, nil
}

// clearerOutcome returns the outcome of two that says more: success, then what was wrong
// with a matching secret, then that none matched.
func clearerOutcome(a, b error) error {
	for _, err := range []error{nil, ErrExpiredSecret, ErrEarlySecret, ErrWrongSecret, ErrUnreadableSecret} {
		if a == err || b == err {
			return err
		}
	}
	return a
}

// fastPrefix introduces the hash of a machine-made secret, whose 256 random
// bits need no slow hash.
const fastPrefix = "sha256:"

// maxBcryptSecret is how much of a secret bcrypt compares, in bytes: a longer
// one would match by its beginning.
const maxBcryptSecret = 72

// checkHash reports why a hash cannot be compared with: what the language
// refuses, and a reference, because a reference holds a hash and no other
// reference. The error does not repeat the value.
func checkHash(hash string) error {
	if _, ok := fastSum(hash); !ok && !isSlow(hash) {
		return errHash
	}
	return schema.CheckSecretHash(hash)
}

var errHash = errors.New("not the hash of a secret: \"sha256:...\", argon2id or bcrypt")

// fastSum decodes "sha256:" and unpadded base64url of 32 bytes.
func fastSum(hash string) (sum [sha256.Size]byte, ok bool) {
	encoded, ok := strings.CutPrefix(hash, fastPrefix)
	if !ok || len(encoded) != base64.RawURLEncoding.EncodedLen(len(sum)) {
		return sum, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(sum[:], []byte(encoded))
	return sum, err == nil && n == len(sum)
}

// isSlow reports whether a hash is of a password hash function, argon2id or bcrypt: their
// formats begin with "$".
func isSlow(hash string) bool { return strings.HasPrefix(hash, "$") }

// compareSlow reports whether a secret has an argon2id or bcrypt hash.
func compareSlow(hash, secret string) bool {
	compare, err := slowHash(hash)
	return err == nil && compare(secret)
}

// slowKind is what the work of computing a slow hash depends on: the scheme and its
// parameters, without the salt and the key.
func slowKind(hash string) string {
	if rest, ok := strings.CutPrefix(hash, "$argon2id$"); ok {
		fields := strings.Split(rest, "$") // version, parameters, salt, key
		return "argon2id " + fields[1]
	}
	return "bcrypt " + hash[len("$2b$"):][:2] // the prefixes of bcrypt compute alike
}

// slowHash makes the comparison with an argon2id or bcrypt hash. It refuses
// parameters that would burden the server.
func slowHash(hash string) (func(secret string) bool, error) {
	if err := checkHash(hash); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(hash, "$argon2id$") {
		return func(secret string) bool {
			return len(secret) <= maxBcryptSecret && bcrypt.CompareHashAndPassword([]byte(hash), []byte(secret)) == nil
		}, nil
	}
	return parseArgon2id(hash)
}

// parseArgon2id reads a PHC string: $argon2id$v=19$m=<KiB>,t=<passes>,p=<threads>$<salt>$<key>.
func parseArgon2id(hash string) (func(secret string) bool, error) {
	var memory, passes uint32
	var threads uint8
	fields := strings.Split(hash, "$")
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil {
		return nil, fmt.Errorf("argon2id parameters: %w", err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(fields[4])
	if err != nil {
		return nil, fmt.Errorf("argon2id salt: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(fields[5])
	if err != nil {
		return nil, fmt.Errorf("argon2id key: %w", err)
	}
	return func(secret string) bool {
		key := argon2.IDKey([]byte(secret), salt, passes, memory, threads, uint32(len(want)))
		return subtle.ConstantTimeCompare(key, want) == 1
	}, nil
}

// A Work is the list of what was done to check credentials: look-ups, comparisons,
// slow hashes and signatures. It is for tests, which hold each kind of refusal to the
// same work, one request after the other. A nil *Work is what a server has: it costs
// a branch.
type Work struct{ Done []string }

// Did appends one thing.
func (w *Work) Did(what string) {
	if w != nil {
		w.Done = append(w.Done, what)
	}
}
