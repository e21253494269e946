package server

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"unicode"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
)

// A User is on whose behalf a client asks, as the token of a trusted issuer says.
type User struct {
	TrustedIssuer string            // the label of the issuer
	Subject       string            // its sub claim
	Claims        clientauth.Claims // all of its claims
	ExpiresAt     int64             // its exp claim, Unix seconds; 0 for none
	Act           string            // the act claim of the token to issue, a JSON object; "" for none

	// declared is the trusted issuer as the snapshot that decides has it, if it was
	// found already and vouches for users.
	declared *schema.TrustedIssuer
}

// subjectBar is between the label of a trusted issuer and its sub in the sub of
// our tokens. No label and no client_id has one.
const subjectBar = "|"

// Limits of what is taken from a foreign token, in bytes but for maxActors.
const (
	maxForeignSubject = 255 // OpenID Connect Core section 2
	maxCopied         = 4 << 10
	maxAct            = 1 << 10 // as it is issued
	maxActors         = 4       // in the act claim of a user's token, one within the other
)

// A represented is the user of a grant, as the token and the store have it.
type represented struct {
	issuer   *schema.TrustedIssuer
	subject  string // our sub
	act      string
	copied   []copiedClaim
	notAfter int64 // no token ends later, Unix seconds; 0 for no such end
}

// A copiedClaim is one claim of the user's token, its value the JSON text as it
// was signed.
type copiedClaim struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// represent holds the user, or the offline grant, against the configuration.
func (g *Grant) represent(snap *snapshot.Snapshot, req Request) (refusal *Error) {
	if req.family != nil {
		g.user, refusal = g.resume(snap, req.family)
	} else {
		g.user, refusal = g.admit(snap, req)
	}
	if refusal != nil {
		return refusal
	}
	if end := g.user.notAfter; end != 0 {
		g.ExpiresAt = min(g.ExpiresAt, end)
	}
	if g.ExpiresAt <= g.IssuedAt {
		return refuse(refusedCode(req.GrantType), ReasonSubjectExpired)
	}
	return nil
}

// admit decides on a user whose token has been presented.
func (g *Grant) admit(snap *snapshot.Snapshot, req Request) (*represented, *Error) {
	user, code := req.User, refusedCode(req.GrantType)
	issuer := user.declared
	if issuer == nil {
		issuer = vouching(snap, user.TrustedIssuer)
	}
	switch {
	case issuer == nil:
		return nil, refuse(code, ReasonUntrustedIssuer)
	case !acceptableSubject(user.Subject):
		return nil, refuse(code, ReasonForeignSubject)
	case !user.Claims.Says(g.Authorization.SubjectClaims()):
		return nil, refuse(code, ReasonSubjectClaims)
	}
	r := &represented{issuer: issuer, subject: issuer.Label + subjectBar + user.Subject, act: user.Act}
	if issuer.CapsLifetime {
		r.notAfter = user.ExpiresAt
	}
	size := 0
	for name := range g.Authorization.CopyClaims() {
		if value := user.Claims.Get(name); value != nil {
			if r.copied == nil {
				r.copied = make([]copiedClaim, 0, 4)
			}
			r.copied = append(r.copied, copiedClaim{name, string(value)})
			size += len(name) + len(value)
		}
	}
	if size > maxCopied {
		return nil, refuse(code, ReasonClaimsTooLong)
	}
	return r, nil
}

// resume decides on a user whose token was presented when the family began. What
// the configuration demands of a user's token now must be what it demanded then,
// because there is no token to hold it against; what it does not copy any more
// is left out.
func (g *Grant) resume(snap *snapshot.Snapshot, f *family) (*represented, *Error) {
	issuer := vouching(snap, f.Issuer)
	switch {
	case !g.API.AllowOfflineAccess():
		return nil, refuse(CodeInvalidGrant, ReasonOfflineForbidden)
	case issuer == nil || issuer.Issuer != f.IssuerURL:
		return nil, refuse(CodeInvalidGrant, ReasonUntrustedIssuer)
	case f.Rules != digest(g.Authorization.SubjectClaims()):
		return nil, refuse(CodeInvalidGrant, ReasonSubjectClaims)
	}
	r := &represented{issuer: issuer, subject: f.Subject, act: f.Act, notAfter: f.NotAfter}
	copies := slices.Collect(g.Authorization.CopyClaims())
	for _, claim := range f.Claims {
		if slices.Contains(copies, claim.Name) {
			r.copied = append(r.copied, claim)
		}
	}
	return r, nil
}

// refusedCode is the code when the user's token or the refresh token is refused:
// RFC 8693 section 2.2.2 has another than RFC 6749 section 5.2.
func refusedCode(grantType string) Code {
	if grantType == schema.GrantTokenExchange {
		return CodeInvalidRequest
	}
	return CodeInvalidGrant
}

// vouching finds a trusted issuer that vouches for users, nil when there is none
// of that label.
func vouching(snap *snapshot.Snapshot, label string) *schema.TrustedIssuer {
	issuer, ok := snap.TrustedIssuerByLabel(label)
	if !ok || !slices.Contains(issuer.VouchesFor, schema.SubjectUser) {
		return nil
	}
	return &issuer
}

// acceptableSubject reports whether a foreign sub can be part of ours: of bounded
// length, and of characters that print, so that it reads in logs as it is.
func acceptableSubject(sub string) bool {
	return sub != "" && len(sub) <= maxForeignSubject && strings.IndexFunc(sub, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// digest is how a text of the configuration is recognized later.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// joinClaims adds copied claims to the members that the configuration sets.
func joinClaims(members string, copied []copiedClaim) string {
	if len(copied) == 0 {
		return members
	}
	size := len(members)
	for _, claim := range copied {
		size += len(claim.Name) + len(claim.Value) + len(`,"":`)
	}
	var joined strings.Builder
	joined.Grow(size)
	joined.WriteString(members)
	for _, claim := range copied {
		if joined.Len() > 0 {
			joined.WriteByte(',')
		}
		joined.WriteByte('"')
		joined.WriteString(claim.Name) // of an alphabet that needs no escaping
		joined.WriteString(`":`)
		joined.WriteString(claim.Value)
	}
	return joined.String()
}
