package server

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/token"
)

// inspectRefresh says whether a refresh token would be taken from the caller at
// now. isOne is false when it has not the form of one: no access token has. The
// refusal is for a store that cannot say.
func (s *Server) inspectRefresh(ctx context.Context, x *exchange, compact string, caller snapshot.Client) (i inspected, isOne bool, refusal *Error) {
	if _, isOne = readRefreshToken(compact); !isOne {
		return i, false, nil
	}
	held, f, refusal := s.find(ctx, compact, caller, x.now)
	if refusal != nil {
		if refusal.Code == CodeUnavailable {
			return i, true, refusal
		}
		return inspected{reason: refusal.Reason}, true, nil
	}
	i = inspected{reason: ReasonGranted, family: &f.family}
	i.api, i.known = x.active.snapshot.APIByIdentifier(f.family.API)
	if f.family.use(held.secret, schema.RefreshToken{}, x.now) != usedNow {
		i.reason = ReasonReused
		return i, true, nil
	}
	// Whether a token that it gives would be bound is shown when it is used.
	_, refused := x.active.decider.Decide(decide.Request{
		Authenticated: caller, GrantType: schema.GrantRefreshToken, Family: &f.family.Family, Confirmation: token.Confirmation{JKT: "-"},
	}, x.now)
	if refused != nil {
		i.reason = refused.Reason
	}
	return i, true, nil
}

// answer describes a refresh token to the client that it was issued to (RFC 7662
// section 2.2).
func (f *family) answer(issuer string, policy schema.RefreshToken) []byte {
	issued := max(f.Started, f.Rotated)
	body, err := json.Marshal(struct {
		Active   bool   `json:"active"`
		ClientID string `json:"client_id"`
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Scope    string `json:"scope,omitempty"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}{true, f.Client, issuer, f.Subject, f.API, f.Scope, issued / 1000, f.End(policy).Unix()})
	if err != nil {
		panic(err) // strings and numbers
	}
	return body
}

// revokeRefresh ends the family of a refresh token that the caller presents,
// whichever of its tokens that is (RFC 7009 section 2.1). What is not the caller's,
// or over already, is left as it is.
func (s *Server) revokeRefresh(ctx context.Context, compact string, caller snapshot.Client, now time.Time) (Reason, *Error) {
	ctx = context.WithoutCancel(ctx)
	for range maxAttempts {
		_, f, refusal := s.find(ctx, compact, caller, now)
		if refusal != nil {
			if refusal.Code == CodeUnavailable {
				return refusal.Reason, refusal
			}
			return refusal.Reason, nil
		}
		err := s.remember(ctx, &offline{change: f.revoked(decide.RefreshPolicy(caller), now)})
		switch {
		case err == nil:
			return ReasonFamilyRevoked, nil
		case !errors.Is(err, store.ErrConflict):
			return ReasonStore, storeError(err)
		}
	}
	return ReasonStore, refuse(CodeUnavailable, ReasonStore)
}
