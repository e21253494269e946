package active

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/metrics"
	"github.com/writ-auth/writ/server/remedy"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/token"
	"github.com/writ-auth/writ/server/token/pkcs11"
)

// Options say which snapshots are served, and with what.
type Options struct {
	Trust       []ed25519.PublicKey // one must have signed a snapshot; empty: only unsigned ones are served
	Environment string              // when set, a snapshot's must equal it
	StateFolder string              // remembers the highest serial served; "": the process does

	KeyFolder    string              // of signing keys that are named as "file:NAME"
	SecretFolder string              // of secrets and hashes that are named as "file:NAME"
	Getenv       func(string) string // looks up what is named as "env:NAME"
	Managed      *token.Managed      // signing keys that the server makes for itself
	Tokens       *pkcs11.Tokens      // signing keys that are named as "pkcs11:..."

	// Store remembers used assertions and proofs, since Since if that is not zero.
	Store store.Store
	Since time.Time
	// RefreshTokens says that refresh tokens are issued.
	RefreshTokens bool
	// Nonce reports whether the server has made a nonce of a DPoP proof. Nil: proofs
	// need none.
	Nonce              func(nonce string) bool
	ClientCertificates *clientauth.ClientCertificates // that clients may authenticate with; nil: none
	IssuerKeys         *clientauth.Fetcher            // fetches the keys of trusted issuers
	SlowHashes         *clientauth.SlowHashes
	Work               *clientauth.Work // nil but in tests

	Gate    *token.Gate // of signatures
	Metrics *metrics.Metrics
	Logger  *slog.Logger
	Now     func() time.Time
	Rand    io.Reader

	// Activated is called with each State that is put in force.
	Activated func(*State)
}

// A Rejection is the last snapshot that was not put in force, and why.
type Rejection struct {
	Digest string    `json:"digest,omitempty"` // empty when the file could not be opened
	Reason string    `json:"reason"`
	Action string    `json:"action"` // what mends it
	At     time.Time `json:"at"`
}

// An Activator activates snapshots: it makes everything that serving one needs, and then
// stores one pointer to it. Its methods may be called concurrently.
type Activator struct {
	Options
	serials *serials    // guarded by mu
	remotes *remoteKeys // the keys of trusted issuers, which outlive a snapshot
	maxKeys int         // how many public keys one snapshot may declare

	// Requests read these without a lock.
	current  atomic.Pointer[State]
	rejected atomic.Pointer[Rejection]
	ready    atomic.Bool // never false again

	mu       sync.Mutex         // held while a snapshot is activated
	waiting  *snapshot.Snapshot // admitted, and waiting for its keys; nil for none
	retrying bool               // this attempt is a repetition, and logs only what is new
	lacking  chan struct{}      // receives when something waits for keys; holds one
}

// New makes an activator. It fails when it cannot read which serial was served last.
func New(opts Options) (*Activator, error) {
	serials, err := readSerials(opts.StateFolder)
	if err != nil {
		return nil, err
	}
	return &Activator{
		Options: opts, serials: serials, remotes: newRemoteKeys(opts.IssuerKeys, opts.Now, opts.Logger), maxKeys: schema.MaxKeysInAll,
		lacking: make(chan struct{}, 1),
	}, nil
}

// Current returns what is in force, nil before the first activation.
func (a *Activator) Current() *State { return a.current.Load() }

// HighestSerial returns the highest serial that was served: by this process, or before
// it by the state folder. 0 is none.
func (a *Activator) HighestSerial() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.serials.last.Serial
}

// Ready reports whether a snapshot is in force with which each algorithm in use has had
// a key. Until then tokens of some APIs would be refused, and a roll-out that replaces
// good instances has to wait. From then on the last good state counts: to end what still
// serves because a new snapshot or a lost key is not as it should be would make an outage
// of a warning.
func (a *Activator) Ready() bool {
	if a.ready.Load() {
		return true
	}
	s := a.Current()
	if s == nil || len(s.withoutKey(a.Now())) > 0 {
		return false
	}
	if a.ready.CompareAndSwap(false, true) {
		a.Logger.Info("ready", "snapshot", s.Digest, "serial", s.Serial)
	}
	return true
}

// Rejected returns the last snapshot that was not put in force, nil when the last one
// was.
func (a *Activator) Rejected() *Rejection { return a.rejected.Load() }

// Activate puts a snapshot file in force, whole or not at all. It takes
// ownership of the bytes. After an error the current snapshot keeps serving, and the
// error is in the log and in Rejected.
//
// The stages: open (every byte is checked), admit (signature, environment, serial),
// build (secrets, keys, documents; one token per key is signed and verified), then the
// serial is recorded and one pointer is stored.
func (a *Activator) Activate(file []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.guarded(func() error { return a.activate(file) })
}

// activate is Activate for a caller that holds mu, like the lower-case methods below.
func (a *Activator) activate(file []byte) error {
	snap, err := a.open(file)
	if err != nil {
		return a.reject("", remedy.With(err, "put a whole snapshot there, as writ apply writes it, and rename it into place"))
	}
	if err := a.establish(snap); err != nil {
		return a.reject(snap.Digest(), err)
	}
	return nil
}

// establish activates an intact snapshot. One that is admitted but cannot be built, as when
// keys are missing, stays in waiting and is tried again. The serial is recorded before the
// snapshot serves: after a crash between the two, an older one is refused already.
func (a *Activator) establish(snap *snapshot.Snapshot) error {
	if err := a.admit(snap); err != nil {
		return err
	}
	a.waiting = snap
	state, err := a.build(snap)
	if err != nil {
		a.lacks()
		return err
	}
	if err := a.serials.record(snap.Envelope().Serial, snap.Digest(), a.Now()); err != nil {
		return err
	}
	a.waiting = nil
	a.rejected.Store(nil)
	a.putInForce(state)
	return nil
}

// retry activates the snapshot that waits for its keys, if there is one and they are there
// now. It logs what is in the way once, until that changes.
func (a *Activator) retry() {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.guarded(a.retryWaiting)
}

// retryWaiting is retry for a caller that holds mu. An error that repeats the last rejection is
// not reported again.
func (a *Activator) retryWaiting() error {
	if a.waiting == nil {
		return nil
	}
	a.retrying = true
	defer func() { a.retrying = false }()
	digest := a.waiting.Digest()
	err := a.establish(a.waiting)
	if r := a.Rejected(); err == nil || r != nil && r.Digest == digest && r.Reason == err.Error() {
		return err
	}
	return a.reject(digest, err)
}

// Refresh reads the secrets and keys of the current snapshot again, and before the
// first activation those of the snapshot that waits for them.
func (a *Activator) Refresh() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.guarded(a.refresh)
}

func (a *Activator) refresh() error {
	waited := a.retryWaiting()
	last := a.Current()
	if last == nil {
		return waited
	}
	state, err := a.build(last.Snapshot)
	if err != nil {
		return a.reject(last.Digest, err)
	}
	if r := a.Rejected(); r != nil && r.Digest == last.Digest {
		a.rejected.Store(nil) // its secrets and keys were rejected; a rejected file stays so
	}
	a.putInForce(state)
	return nil
}

// Unreadable reports that the snapshot file could not be read, in the log, in Rejected
// and in the metrics. The current snapshot keeps serving.
func (a *Activator) Unreadable(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.reject("", err)
}

// guarded converts a panic in activate into an error, so that the current snapshot
// keeps serving.
func (a *Activator) guarded(activate func() error) (err error) {
	if defect := Guard(func() { err = activate() }); defect != nil {
		return a.reject("", defect)
	}
	return err
}

// A Defect is a panic as an error: a mistake in this program.
type Defect struct {
	Panic any
	Stack []byte // where it happened
}

// Error says what the panic said.
func (d *Defect) Error() string { return fmt.Sprintf("a defect: %v", d.Panic) }

// Guard calls f and returns its panic as a *Defect, nil when there was none. It is for
// goroutines in the background, in which a panic would end the process at once.
func Guard(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Defect{Panic: p, Stack: debug.Stack()}
		}
	}()
	f()
	return nil
}

// open checks every byte of the file. While another snapshot is serving it
// takes a quarter of a core, because hashing is a loop that the scheduler
// cannot interrupt.
func (a *Activator) open(file []byte) (*snapshot.Snapshot, error) {
	if a.Current() == nil {
		return snapshot.Open(file)
	}
	last := time.Now()
	return snapshot.OpenPaced(file, func() {
		time.Sleep(pause(time.Since(last)))
		last = time.Now()
	})
}

// longestPause bounds a pause: 64 KiB are hashed in less than a third of it.
const longestPause = 5 * time.Millisecond

// pause returns how long to rest after a step of hashing. Three times the step's own time
// leaves three quarters of a core to requests. The bound is for a step that waited for a
// processor: in proportion to such steps, the pauses of a reload on a busy machine would add
// up to seconds.
func pause(worked time.Duration) time.Duration { return min(3*worked, longestPause) }

// admit decides whether an intact snapshot may be served here at all.
func (a *Activator) admit(snap *snapshot.Snapshot) error {
	if err := a.checkSignature(snap); err != nil {
		return err
	}
	if err := a.checkEnvironment(snap); err != nil {
		return err
	}
	env := snap.Envelope()
	if err := a.serials.check(env.Serial, snap.Digest()); err != nil {
		return err
	}
	current := a.Current()
	again := current != nil && current.Digest == snap.Digest()
	if !again && !env.NotAfter.IsZero() && a.Now().After(env.NotAfter) {
		return remedy.With(fmt.Errorf("the snapshot is not to be served after %s", env.NotAfter.UTC().Format("2006-01-02T15:04:05Z")),
			"apply again, which makes a snapshot with a later end; if it should not be over yet, look at this machine's clock")
	}
	return nil
}

// checkSignature holds the snapshot's signatures against the trusted keys. The table
// fails closed, in both directions:
//
//	            unsigned   signed by none of them   signed by one of them
//	no keys     served     refused                  -
//	keys        refused    refused                  served
//
// A signed snapshot without a key to check it with is refused, because somebody
// signed it for a reason and a forgotten flag must not undo that.
func (a *Activator) checkSignature(snap *snapshot.Snapshot) error {
	if len(a.Trust) > 0 {
		return remedy.With(snap.VerifySignatures(a.Trust),
			"apply it with the --sign key that --trust names; if the key was replaced, start writd with --trust for the new one too")
	}
	if len(snap.Envelope().Signatures) > 0 {
		return remedy.With(errors.New("the snapshot is signed and this server has no key to check it with"),
			"start writd with --trust and the public key of the one that signs")
	}
	return nil
}

// checkEnvironment refuses a snapshot made for another environment. A server
// that was started for none serves any.
func (a *Activator) checkEnvironment(snap *snapshot.Snapshot) error {
	if a.Environment == "" {
		return nil
	}
	named := false
	for _, environment := range []string{snap.Envelope().Environment, snap.Issuer().Environment} {
		if environment != "" && environment != a.Environment {
			return remedy.With(fmt.Errorf("the snapshot is for environment %q, this server for %q", environment, a.Environment), otherEnvironment)
		}
		named = named || environment != ""
	}
	if !named {
		return remedy.With(fmt.Errorf("the snapshot names no environment, this server is for %q", a.Environment), otherEnvironment)
	}
	return nil
}

const otherEnvironment = "give this server the snapshot of its own environment: look at --snapshot and --environment"

// build makes the State of a snapshot: everything that can fail, before anything changes. A
// single object that cannot be served becomes a Problem of the State and no error.
func (a *Activator) build(snap *snapshot.Snapshot) (*State, error) {
	env := snap.Envelope()
	s := &State{
		Snapshot: snap, Digest: snap.Digest(), Serial: env.Serial, Revision: env.Revision,
		Style: snap.Issuer().ErrorStyle, Since: a.Now().UTC(), Work: a.Work,
	}
	keys, err := a.buildKeys(s)
	if err != nil {
		return nil, err
	}
	if err := a.buildCredentials(s); err != nil {
		return nil, err
	}
	a.buildDecider(s)
	s.Issuer = token.NewIssuer(keys, a.Gate, a.Rand)
	s.proofs = s.proofsRequired()
	if s.endpoints, err = endpoints(snap.Issuer().URL); err != nil {
		return nil, err
	}
	if s.Metadata, err = s.renderMetadata(); err != nil {
		return nil, err
	}
	return s, nil
}

// errNoStore is why an API that allows offline access gives none.
var errNoStore = remedy.With(errors.New("refresh tokens need --state or --store"), "start writd with --state FOLDER, or with --store that instances share")

// buildDecider makes the Decider. A trusted issuer whose keys cannot be read vouches for
// no user.
func (a *Activator) buildDecider(s *State) {
	facts := decide.Facts{RefreshTokens: a.RefreshTokens}
	for i := range s.Snapshot.NumTrustedIssuers() {
		if issuer := s.Snapshot.TrustedIssuer(i); !s.Credentials.has(issuer) {
			facts.Unusable = append(facts.Unusable, issuer.Label)
		}
	}
	s.Decider = decide.New(s.Snapshot, facts)
	if a.RefreshTokens {
		return
	}
	offered := map[int]bool{} // by the index of the API
	for i := range s.Snapshot.NumClients() {
		client := s.Snapshot.Client(i)
		if !client.HasGrantType(schema.GrantRefreshToken) {
			continue
		}
		for auth := range client.Authorizations() {
			if api := auth.API(); auth.SubjectType() == schema.SubjectUser && api.AllowOfflineAccess() {
				offered[api.Index()] = true
			}
		}
	}
	for _, i := range slices.Sorted(maps.Keys(offered)) {
		s.Problems = append(s.Problems, newProblem("api."+s.Snapshot.API(i).Label(), errNoStore))
	}
}

// putInForce stores the pointer, and tells everybody who keeps something for the state before:
// metrics, the fetcher of keys, and the limits on clients. It cannot fail.
func (a *Activator) putInForce(s *State) {
	s.FirstServed = a.serials.last.FirstServed
	s.Counters = a.Metrics.APIs(s.Snapshot.NumAPIs(), func(i int) string { return s.Snapshot.API(i).Label() })
	a.current.Store(s)
	if s.unsigned > 0 {
		a.lacks()
	}
	if a.Rejected() == nil { // else the alert on a rejected file must go on
		a.Metrics.Reloaded(true, s.Since)
	}
	a.remotes.retain(s.Credentials.remoteKeys())
	a.Activated(s)
	a.Logger.Info("snapshot activated", "snapshot", s.Digest, "serial", s.Serial, "revision", s.Revision,
		"apis", s.Snapshot.NumAPIs(), "clients", s.Snapshot.NumClients(), "authorizations", s.Snapshot.NumAuthorizations(), "problems", len(s.Problems))
	for _, p := range s.Problems {
		a.Logger.Error("not served", "address", p.Address, "reason", p.Reason, "action", p.Action)
	}
	if err := a.KeysMissing(); err != nil {
		a.Logger.Error("not ready", "reason", err.Error(), "action", remedy.For(err, remedy.Runbooks+"not-ready"))
	}
}

// reject remembers and reports why a snapshot was not put in force.
func (a *Activator) reject(digest string, err error) error {
	a.Metrics.Reloaded(false, a.Now())
	rejection := &Rejection{Digest: digest, Reason: err.Error(), Action: remedy.For(err, remedy.Runbooks+"snapshot-refused"), At: a.Now().UTC()}
	a.rejected.Store(rejection)
	attrs := []any{"reason", rejection.Reason}
	if digest != "" {
		attrs = append(attrs, "snapshot", digest)
	}
	if current := a.Current(); current != nil {
		attrs = append(attrs, slog.String("serving", current.Digest))
	}
	if defect, ok := errors.AsType[*Defect](err); ok {
		attrs = append(attrs, slog.String("stack", string(defect.Stack)))
	}
	a.Logger.Error("snapshot rejected", append(attrs, "action", rejection.Action)...)
	return err
}

// Problems returns what of the state cannot be served now: the keys of trusted issuers that
// could not be fetched, faults of managed keys, and what was found at the activation.
func (a *Activator) Problems(s *State) []Problem {
	return slices.Concat(s.Credentials.keyFetchProblems(), a.KeyFaults(s), s.Problems)
}

// Maintain looks after managed keys and the keys of trusted issuers until ctx ends, or
// until there is a panic, which it returns as a *Defect.
func (a *Activator) Maintain(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context){a.maintainKeys, a.remotes.run} {
		loops.Go(func() {
			if err := Guard(func() { loop(ctx) }); err != nil {
				stop(err)
			}
		})
	}
	loops.Wait()
	defect, _ := errors.AsType[*Defect](context.Cause(ctx))
	if defect == nil {
		return nil
	}
	return defect
}
