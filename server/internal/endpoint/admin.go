package endpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/build"
	"github.com/writ-auth/writ/server/internal/active"
	"github.com/writ-auth/writ/server/internal/transport"
	"github.com/writ-auth/writ/server/metrics"
	"github.com/writ-auth/writ/server/remedy"
	"github.com/writ-auth/writ/server/token"
)

// Admin is the handler of what operators ask: /livez, /readyz, /status and /metrics.
type Admin struct {
	Activator *active.Activator
	Draining  func() bool
	Metrics   *metrics.Metrics
	// Listening is what the server answers on, once it does.
	Listening atomic.Pointer[[]Listener]
	// Started is when the program began.
	Started time.Time
	// StoreFault says why what is to be remembered cannot be now. Nil: memory has no faults.
	StoreFault func() error
	// CertificateEnd is when the server's own certificate expires. Nil: it has none.
	CertificateEnd func() time.Time
	// Location says how the last looks at the snapshot's location went. Nil: there is none.
	Location    func() LocationStatus
	RefuseStale bool     // the server is not ready while its location is stale
	Instance    string   // names the process in its fleet; "" for none
	Hosts       []string // names that it may be asked under, beside addresses and localhost
	Profiling   bool     // answer /debug/pprof/NAME
	Now         func() time.Time
}

// Status is what /status answers.
type Status struct {
	Ready        bool              `json:"ready"`
	Instance     string            `json:"instance,omitempty"`
	Version      string            `json:"version"` // of the program
	Started      time.Time         `json:"started"`
	Uptime       int64             `json:"uptime_seconds"`
	Listeners    []Listener        `json:"listeners,omitempty"`
	Digest       string            `json:"digest,omitempty"`
	Serial       uint64            `json:"serial,omitempty"`
	Revision     string            `json:"revision,omitempty"`
	Issuer       string            `json:"issuer,omitempty"`
	Environment  string            `json:"environment,omitempty"`
	Created      time.Time         `json:"created,omitzero"`       // when the snapshot was made
	FirstServed  time.Time         `json:"first_served,omitzero"`  // here, for the first time
	Since        time.Time         `json:"since,omitzero"`         // with the keys and secrets of now
	Stale        bool              `json:"stale,omitempty"`        // past the snapshot's not_after
	NextRotation time.Time         `json:"next_rotation,omitzero"` // when another key begins to sign
	Keys         []KeyStatus       `json:"keys,omitempty"`
	Problems     []active.Problem  `json:"problems,omitempty"`
	LastRejected *active.Rejection `json:"last_rejected,omitempty"`
	Location     *LocationStatus   `json:"location,omitempty"`
}

// A LocationStatus is where snapshots come from and how the last looks at it went. A
// look succeeds when the location answered and what it holds was known or came whole.
// Whether that was put in force is another matter: see Status.LastRejected.
type LocationStatus struct {
	Address     string    `json:"address"` // without what may be a credential
	LastLook    time.Time `json:"last_look,omitzero"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastError   string    `json:"last_error,omitempty"` // of the last look, if that failed
	Stale       bool      `json:"stale,omitempty"`      // it has been silent for longer than allowed
}

// A Listener is where the server answers.
type Listener struct {
	Name    string `json:"name"`    // "public" or "admin"
	Address string `json:"address"` // "tcp:127.0.0.1:8080"
	TLS     bool   `json:"tls"`
}

// A KeyStatus is one key that is published or has been.
type KeyStatus struct {
	KID         string            `json:"kid"`
	Algorithm   schema.SigningAlg `json:"algorithm"`
	State       token.State       `json:"state"`
	ActivatesAt time.Time         `json:"activates_at,omitzero"`
	RetiresAt   time.Time         `json:"retires_at,omitzero"`
}

// maxProblems bounds how many problems /status lists.
const maxProblems = 100

// ServeHTTP answers only requests that no web page of another site can have sent.
func (a *Admin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !sameSite(r, a.Hosts) {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	switch path := r.URL.EscapedPath(); {
	case path == "/livez":
		writeNoStore(w, http.StatusOK, []byte("{\"alive\":true}\n"))
	case path == "/readyz":
		a.writeReady(w, r)
	case path == "/status":
		body, err := json.MarshalIndent(a.Status(), "", "  ")
		if err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		writeNoStore(w, http.StatusOK, append(body, '\n'))
	case path == "/metrics":
		a.Metrics.ServeHTTP(w, r)
	case a.Profiling && strings.HasPrefix(path, pprofPath):
		writeProfile(w, r, strings.TrimPrefix(path, pprofPath))
	default:
		http.Error(w, "not found: here are /livez, /readyz, /status and /metrics", http.StatusNotFound)
	}
}

// Ready reports whether tokens are issued: a snapshot is in force with which every
// algorithm in use has had a key, and the server is not draining. A rejected snapshot
// does not change it, and a location that is stale only where that was asked for.
func (a *Admin) Ready() bool {
	return a.Activator.Ready() && !a.Draining() && !(a.RefuseStale && a.location().Stale)
}

// location returns the state of the snapshot's location, the zero one if there is none.
func (a *Admin) location() LocationStatus {
	if a.Location == nil {
		return LocationStatus{}
	}
	return a.Location()
}

// A check is one condition of readiness.
type check struct {
	name string
	err  error // why it is not met
}

// checks returns the conditions of Ready one by one, each with the reason if it is not met.
func (a *Admin) checks() []check {
	snapshot := check{name: "snapshot"}
	if a.Activator.Current() == nil {
		snapshot.err = errors.New("none has been read yet")
		if r := a.Activator.Rejected(); r != nil {
			snapshot.err = remedy.With(errors.New(r.Reason), r.Action)
		}
	}
	shutdown := check{name: "shutdown"}
	if a.Draining() {
		shutdown.err = errors.New("the server is ending: it finishes what it has accepted")
	}
	checks := []check{snapshot, {"signing-keys", a.Activator.KeysMissing()}, shutdown}
	if a.RefuseStale {
		location := check{name: "location"}
		if l := a.location(); l.Stale {
			location.err = fmt.Errorf("%s has not answered since %s", l.Address, l.LastSuccess.UTC().Format(time.RFC3339))
		}
		checks = append(checks, location)
	}
	return checks
}

// writeReady answers /readyz for the machines that ask, and with ?verbose a line for each
// check, as kube-apiserver does, for the person who wants to know why.
func (a *Admin) writeReady(w http.ResponseWriter, r *http.Request) {
	ready, status := a.Ready(), http.StatusOK
	if !ready {
		status = http.StatusServiceUnavailable
	}
	if !r.URL.Query().Has("verbose") {
		writeNoStore(w, status, fmt.Appendf(nil, "{\"ready\":%t}\n", ready))
		return
	}
	var text strings.Builder
	for _, c := range a.checks() {
		if c.err == nil {
			fmt.Fprintf(&text, "[+]%s ok\n", c.name)
			continue
		}
		fmt.Fprintf(&text, "[-]%s %s", c.name, oneLine(c.err.Error()))
		if action := remedy.For(c.err, ""); action != "" {
			fmt.Fprintf(&text, "; to mend it: %s", oneLine(action))
		}
		text.WriteByte('\n')
	}
	result := "passed"
	if !ready {
		result = "failed"
	}
	fmt.Fprintf(&text, "readyz check %s\n", result)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, text.String())
}

// oneLine keeps a check on its line: joined errors have several.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if schema.IsHidden(r) {
			return ' '
		}
		return r
	}, strings.ReplaceAll(strings.TrimSpace(text), "\n", "; "))
}

// Status describes the server at this moment.
func (a *Admin) Status() Status {
	now := a.Now()
	status := Status{
		Ready: a.Ready(), Version: build.Read().Version, Started: a.Started.UTC(), Uptime: int64(now.Sub(a.Started) / time.Second),
		Instance: a.Instance, LastRejected: a.Activator.Rejected(),
	}
	if listening := a.Listening.Load(); listening != nil {
		status.Listeners = *listening
	}
	if fault := a.storeFault(); fault != nil {
		status.Problems = append(status.Problems, active.Problem{
			Address: "store", Reason: fault.Error(), Action: remedy.For(fault, remedy.Runbooks+"store-down"),
		})
	}
	if a.Location != nil {
		location := a.Location()
		status.Location = &location
	}
	s := a.Activator.Current()
	if s == nil {
		return status
	}
	issuer := s.Snapshot.Issuer()
	status.Digest, status.Serial, status.Revision, status.Since = s.Digest, s.Serial, s.Revision, s.Since
	status.Created, status.FirstServed = s.Snapshot.Envelope().Created, s.FirstServed
	status.Issuer, status.Environment, status.Stale = issuer.URL, issuer.Environment, s.Stale(now)
	status.NextRotation = unixTime(s.Keys().NextRotation(now.Unix()))
	problems := append(status.Problems, a.Activator.Problems(s)...)
	status.Problems = problems[:min(len(problems), maxProblems)]
	for _, key := range s.Keys().All(now.Unix()) {
		status.Keys = append(status.Keys, KeyStatus{
			KID: key.KID(), Algorithm: key.Alg(), State: key.State,
			ActivatesAt: unixTime(key.ActivatesAt), RetiresAt: unixTime(key.RetiresAt),
		})
	}
	return status
}

// Measure describes the server for a scrape.
func (a *Admin) Measure() metrics.State {
	now := a.Now()
	state := metrics.State{Now: now, Ready: a.Ready()}
	if a.CertificateEnd != nil {
		state.CertificateNotAfter = a.CertificateEnd()
	}
	if a.Location != nil {
		location := a.Location()
		state.Location = metrics.Location{LastLook: location.LastLook, LastSuccess: location.LastSuccess, Failed: location.LastError != "", Stale: location.Stale}
	}
	if a.StoreFault != nil {
		up := a.StoreFault() == nil
		state.StoreUp = &up
	}
	s := a.Activator.Current()
	if s == nil {
		return state
	}
	env := s.Snapshot.Envelope()
	state.Digest, state.Serial, state.Problems = s.Digest, s.Serial, len(s.Problems)+len(a.Activator.KeyFaults(s))
	state.Created, state.NotAfter = env.Created, env.NotAfter
	state.NotServed, state.NextRotation = notServed(s, now), unixTime(s.Keys().NextRotation(now.Unix()))
	state.Algorithms = map[string]bool{}
	for _, used := range s.Algorithms(now) {
		state.Algorithms[string(used.Alg)] = used.Without < used.APIs
	}
	for _, key := range s.Keys().All(now.Unix()) {
		state.Keys = append(state.Keys, metrics.Key{KID: key.KID(), Alg: string(key.Alg()), State: string(key.State)})
	}
	return state
}

// storeFault calls StoreFault if there is one.
func (a *Admin) storeFault() error {
	if a.StoreFault == nil {
		return nil
	}
	return a.StoreFault()
}

// notServed counts, by kind, the objects that are not served or not in full. A key that an
// algorithm lacks shows in the APIs that sign with it.
func notServed(s *active.State, now time.Time) map[string]int {
	count := map[string]int{"api": 0, "client": 0, "signing_key": 0, "trusted_issuer": 0}
	seen := map[string]bool{}
	for _, p := range s.Problems {
		if _, counted := count[p.Kind()]; counted && !seen[p.Address] {
			seen[p.Address] = true
			count[p.Kind()]++
		}
	}
	for _, used := range s.Algorithms(now) {
		if used.Alg != schema.HS256 { // whose APIs are among the problems by themselves
			count["api"] += used.Without
		}
	}
	return count
}

// unixTime returns a time of a key in UTC, the zero Time for 0 seconds.
func unixTime(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// sameSite reports whether no web page of another site can have made a browser send the
// request. DNS rebinding takes a name, so that an address, localhost or one of the hosts
// is proof enough of Host, and a unix socket is out of a browser's reach. An Origin must
// be the Host's own.
func sameSite(r *http.Request, hosts []string) bool {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr.Network() == "unix" {
		return true
	}
	host := (&url.URL{Host: r.Host}).Hostname()
	if net.ParseIP(host) == nil && !strings.EqualFold(host, "localhost") && !slices.Contains(hosts, host) {
		return false
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || !strings.EqualFold(u.Host, r.Host) {
			return false
		}
	}
	return true
}

// pprofPath is where profiles are, as the tools expect them.
const pprofPath = "/debug/pprof/"

// maxProfile bounds for how many seconds the processor is profiled. Meanwhile nobody else
// can have a profile of it, and every goroutine runs a little slower.
const maxProfile = 60

// writeProfile answers with a profile by its name; "profile" is that of the processor.
// The handlers of net/http/pprof would register themselves, and the command line, with
// the default mux.
func writeProfile(w http.ResponseWriter, r *http.Request, name string) {
	var out bytes.Buffer
	switch profile := pprof.Lookup(name); {
	case name == "profile":
		if !profileProcessor(w, r, &out) {
			return
		}
	case profile == nil:
		http.Error(w, "not found", http.StatusNotFound)
		return
	default:
		if err := profile.WriteTo(&out, 0); err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	w.Write(out.Bytes())
}

// profileProcessor profiles for ?seconds=, or until the caller goes away.
func profileProcessor(w http.ResponseWriter, r *http.Request, out *bytes.Buffer) bool {
	seconds := 30
	if text := r.URL.Query().Get("seconds"); text != "" {
		var err error
		if seconds, err = strconv.Atoi(text); err != nil || seconds < 1 || seconds > maxProfile {
			http.Error(w, "seconds must be 1 to 60", http.StatusBadRequest)
			return false
		}
	}
	duration := time.Duration(seconds) * time.Second
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(duration + transport.WriteTimeout)) // a recorder has none
	if err := pprof.StartCPUProfile(out); err != nil {
		http.Error(w, "another profile is being made", http.StatusConflict)
		return false
	}
	defer pprof.StopCPUProfile()
	select {
	case <-time.After(duration):
	case <-r.Context().Done():
	}
	return true
}
