package server

import (
	"maps"
	"slices"

	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/metrics"
)

// Paths lists the table of routes, for the test that holds it against the
// metadata.
func (a *Active) Paths() []string {
	var paths []string
	for path := range a.routes {
		paths = append(paths, path)
	}
	return paths
}

// Codes lists the error codes that have a wording.
func Codes() []Code { return slices.Sorted(maps.Keys(wording)) }

// ResultLabelled reports whether the metrics have a label value for a code.
func ResultLabelled(code Code) bool { return metrics.ResultOf(string(code)) != metrics.OtherResult }

// CountWork notes what the server does to check credentials from the next activation
// on, of one request at a time.
func CountWork(s *Server) *clientauth.Work {
	s.work = new(clientauth.Work)
	return s.work
}

// SlowHashes has compute answer for slow hashes from the next activation on.
func SlowHashes(s *Server, compute func(hash, secret string) bool) {
	s.slow = clientauth.NewSlowHashes(clientauth.SlowOptions{Compute: compute})
}
