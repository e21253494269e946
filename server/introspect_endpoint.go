package server

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/metrics"
)

// An introspectEndpoint answers POST /oauth/introspect (RFC 7662). A client may
// ask about the tokens issued to it and about those of the APIs that it
// introspects. Whatever else is the matter with a token, the answer is the same.
type introspectEndpoint struct{ token *tokenEndpoint }

// inactive is the whole answer about every token that is not to be accepted
// (RFC 7662 section 2.2).
var inactive = []byte(`{"active":false}`)

func (e *introspectEndpoint) serve(a *Active, w http.ResponseWriter, r *http.Request) {
	x := &exchange{active: a, now: e.token.server.opts.Now(), trace: traceID(r.Header), form: newForm()}
	defer x.form.done()
	caller, refusal := e.token.presented(x, w, r)
	if refusal != nil {
		e.refuse(w, r, x, refusal)
		return
	}
	found, isRefresh, refusal := e.token.server.inspectRefresh(r.Context(), x, x.form.get("token"), caller)
	if refusal != nil {
		e.refuse(w, r, x, refusal)
		return
	}
	if !isRefresh {
		found = a.inspect(x.form.get("token"), caller, x.now)
	}
	e.token.server.auditPresented(r, x, "introspect", found, nil)
	if found.reason != ReasonGranted {
		e.token.server.metrics.Introspection(metrics.Inactive)
		writeNoStore(w, http.StatusOK, inactive)
		return
	}
	e.token.server.metrics.Introspection(metrics.Active)
	if found.family != nil {
		writeNoStore(w, http.StatusOK, found.family.answer(a.snapshot.Issuer().URL, decide.RefreshPolicy(caller)))
		return
	}
	body, err := json.Marshal(found.answer())
	if err != nil {
		panic(err) // members of JSON that was verified
	}
	writeNoStore(w, http.StatusOK, body)
}

func (e *introspectEndpoint) refuse(w http.ResponseWriter, r *http.Request, x *exchange, refusal *Error) {
	e.token.server.metrics.Introspection(result(refusal, metrics.Active))
	e.token.server.auditPresented(r, x, "introspect", inspected{reason: refusal.Reason}, refusal)
	writeError(w, refusal.In(x.active.style))
}

// answer is the token's claims with the members that RFC 7662 section 2.2 adds.
func (i inspected) answer() map[string]any {
	answer := map[string]any{}
	for name, value := range i.token.Claims {
		answer[name] = value
	}
	answer["active"] = true
	answer["client_id"] = i.token.ClientID
	answer["token_type"] = "Bearer"
	var confirmation struct {
		Thumbprint string `json:"jkt"`
	}
	if json.Unmarshal(i.token.Claims["cnf"], &confirmation) == nil && confirmation.Thumbprint != "" {
		answer["token_type"] = "DPoP" // RFC 9449 section 6.2
	}
	return answer
}

// presented reads the form and finds the client that presents a token.
func (e *tokenEndpoint) presented(x *exchange, w http.ResponseWriter, r *http.Request) (snapshot.Client, *Error) {
	if refusal := readForm(w, r, x.form); refusal != nil {
		return snapshot.Client{}, refusal
	}
	caller, refusal := e.authenticate(x, r)
	if refusal != nil {
		return snapshot.Client{}, refusal
	}
	if x.form.get("token") == "" {
		return snapshot.Client{}, refuse(CodeInvalidRequest, ReasonNoToken)
	}
	return caller, nil
}

// auditPresented writes the one line about a token that was presented.
func (s *Server) auditPresented(r *http.Request, x *exchange, event string, found inspected, refusal *Error) {
	attrs := []slog.Attr{slog.String("client", bounded(x.request.ClientID)), slog.String("method", string(x.method)), slog.String("credential", x.credential)}
	if found.token != nil {
		attrs = append(attrs, slog.String("issued_to", found.token.ClientID), slog.String("kid", found.token.KID), slog.String("jti", found.token.JTI))
	}
	if found.family != nil {
		attrs = append(attrs, slog.String("issued_to", found.family.Client), slog.Bool("offline", true))
	}
	if found.known {
		attrs = append(attrs, slog.String("api", found.api.Label()))
	}
	if x.trace != "" {
		attrs = append(attrs, slog.String("trace_id", x.trace))
	}
	attrs = append(attrs, slog.Bool("active", refusal == nil && found.reason == ReasonGranted))
	level := slog.LevelInfo
	if refusal != nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("error", string(refusal.Code)))
	}
	attrs = append(attrs, slog.String("reason", string(found.reason)), slog.String("snapshot", x.active.digest), slog.String("revision", x.active.revision))
	s.log.LogAttrs(r.Context(), level, event, attrs...)
}
