package server

import (
	"net/http"

	"github.com/writ-auth/writ/server/metrics"
)

// A revokeEndpoint answers POST /oauth/revoke (RFC 7009).
//
// An access token is self-contained: whoever verifies it asks nobody, so that
// nothing done here could end it before its exp. The caller is told so (RFC
// 7009 section 2.2.1) and not that it worked. What ends tokens is declared:
// revoked_before on the client makes them inactive at the introspection
// endpoint. A token that is not one of the caller's, or has expired, is no
// error (section 2.2).
type revokeEndpoint struct{ token *tokenEndpoint }

func (e *revokeEndpoint) serve(a *Active, w http.ResponseWriter, r *http.Request) {
	x := &exchange{active: a, now: e.token.server.opts.Now(), trace: traceID(r.Header)}
	found := inspected{}
	caller, refusal := e.token.presented(x, w, r)
	if refusal == nil {
		found = a.read(x.form.get("token"), x.now.Unix())
		if found.reason == ReasonGranted && found.token.ClientID == caller.ClientID() {
			refusal = refuse(CodeUnsupportedTokenType, ReasonSelfContained)
		}
	}
	if refusal != nil {
		found.reason = refusal.Reason
	}
	e.token.server.metrics.Revocation(result(refusal, metrics.NothingToDo))
	e.token.server.auditPresented(r, x, "revoke", found, refusal)
	if refusal != nil {
		writeError(w, refusal.In(a.style))
		return
	}
	writeNoStore(w, http.StatusOK, []byte("{}\n"))
}
