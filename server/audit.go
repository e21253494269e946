package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/writ-auth/writ/server/jsonlog"
)

// loggedInput bounds what the log repeats of the input, in bytes. The log escapes it.
const loggedInput = 256

// audit writes the one line of a decision before the decision is answered. A line
// for a log of JSON is put together on the spot: as a record it would cost a tenth
// of an HS256 token. Other handlers get a record.
func (s *Server) audit(ctx context.Context, x *exchange, refusal *Error, now time.Time) {
	level := slog.LevelInfo
	if refusal != nil {
		level = slog.LevelWarn
	}
	const message = "token"
	if log, ok := s.log.Handler().(*jsonlog.Handler); ok {
		line := log.Begin(now, level, message)
		x.describe(line, refusal)
		_ = line.End() // as slog: there is nowhere to say it
		return
	}
	attrs := make(recorded, 0, 20)
	x.describe(&attrs, refusal)
	s.log.LogAttrs(ctx, level, message, attrs...)
}

// An attributes takes the attributes of a log line, one after the other.
type attributes interface {
	String(key, value string)
	Int(key string, value int64)
	Bool(key string, value bool)
}

// A recorded is the attributes of a record.
type recorded []slog.Attr

func (r *recorded) String(key, value string)    { *r = append(*r, slog.String(key, value)) }
func (r *recorded) Int(key string, value int64) { *r = append(*r, slog.Int64(key, value)) }
func (r *recorded) Bool(key string, value bool) { *r = append(*r, slog.Bool(key, value)) }

// describe says who asked for what, what was granted, which key signed, which
// configuration decided and why. It never holds a secret, a token, an assertion
// or a body.
func (x *exchange) describe(to attributes, refusal *Error) {
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
		x.describeToken(to)
	}
	if x.issuer != "" {
		to.String("trusted_issuer", x.issuer)
	}
	if x.trace != "" {
		to.String("trace_id", x.trace)
	}
	to.String("reason", string(reason))
	to.String("snapshot", x.active.digest)
	to.String("revision", x.active.revision)
}

// describeToken says what was issued.
func (x *exchange) describeToken(to attributes) {
	to.String("granted", x.grant.Scope)
	to.String("authorization", x.grant.Authorization.Label())
	to.String("kid", x.signed.KID)
	to.String("jti", x.signed.JTI)
	to.Int("expires_in", x.grant.Lifetime())
	if x.signed.Reused {
		to.Bool("reused", true)
	}
	if x.offline.token != "" {
		to.Bool("offline", true)
	}
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

func bounded(s string) string {
	if len(s) > loggedInput {
		return s[:loggedInput] + "..."
	}
	return s
}
