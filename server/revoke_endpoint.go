package server

import (
	"net/http"

	"github.com/writ-auth/writ/server/metrics"
)

// A revokeEndpoint answers POST /oauth/revoke (RFC 7009).
//
// A refresh token ends with its whole family, for the client that it was issued
// to. An access token is self-contained: whoever verifies it asks nobody, so that
// nothing done here could end it before its exp. The caller is told so (RFC
// 7009 section 2.2.1) and not that it worked. What ends tokens is declared:
// revoked_before on the client makes them inactive at the introspection
// endpoint. A token that is not one of the caller's, or has expired, is no
// error (section 2.2). token_type_hint decides nothing: the two kinds look
// different.
type revokeEndpoint struct{ token *tokenEndpoint }

func (e *revokeEndpoint) serve(a *Active, w http.ResponseWriter, r *http.Request) {
	x := &exchange{active: a, now: e.token.server.opts.Now(), trace: traceID(r.Header), form: newForm()}
	defer x.form.done()
	found, done := inspected{}, metrics.NothingToDo
	caller, refusal := e.token.presented(x, w, r)
	compact := x.form.get("token")
	_, isRefresh := readRefreshToken(compact)
	switch {
	case refusal != nil:
	case isRefresh:
		if found.reason, refusal = e.token.server.revokeRefresh(r.Context(), compact, caller, x.now); found.reason == ReasonFamilyRevoked {
			done = metrics.Inactive
		}
	default:
		found = a.read(compact, x.now.Unix())
		if found.reason == ReasonGranted && found.token.ClientID == caller.ClientID() {
			refusal = refuse(CodeUnsupportedTokenType, ReasonSelfContained)
		}
	}
	if refusal != nil {
		found.reason = refusal.Reason
	}
	e.token.server.metrics.Revocation(result(refusal, done))
	e.token.server.auditPresented(r, x, "revoke", found, refusal)
	if refusal != nil {
		writeError(w, refusal.In(a.style))
		return
	}
	writeNoStore(w, http.StatusOK, []byte("{}\n"))
}
