// Package transport is the HTTP server below the endpoints: listeners, connections,
// the order in which they are served, timeouts, and the reading of request bodies.
//
// It owns every bound on what a peer can make the process hold before anybody knows
// who it is: connections and streams, in all and of one address; the bytes of requests
// that have begun to arrive; the size of headers, bodies and forms; the time that each
// may take. It does not know what a request means: it reads parameters, and reports
// what is wrong with a body as an error that the endpoints word.
//
// A request of a client passes, in this order: limitListener.Accept (connections.go),
// requestCounter and limitStreams (server.go), an endpoint, Form.Read (form.go).
// On its way in, its bytes are counted by arrivals (arrivals.go).
package transport

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// The limits of a connection. Go's own defaults are no timeouts and a
// mebibyte of headers.
const (
	readHeaderTimeout = 2 * time.Second
	readTimeout       = 5 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
	maxFrame          = 16 << 10 // of HTTP/2: the least that RFC 9113 section 4.2 allows

	// WriteTimeout is how long an answer may take, from the end of the request's header.
	WriteTimeout = 10 * time.Second

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

// Options say what answers, and within which limits.
type Options struct {
	Public, Admin http.Handler
	// Connections is how many connections to the public listener may be open at once,
	// 0 for as many as the process has files for, at most 10,000. PerAddress is how many
	// of these one address may have, of IPv6 one /64; 0 for no such limit.
	Connections, PerAddress int
	// Overloaded answers an HTTP/2 request beyond these limits: beyond PerAddress when
	// ofAddress is true.
	Overloaded func(w http.ResponseWriter, ofAddress bool)
	// Drain is called when the server begins to end, before it stops accepting.
	Drain  func()
	Logger *slog.Logger
}

// Serve answers until ctx ends. Then it calls Drain, accepts no more connections and
// finishes the requests that it has accepted, within 20 seconds. Connections beyond
// the limit wait to be accepted. HTTP/2 requests beyond it are answered with Overloaded.
// Requests that begin and do not end are cut off when they hold too much memory.
func Serve(ctx context.Context, l Listeners, opts Options) error {
	most, mostAdmin := maxConnections(openFiles())
	if opts.Connections > 0 {
		most = min(most, opts.Connections)
	}
	var inFlight atomic.Int64
	public := newServer(counted(limitStreams(opts.Public, most, opts.PerAddress, opts.Overloaded), &inFlight), opts.Logger)
	public.TLSConfig = l.TLS
	queue := newFairQueue()
	public.ConnState = func(conn net.Conn, state http.ConnState) {
		requestAnswered(conn, state)
		queue.requestAnswered(state)
	}
	servers := []*http.Server{public}
	failed := make(chan error, 2)
	go func() {
		limited := limitListener(l.Public, most, opts.PerAddress)
		if l.TLS != nil {
			failed <- public.ServeTLS(limited, "", "")
			return
		}
		failed <- public.Serve(limited)
	}()
	if l.Admin != nil {
		admin := newServer(opts.Admin, opts.Logger)
		servers = append(servers, admin)
		go func() { failed <- admin.Serve(limitListener(l.Admin, mostAdmin, 0)) }()
	}
	var background sync.WaitGroup
	defer background.Wait()
	serving, stop := context.WithCancel(ctx)
	defer stop()
	background.Go(func() { queue.run(serving) })
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	opts.Drain()
	began := time.Now()
	opts.Logger.Info("draining", "reason", fmt.Sprint(cmp.Or(err, context.Cause(ctx))), "in_flight", inFlight.Load(), "at_most", drainTimeout.String())
	err = errors.Join(err, shutdown(servers))
	opts.Logger.Info("drained", "took", time.Since(began).Round(time.Millisecond).String(), "cut_off", inFlight.Load())
	return err
}

// counted counts the requests that are being answered.
func counted(next http.Handler, inFlight *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inFlight.Add(1)
		defer inFlight.Add(-1)
		next.ServeHTTP(w, r)
	})
}

// shutdown drains the public server before the admin one, which reports meanwhile
// that the server is not ready.
func shutdown(servers []*http.Server) error {
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

// newServer is an HTTP server with our limits, whose requests are counted while they arrive.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           requestCounter(h),
		ConnContext:       withConnection,
		ConnState:         requestAnswered,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      WriteTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxReadFrameSize: maxFrame, MaxReceiveBufferPerStream: 2 * maxBody, MaxReceiveBufferPerConnection: 4 * maxBody,
		},
		// net/http would answer OPTIONS * by itself, and no endpoint is there.
		DisableGeneralOptionsHandler: true,

		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// limitStreams answers at most that many HTTP/2 requests at once, and of one
// address at most perAddress, 0 for no such limit. A connection of HTTP/2 carries
// hundreds of requests, each with a body in memory: without this the limit on
// connections would bound nothing.
func limitStreams(next http.Handler, most, perAddress int, overloaded func(w http.ResponseWriter, ofAddress bool)) http.Handler {
	slots := make(chan struct{}, most)
	peers := &peers{most: perAddress, open: map[netip.Addr]int{}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor < 2 { // one request a connection
			next.ServeHTTP(w, r)
			return
		}
		leave, ok := peers.enter(r.RemoteAddr)
		if !ok {
			overloaded(w, true)
			return
		}
		defer leave()
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			overloaded(w, false)
		}
	})
}

// A fairQueue serves keep-alive connections in the order in which their last request
// was answered. Go's netpoller favours connections whose next request has already
// arrived, and looks after the others every ten milliseconds: with more connections
// than processors that makes p99 four to five times p50.
//
// A connection waits here before its next request is read, and only as long as others
// keep every processor busy. Clients that ask now and then never wait.
type fairQueue struct {
	next chan struct{} // goroutines that block in a receive are served in order
}

func newFairQueue() *fairQueue { return &fairQueue{next: make(chan struct{})} }

// run lets one connection go on whenever a processor is idle, until ctx ends. From
// then on no connection waits.
func (q *fairQueue) run(ctx context.Context) {
	defer close(q.next)
	for {
		select {
		case q.next <- struct{}{}:
			runtime.Gosched() // to that connection, and behind all others
		case <-ctx.Done():
			return
		}
	}
}

// requestAnswered is for http.Server.ConnState, which net/http calls in the goroutine
// that will read the connection's next request.
func (q *fairQueue) requestAnswered(state http.ConnState) {
	if state == http.StateIdle {
		<-q.next
	}
}
