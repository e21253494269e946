package active

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/remedy"
	"github.com/writ-auth/writ/server/token"
)

// buildKeys gathers the keys that the snapshot signs with: those it declares,
// managed ones for the algorithms in use without a declared key, and one HS256
// key per API that has a secret. Each signs a token that is verified. A key that
// cannot be read is a problem of what needs it; none at all is an error.
func (a *Activator) buildKeys(s *State) (*token.Keys, error) {
	scheduled, declared := a.declaredKeys(s)
	secrets := map[string]*token.Key{}
	var need token.Need
	used := map[schema.SigningAlg]int{}
	for i := range s.Snapshot.NumAPIs() {
		api := s.Snapshot.API(i)
		need.Longest = max(need.Longest, api.TokenLifetime())
		used[api.Alg()]++
		if api.Alg() == schema.HS256 {
			if key := a.secretKey(s, api.Label(), api.SigningSecret()); key != nil {
				secrets[api.Label()] = key
			}
		}
	}
	for _, alg := range jose.Algs(jose.APITokens) {
		if used[alg] == 0 {
			continue
		}
		s.algorithms = append(s.algorithms, AlgorithmUse{Alg: alg, APIs: used[alg]})
		if alg != schema.HS256 && !declared[alg] {
			need.Algs = append(need.Algs, alg)
		}
	}
	keys := token.NewKeys(scheduled, secrets).WithManaged(a.Managed, need)
	failed := keys.Maintain(context.Background(), a.Now())
	s.unsigned = len(failed)
	for _, alg := range need.Algs {
		if err := failed[alg]; err != nil {
			s.Problems = append(s.Problems, newProblem("signing_alg "+string(alg), err))
		}
	}
	if s.Snapshot.NumAPIs() > 0 && len(scheduled) == 0 && len(secrets) == 0 && len(failed) == len(need.Algs) {
		first := s.Problems[0]
		return nil, remedy.With(errors.Join(errors.New("no signing key can be used"), first), first.Action)
	}
	return keys, nil
}

// KeysMissing says which algorithms in use have no key, and why that keeps the server
// from being ready. It is nil once the server has been ready.
func (a *Activator) KeysMissing() error {
	s := a.Current()
	if s == nil || a.Ready() {
		return nil
	}
	var errs []error
	for _, alg := range s.withoutKey(a.Now()) {
		err := remedy.With(fmt.Errorf("no key signs with %s", alg), "declare a signing_key that is active now")
		for _, p := range a.Problems(s) {
			if s.leavesWithoutKey(p, alg) {
				err = remedy.With(fmt.Errorf("no key signs with %s: %w", alg, p), p.Action)
				break
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// leavesWithoutKey reports whether the problem is one of a key of the algorithm.
func (s *State) leavesWithoutKey(p Problem, alg schema.SigningAlg) bool {
	switch p.Kind() {
	case "signing_alg":
		return strings.HasSuffix(p.Address, " "+string(alg))
	case "api":
		return alg == schema.HS256
	case "signing_key":
		for i := range s.Snapshot.NumSigningKeys() {
			if entry := s.Snapshot.SigningKey(i); entry.Alg == alg && p.Address == "signing_key."+entry.Label {
				return true
			}
		}
	}
	return false
}

// KeyFaults are the problems that managed keys have now and that are none of the
// state's own.
func (a *Activator) KeyFaults(s *State) (found []Problem) {
	faults := a.Managed.Faults()
	for _, alg := range slices.Sorted(maps.Keys(faults)) {
		p := newProblem("signing_alg "+string(alg), faults[alg])
		if !slices.ContainsFunc(s.Problems, func(known Problem) bool { return known.Address == p.Address }) {
			found = append(found, p)
		}
	}
	return found
}

// retryKeys is how often keys are looked for that are missing.
const retryKeys = time.Second

// maintainKeys looks after the managed keys until ctx ends: it makes each in time to
// be announced, finds those of other processes and removes expired ones. A snapshot, or
// an algorithm of the one in force, that has no keys gets them as soon as they are there.
func (a *Activator) maintainKeys(ctx context.Context) {
	for {
		wait := token.Rescan
		if a.keysMissing() {
			wait = retryKeys
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-a.lacking:
			timer.Stop()
			continue
		case <-timer.C:
		}
		a.retry()
		s := a.Current()
		if s == nil {
			continue
		}
		if failed := s.Keys().Maintain(ctx, a.Now()); len(failed) < s.unsigned {
			_ = a.Refresh() // what was not served for want of these keys is served now
		}
		a.Ready() // which is for good, and in the log
	}
}

// keysMissing reports whether something waits for keys.
func (a *Activator) keysMissing() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.Current()
	return a.waiting != nil || s != nil && s.unsigned > 0
}

// lacks wakes who looks after the keys: from now on something waits for some.
func (a *Activator) lacks() {
	select {
	case a.lacking <- struct{}{}:
	default:
	}
}

// declaredKeys loads the signing_key entries. declared says which algorithms
// have one, whether it could be loaded or not: writ never puts a key of its own
// in the place of a declared one.
func (a *Activator) declaredKeys(s *State) (keys []token.Scheduled, declared map[schema.SigningAlg]bool) {
	declared = map[schema.SigningAlg]bool{}
	for i := range s.Snapshot.NumSigningKeys() {
		entry := s.Snapshot.SigningKey(i)
		declared[entry.Alg] = true
		key, err := a.declaredKey(entry)
		if err != nil {
			s.Problems = append(s.Problems, newProblem("signing_key."+entry.Label, err))
			continue
		}
		keys = append(keys, token.Scheduled{Key: key, ActivatesAt: entry.ActivatesAt, RetiresAt: entry.RetiresAt})
	}
	return keys, declared
}

// declaredKey reads a declared key from its file, variable or PKCS #11 token, and has it sign
// once. Of an absent folder the error says that, and not that the file is absent.
func (a *Activator) declaredKey(entry schema.SigningKey) (*token.Key, error) {
	if strings.HasPrefix(string(entry.PrivateKey), "pkcs11:") {
		return a.tokenKey(entry)
	}
	file, err := a.resolve(entry.PrivateKey, a.KeyFolder, "a folder in --keys")
	if err != nil {
		if _, absent := os.ReadDir(a.KeyFolder); absent != nil && a.KeyFolder != "" {
			err = remedy.Folder(absent, a.KeyFolder)
		}
		return nil, err
	}
	a.warnExposed(entry)
	key, err := token.ParsePEM(entry.Alg, file)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", entry.PrivateKey, err)
	}
	return key, key.SelfTest()
}

// warnExposed logs, at every activation, that others may read a private key. The key
// is used all the same, because secrets that Kubernetes mounts belong to a group.
func (a *Activator) warnExposed(entry schema.SigningKey) {
	name, ok := strings.CutPrefix(string(entry.PrivateKey), "file:")
	if !ok || a.retrying {
		return
	}
	if mode, exposed := token.Exposed(filepath.Join(a.KeyFolder, name)); exposed {
		a.Logger.Warn("KEY FILE IS READABLE BY OTHERS: chmod 600 it, and replace the key if somebody may have read it",
			"address", "signing_key."+entry.Label, "file", name, "mode", mode.String())
	}
}

// secretKey makes the HS256 key of an API, nil when its secret cannot be read.
func (a *Activator) secretKey(s *State, label string, ref schema.SecretRef) *token.Key {
	secret, err := a.secret(ref)
	var key *token.Key
	if err == nil {
		key, err = token.NewSecretKey(secret)
	}
	if err == nil {
		err = key.SelfTest()
	}
	if err != nil {
		s.Problems = append(s.Problems, newProblem("api."+label, err))
		return nil
	}
	return key
}

// tokenKey finds a signing key in a PKCS #11 token, which it never leaves.
func (a *Activator) tokenKey(entry schema.SigningKey) (*token.Key, error) {
	named, err := schema.ParsePKCS11(string(entry.PrivateKey))
	if err != nil {
		return nil, err
	}
	var pin []byte
	if named.PIN != "" {
		if pin, err = a.secret(named.PIN); err != nil {
			return nil, fmt.Errorf("PIN: %w", err)
		}
	}
	signer, err := a.Tokens.Signer(named, string(pin))
	if err != nil {
		return nil, fmt.Errorf("%q: %w", entry.PrivateKey, err)
	}
	key, err := token.NewKey(entry.Alg, signer)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", entry.PrivateKey, err)
	}
	return key, key.SelfTest()
}

// maxReferenced bounds a secret or key, in bytes.
const maxReferenced = 64 << 10

// secret reads an HS256 signing secret. One trailing newline is not part of it.
func (a *Activator) secret(ref schema.SecretRef) ([]byte, error) {
	value, err := a.resolve(ref, a.SecretFolder, "--secrets")
	if err != nil {
		return nil, err
	}
	value = bytes.TrimSuffix(value, []byte("\n"))
	return bytes.TrimSuffix(value, []byte("\r")), nil
}

// secretHash reads the hash of a client secret.
func (a *Activator) secretHash(ref schema.SecretRef) (string, error) {
	value, err := a.resolve(ref, a.SecretFolder, "--secrets")
	return strings.TrimSpace(string(value)), err
}

// resolve reads what "env:NAME" or "file:NAME" names. A file's name stays inside
// the folder, links included. flag is what names the folder.
func (a *Activator) resolve(ref schema.SecretRef, dir, flag string) ([]byte, error) {
	kind, name, _ := strings.Cut(string(ref), ":")
	switch kind {
	case "env":
		if value := a.Getenv(name); value != "" {
			return []byte(value), nil
		}
		return nil, remedy.With(fmt.Errorf("environment variable %q is not set", name), "start writd with "+name+" in its environment")
	case "file":
		if dir == "" {
			return nil, remedy.With(fmt.Errorf("%q needs %s", ref, flag), "start writd with "+flag+" FOLDER, in which there is "+name)
		}
		return readInside(dir, name)
	}
	return nil, fmt.Errorf("%q is not a reference", ref)
}

// readInside reads a regular file of bounded size from inside a folder. The
// folder is opened anew each time: it may have been replaced.
func readInside(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, remedy.Folder(err, dir)
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return nil, inside(dir, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxReferenced {
		return nil, fmt.Errorf("%q is not a regular file of at most %d bytes", name, maxReferenced)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, inside(dir, err)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxReferenced))
}

// inside completes the path of an error that os.Root gives, which is the path below
// the folder.
func inside(dir string, err error) error {
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		return &os.PathError{Op: failed.Op, Path: filepath.Join(dir, failed.Path), Err: failed.Err}
	}
	return err
}
