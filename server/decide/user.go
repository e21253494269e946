package decide

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"unicode"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/clientauth"
)

// A User is on whose behalf a client asks, as the token of a trusted issuer says.
type User struct {
	TrustedIssuer string            // the label of the issuer
	Subject       string            // its sub claim
	Claims        clientauth.Claims // all of its claims
	ExpiresAt     int64             // its exp claim, Unix seconds; 0 for none
	Act           string            // the act claim of the token to issue, a JSON object; "" for none
}

// SubjectBar is between the label of a trusted issuer and its sub in the sub of
// our tokens. No label and no client_id has one.
const SubjectBar = "|"

// Limits of what is taken from a foreign token, in bytes.
const (
	maxForeignSubject = 255 // OpenID Connect Core section 2
	maxCopied         = 4 << 10
)

// A grantUser is the user of a grant, as the token and the store have it.
type grantUser struct {
	issuer   *schema.TrustedIssuer
	subject  string // our sub
	act      string
	copied   []CopiedClaim
	notAfter int64 // no token ends later, Unix seconds; 0 for no such end
}

// A CopiedClaim is one claim of the user's token, its value the JSON text as it
// was signed.
type CopiedClaim struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// setUser finds the user of the token and holds them against the configuration. It may
// shorten the token's life, which setLifetime has set.
func (g *Grant) setUser(d *Decider, req *Request) (refusal *Refusal) {
	if req.GrantType == schema.GrantRefreshToken {
		g.user, refusal = g.rememberedUser(d, req.Family)
	} else {
		g.user, refusal = g.presentedUser(d, req)
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

// presentedUser decides on a user whose token came with the request, by an issuer that
// vouches for users.
func (g *Grant) presentedUser(d *Decider, req *Request) (*grantUser, *Refusal) {
	user, code := req.User, refusedCode(req.GrantType)
	issuer := d.issuers[user.TrustedIssuer]
	switch {
	case !AcceptableSubject(user.Subject):
		return nil, refuse(code, ReasonForeignSubject)
	case !user.Claims.Says(g.Authorization.SubjectClaims()):
		return nil, refuse(code, ReasonSubjectClaims)
	}
	r := &grantUser{issuer: issuer, subject: issuer.Label + SubjectBar + user.Subject, act: user.Act}
	if issuer.CapsLifetime {
		r.notAfter = user.ExpiresAt
	}
	size := 0
	for name := range g.Authorization.CopyClaims() {
		if value := user.Claims.Get(name); value != nil {
			if r.copied == nil {
				r.copied = make([]CopiedClaim, 0, 4)
			}
			r.copied = append(r.copied, CopiedClaim{name, string(value)})
			size += len(name) + len(value)
		}
	}
	if size > maxCopied {
		return nil, refuse(code, ReasonClaimsTooLong)
	}
	return r, nil
}

// rememberedUser decides on a user whose token was presented when the family began. What
// the configuration demands of a user's token now must be what it demanded then,
// because there is no token to hold it against; what it does not copy any more
// is left out.
func (g *Grant) rememberedUser(d *Decider, f *Family) (*grantUser, *Refusal) {
	issuer := d.issuers[f.Issuer]
	switch {
	case !g.API.AllowOfflineAccess():
		return nil, refuse(CodeInvalidGrant, ReasonOfflineForbidden)
	case issuer == nil || issuer.Issuer != f.IssuerURL:
		return nil, refuse(CodeInvalidGrant, ReasonUntrustedIssuer)
	case f.Rules != digest(g.Authorization.SubjectClaims()):
		return nil, refuse(CodeInvalidGrant, ReasonSubjectClaims)
	}
	r := &grantUser{issuer: issuer, subject: f.Subject, act: f.Act, notAfter: f.NotAfter}
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

// AcceptableSubject reports whether a foreign sub can be part of ours: of bounded
// length, and of characters that print, so that it reads in logs as it is.
func AcceptableSubject(sub string) bool {
	return sub != "" && len(sub) <= maxForeignSubject && strings.IndexFunc(sub, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// digest is how a text of the configuration is recognized later.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// JoinClaims adds copied claims to the members that the configuration sets.
func JoinClaims(members string, copied []CopiedClaim) string {
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
