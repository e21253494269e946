// Package active makes and holds the state that a server serves from: one snapshot with
// its keys, credentials and documents, behind one pointer.
//
// It owns the activation of a snapshot: whether it may be served here, what its
// references name, the keys, the client credentials, the trusted issuers and the
// documents that are rendered from it. Everything that can fail is made before the
// pointer is stored, so that a snapshot is in force as a whole or not at all. It knows
// no request: endpoints take a State and decide with it.
package active

import (
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/metrics"
	"github.com/writ-auth/writ/server/remedy"
	"github.com/writ-auth/writ/server/token"
)

// A State is everything that one snapshot puts in force. It is immutable: a request
// takes the pointer once and sees one configuration to its end.
type State struct {
	Snapshot *snapshot.Snapshot
	Digest   string // names the snapshot
	Serial   uint64
	Revision string            // of the sources that the snapshot was made from
	Style    schema.ErrorStyle // of refusals
	Since    time.Time         // when it was put in force, with its keys and secrets
	// FirstServed is when the snapshot was put in force for the first time, by this
	// process or, with a state folder, by one before.
	FirstServed time.Time
	// Problems are what of the snapshot cannot be served, and why.
	Problems []Problem

	Decider     *decide.Decider
	Secrets     *clientauth.Secrets
	Credentials *Credentials
	Issuer      *token.Issuer
	Counters    []*metrics.API    // by the index of the API
	Work        *clientauth.Work  // nil but in tests
	Metadata    []byte            // the document of RFC 8414
	algorithms  []AlgorithmUse    // without what the clock decides
	endpoints   map[string]string // the path below the issuer, by the path of a request
	unsigned    int               // algorithms in use that had no managed key
	proofs      []bool            // by the index of the API: every token for it is bound to a DPoP key; nil: none
}

// Keys returns the keys that the snapshot's tokens are signed with.
func (s *State) Keys() *token.Keys { return s.Issuer.Keys() }

// An AlgorithmUse is an algorithm that APIs sign with: how many, and for how many of
// these there is no key at the moment.
type AlgorithmUse struct {
	Alg           schema.SigningAlg
	APIs, Without int
}

// Algorithms are those in use, in the order in which the metadata lists them, as they
// are at now.
func (s *State) Algorithms(now time.Time) []AlgorithmUse {
	used := slices.Clone(s.algorithms)
	for i := range used {
		switch u := &used[i]; {
		case u.Alg == schema.HS256: // a secret for each API
			u.Without = u.APIs - len(s.Keys().Secrets())
		case s.Keys().Signer(u.Alg, "", now.Unix()) == nil:
			u.Without = u.APIs
		}
	}
	return used
}

// withoutKey are the algorithms of which no API can be given a token at now.
func (s *State) withoutKey(now time.Time) []schema.SigningAlg {
	var without []schema.SigningAlg
	for _, u := range s.Algorithms(now) {
		if u.Without == u.APIs {
			without = append(without, u.Alg)
		}
	}
	return without
}

// Stale reports whether now is past the snapshot's not_after.
func (s *State) Stale(now time.Time) bool {
	notAfter := s.Snapshot.Envelope().NotAfter
	return !notAfter.IsZero() && now.After(notAfter)
}

// Read verifies the signature of a token of ours, as an API does.
func (s *State) Read(compact string, now int64) (*token.Read, error) {
	return s.Keys().Read(compact, func(audience string) (string, bool) {
		api, ok := s.Snapshot.APIByIdentifier(audience)
		if !ok {
			return "", false
		}
		return api.Label(), true
	}, now)
}

// Endpoint is the path below the issuer of the endpoint that is asked for at the
// escaped path of a request; ok is false when there is none.
func (s *State) Endpoint(path string) (endpoint string, ok bool) {
	if endpoint, ok = s.endpoints[path]; !ok {
		endpoint, ok = s.endpoints[path[:strings.LastIndexByte(path, '/')+1]+anySegment]
	}
	return endpoint, ok
}

// Paths lists the paths at which there is an endpoint.
func (s *State) Paths() (paths []string) {
	for path := range s.endpoints {
		paths = append(paths, path)
	}
	return paths
}

// A Problem is one object that cannot be served, because a secret or a key
// that it needs cannot be read. Everything else is served.
type Problem struct {
	Address string `json:"address"` // client.billing
	Reason  string `json:"reason"`
	Action  string `json:"action"` // what mends it
}

// remedies say, by the kind of an object, what mends it when its error does not know
// better. All of these are read again by themselves.
var remedies = map[string]string{
	"api":            "correct the secret that the reason names",
	"client":         "correct the secret or the public key that the reason names",
	"signing_alg":    "give --keys a folder that writd can read and write, or declare a signing_key",
	"signing_key":    "correct the private key that the reason names",
	"trusted_issuer": "see that writd reaches the jwks_uri, or correct the jwks in the configuration",
}

// newProblem makes a problem of an error, with the advice that the error carries or else that
// for the kind of object.
func newProblem(address string, err error) Problem {
	return Problem{Address: address, Reason: err.Error(), Action: remedy.For(err, remedies[kind(address)])}
}

// Kind is the kind of the object, as "client".
func (p Problem) Kind() string { return kind(p.Address) }

// kind returns the part of an address before its label: "client" of "client.billing",
// "signing_alg" of "signing_alg ES256"; "" for none.
func kind(address string) string {
	end := strings.IndexAny(address, ". ")
	return address[:max(end, 0)]
}

// Error makes a problem the cause of a rejection.
func (p Problem) Error() string { return p.Address + ": " + p.Reason }
