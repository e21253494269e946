package server

import (
	"time"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/token"
)

// An inspected is what is known of a token that somebody presents. reason is
// ReasonGranted when it is to be accepted, else why it is not.
type inspected struct {
	reason Reason
	token  *token.Read // nil when it is not ours, or a refresh token
	api    snapshot.API
	known  bool    // api is set
	family *family // of a refresh token, which has no token
}

// inspect says whether a token is to be accepted at now, as far as the caller
// may know. A token that was good when it was issued must still be what the
// snapshot in force would issue.
func (a *Active) inspect(compact string, caller snapshot.Client, now time.Time) inspected {
	i := a.read(compact, now.Unix())
	if i.reason != ReasonGranted {
		return i
	}
	owner, ok := a.snapshot.ClientByID(i.token.ClientID)
	switch {
	case !ok:
		i.reason = ReasonUnknownClient
	case owner.Label() != caller.Label() && !caller.MayIntrospect(i.api):
		i.reason = ReasonNotTheCallers
	default:
		i.reason = a.decider.Still(decide.Issued{
			Client: owner, API: i.api, Subject: i.token.Subject, Scope: i.token.Scope, IssuedAt: i.token.IssuedAt,
		}, now)
	}
	return i
}

// read verifies the token itself: signature, issuer, audience and times.
func (a *Active) read(compact string, now int64) inspected {
	read, err := a.Keys().Read(compact, func(audience string) (string, bool) {
		api, ok := a.snapshot.APIByIdentifier(audience)
		if !ok {
			return "", false
		}
		return api.Label(), true
	}, now)
	if err != nil {
		return inspected{reason: ReasonNotOurs}
	}
	i := inspected{reason: ReasonGranted, token: read}
	if i.api, i.known = a.snapshot.APIByIdentifier(read.Audience); !i.known {
		i.reason = ReasonUnknownTarget
	}
	switch {
	case read.Issuer != a.snapshot.Issuer().URL:
		i.reason = ReasonNotOurs
	case read.ExpiresAt <= now:
		i.reason = ReasonTokenExpired
	case read.IssuedAt > now+clockSkew:
		i.reason = ReasonNotOurs
	}
	return i
}

// clockSkew is how far ahead, in seconds, the clock of another instance that
// issued the token may be.
const clockSkew = 60
