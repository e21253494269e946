package endpoint

import (
	"context"
	"errors"
	"hash/maphash"
	"maps"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/internal/active"
	"github.com/writ-auth/writ/server/internal/transport"
)

// An authenticator finds the client of a request, for every endpoint that needs one.
type authenticator struct {
	limits       *Limits
	certificates *clientauth.ClientCertificates
}

// authenticate finds the client and sets what the audit line says of it:
// x.request.ClientID is the client that is claimed, also when the claim fails.
//
// The order protects the server and the client: too many failures refuse a request before
// its credential is checked, so that guessing costs the server nothing. The limits of a
// client hold only once its credential is verified, so that nobody else uses them up. An
// assertion is used up last, when nothing can refuse the request any more.
func (a *authenticator) authenticate(x *exchange, r *http.Request) (snapshot.Client, *Error) {
	cred, err := clientauth.Read(r.Header["Authorization"], clientauth.Params{
		ClientID:            x.form.Get("client_id"),
		ClientSecret:        x.form.Get("client_secret"),
		ClientAssertion:     x.form.Get("client_assertion"),
		ClientAssertionType: x.form.Get("client_assertion_type"),
		Certificate:         a.certificates.Presented(r.TLS),
	})
	x.request.ClientID, x.method = cred.ClientID, cred.Method
	if err != nil {
		return snapshot.Client{}, authenticationError(err)
	}
	assertion, err := readAssertion(&cred)
	x.request.ClientID = cred.ClientID
	failures := a.limits.failures(cred.ClientID, r.RemoteAddr)
	if !failures.allow(x.now) {
		return snapshot.Client{}, refuse(CodeTooManyRequests, ReasonFailureRate)
	}
	client := snapshot.Client{}
	if err == nil {
		client, err = a.verify(x, r, cred, assertion)
	}
	if err == nil {
		if refusal := a.limit(x, client); refusal != nil {
			return snapshot.Client{}, refusal
		}
		if x.method == clientauth.PrivateKeyJWT { // a federated token may be used until it expires
			err = x.state.Credentials.Assertions.UseUp(r.Context(), assertion, x.request.ClientID)
		}
	}
	if err == nil {
		return client, nil
	}
	refusal := authenticationError(err)
	switch {
	case refusal.Code == CodeInvalidClient:
		failures.count(x.now)
	case refusal.Reason == ReasonSlowHashes || refusal.Reason == ReasonGone:
		failures.countAddress(x.now)
	}
	return snapshot.Client{}, refusal
}

// limit is asked once the credential is verified and before anything is remembered of
// the request: what one client can make the server remember is bounded, and with it
// what it can take from the others.
func (a *authenticator) limit(x *exchange, client snapshot.Client) *Error {
	switch {
	case x.asksToken && !a.limits.requests.allow(client.Label(), client.RateLimit(), x.now):
		return refuse(CodeTooManyRequests, ReasonClientRate)
	case x.method == clientauth.PrivateKeyJWT && !a.limits.uses.allow(client.Label(), maxUses, x.now):
		return refuse(CodeTooManyRequests, ReasonUseRate)
	}
	return nil
}

// readAssertion reads the credential's assertion, if it has one. Its subject names the
// client when the request does not (RFC 7521 section 4.2).
func readAssertion(cred *clientauth.Credential) (*clientauth.Token, error) {
	if cred.Method != clientauth.PrivateKeyJWT {
		return nil, nil
	}
	assertion, err := clientauth.ReadToken(cred.Assertion, clientauth.MaxAssertion)
	if err != nil {
		return nil, err
	}
	if cred.ClientID == "" {
		cred.ClientID = assertion.UnverifiedSubject()
	}
	return assertion, nil
}

// verify checks the credential by its method. What is done for a client that does not
// exist is the same as for one that does.
func (a *authenticator) verify(x *exchange, r *http.Request, cred clientauth.Credential, assertion *clientauth.Token) (client snapshot.Client, err error) {
	s := x.state
	if assertion == nil && cred.Method != clientauth.TLSClientAuth {
		client, x.credential, err = s.Secrets.Verify(r.Context(), transport.Network(r.RemoteAddr), cred, x.now.Unix())
		return client, err
	}
	client, known := s.Snapshot.ClientByID(cred.ClientID)
	s.Work.Did("look-up")
	switch {
	case assertion == nil:
		err = a.verifyCertificate(x, r, client, known)
	case isForeign(cred, assertion) && s.Credentials.VouchesForClient(assertion):
		x.method = clientauth.Federated
		x.credential, err = s.Credentials.VerifyFederated(assertion, client, known, x.now)
	default:
		x.credential, err = s.Credentials.Assertions.Verify(cred.AssertionType, assertion, cred.ClientID, s.Credentials.ClientKeys(cred.ClientID))
	}
	return client, ofClient(known, err)
}

// ofClient returns the error for a credential, given that of checking it and whether its
// client exists. A Refusal stays one and only its reason changes, so that nothing takes
// another time than for a client that exists.
func ofClient(known bool, err error) error {
	refusal, ok := errors.AsType[*clientauth.Refusal](err)
	switch {
	case known:
	case ok:
		refusal.Reason = clientauth.ReasonUnknownClient
	case err == nil:
		return clientauth.ErrUnknownClient
	}
	return err
}

// isForeign reports whether the assertion is another issuer's token: not the
// client's own, and a JWT-SVID when it is presented as one.
func isForeign(cred clientauth.Credential, assertion *clientauth.Token) bool {
	if cred.AssertionType == clientauth.SPIFFEAssertionType && !strings.HasPrefix(assertion.UnverifiedSubject(), "spiffe://") {
		return false
	}
	return assertion.UnverifiedIssuer() != cred.ClientID
}

// verifyCertificate matches the certificate of the connection, whose chain is
// verified for a client that does not exist, too. The token will be bound to it.
func (a *authenticator) verifyCertificate(x *exchange, r *http.Request, client snapshot.Client, known bool) error {
	peer, _ := clientauth.VerifyPeer(r.TLS, a.certificates.Roots(), x.now)
	x.state.Work.Did("chain")
	if !known {
		return clientauth.ErrUnknownClient
	}
	label, method, err := clientauth.MatchCertificate(peer, client.Certificates(), x.now)
	if err != nil {
		return err
	}
	if !a.certificates.Takes(method) {
		return clientauth.ErrUnsupportedMethod
	}
	x.method, x.credential = method, label
	x.request.Confirmation.X5TS = peer.Thumbprint()
	return nil
}

// authenticationReasons are the causes of a failed authentication. The client gets the
// same answer for all of them.
var authenticationReasons = []struct {
	err    error
	code   Code
	reason Reason
}{
	{clientauth.ErrMultiple, CodeInvalidRequest, ReasonTwoMethods},
	{clientauth.ErrClientIDsDiffer, CodeInvalidRequest, ReasonClientIDsDiffer},
	{clientauth.ErrNone, CodeInvalidClient, "no-credential"},
	{clientauth.ErrUnsupportedMethod, CodeInvalidClient, "unsupported-method"},
	{clientauth.ErrMalformedBasic, CodeInvalidClient, "malformed-basic"},
	{clientauth.ErrUnknownClient, CodeInvalidClient, ReasonUnknownClient},
	{clientauth.ErrWrongSecret, CodeInvalidClient, "wrong-secret"},
	{clientauth.ErrExpiredSecret, CodeInvalidClient, "expired-secret"},
	{clientauth.ErrEarlySecret, CodeInvalidClient, "secret-not-valid-yet"},
	{clientauth.ErrNoSecrets, CodeInvalidClient, "method-not-registered"},
	{clientauth.ErrUnreadableSecret, CodeInvalidClient, "secret-unreadable"},
	{clientauth.ErrBusy, CodeUnavailable, ReasonSlowHashes},
	{clientauth.ErrNoKeys, CodeUnavailable, ReasonIssuerKeys},
	{context.Canceled, CodeUnavailable, ReasonGone},
	{context.DeadlineExceeded, CodeUnavailable, ReasonGone},
}

// authenticationError compares with all of them, so that its time does not depend on
// which one it is.
func authenticationError(err error) *Error {
	found := -1
	for i := range authenticationReasons {
		if errors.Is(err, authenticationReasons[i].err) {
			found = i
		}
	}
	if found < 0 {
		return credentialError(err, CodeInvalidClient)
	}
	return refuse(authenticationReasons[found].code, authenticationReasons[found].reason)
}

// credentialError is the refusal with the code when err is a Refusal of package
// clientauth. Any other error has decided nothing: the server has just started, or the
// store has failed.
func credentialError(err error, code Code) *Error {
	if starting, ok := errors.AsType[*clientauth.StartError](err); ok {
		refusal := unavailable(ReasonJustStarted, err)
		refusal.RetryAfter = starting.RetryAfter
		return refusal
	}
	refusal := storeError(err)
	if refused, ok := errors.AsType[*clientauth.Refusal](err); ok {
		refusal = refuse(code, hyphenated(refused.Reason))
		refusal.Detail = refused.Detail
	}
	return refusal
}

// hyphenated returns a reason of package clientauth as the log writes reasons.
func hyphenated(reason clientauth.Reason) Reason {
	return Reason(strings.ReplaceAll(string(reason), "_", "-"))
}

// What one client can make the server remember, each second and twice that at once,
// whether or not it declares a rate_limit: assertions and proofs that it uses up, and
// refresh tokens that it is issued anew.
const (
	maxUses     = 500
	maxFamilies = 50
)

// How many authentications may fail, per second and in a burst: per client_id
// and per address. Successes are not counted. A request that was refused for load counts
// as a failure of its address. Libraries that try Basic first fail once per token.
const (
	clientFailures  = 10
	addressFailures = 50
	failureBurst    = 5 // times the rate
)

// failureBuckets is the number of buckets of each kind. Names are hashed onto
// them with a secret seed, so that memory stays bounded whatever is sent, and a
// client_id that does not exist is treated like one that does.
const failureBuckets = 4096

// Limits bound what one client or address may do. They outlive the snapshots, so that a
// reload fills no bucket.
type Limits struct {
	requests clientBuckets // of token requests, by rate_limit
	uses     clientBuckets // of assertions and proofs
	families clientBuckets // of refresh tokens that begin a family

	seed      maphash.Seed
	clients   hashedBuckets // of failed authentications
	addresses hashedBuckets
}

// NewLimits makes limits of which nothing has been used.
func NewLimits() *Limits {
	return &Limits{seed: maphash.MakeSeed(), clients: hashedBuckets{limit: clientFailures}, addresses: hashedBuckets{limit: addressFailures}}
}

// Retain forgets the buckets of clients that the state does not have.
func (l *Limits) Retain(s *active.State) {
	known := func(label string) bool { _, ok := s.Snapshot.ClientByLabel(label); return ok }
	l.uses.retain(known)
	l.families.retain(known)
	l.requests.retain(func(label string) bool {
		client, ok := s.Snapshot.ClientByLabel(label)
		return ok && client.RateLimit() != 0
	})
}

// A clientBuckets is token buckets of clients, for one thing that is limited.
type clientBuckets struct {
	mu      sync.Mutex
	byLabel map[string]*rate.Limiter
}

// allow takes one token of the client's bucket. limit is in requests per second, and 0 is no
// limit; the burst is twice the limit, and one at least. A limit that a reload has changed
// begins with a full bucket.
func (b *clientBuckets) allow(label string, limit float64, now time.Time) bool {
	if limit == 0 {
		return true
	}
	b.mu.Lock()
	bucket, ok := b.byLabel[label]
	if !ok || bucket.Limit() != rate.Limit(limit) {
		bucket = rate.NewLimiter(rate.Limit(limit), int(math.Max(1, math.Ceil(2*limit))))
		if b.byLabel == nil {
			b.byLabel = map[string]*rate.Limiter{}
		}
		b.byLabel[label] = bucket
	}
	b.mu.Unlock()
	return bucket.AllowN(now, 1)
}

// retain forgets the buckets of clients that are not known.
func (b *clientBuckets) retain(known func(label string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.byLabel, func(label string, _ *rate.Limiter) bool { return !known(label) })
}

// A hashedBuckets is a fixed number of token buckets.
type hashedBuckets struct {
	limit rate.Limit
	mu    sync.Mutex
	all   [failureBuckets]*rate.Limiter
}

// get returns the bucket of a hash, which is made full when it is first asked for. Names
// that fall into one bucket share it: at worst a client is limited for another's failures.
func (b *hashedBuckets) get(hash uint64) *rate.Limiter {
	i := hash % failureBuckets
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all[i] == nil {
		b.all[i] = rate.NewLimiter(b.limit, int(failureBurst*b.limit))
	}
	return b.all[i]
}

// failures returns the failure buckets of a client_id and a remote address. A peer on a
// unix socket has no address.
func (l *Limits) failures(clientID, remote string) failureLimits {
	f := failureLimits{client: l.clients.get(maphash.String(l.seed, clientID))}
	if network := transport.Network(remote); network.IsValid() {
		f.address = l.addresses.get(maphash.Comparable(l.seed, network))
	}
	return f
}

// A failureLimits is the failure buckets of one request; address is nil for none.
type failureLimits struct{ client, address *rate.Limiter }

// allow reports whether the credential may be checked at all. It takes nothing from the
// buckets, as the request may yet succeed.
func (f failureLimits) allow(now time.Time) bool {
	return f.client.TokensAt(now) >= 1 && (f.address == nil || f.address.TokensAt(now) >= 1)
}

// count counts a failure.
func (f failureLimits) count(now time.Time) {
	f.client.AllowN(now, 1)
	f.countAddress(now)
}

// countAddress counts a request that was refused for load, or whose client did not wait
// for the answer. It burdened the server as a failure does. It says nothing about the
// client, whom others could otherwise lock out.
func (f failureLimits) countAddress(now time.Time) {
	if f.address != nil {
		f.address.AllowN(now, 1)
	}
}
