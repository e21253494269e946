package server

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/metrics"
)

// A Tracer follows requests beyond this process. Its methods are called while
// somebody waits for an answer, by many at once: they may not wait for anything.
type Tracer interface {
	// Around wraps what answers at the endpoint with that path below the issuer.
	// The trace that the audit line names is the one in the request's traceparent
	// when it comes to next.
	Around(path string, next http.Handler) http.Handler
	// Decided is told what the token request of the context came to, in words of the
	// configuration and of the RFCs: nothing of them is the caller's.
	Decided(ctx context.Context, attrs ...slog.Attr)
}

// traced is the endpoint with the tracer around it, if there is one.
func (s *Server) traced(a *Active, path string, endpoint handler) handler {
	if s.opts.Tracer == nil {
		return endpoint
	}
	return tracedHandler{s.opts.Tracer.Around(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		endpoint.serve(a, w, r)
	}))}
}

// A tracedHandler belongs to the routes of one configuration.
type tracedHandler struct{ http.Handler }

func (t tracedHandler) serve(_ *Active, w http.ResponseWriter, r *http.Request) { t.ServeHTTP(w, r) }

// tell tells the tracer, if there is one, what a token request came to.
func (s *Server) tell(ctx context.Context, x *exchange, refusal *Error) {
	if s.opts.Tracer == nil {
		return
	}
	reason := ReasonGranted
	if refusal != nil {
		reason = refusal.Reason
	}
	attrs := []slog.Attr{
		slog.String("writ.grant_type", metrics.GrantTypeOf(x.request.GrantType).String()), slog.String("writ.reason", string(reason)),
		slog.String("writ.snapshot", x.active.digest),
	}
	if x.grant.Client != (snapshot.Client{}) {
		attrs = append(attrs, slog.String("writ.client", x.grant.Client.Label()))
	}
	if x.grant.API != (snapshot.API{}) {
		attrs = append(attrs, slog.String("writ.api", x.grant.API.Label()))
	}
	s.opts.Tracer.Decided(ctx, attrs...)
}

// traceID is the trace that a request belongs to, for the audit line: the
// trace-id of a traceparent header (W3C Trace Context section 3.2), "" when
// there is none or it is malformed.
func traceID(h http.Header) string {
	values := h["Traceparent"]
	if len(values) != 1 {
		return ""
	}
	v := values[0]
	// version "-" trace-id "-" parent-id "-" trace-flags; later versions may say more.
	if len(v) < 55 || len(v) > 55 && (v[:2] == "00" || v[55] != '-') || v[2] != '-' || v[35] != '-' || v[52] != '-' {
		return ""
	}
	version, trace, parent, flags := v[:2], v[3:35], v[36:52], v[53:55]
	if version == "ff" || !lowerHex(version) || !lowerHex(trace) || !lowerHex(parent) || !lowerHex(flags) ||
		strings.Trim(trace, "0") == "" || strings.Trim(parent, "0") == "" {
		return ""
	}
	return trace
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
