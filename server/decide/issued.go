package decide

import (
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A Family is the offline grant that a token exchange began: what a refresh token
// stands for, without its secrets. The members are those of the record that a
// server keeps.
type Family struct {
	Client    string        `json:"client"` // client_id
	API       string        `json:"api"`    // identifier
	Issuer    string        `json:"issuer"` // the label of the trusted issuer,
	IssuerURL string        `json:"issuer_url"`
	Subject   string        `json:"sub"` // our sub
	Act       string        `json:"act,omitempty"`
	Claims    []CopiedClaim `json:"claims,omitempty"` // copied from the user's token
	Rules     string        `json:"rules"`            // digest of the subject_claims that it met
	Scope     string        `json:"scope"`            // as granted at the beginning
	NotAfter  int64         `json:"not_after,omitempty"`

	Started int64 `json:"started"` // Unix milliseconds, as is the next
	Used    int64 `json:"used"`    // last, to the second where the token stays

	Revoked bool `json:"revoked,omitempty"`
}

// Family is what to remember of a grant with Offline that is given at now.
func (g *Grant) Family(now time.Time) Family {
	user, at := g.user, now.UnixMilli()
	return Family{
		Client: g.ClientID, API: g.Audience, Issuer: user.issuer.Label, IssuerURL: user.issuer.Issuer,
		Subject: user.subject, Act: user.act, Claims: user.copied, Rules: digest(g.Authorization.SubjectClaims()),
		Scope: g.Scope, NotAfter: user.notAfter, Started: at, Used: at,
	}
}

// RefreshPolicy says how the client's refresh tokens behave now.
func RefreshPolicy(client snapshot.Client) schema.RefreshToken {
	if policy, declared := client.RefreshToken(); declared {
		return policy
	}
	return (*schema.RefreshToken)(nil).OrDefault()
}

// End is when the family ends if nobody uses it from now on.
func (f *Family) End(policy schema.RefreshToken) time.Time {
	end := min(f.Started+1000*policy.Lifetime, f.Used+1000*policy.IdleLifetime)
	if f.NotAfter != 0 {
		end = min(end, 1000*f.NotAfter)
	}
	return time.UnixMilli(end)
}

// Ended says why no token of the family is taken from the client any more, ""
// when one may be.
func (f *Family) Ended(client snapshot.Client, now time.Time) Reason {
	switch {
	case f.Client != client.ClientID():
		return ReasonNotTheCallers
	case f.Revoked:
		return ReasonFamilyRevoked
	case !now.Before(f.End(RefreshPolicy(client))):
		return ReasonFamilyExpired
	case f.Started < 1000*client.RevokedBefore():
		return ReasonRevoked
	}
	return ""
}

// An IssuedToken is what a token of ours says that was issued before. The caller has
// verified it.
type IssuedToken struct {
	Client   snapshot.Client // whose token it is
	API      snapshot.API    // for which
	Subject  string
	Scope    string // space-separated
	IssuedAt int64  // Unix seconds
}

// StillGranted says whether a token that has not expired is still what the configuration
// would issue at now: ReasonGranted, or why not.
func (d *Decider) StillGranted(t IssuedToken, now time.Time) Reason {
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
	case !inForce(auth, now):
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
