package decide

import (
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// An Issued is what a token of ours says that was issued before.
type Issued struct {
	Client   snapshot.Client // whose token it is
	API      snapshot.API    // for which
	Subject  string
	Scope    string // space-separated
	IssuedAt int64  // Unix seconds
}

// Still says whether a token that has not expired is still what the configuration
// would issue at now: ReasonGranted, or why not.
func (d *Decider) Still(t Issued, now time.Time) Reason {
	if t.IssuedAt < t.Client.RevokedBefore() {
		return ReasonRevoked
	}
	subject := schema.SubjectClient
	// The subject of a user has a bar in it, after the label of a trusted issuer. A
	// client_id cannot have one, so that no user's sub, whatever the trusted issuer
	// made of it, is a client's.
	label, _, ofUser := strings.Cut(t.Subject, SubjectBar)
	if ofUser {
		subject = schema.SubjectUser
	}
	auth, ok := d.snapshot.Authorization(t.Client, t.API, subject)
	switch {
	case !ok:
		return ReasonNoAuthorization
	case ofUser && d.issuers[label] == nil:
		return ReasonUntrustedIssuer
	case auth.ExpiresAt() != 0 && auth.ExpiresAt() <= now.Unix():
		return ReasonAuthorizationExpired
	}
	if t.Scope == "" {
		return ReasonGranted
	}
	for name := range strings.SplitSeq(t.Scope, " ") {
		if !auth.HasScope(name) {
			return ReasonUngrantedScope
		}
	}
	return ReasonGranted
}
