// Package endpoint answers the requests of clients, resource servers and operators.
//
// It has one type for each endpoint, what they share in authentication and reporting,
// and the wording of errors. An endpoint reads a request (server/internal/transport),
// finds out who sends it (server/clientauth), decides with the state in force
// (server/internal/active, server/decide), signs (server/token), and remembers refresh
// tokens (server/internal/refresh). It keeps nothing itself but the limits on clients
// and on failed authentications.
//
// A token request passes, in this order: public.go, token.go, authenticate.go, token.go,
// audit.go.
package endpoint

import (
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/internal/active"
	"github.com/writ-auth/writ/server/internal/refresh"
	"github.com/writ-auth/writ/server/metrics"
)

// Options are what the public endpoints work with.
type Options struct {
	Current func() *active.State // what is in force; nil: nothing
	Limits  *Limits
	Nonces  *Nonces // of DPoP proofs; nil: none are demanded
	// Certificates are those that the public listener takes; nil: none.
	Certificates *clientauth.ClientCertificates
	Families     *refresh.Families
	Metrics      *metrics.Metrics
	Tracer       Tracer // nil: requests are traced no further
	Logger       *slog.Logger
	Now          func() time.Time
}

// A route is one public endpoint. The table of routes is all there is: what it
// does not hold is not served.
type route struct {
	methods []string
	handler handler
}

// A handler answers a request from one configuration.
type handler interface {
	serve(s *active.State, w http.ResponseWriter, r *http.Request)
}

// A public finds the endpoint of a request.
type public struct {
	current func() *active.State
	routes  map[string]route // by the path below the issuer
}

// Public is the handler of what clients and resource servers ask.
func Public(opts Options) http.Handler {
	report := &reporter{log: opts.Logger, metrics: opts.Metrics, tracer: opts.Tracer}
	auth := &authenticator{limits: opts.Limits, certificates: opts.Certificates}
	tokens := &tokenEndpoint{auth: auth, nonces: opts.Nonces, families: opts.Families, report: report, now: opts.Now}
	introspection := &introspectionEndpoint{auth: auth, families: opts.Families, report: report, now: opts.Now}
	revocation := &revocationEndpoint{auth: auth, families: opts.Families, report: report, now: opts.Now}
	get, post := []string{http.MethodGet, http.MethodHead}, []string{http.MethodPost}
	p := &public{current: opts.Current, routes: map[string]route{
		active.TokenPath:         {post, tokens},
		active.IntrospectionPath: {post, introspection},
		active.RevocationPath:    {post, revocation},
		active.ResourcePath:      {get, protectedResourceEndpoint{}},
		active.JWKSPath:          {get, jwksEndpoint{opts.Now}},
		active.OpenIDPath:        {get, metadataEndpoint{}},
		active.AuthorizationPath: {get, metadataEndpoint{}},
	}}
	if opts.Tracer != nil {
		for path, endpoint := range p.routes {
			p.routes[path] = route{endpoint.methods, newTraced(opts.Tracer, path, endpoint.handler)}
		}
	}
	return p
}

// ServeHTTP finds the route by the exact path as it was sent: no cleaning, no
// decoding, no redirects.
func (p *public) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(r.TransferEncoding) > 0 {
		// net/http drops a Content-Length that came beside the chunks. A proxy that
		// went by it would take what follows for another request, so that no other is
		// read from the connection (RFC 9112 section 6.1).
		w.Header().Set("Connection", "close")
	}
	s := p.current()
	if s == nil {
		writeError(w, refuse(CodeUnavailable, ReasonNoSnapshot))
		return
	}
	path, ok := s.Endpoint(r.URL.EscapedPath())
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	endpoint := p.routes[path]
	if slices.Contains(endpoint.methods, r.Method) {
		endpoint.handler.serve(s, w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(endpoint.methods, ", "))
	refusal := refuse(CodeInvalidRequest, ReasonMethod)
	refusal.Mend = "This address takes " + strings.Join(endpoint.methods, " or ") + "."
	writeError(w, refusal.In(s.Style))
}

// Overloaded answers a request of HTTP/2 beyond the limits of the listener: of those of
// its address if ofAddress, else of all.
func Overloaded(w http.ResponseWriter, ofAddress bool) {
	code := CodeUnavailable
	if ofAddress {
		code = CodeTooManyRequests
	}
	writeError(w, refuse(code, ReasonManyStreams))
}

// writeNoStore answers with JSON that no cache may keep (RFC 6749 section 5.1).
func writeNoStore(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Cache-Control"] = noStore
	h["Pragma"] = noCache
	h["Content-Type"] = typeJSON
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	w.Write(body)
}

// Header values that every answer shares; net/http only reads them.
var (
	noStore  = []string{"no-store"}
	noCache  = []string{"no-cache"}
	typeJSON = []string{"application/json"}
)
