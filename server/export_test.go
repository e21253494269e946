package server

import "github.com/writ-auth/writ/server/clientauth"

// CountWork notes what the server does to check credentials from the next activation
// on, of one request at a time.
func CountWork(s *Server) *clientauth.Work {
	s.activator.Work = new(clientauth.Work)
	return s.activator.Work
}

// SlowHashes makes compute answer for slow hashes from the next activation on.
func SlowHashes(s *Server, compute func(hash, secret string) bool) {
	s.activator.SlowHashes = clientauth.NewSlowHashes(clientauth.SlowOptions{Compute: compute})
}
