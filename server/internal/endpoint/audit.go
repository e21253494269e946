package endpoint

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/internal/active"
	"github.com/writ-auth/writ/server/jsonlog"
	"github.com/writ-auth/writ/server/metrics"
)

// loggedInput bounds what the log repeats of the input, in bytes. The log escapes it.
const loggedInput = 256

// A reporter reports what became of a request: in the log, in the metrics, to the tracer.
type reporter struct {
	log     *slog.Logger
	metrics *metrics.Metrics
	tracer  Tracer // nil for none
}

// A Tracer follows requests beyond this process. Its methods are called by many requests
// at once, before each is answered, and must not wait for anything.
type Tracer interface {
	// Around wraps what answers at the endpoint with that path below the issuer.
	// The trace that the audit line names is the one in the request's traceparent
	// when it comes to next.
	Around(path string, next http.Handler) http.Handler
	// Decided is called with the outcome of the token request of the context, in words of
	// the configuration and of the RFCs: nothing of it is the caller's.
	Decided(ctx context.Context, attrs ...slog.Attr)
}

// token reports a token request that began at begin, before it is answered.
func (p *reporter) token(ctx context.Context, x *exchange, refusal *Error, begin time.Time) {
	end := time.Now()
	p.logToken(ctx, x, refusal, end)
	p.metrics.TokenRequest(end.Sub(begin))
	api := p.metrics.NoAPI()
	if x.grant.API != (snapshot.API{}) {
		api = x.state.Counters[x.grant.API.Index()]
	}
	api.Count(metrics.GrantTypeOf(x.request.GrantType), result(refusal, metrics.Issued))
	if p.tracer != nil {
		p.trace(ctx, x, refusal)
	}
}

// result is the label value of a refusal, or of the success when there is none.
func result(refusal *Error, success metrics.Result) metrics.Result {
	if refusal == nil {
		return success
	}
	return metrics.ResultOf(string(refusal.Code))
}

// logToken writes the one line of a decision. A line for a log of JSON is encoded on the
// spot: as a record it would cost a tenth of an HS256 token. Other handlers get a record.
func (p *reporter) logToken(ctx context.Context, x *exchange, refusal *Error, now time.Time) {
	level := slog.LevelInfo
	if refusal != nil {
		level = slog.LevelWarn
	}
	const message = "token"
	if log, ok := p.log.Handler().(*jsonlog.Handler); ok {
		line := log.Begin(now, level, message)
		x.describe(line, refusal)
		_ = line.End() // as slog: there is nowhere to report it
		return
	}
	attrs := make(attrList, 0, 20)
	x.describe(&attrs, refusal)
	p.log.LogAttrs(ctx, level, message, attrs...)
}

// An attributeWriter takes the attributes of a log line, one after the other.
type attributeWriter interface {
	String(key, value string)
	Int(key string, value int64)
	Bool(key string, value bool)
}

// An attrList is the attributes of a record.
type attrList []slog.Attr

func (l *attrList) String(key, value string)    { *l = append(*l, slog.String(key, value)) }
func (l *attrList) Int(key string, value int64) { *l = append(*l, slog.Int64(key, value)) }
func (l *attrList) Bool(key string, value bool) { *l = append(*l, slog.Bool(key, value)) }

// describe says who asked for what, what was granted, which key signed, which
// configuration decided and why. It never holds a secret, a token, an assertion
// or a body.
func (x *exchange) describe(to attributeWriter, refusal *Error) {
	to.String("client", bounded(x.request.ClientID))
	to.String("api", x.target())
	to.String("grant_type", bounded(x.request.GrantType))
	to.String("method", string(x.method))
	to.String("credential", x.credential)
	to.String("asked", bounded(x.request.Scope))
	reason := ReasonGranted
	if refusal != nil {
		reason = refusal.Reason
		to.String("error", string(refusal.Code))
		if refusal.Detail != "" {
			to.String("detail", bounded(refusal.Detail))
		}
	} else {
		to.String("granted", x.grant.Scope)
		to.String("authorization", x.grant.Authorization.Label())
		to.String("kid", x.signed.KID)
		to.String("jti", x.signed.JTI)
		to.Int("expires_in", x.grant.Lifetime())
		if x.signed.Reused {
			to.Bool("reused", true)
		}
		if x.refresh.Token != "" {
			to.Bool("offline", true)
		}
	}
	if x.issuer != "" {
		to.String("trusted_issuer", x.issuer)
	}
	if x.trace != "" {
		to.String("trace_id", x.trace)
	}
	to.String("reason", string(reason))
	to.String("snapshot", x.state.Digest)
	to.String("revision", x.state.Revision)
}

// target is the label of the API that was decided on, else what was asked for.
func (x *exchange) target() string {
	if x.grant.Grant.API != "" {
		return x.grant.Grant.API
	}
	if x.request.Audience != "" {
		return bounded(x.request.Audience)
	}
	return bounded(x.request.Resource)
}

// bounded cuts input for the log. What is left of a character that is cut is logged as U+FFFD.
func bounded(s string) string {
	if len(s) > loggedInput {
		return s[:loggedInput] + "..."
	}
	return s
}

// presented writes the one line about a token that was presented to an endpoint.
func (p *reporter) presented(r *http.Request, x *exchange, event string, found finding, refusal *Error) {
	attrs := make(attrList, 0, 20)
	attrs.String("client", bounded(x.request.ClientID))
	attrs.String("method", string(x.method))
	attrs.String("credential", x.credential)
	if found.token != nil {
		attrs.String("issued_to", found.token.ClientID)
		attrs.String("kid", found.token.KID)
		attrs.String("jti", found.token.JTI)
	}
	if found.family != nil {
		attrs.String("issued_to", found.family.Family().Client)
		attrs.Bool("offline", true)
	}
	if found.hasAPI {
		attrs.String("api", found.api.Label())
	}
	if x.trace != "" {
		attrs.String("trace_id", x.trace)
	}
	attrs.Bool("active", refusal == nil && found.reason == ReasonGranted)
	level := slog.LevelInfo
	if refusal != nil {
		level = slog.LevelWarn
		attrs.String("error", string(refusal.Code))
	}
	attrs.String("reason", string(found.reason))
	attrs.String("snapshot", x.state.Digest)
	attrs.String("revision", x.state.Revision)
	p.log.LogAttrs(r.Context(), level, event, attrs...)
}

// trace gives the tracer the outcome of a token request.
func (p *reporter) trace(ctx context.Context, x *exchange, refusal *Error) {
	reason := ReasonGranted
	if refusal != nil {
		reason = refusal.Reason
	}
	attrs := attrList{
		slog.String("writ.grant_type", metrics.GrantTypeOf(x.request.GrantType).String()), slog.String("writ.reason", string(reason)),
		slog.String("writ.snapshot", x.state.Digest),
	}
	if x.grant.Client != (snapshot.Client{}) {
		attrs.String("writ.client", x.grant.Client.Label())
	}
	if x.grant.API != (snapshot.API{}) {
		attrs.String("writ.api", x.grant.API.Label())
	}
	p.tracer.Decided(ctx, attrs...)
}

// A tracedHandler is an endpoint with a tracer around it.
type tracedHandler struct{ around http.Handler }

// stateKey finds, in the context of a traced request, the state that it is answered from.
type stateKey struct{}

// newTraced wraps an endpoint once for all requests. The state passes through the context,
// as the tracer knows requests of net/http and nothing of ours.
func newTraced(tracer Tracer, path string, endpoint handler) tracedHandler {
	return tracedHandler{tracer.Around(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		endpoint.serve(r.Context().Value(stateKey{}).(*active.State), w, r)
	}))}
}

// serve hands the request to the tracer, which calls the endpoint.
func (t tracedHandler) serve(s *active.State, w http.ResponseWriter, r *http.Request) {
	t.around.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), stateKey{}, s)))
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
	// version "-" trace-id "-" parent-id "-" trace-flags; later versions may have more.
	if len(v) < 55 || len(v) > 55 && (v[:2] == "00" || v[55] != '-') || v[2] != '-' || v[35] != '-' || v[52] != '-' {
		return ""
	}
	version, trace, parent, flags := v[:2], v[3:35], v[36:52], v[53:55]
	if version == "ff" || !isLowerHex(version) || !isLowerHex(trace) || !isLowerHex(parent) || !isLowerHex(flags) ||
		strings.Trim(trace, "0") == "" || strings.Trim(parent, "0") == "" {
		return ""
	}
	return trace
}

// isLowerHex reports whether a text has no other digits: the header allows no capitals.
func isLowerHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }
