package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/metrics"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/token"
	"github.com/writ-auth/writ/server/token/pkcs11"
)

// Options configure a server. The zero value serves unsigned snapshots of any
// environment with keys held in memory.
type Options struct {
	// Keys is the folder of signing keys: PEM files that signing_key blocks name
	// as "file:NAME", and the keys that the server makes for itself. Without it
	// those live in memory only.
	Keys string
	// KeyAnnounce is how long a managed key is published before it signs, KeyRotate
	// how long it signs; 0 for token.DefaultAnnounce and token.DefaultRotate.
	KeyAnnounce, KeyRotate time.Duration
	// PKCS11Module is the library through which keys named as "pkcs11:..." are
	// used, in a program built for it.
	PKCS11Module string
	// Secrets is the folder of what hashes and signing secrets name as "file:NAME".
	Secrets string
	// State is the folder in which the highest serial served is remembered, so
	// that a rollback is refused after a restart too. Empty: in memory only.
	State string
	// Getenv looks up what is named as "env:NAME". Nil: nothing is.
	Getenv func(string) string
	// Trust holds the keys of which one must have signed a snapshot. Empty: only
	// unsigned snapshots are served.
	Trust []ed25519.PublicKey
	// Environment, when set, must equal the snapshot's.
	Environment string
	// AdminHosts are names, beside addresses and localhost, under which the admin
	// handler may be asked.
	AdminHosts []string

	// Profiling lets the admin handler answer /debug/pprof/NAME.
	Profiling bool
	// Console lets it answer the pages below /console/, which change nothing.
	Console bool

	// Certificate is the server's own, for the metrics to say when it expires.
	Certificate *Certificate

	// ClientCertificates are those that the public listener takes; nil: none.
	ClientCertificates *clientauth.ClientCertificates
	// IssuerKeys says how the keys of trusted issuers with a jwks_uri are fetched.
	IssuerKeys clientauth.FetchOptions
	// Store remembers which assertions and proofs were used, and the families of
	// refresh tokens. Nil: memory; then assertions and proofs that may have been used
	// before the server was made are not taken: those of its first ten seconds get 503.
	Store store.Store
	// RefreshTokensInMemory issues refresh tokens though they end with the process.
	// Without it a Store that is memory issues none.
	RefreshTokensInMemory bool
	// ProofNonce demands a nonce of the server in each DPoP proof.
	ProofNonce bool

	// Connections is how many connections may be open to the public listener at
	// once, 0 for 10,000.
	Connections int
	// ConnectionsPerAddress is how many connections one address, of IPv6 one /64,
	// may have open to the public listener, 0 for no cap. Loopback addresses and
	// unix sockets have none.
	ConnectionsPerAddress int

	// Signatures is how many asymmetric signatures run at once, 0 for one more
	// than there are processors.
	Signatures int

	Tracer Tracer           // nil: requests are traced no further
	Logger *slog.Logger     // nil: slog.Default()
	Now    func() time.Time // nil: time.Now
	Rand   io.Reader        // nil: crypto/rand; safe for concurrent use
}

// A Server issues tokens from the snapshot that was activated last.
type Server struct {
	opts     Options
	log      *slog.Logger
	refs     references
	managed  *token.Managed
	tokens   *pkcs11.Tokens
	slow     *clientauth.SlowHashes
	work     *clientauth.Work // nil but in tests
	gate     *token.Gate
	failures *failures
	rates    *rates // of token requests, by rate_limit
	uses     *rates // of assertions and proofs
	begun    *rates // of refresh-token families
	metrics  *metrics.Metrics
	remotes  *remotes
	maxKeys  int // schema.MaxKeysInAll
	store    store.Store
	since    time.Time    // when store began to remember; zero: always
	offline  bool         // refresh tokens are issued: store keeps them
	nonces   *nonces      // nil: none are demanded
	console  http.Handler // nil: off

	active   atomic.Pointer[Active]
	rejected atomic.Pointer[Rejection]
	draining atomic.Bool

	mu     sync.Mutex // held while a snapshot is activated
	served *served
}

// queuedSignatures is how many callers may wait for a signature: about a
// quarter of a second's worth of RSA on two cores.
const queuedSignatures = 256

// New makes a server. It answers 503 until a snapshot is activated.
func New(opts Options) (*Server, error) {
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rand == nil {
		opts.Rand = rand.Reader
	}
	if opts.Getenv == nil {
		opts.Getenv = func(string) string { return "" }
	}
	if opts.Signatures == 0 {
		opts.Signatures = runtime.GOMAXPROCS(0) + 1
	}
	served, err := newServed(opts.State)
	if err != nil {
		return nil, err
	}
	var cacheKey [32]byte
	if _, err := io.ReadFull(opts.Rand, cacheKey[:]); err != nil {
		return nil, fmt.Errorf("random source: %w", err)
	}
	s := &Server{
		opts: opts,
		log:  opts.Logger,
		refs: references{keys: opts.Keys, secrets: opts.Secrets, getenv: opts.Getenv},
		managed: token.NewManaged(token.ManagedOptions{
			Dir: opts.Keys, Announce: opts.KeyAnnounce, Rotate: opts.KeyRotate, Cache: maxAge * time.Second, Logger: opts.Logger,
		}),
		tokens:   pkcs11.New(opts.PKCS11Module, opts.Signatures),
		slow:     clientauth.NewSlowHashes(clientauth.SlowOptions{Key: cacheKey}),
		gate:     token.NewGate(opts.Signatures, queuedSignatures),
		failures: newFailures(),
		rates:    newRates(),
		uses:     newRates(),
		begun:    newRates(),
		served:   served,
		maxKeys:  schema.MaxKeysInAll,
	}
	s.metrics = metrics.New(s.measured)
	if opts.Console {
		s.console = s.Console(ConsoleOptions{})
	}
	return s, s.prepareCredentials()
}

// prepareCredentials makes what authentication needs and outlives the snapshots.
func (s *Server) prepareCredentials() error {
	fetch := s.opts.IssuerKeys
	fetch.Now = s.opts.Now
	s.remotes = newRemotes(clientauth.NewFetcher(fetch), s.log)
	if s.store = s.opts.Store; s.store == nil {
		s.since = s.opts.Now()
		s.store = store.NewMemory(store.MemoryOptions{Now: s.opts.Now})
	}
	_, forgets := s.store.(*store.Memory)
	s.offline = s.opts.RefreshTokensInMemory || !forgets
	if !s.opts.ProofNonce {
		return nil
	}
	s.nonces = new(nonces)
	if _, err := io.ReadFull(s.opts.Rand, s.nonces.key[:]); err != nil {
		return fmt.Errorf("random source: %w", err)
	}
	return nil
}

// Active returns what is in force, nil before the first activation.
func (s *Server) Active() *Active { return s.active.Load() }

// Public is the handler of what clients and resource servers ask.
func (s *Server) Public() http.Handler { return http.HandlerFunc(s.serve) }
