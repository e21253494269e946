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
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/metrics"
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
	Since    time.Time         // when it was put in force
	// Problems are what of the snapshot cannot be served, and why.
	Problems []Problem

	Decider     *decide.Decider
	Secrets     *clientauth.Secrets
	Credentials *Credentials
	Issuer      *token.Issuer
	Counters    []*metrics.API    // by the index of the API
	Work        *clientauth.Work  // nil but in tests
	Metadata    []byte            // the document of RFC 8414
	endpoints   map[string]string // the path below the issuer, by the path of a request
	unsigned    int               // algorithms in use that had no managed key
	proofs      []bool            // by the index of the API: every token for it is bound to a DPoP key; nil: none
}

// Keys returns the keys that the snapshot's tokens are signed with.
func (s *State) Keys() *token.Keys { return s.Issuer.Keys() }

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
}

// Error makes a problem the cause of a rejection.
func (p Problem) Error() string { return p.Address + ": " + p.Reason }
