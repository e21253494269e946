// Package server issues tokens over HTTP from a compiled snapshot.
//
// It is the wiring of its parts: what has the request (internal/transport and
// internal/endpoint), what has the facts (internal/active, the state that one snapshot
// puts in force), what has the rule (decide), what remembers (internal/refresh and
// store), and what makes the token (token). Finding out who asks is clientauth's,
// noticing a new file is watch's. It knows no HCL: what it serves was compiled before.
//
// A token request is read in this order:
//
//	internal/transport/server.go       the HTTP server and its limits
//	internal/endpoint/public.go        which endpoint
//	internal/endpoint/token.go         the stages of the request, and the answer
//	internal/transport/form.go         body bytes to parameters, strictly
//	internal/endpoint/authenticate.go  who is asking, within which limits
//	clientauth/secrets.go              the credential
//	decide/decide.go                   may they, and what will the token say
//	token/issuer.go                    the token
//	internal/endpoint/audit.go         what is reported of it
package server

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/internal/active"
	"github.com/writ-auth/writ/server/internal/endpoint"
	"github.com/writ-auth/writ/server/internal/refresh"
	"github.com/writ-auth/writ/server/internal/transport"
	"github.com/writ-auth/writ/server/metrics"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/token"
	"github.com/writ-auth/writ/server/token/pkcs11"
)

// Options configure a server. The zero value serves unsigned snapshots of any
// environment with keys held in memory.
type Options struct {
	Keys KeyOptions
	// Secrets is the folder of what hashes and signing secrets name as "file:NAME".
	Secrets string
	// Getenv looks up what is named as "env:NAME". Nil: nothing is.
	Getenv func(string) string

	// Trust holds the keys of which one must have signed a snapshot. Empty: only
	// unsigned snapshots are served.
	Trust []ed25519.PublicKey
	// Environment, when set, must equal the snapshot's.
	Environment string
	// State is the folder in which the highest serial served is remembered, so
	// that a rollback is refused after a restart too. Empty: in memory only.
	State string

	// ClientCertificates are those that the public listener takes; nil: none.
	ClientCertificates *clientauth.ClientCertificates
	// IssuerKeys says how the keys of trusted issuers with a jwks_uri are fetched.
	IssuerKeys clientauth.FetchOptions
	// ProofNonce demands a nonce of the server in each DPoP proof.
	ProofNonce bool

	// Store remembers which assertions and proofs were used, and the families of
	// refresh tokens. Nil: memory; then assertions and proofs that may have been used
	// before the server was made are not taken: those of its first ten seconds get 503.
	Store store.Store
	// RefreshTokensInMemory issues refresh tokens though they end with the process.
	// Without it a Store that is memory issues none.
	RefreshTokensInMemory bool

	// Instance names this process in its fleet, in /status.
	Instance string
	// Location says how the last looks at the snapshot's location went, for /status and
	// the metrics. It is called concurrently. Nil: snapshots come from nowhere in particular.
	Location func() LocationStatus
	// RefuseStale makes the server unready while its location is stale.
	RefuseStale bool

	Admin  AdminOptions
	Limits LimitOptions

	// Certificate is the server's own, for the metrics to say when it expires.
	Certificate *Certificate

	Tracer Tracer           // nil: requests are traced no further
	Logger *slog.Logger     // nil: slog.Default()
	Now    func() time.Time // nil: time.Now
	Rand   io.Reader        // nil: crypto/rand; safe for concurrent use
}

// KeyOptions say which signing keys there are.
type KeyOptions struct {
	// Folder holds PEM files that signing_key blocks name as "file:NAME", and the keys
	// that the server makes for itself unless they have a Storage of their own.
	// Without either those live in memory only.
	Folder  string
	Storage token.Storage
	// Announce is how long a managed key is published before it signs, Rotate
	// how long it signs; 0 for token.DefaultAnnounce and token.DefaultRotate.
	Announce, Rotate time.Duration
	// PKCS11Module is the library through which keys named as "pkcs11:..." are
	// used, in a program built for it.
	PKCS11Module string
}

// AdminOptions are those of the admin handler.
type AdminOptions struct {
	// Hosts are names, beside addresses and localhost, under which it may be asked.
	Hosts []string
	// Profiling makes it answer /debug/pprof/NAME.
	Profiling bool
}

// LimitOptions bound what is done at once.
type LimitOptions struct {
	// Connections is how many connections may be open to the public listener, 0 for
	// 10,000. If the process may open fewer files, so many fewer.
	Connections int
	// ConnectionsPerAddress is how many of these one address, of IPv6 one /64,
	// may have, 0 for no limit. Loopback addresses and unix sockets have none.
	ConnectionsPerAddress int
	// Signatures is how many asymmetric signatures run, 0 for one more than there are
	// processors.
	Signatures int
}

// The parts that callers of this package see.
type (
	// Active is everything that one snapshot puts in force.
	Active = active.State
	// A Problem is one object that cannot be served.
	Problem = active.Problem
	// A Rejection is the last snapshot that was not put in force, and why.
	Rejection = active.Rejection
	// A Defect is a panic as an error: a mistake in this program.
	Defect = active.Defect
	// Metadata is the authorization server's description of itself (RFC 8414).
	Metadata = active.Metadata
	// Status is what /status answers, and a KeyStatus one key in it.
	Status    = endpoint.Status
	KeyStatus = endpoint.KeyStatus
	// A LocationStatus is where snapshots come from and how the last looks went.
	LocationStatus = endpoint.LocationStatus
	// A Tracer follows requests beyond this process.
	Tracer = endpoint.Tracer
	// A Reason is the exact cause of a refusal.
	Reason = endpoint.Reason
)

// ReasonGranted is the reason in the audit line of a token that was issued.
const ReasonGranted = endpoint.ReasonGranted

// Guard calls f and returns its panic as a *Defect, nil when there was none.
func Guard(f func()) error { return active.Guard(f) }

// Keep puts a snapshot file that has been activated into the state folder, for Kept to
// return at a start without access to the snapshot source.
func Keep(stateFolder string, file []byte) error { return active.Keep(stateFolder, file) }

// Kept returns the snapshot file that was kept last, to be activated like any other.
func Kept(stateFolder string) ([]byte, error) { return active.Kept(stateFolder) }

// queuedSignatures is how many callers may wait for a signature: about a
// quarter of a second's worth of RSA on two cores.
const queuedSignatures = 256

// A Server issues tokens from the snapshot that was activated last.
type Server struct {
	opts      Options
	activator *active.Activator
	public    http.Handler
	admin     *endpoint.Admin
	draining  atomic.Bool
}

// New makes a server. It answers 503 until a snapshot is activated.
func New(opts Options) (*Server, error) {
	opts.setDefaults()
	s := &Server{opts: opts}
	s.admin = &endpoint.Admin{
		Draining: s.draining.Load, Started: opts.Now(), Now: opts.Now,
		Location: opts.Location, RefuseStale: opts.RefuseStale, Instance: opts.Instance,
		Hosts: opts.Admin.Hosts, Profiling: opts.Admin.Profiling,
		Metrics: metrics.New(func() metrics.State { return s.admin.Measure() }),
	}
	if opts.Certificate != nil {
		s.admin.CertificateEnd = opts.Certificate.NotAfter
	}
	if store, ok := opts.Store.(interface{ Fault() error }); ok {
		s.admin.StoreFault = store.Fault
	}
	limits := endpoint.NewLimits()
	activation, err := opts.activation()
	if err != nil {
		return nil, err
	}
	var nonces *endpoint.Nonces
	if opts.ProofNonce {
		if nonces, err = endpoint.NewNonces(opts.Rand); err != nil {
			return nil, err
		}
		activation.Nonce = func(nonce string) bool { return nonces.Made(nonce, opts.Now()) }
	}
	activation.Metrics, activation.Activated = s.admin.Metrics, limits.Retain
	if s.activator, err = active.New(activation); err != nil {
		return nil, err
	}
	s.admin.Activator = s.activator
	s.public = endpoint.Public(endpoint.Options{
		Current: s.activator.Current, Limits: limits, Nonces: nonces, Certificates: opts.ClientCertificates,
		Families: &refresh.Families{Store: activation.Store, Rand: opts.Rand, Issued: activation.RefreshTokens},
		Metrics:  s.admin.Metrics, Tracer: opts.Tracer, Logger: opts.Logger, Now: opts.Now,
	})
	return s, nil
}

// setDefaults fills in what New needs and the caller left out. Managed keys are kept in the
// folder of keys unless they have a storage of their own.
func (o *Options) setDefaults() {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Keys.Storage == nil && o.Keys.Folder != "" {
		o.Keys.Storage = token.NewFolder(o.Keys.Folder, o.Logger)
	}
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	if o.Limits.Signatures == 0 {
		o.Limits.Signatures = runtime.GOMAXPROCS(0) + 1
	}
}

// activation makes what a snapshot is activated with and what outlives it.
func (o *Options) activation() (active.Options, error) {
	var cacheKey [32]byte
	if _, err := io.ReadFull(o.Rand, cacheKey[:]); err != nil {
		return active.Options{}, fmt.Errorf("random source: %w", err)
	}
	fetch := o.IssuerKeys
	fetch.Now = o.Now
	a := active.Options{
		Trust: o.Trust, Environment: o.Environment, StateFolder: o.State,
		KeyFolder: o.Keys.Folder, SecretFolder: o.Secrets, Getenv: o.Getenv,
		Managed: token.NewManaged(token.ManagedOptions{
			Storage: o.Keys.Storage, Announce: o.Keys.Announce, Rotate: o.Keys.Rotate, Cache: active.MaxAge, Logger: o.Logger,
		}),
		Tokens: pkcs11.New(o.Keys.PKCS11Module, o.Limits.Signatures),

		Store: o.Store, ClientCertificates: o.ClientCertificates, IssuerKeys: clientauth.NewFetcher(fetch),
		SlowHashes: clientauth.NewSlowHashes(clientauth.SlowOptions{Key: cacheKey}),

		Gate:   token.NewGate(o.Limits.Signatures, queuedSignatures),
		Logger: o.Logger, Now: o.Now, Rand: o.Rand,
	}
	if a.Store == nil {
		a.Since = o.Now()
		a.Store = store.NewMemory(store.MemoryOptions{Now: o.Now})
	}
	_, inMemory := a.Store.(*store.Memory)
	a.RefreshTokens = o.RefreshTokensInMemory || !inMemory
	return a, nil
}

// Active returns what is in force, nil before the first activation.
func (s *Server) Active() *Active { return s.activator.Current() }

// Activate puts a snapshot file in force, whole or not at all. It takes
// ownership of the bytes. After an error the current snapshot keeps serving, and the
// error is in the log and in /status.
func (s *Server) Activate(file []byte) error { return s.activator.Activate(file) }

// Refresh reads the secrets and keys of the current snapshot again. It does
// nothing before the first activation.
func (s *Server) Refresh() error { return s.activator.Refresh() }

// Unreadable reports that the snapshot file could not be read: in the log, in
// /status and in the metrics. The current snapshot keeps serving.
func (s *Server) Unreadable(err error) { s.activator.Unreadable(err) }

// Public is the handler of what clients and resource servers ask.
func (s *Server) Public() http.Handler { return s.public }

// Admin is the handler of what operators ask: /livez, /readyz, /status and /metrics. It
// answers only requests whose Host and Origin show that no web page of another site sent
// them.
func (s *Server) Admin() http.Handler { return s.admin }

// Status describes the server at this moment.
func (s *Server) Status() Status { return s.admin.Status() }

// HighestSerial returns the highest serial that was served, by this process or before it
// by the state folder; an older one is refused. 0 is none.
func (s *Server) HighestSerial() uint64 { return s.activator.HighestSerial() }

// Metrics is what /metrics answers, for those who send it elsewhere.
func (s *Server) Metrics() *metrics.Metrics { return s.admin.Metrics }

// Drain makes the server report that it is not ready, while it still answers.
func (s *Server) Drain() { s.draining.Store(true) }

// Maintain looks after the keys that the server makes and those that it fetches from
// trusted issuers, until ctx ends. A panic ends it, with a *Defect. Serve does it by
// itself; a program that serves the handlers otherwise calls this.
func (s *Server) Maintain(ctx context.Context) error { return s.activator.Maintain(ctx) }

// Serve answers until ctx ends. Then the server reports that it is not ready,
// accepts no more connections and finishes the requests that it has accepted,
// within 20 seconds. Connections beyond the limits wait to be accepted, and HTTP/2
// requests beyond them get 503. Requests that begin and do not end are cut off when they
// hold too much memory. A panic in Maintain ends it in the same way, with a *Defect.
func (s *Server) Serve(ctx context.Context, l Listeners) error {
	s.admin.Listening.Store(listening(l))
	ctx, stop := context.WithCancel(ctx)
	maintained := make(chan error, 1)
	go func() {
		defer stop()
		maintained <- s.Maintain(ctx)
	}()
	err := transport.Serve(ctx, l, transport.Options{
		Public: s.Public(), Admin: s.Admin(), Connections: s.opts.Limits.Connections, PerAddress: s.opts.Limits.ConnectionsPerAddress,
		Overloaded: endpoint.Overloaded, Drain: s.Drain, Logger: s.opts.Logger,
	})
	stop()
	return errors.Join(err, <-maintained)
}
