package server

import (
	"net/http"
	"net/netip"
)

// limitedStreams answers at most that many HTTP/2 requests at once, and of one
// address at most perAddress, 0 for no such cap. A connection of HTTP/2 carries
// hundreds of requests, each with a body in memory: without this the cap on
// connections would bound nothing.
func limitedStreams(next http.Handler, most, perAddress int) http.Handler {
	slots := make(chan struct{}, most)
	peers := &peers{most: perAddress, open: map[netip.Addr]int{}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor < 2 { // one request a connection
			next.ServeHTTP(w, r)
			return
		}
		leave, ok := peers.enter(r.RemoteAddr)
		if !ok {
			writeError(w, refuse(CodeTooManyRequests, ReasonManyStreams))
			return
		}
		defer leave()
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			writeError(w, refuse(CodeUnavailable, ReasonManyStreams))
		}
	})
}
