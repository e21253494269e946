package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/token"
)

// buildKeys gathers the keys that the snapshot signs with: those it declares,
// managed ones for the algorithms in use without a declared key, and one HS256
// key per API that has a secret. Each signs a token that is verified. A key that
// cannot be had is a problem of what needs it; none at all is an error.
func (s *Server) buildKeys(a *Active) (*token.Keys, error) {
	scheduled, declared := s.declaredKeys(a)
	secrets := map[string]*token.Key{}
	var need token.Need
	for i := range a.snapshot.NumAPIs() {
		api := a.snapshot.API(i)
		need.Longest = max(need.Longest, api.TokenLifetime())
		if api.Alg() == schema.HS256 {
			if key := s.secretKey(a, api.Label(), api.SigningSecret()); key != nil {
				secrets[api.Label()] = key
			}
		}
	}
	need.Algs = slices.DeleteFunc(algorithmsInUse(a), func(alg schema.SigningAlg) bool {
		return alg == schema.HS256 || declared[alg]
	})
	keys := token.NewKeys(scheduled, secrets).WithManaged(s.managed, need)
	failed := keys.Maintain(s.opts.Now())
	for _, alg := range need.Algs {
		if err := failed[alg]; err != nil {
			a.problems = append(a.problems, Problem{Address: "signing_alg " + string(alg), Reason: err.Error()})
		}
	}
	if a.snapshot.NumAPIs() > 0 && len(scheduled) == 0 && len(secrets) == 0 && len(failed) == len(need.Algs) {
		return nil, errors.Join(errors.New("no signing key can be used"), a.problems[0])
	}
	return keys, nil
}

// keyFaults are the problems that managed keys have now, beside those that a
// had when it was built.
func (s *Server) keyFaults(a *Active) (found []Problem) {
	faults := s.managed.Faults()
	for _, alg := range slices.Sorted(maps.Keys(faults)) {
		p := Problem{Address: "signing_alg " + string(alg), Reason: faults[alg]}
		if !slices.ContainsFunc(a.problems, func(known Problem) bool { return known.Address == p.Address }) {
			found = append(found, p)
		}
	}
	return found
}

// KeepKeys looks after the managed keys until ctx ends: it makes each in time to
// be announced, finds those of other processes and removes expired ones. Serve
// does it by itself; whoever serves the handlers otherwise calls this.
func (s *Server) KeepKeys(ctx context.Context) {
	tick := time.NewTicker(token.Rescan)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if a := s.active.Load(); a != nil {
				a.Keys().Maintain(s.opts.Now())
			}
		}
	}
}

// declaredKeys loads the signing_key entries. declared says which algorithms
// have one, whether it could be loaded or not: writ never puts a key of its own
// in the place of a declared one.
func (s *Server) declaredKeys(a *Active) (keys []token.Scheduled, declared map[schema.SigningAlg]bool) {
	declared = map[schema.SigningAlg]bool{}
	for i := range a.snapshot.NumSigningKeys() {
		entry := a.snapshot.SigningKey(i)
		declared[entry.Alg] = true
		key, err := s.declaredKey(entry)
		if err != nil {
			a.problems = append(a.problems, Problem{Address: "signing_key." + entry.Label, Reason: err.Error()})
			continue
		}
		keys = append(keys, token.Scheduled{Key: key, ActivatesAt: entry.ActivatesAt, RetiresAt: entry.RetiresAt})
	}
	return keys, declared
}

func (s *Server) declaredKey(entry schema.SigningKey) (*token.Key, error) {
	if strings.HasPrefix(string(entry.PrivateKey), "pkcs11:") {
		return s.tokenKey(entry)
	}
	file, err := s.refs.privateKey(entry.PrivateKey)
	if err != nil {
		return nil, err
	}
	s.warnExposed(entry)
	key, err := token.ParsePEM(entry.Alg, file)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", entry.PrivateKey, err)
	}
	return key, key.SelfTest()
}

// warnExposed says, at every activation, that others may read a private key. It
// is served all the same: secrets that Kubernetes mounts belong to a group.
func (s *Server) warnExposed(entry schema.SigningKey) {
	name, ok := strings.CutPrefix(string(entry.PrivateKey), "file:")
	if !ok {
		return
	}
	if mode, exposed := token.Exposed(filepath.Join(s.opts.Keys, name)); exposed {
		s.log.Warn("KEY FILE IS READABLE BY OTHERS: chmod 600 it, and replace the key if somebody may have read it",
			"address", "signing_key."+entry.Label, "file", name, "mode", mode.String())
	}
}

// secretKey makes the HS256 key of an API, nil when its secret cannot be had.
func (s *Server) secretKey(a *Active, label string, ref schema.SecretRef) *token.Key {
	secret, err := s.refs.secret(ref)
	var key *token.Key
	if err == nil {
		key, err = token.NewSecretKey(secret)
	}
	if err == nil {
		err = key.SelfTest()
	}
	if err != nil {
		a.problems = append(a.problems, Problem{Address: "api." + label, Reason: err.Error()})
		return nil
	}
	return key
}

// algorithmsInUse are those that some API's tokens are signed with, in the order in
// which the metadata lists them.
func algorithmsInUse(a *Active) []schema.SigningAlg {
	used := map[schema.SigningAlg]bool{}
	for i := range a.snapshot.NumAPIs() {
		used[a.snapshot.API(i).Alg()] = true
	}
	return slices.DeleteFunc(jose.Algs(jose.APITokens), func(alg schema.SigningAlg) bool { return !used[alg] })
}
