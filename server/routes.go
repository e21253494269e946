package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A route is one public endpoint. The table of routes is all there is: what it
// does not hold is not served, and the metadata advertises what its entries
// say, so that everything advertised works.
type route struct {
	methods []string // the first is the one that the endpoint is for
	handler handler
}

// A handler answers a request from one configuration.
type handler interface {
	serve(a *Active, w http.ResponseWriter, r *http.Request)
}

// Paths below the issuer.
const (
	tokenPath         = "/oauth/token"
	introspectPath    = "/oauth/introspect"
	revokePath        = "/oauth/revoke"
	jwksPath          = "/.well-known/jwks.json"
	openIDPath        = "/.well-known/openid-configuration"
	authorizationPath = "/.well-known/oauth-authorization-server"
	resourcePath      = "/.well-known/oauth-protected-resource/" + anySegment
)

// anySegment, at the end of a route's path, stands for any one segment. No
// request has it in its path, because it is always sent percent-encoded.
const anySegment = "{api}"

// buildRoutes is the list of public endpoints. An issuer with a path has every
// one of them below that path, where its metadata says they are, and at the
// root, for a proxy that strips the path; its metadata also where RFC 8414
// section 3.1 inserts the well-known part before the path.
func (s *Server) buildRoutes(a *Active) (map[string]route, error) {
	issuer := a.snapshot.Issuer().URL
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, fmt.Errorf("issuer %q: %w", issuer, err)
	}
	base := strings.TrimSuffix(u.EscapedPath(), "/")
	metadata, err := newMetadata(a)
	if err != nil {
		return nil, err
	}
	get, post := []string{http.MethodGet, http.MethodHead}, []string{http.MethodPost}
	tokens := &tokenEndpoint{server: s}
	relative := map[string]route{
		tokenPath:         {methods: post, handler: tokens},
		introspectPath:    {methods: post, handler: &introspectEndpoint{tokens}},
		revokePath:        {methods: post, handler: &revokeEndpoint{tokens}},
		resourcePath:      {methods: get, handler: newProtectedResource(a)},
		jwksPath:          {methods: get, handler: jwksEndpoint{now: s.opts.Now}},
		openIDPath:        {methods: get, handler: metadata},
		authorizationPath: {methods: get, handler: metadata},
	}
	routes := map[string]route{}
	for path, endpoint := range relative {
		endpoint.handler = s.traced(a, path, endpoint.handler)
		routes[path] = endpoint
		routes[base+path] = endpoint
	}
	routes[openIDPath+base] = relative[openIDPath]
	routes[authorizationPath+base] = relative[authorizationPath]
	if base != "" {
		// RFC 8414 section 3.1 drops a terminating slash; some libraries keep it.
		routes[authorizationPath+base+"/"] = relative[authorizationPath]
	}
	return routes, nil
}

// endpointURL is the address of an endpoint below the issuer.
func endpointURL(issuer, path string) string { return strings.TrimSuffix(issuer, "/") + path }

// route finds the entry of an escaped path.
func (a *Active) route(path string) (route, bool) {
	found, ok := a.routes[path]
	if !ok {
		found, ok = a.routes[path[:strings.LastIndexByte(path, '/')+1]+anySegment]
	}
	return found, ok
}

// serve finds the route by the exact path as it was sent: no cleaning, no
// decoding, no redirects.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if len(r.TransferEncoding) > 0 {
		// net/http drops a Content-Length that came beside the chunks. A proxy that
		// went by it would take what follows for another request: none is read
		// (RFC 9112 section 6.1).
		w.Header().Set("Connection", "close")
	}
	a := s.active.Load()
	if a == nil {
		writeError(w, refuse(CodeUnavailable, ReasonNoSnapshot))
		return
	}
	route, ok := a.route(r.URL.EscapedPath())
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if slices.Contains(route.methods, r.Method) {
		route.handler.serve(a, w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(route.methods, ", "))
	writeError(w, refuse(CodeInvalidRequest, ReasonMethod))
}
