package server

import (
	"context"
	"log/slog"
)

// loggedInput bounds what the log repeats of the input, in bytes. slog escapes it.
const loggedInput = 256

// audit writes the one line of a decision: who asked for what, what was
// granted, which key signed, which configuration decided and why. It never
// holds a secret, a token, an assertion or a body.
func (s *Server) audit(ctx context.Context, x *exchange, refusal *Error) {
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("client", bounded(x.request.ClientID)),
		slog.String("api", x.target()),
		slog.String("grant_type", bounded(x.request.GrantType)),
		slog.String("method", string(x.method)),
		slog.String("credential", x.credential),
		slog.String("asked", bounded(x.request.Scope)),
	)
	reason := ReasonGranted
	if refusal != nil {
		reason = refusal.Reason
		attrs = append(attrs, slog.String("error", string(refusal.Code)))
		if refusal.Detail != "" {
			attrs = append(attrs, slog.String("detail", bounded(refusal.Detail)))
		}
	} else {
		attrs = append(attrs,
			slog.String("granted", x.grant.Scope),
			slog.String("authorization", x.grant.Authorization.Label()),
			slog.String("kid", x.signed.KID),
			slog.String("jti", x.signed.JTI),
			slog.Int64("expires_in", x.grant.Lifetime()),
		)
		if x.reused {
			attrs = append(attrs, slog.Bool("reused", true))
		}
	}
	if refusal == nil && x.offline.token != "" {
		attrs = append(attrs, slog.Bool("offline", true))
	}
	if x.issuer != "" {
		attrs = append(attrs, slog.String("trusted_issuer", x.issuer))
	}
	if x.trace != "" {
		attrs = append(attrs, slog.String("trace_id", x.trace))
	}
	attrs = append(attrs,
		slog.String("reason", string(reason)),
		slog.String("snapshot", x.active.digest),
		slog.String("revision", x.active.revision),
	)
	level := slog.LevelInfo
	if refusal != nil {
		level = slog.LevelWarn
	}
	s.log.LogAttrs(ctx, level, "token", attrs...)
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
