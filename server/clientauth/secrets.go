package clientauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// Why a credential is refused. The client sees one answer for all of them.
var (
	ErrUnknownClient    = errors.New("no client has this client_id")
	ErrWrongSecret      = errors.New("the secret matches none of the client's")
	ErrExpiredSecret    = errors.New("the secret has expired")
	ErrEarlySecret      = errors.New("the secret is not valid yet")
	ErrNoSecrets        = errors.New("the client has no secret to authenticate with")
	ErrUnreadableSecret = errors.New("none of the client's secret hashes could be read")
)

// leastComparisons is how many comparisons every check makes, so that the
// number of a client's secrets does not show in the time.
const leastComparisons = 4

// Secrets checks client secrets against one snapshot. It is immutable.
type Secrets struct {
	snap     *snapshot.Snapshot
	resolved map[string]string // hashes by the reference that names them
	slow     *SlowHashes
	seed     maphash.Seed
}

// An Unusable is a client secret whose hash could not be had.
type Unusable struct {
	Client string // label
	Secret string // label
	Err    error
}

// NewSecrets resolves every reference to a hash in the snapshot. Those that
// cannot be read or hold no hash are returned: they match nothing.
func NewSecrets(snap *snapshot.Snapshot, resolve func(schema.SecretRef) (string, error), slow *SlowHashes) (*Secrets, []Unusable) {
	s := &Secrets{snap: snap, resolved: map[string]string{}, slow: slow, seed: maphash.MakeSeed()}
	var unusable []Unusable
	for i := range snap.NumClients() {
		client := snap.Client(i)
		for secret := range client.Secrets() {
			if err := s.resolve(secret, resolve); err != nil {
				unusable = append(unusable, Unusable{Client: client.Label(), Secret: secret.Label(), Err: err})
			}
		}
	}
	return s, unusable
}

// resolve makes sure that the secret's hash can be compared with.
func (s *Secrets) resolve(secret snapshot.Secret, resolve func(schema.SecretRef) (string, error)) error {
	switch secret.Kind() {
	case snapshot.SecretSHA256:
		return nil
	case snapshot.SecretPHC:
		return checkHash(secret.Text())
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

func (s *Secrets) usable(secret snapshot.Secret) bool {
	switch secret.Kind() {
	case snapshot.SecretSHA256:
		return true
	case snapshot.SecretPHC:
		return checkHash(secret.Text()) == nil
	}
	_, ok := s.resolved[secret.Text()]
	return ok
}

// Verify finds the client whose credential is presented at now, in Unix
// seconds, and the label of the secret that it is. For an unknown client it does the work of a known one, picked by a
// keyed hash of the client_id: the time tells as little as the answer. ErrBusy
// and a context's error mean that nothing was decided.
func (s *Secrets) Verify(ctx context.Context, cred Credential, now int64) (client snapshot.Client, label string, err error) {
	sum := sha256.Sum256([]byte(cred.Secret))
	client, known := s.snap.ClientByID(cred.ClientID)
	subject, any := s.decoy(cred.ClientID)
	if any {
		s.snap.ClientByID(second(subject.ClientID(), known))
	}
	if known {
		subject = client
	}
	outcome := ErrNoSecrets
	comparisons := 0
	if any {
		for secret := range subject.Secrets() {
			err := s.compare(ctx, secret, cred.Secret, sum, now)
			if errors.Is(err, ErrBusy) || ctx.Err() != nil {
				return snapshot.Client{}, "", err
			}
			if err == nil {
				label = secret.Label()
			}
			outcome = better(outcome, err)
			comparisons++
		}
	}
	for ; comparisons < leastComparisons; comparisons++ {
		subtle.ConstantTimeCompare(sum[:], dummy[:])
	}
	if !known {
		return snapshot.Client{}, "", ErrUnknownClient
	}
	return client, label, outcome
}

// second is the client_id to look up after the one that was claimed, of which one is
// there and one is not: a decoy's, not quite when the one that was claimed was there.
// It is a copy, as what is compared with itself is soon found equal.
func second(decoy string, known bool) string {
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

// dummy is the hash of no secret.
var dummy [sha256.Size]byte

// decoy picks the client whose work an unknown one causes; ok is false in a
// snapshot without clients.
func (s *Secrets) decoy(clientID string) (client snapshot.Client, ok bool) {
	n := s.snap.NumClients()
	if n == 0 {
		return snapshot.Client{}, false
	}
	return s.snap.Client(int(maphash.String(s.seed, clientID) % uint64(n))), true
}

// compare checks one secret: nil when it matches and is live.
func (s *Secrets) compare(ctx context.Context, secret snapshot.Secret, presented string, sum [sha256.Size]byte, now int64) error {
	window := secret.Window()
	match, err := s.matches(ctx, secret, presented, sum, window.Contains(now))
	switch {
	case err != nil:
		return err
	case !match:
		return ErrWrongSecret
	case now < window.NotBefore:
		return ErrEarlySecret
	case !window.Contains(now):
		return ErrExpiredSecret
	}
	return nil
}

// matches compares the presented secret with one hash. A slow hash is computed
// for a live secret only.
func (s *Secrets) matches(ctx context.Context, secret snapshot.Secret, presented string, sum [sha256.Size]byte, live bool) (bool, error) {
	want := secret.SHA256()
	if secret.Kind() != snapshot.SecretSHA256 {
		hash := secret.Text()
		if secret.Kind() == snapshot.SecretReference {
			var ok bool
			if hash, ok = s.resolved[hash]; !ok {
				return false, ErrUnreadableSecret
			}
		}
		fast, ok := fastSum(hash)
		if !ok {
			if !live {
				return false, nil
			}
			return s.slow.matches(ctx, hash, presented)
		}
		want = fast
	}
	return subtle.ConstantTimeCompare(sum[:], want[:]) == 1, nil
}

// better is the outcome of two that says more: success, then what was wrong
// with a matching secret, then that none matched.
func better(a, b error) error {
	for _, err := range []error{nil, ErrExpiredSecret, ErrEarlySecret, ErrWrongSecret, ErrUnreadableSecret} {
		if a == err || b == err {
			return err
		}
	}
	return a
}
