package server

import (
	"errors"
	"fmt"
	"slices"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/token"
)

// buildKeys gathers the keys that the snapshot signs with: those it declares,
// generated ones for the algorithms in use without a declared key, and one
// HS256 key per API that has a secret. Each signs a token that is verified. A
// key that cannot be had is a problem of what needs it; none at all is an error.
func (s *Server) buildKeys(a *Active) (*token.Keys, error) {
	scheduled, declared := s.declaredKeys(a)
	secrets := map[string]*token.Key{}
	used := map[schema.SigningAlg]bool{}
	for i := range a.snapshot.NumAPIs() {
		api := a.snapshot.API(i)
		used[api.Alg()] = true
		if api.Alg() == schema.HS256 {
			if key := s.secretKey(a, api.Label(), api.SigningSecret()); key != nil {
				secrets[api.Label()] = key
			}
		}
	}
	for _, alg := range algorithms {
		if alg == schema.HS256 || !used[alg] || declared[alg] {
			continue
		}
		key, err := s.generated.Key(alg)
		if err == nil {
			err = key.SelfTest()
		}
		if err != nil {
			a.problems = append(a.problems, Problem{Address: "signing_alg " + string(alg), Reason: err.Error()})
			continue
		}
		scheduled = append(scheduled, token.Scheduled{Key: key})
	}
	if a.snapshot.NumAPIs() > 0 && len(scheduled) == 0 && len(secrets) == 0 {
		return nil, errors.Join(errors.New("no signing key can be used"), a.problems[0])
	}
	return token.NewKeys(scheduled, secrets), nil
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
	file, err := s.refs.privateKey(entry.PrivateKey)
	if err != nil {
		return nil, err
	}
	key, err := token.ParsePEM(entry.Alg, file)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", entry.PrivateKey, err)
	}
	return key, key.SelfTest()
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

// algorithms in the order in which the metadata lists them.
var algorithms = []schema.SigningAlg{schema.RS256, schema.PS256, schema.ES256, schema.EdDSA, schema.HS256}

// algorithmsInUse are those that some API's tokens are signed with.
func algorithmsInUse(a *Active) []schema.SigningAlg {
	used := map[schema.SigningAlg]bool{}
	for i := range a.snapshot.NumAPIs() {
		used[a.snapshot.API(i).Alg()] = true
	}
	return slices.DeleteFunc(slices.Clone(algorithms), func(alg schema.SigningAlg) bool { return !used[alg] })
}
