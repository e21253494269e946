package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// The limits of a connection. Go's own defaults are no timeouts and a
// mebibyte of headers.
const (
	readHeaderTimeout = 2 * time.Second
	readTimeout       = 5 * time.Second
	writeTimeout      = 10 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
	maxFrame          = 16 << 10 // of HTTP/2: the least that RFC 9113 section 4.2 allows

	// drainTimeout is how long requests that were accepted may take to finish,
	// inside the 30 seconds that Kubernetes waits.
	drainTimeout = 20 * time.Second
)

// Listeners are what a server answers on. Admin may be nil.
type Listeners struct {
	Public net.Listener
	Admin  net.Listener
	TLS    *tls.Config // of the public listener; nil: none
}

// Serve answers until ctx ends. Then the server reports that it is not ready,
// accepts no more connections and finishes the requests that it has accepted,
// within 20 seconds. At most Options.Connections are open at once, fewer when the
// process may not open as many files; further ones wait to be accepted. Of HTTP/2
// requests no more than that are answered at once; further ones get 503. Requests
// that begin and do not end are cut off when they hold too much memory. A panic in
// the background ends it in the same way, with a *Defect.
func (s *Server) Serve(ctx context.Context, l Listeners) error {
	most, mostAdmin := connections(openFiles())
	if s.opts.Connections > 0 {
		most = min(most, s.opts.Connections)
	}
	l.Public = limited(l.Public, most, s.opts.ConnectionsPerAddress)
	public := s.httpServer(limitedStreams(s.Public(), most, s.opts.ConnectionsPerAddress))
	public.TLSConfig = l.TLS
	turns := newTurns()
	public.ConnState = func(conn net.Conn, state http.ConnState) {
		answered(conn, state)
		turns.answered(conn, state)
	}
	servers := []*http.Server{public}
	failed := make(chan error, 4)
	go func() { failed <- servePublic(public, l) }()
	if l.Admin != nil {
		admin := s.httpServer(s.Admin())
		servers = append(servers, admin)
		go func() { failed <- admin.Serve(limited(l.Admin, mostAdmin, 0)) }()
	}
	var background sync.WaitGroup
	defer background.Wait()
	keeping, stop := context.WithCancel(ctx)
	defer stop()
	for _, keep := range []func(context.Context){s.KeepKeys, s.KeepIssuers, turns.keep} {
		background.Go(func() {
			if err := Guard(func() { keep(keeping) }); err != nil {
				failed <- err
			}
		})
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	return errors.Join(err, s.shutdown(servers))
}

func servePublic(server *http.Server, l Listeners) error {
	if l.TLS != nil {
		return server.ServeTLS(l.Public, "", "")
	}
	return server.Serve(l.Public)
}

// shutdown drains the public server before the admin one, which tells meanwhile
// that the server is not ready.
func (s *Server) shutdown(servers []*http.Server) error {
	s.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	var errs []error
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			errs = append(errs, err, server.Close())
		}
	}
	return errors.Join(errs...)
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           arriving(h),
		ConnContext:       arrivingContext,
		ConnState:         answered,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxReadFrameSize: maxFrame, MaxReceiveBufferPerStream: 2 * maxBody, MaxReceiveBufferPerConnection: 4 * maxBody,
		},
		// OPTIONS * is answered by no handler of ours: it is not in the routes.
		DisableGeneralOptionsHandler: true,

		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}
