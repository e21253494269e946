package endpoint

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/internal/active"
	"github.com/writ-auth/writ/server/internal/refresh"
	"github.com/writ-auth/writ/server/metrics"
	"github.com/writ-auth/writ/server/token"
)

// clockSkew is how far ahead, in seconds, the clock of another instance that
// issued a token may be.
const clockSkew = 60

// An introspectionEndpoint answers POST /oauth/introspect (RFC 7662). A client may
// ask about the tokens issued to it and about those of the APIs that it
// introspects. About every token that is not active, for whatever reason, the answer is
// the same.
type introspectionEndpoint struct {
	auth     *authenticator
	families *refresh.Families
	report   *reporter
	now      func() time.Time
}

// A finding is what is known about a token that a client presents. reason is ReasonGranted if
// it is active, else why it is not. The reason goes into the log only: the answer should not
// tell why a token is inactive (RFC 7662 section 2.2).
type finding struct {
	reason Reason
	token  *token.Read        // nil when it is not ours, or a refresh token
	family *refresh.Presented // of a refresh token, nil for any other
	api    snapshot.API
	hasAPI bool // api is set
}

// serve answers 200 for every token, active or not; a refusal is about the caller alone.
func (e *introspectionEndpoint) serve(s *active.State, w http.ResponseWriter, r *http.Request) {
	x := newExchange(s, e.now(), r)
	defer x.form.Free()
	found, body, refusal := e.introspect(&x, w, r)
	success := metrics.Active
	if refusal != nil {
		found.reason = refusal.Reason
	} else if body == nil {
		success, body = metrics.Inactive, inactive
	}
	e.report.metrics.Introspection(result(refusal, success))
	e.report.presented(r, &x, "introspect", found, refusal)
	if refusal != nil {
		writeError(w, refusal.In(s.Style))
		return
	}
	writeNoStore(w, http.StatusOK, body)
}

// inactive is the whole answer about every token that is not active (RFC 7662
// section 2.2).
var inactive = []byte(`{"active":false}`)

// introspect finds out about the presented token. body is nil for one that is not active.
func (e *introspectionEndpoint) introspect(x *exchange, w http.ResponseWriter, r *http.Request) (found finding, body []byte, refusal *Error) {
	caller, refusal := e.auth.presenter(x, w, r)
	if refusal != nil {
		return found, nil, refusal
	}
	compact := x.form.Get("token")
	if _, ok := refresh.ReadToken(compact); !ok {
		if found = inspect(x, compact, caller); found.reason == ReasonGranted {
			body = describeToken(found.token)
		}
		return found, body, nil
	}
	presented, err := e.families.Find(r.Context(), compact, caller, x.now)
	if err != nil {
		if refusal = familyError(err); refusal.Code == CodeInvalidGrant {
			return finding{reason: refusal.Reason}, nil, nil
		}
		return found, nil, refusal
	}
	if found = inspectFamily(x, presented, caller); found.reason == ReasonGranted {
		body = describeFamily(presented, x.state.Snapshot.Issuer().URL)
	}
	return found, body, nil
}

// presenter reads the form and finds the client that presents a token.
func (a *authenticator) presenter(x *exchange, w http.ResponseWriter, r *http.Request) (snapshot.Client, *Error) {
	if err := x.form.Read(w, r); err != nil {
		return snapshot.Client{}, formError(x.form, err)
	}
	caller, refusal := a.authenticate(x, r)
	if refusal != nil {
		return snapshot.Client{}, refusal
	}
	if x.form.Get("token") == "" {
		return snapshot.Client{}, refuse(CodeInvalidRequest, ReasonNoToken)
	}
	return caller, nil
}

// inspect finds out whether an access token is active, as far as the caller may know. An
// active token is one that the configuration of now would still issue: what a change takes
// away, or revoked_before ends, is inactive here before the token expires.
func inspect(x *exchange, compact string, caller snapshot.Client) finding {
	found := read(x, compact)
	if found.reason != ReasonGranted {
		return found
	}
	owner, ok := x.state.Snapshot.ClientByID(found.token.ClientID)
	switch {
	case !ok:
		found.reason = ReasonUnknownClient
	case owner.Label() != caller.Label() && !caller.MayIntrospect(found.api):
		found.reason = ReasonNotTheCallers
	default:
		found.reason = x.state.Decider.StillGranted(decide.IssuedToken{
			Client: owner, API: found.api, Subject: found.token.Subject, Scope: found.token.Scope, IssuedAt: found.token.IssuedAt,
		}, x.now)
	}
	return found
}

// read verifies an access token of ours: signature, issuer, audience and times. It keeps the
// token for the log even if it has expired.
func read(x *exchange, compact string) finding {
	now := x.now.Unix()
	verified, err := x.state.Read(compact, now)
	if err != nil {
		return finding{reason: ReasonNotOurs}
	}
	found := finding{reason: ReasonGranted, token: verified}
	if found.api, found.hasAPI = x.state.Snapshot.APIByIdentifier(verified.Audience); !found.hasAPI {
		found.reason = ReasonUnknownTarget
	}
	switch {
	case verified.Issuer != x.state.Snapshot.Issuer().URL:
		found.reason = ReasonNotOurs
	case verified.ExpiresAt <= now:
		found.reason = ReasonTokenExpired
	case verified.IssuedAt > now+clockSkew:
		found.reason = ReasonNotOurs
	}
	return found
}

// inspectFamily finds out whether a refresh token would be accepted from the caller now. It
// changes nothing: an introspected token that was used before does not revoke its family.
func inspectFamily(x *exchange, presented *refresh.Presented, caller snapshot.Client) finding {
	found := finding{reason: ReasonGranted, family: presented}
	found.api, found.hasAPI = x.state.Snapshot.APIByIdentifier(presented.Family().API)
	if presented.Use(x.now) != refresh.Current {
		found.reason = ReasonReused
		return found
	}
	// Whether the token would be bound to a key is known only when it is used. Some
	// confirmation is given here, so that an API that demands one is not the reason.
	_, refusal := x.state.Decider.Decide(decide.Request{
		Authenticated: caller, GrantType: schema.GrantRefreshToken, Family: presented.Family(), Confirmation: token.Confirmation{JKT: "-"},
	}, x.now)
	if refusal != nil {
		found.reason = refusal.Reason
	}
	return found
}

// describeToken is the token's claims with the members that RFC 7662 section 2.2 adds.
func describeToken(t *token.Read) []byte {
	answer := map[string]any{}
	for name, value := range t.Claims {
		answer[name] = value
	}
	answer["active"], answer["client_id"], answer["token_type"] = true, t.ClientID, "Bearer"
	var confirmation struct {
		Thumbprint string `json:"jkt"`
	}
	if json.Unmarshal(t.Claims["cnf"], &confirmation) == nil && confirmation.Thumbprint != "" {
		answer["token_type"] = "DPoP" // RFC 9449 section 6.2
	}
	return mustMarshal(answer)
}

// describeFamily describes a refresh token to the client that it was issued to (RFC 7662
// section 2.2).
func describeFamily(p *refresh.Presented, issuer string) []byte {
	f := p.Family()
	return mustMarshal(struct {
		Active   bool   `json:"active"`
		ClientID string `json:"client_id"`
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Scope    string `json:"scope,omitempty"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}{true, f.Client, issuer, f.Subject, f.API, f.Scope, p.IssuedAt(), p.End().Unix()})
}

// mustMarshal encodes strings, numbers and JSON that was verified, which cannot fail.
func mustMarshal(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}

// A revocationEndpoint answers POST /oauth/revoke (RFC 7009).
//
// A refresh token ends with its whole family, for the client that it was issued
// to. An access token is self-contained: an API that verifies it asks nobody, so that
// nothing done here could end it before its exp. The caller is told so (RFC
// 7009 section 2.2.1) and not that it worked. What ends access tokens is declared:
// revoked_before on the client makes them inactive at the introspection
// endpoint. A token that is not one of the caller's, or has expired, is no
// error (section 2.2). token_type_hint decides nothing, because the two kinds look
// different.
type revocationEndpoint struct {
	auth     *authenticator
	families *refresh.Families
	report   *reporter
	now      func() time.Time
}

// serve answers 200 also where there was nothing to end (RFC 7009 section 2.2): the caller
// has what it wanted.
func (e *revocationEndpoint) serve(s *active.State, w http.ResponseWriter, r *http.Request) {
	x := newExchange(s, e.now(), r)
	defer x.form.Free()
	found, refusal := e.revoke(&x, w, r)
	success := metrics.NothingToDo
	if refusal != nil {
		found.reason = refusal.Reason
	} else if found.reason == ReasonFamilyRevoked {
		success = metrics.Inactive
	}
	e.report.metrics.Revocation(result(refusal, success))
	e.report.presented(r, &x, "revoke", found, refusal)
	if refusal != nil {
		writeError(w, refusal.In(s.Style))
		return
	}
	writeNoStore(w, http.StatusOK, []byte("{}\n"))
}

// revoke ends the family of the presented refresh token, and refuses to end an access token.
func (e *revocationEndpoint) revoke(x *exchange, w http.ResponseWriter, r *http.Request) (found finding, refusal *Error) {
	caller, refusal := e.auth.presenter(x, w, r)
	if refusal != nil {
		return found, refusal
	}
	compact := x.form.Get("token")
	if _, ok := refresh.ReadToken(compact); ok {
		reason, err := e.families.Revoke(r.Context(), compact, caller, x.now)
		if err != nil {
			return found, storeError(err)
		}
		return finding{reason: reason}, nil
	}
	found = read(x, compact)
	if found.reason == ReasonGranted && found.token.ClientID == caller.ClientID() {
		refusal = refuse(CodeUnsupportedTokenType, ReasonSelfContained)
	}
	return found, refusal
}
