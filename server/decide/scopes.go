package decide

import (
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// narrow sets the scopes, and whether a refresh token comes with the token. On
// behalf of a user offline_access is no scope of the API but asks for that; asked
// for alone, it asks for no scope (OpenID Connect Core section 11).
func (g *Grant) narrow(req *Request) (refusal *Refusal) {
	resumed := req.GrantType == schema.GrantRefreshToken
	asked := req.Scope
	if g.user != nil && asked != "" {
		if !ValidScope(asked) {
			return refuse(CodeInvalidScope, ReasonMalformedScope)
		}
		rest := without(asked, OfflineAccess)
		if rest != asked {
			g.Offline = g.API.AllowOfflineAccess() && g.Client.HasGrantType(schema.GrantRefreshToken)
		}
		if asked = rest; rest == "" && (resumed || g.API.ScopeMode() != schema.ScopeAllGranted) {
			return nil
		}
	}
	if resumed {
		g.Scope, refusal = resumedScope(g.Authorization, req.Family.Scope, asked)
	} else {
		g.Scope, refusal = grantedScope(g.API, g.Authorization, asked)
	}
	return refusal
}

// OfflineAccess is the scope that asks for a refresh token.
const OfflineAccess = "offline_access"

// without is the space-joined scopes but the one.
func without(scopes, name string) string {
	if !hasScope(scopes, name) {
		return scopes
	}
	names := strings.Split(scopes, " ")
	return strings.Join(slices.DeleteFunc(names, func(s string) bool { return s == name }), " ")
}

// resumedScope is what a refresh token still gives: what was granted when it was
// first issued, or less of it (RFC 6749 section 6), all of it granted now too.
func resumedScope(auth snapshot.Authorization, original, asked string) (string, *Refusal) {
	if asked == "" {
		asked = original
	} else if more := beyond(original, asked); more != "" {
		refusal := refuse(CodeInvalidScope, ReasonUngrantedScope)
		refusal.Detail = more
		return "", refusal
	}
	granted := auth.ScopeString()
	if withdrawn := beyond(granted, asked); asked != "" && withdrawn != "" {
		return "", refuseDetailed(CodeInvalidGrant, ReasonUngrantedScope, withdrawn)
	}
	return intersection(granted, asked), nil
}

// grantedScope narrows what is authorized to what is asked. Nothing asked is
// everything authorized; asking for more than that is refused.
func grantedScope(api snapshot.API, auth snapshot.Authorization, asked string) (string, *Refusal) {
	if asked == "" {
		return auth.ScopeString(), nil
	}
	if !ValidScope(asked) {
		return "", refuse(CodeInvalidScope, ReasonMalformedScope)
	}
	granted := auth.ScopeString()
	for name := range strings.SplitSeq(asked, " ") {
		if !hasScope(granted, name) {
			refusal := refuse(CodeInvalidScope, ReasonUngrantedScope)
			refusal.Detail = beyond(granted, asked)
			return "", refusal
		}
	}
	if api.ScopeMode() == schema.ScopeAllGranted {
		return granted, nil
	}
	return intersection(granted, asked), nil
}

// ValidScope reports whether s follows RFC 6749 section 3.3: scope-tokens of
// %x21 / %x23-5B / %x5D-7E separated by single spaces.
func ValidScope(s string) bool {
	space := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ':
			if space {
				return false
			}
			space = true
		case c < 0x21 || c > 0x7e || c == '"' || c == '\\':
			return false
		default:
			space = false
		}
	}
	return !space
}

// hasScope reports whether the space-joined scopes hold name.
func hasScope(scopes, name string) bool {
	for len(scopes) >= len(name) {
		if strings.HasPrefix(scopes, name) && (len(scopes) == len(name) || scopes[len(name)] == ' ') {
			return true
		}
		space := strings.IndexByte(scopes, ' ')
		if space < 0 {
			return false
		}
		scopes = scopes[space+1:]
	}
	return false
}

// intersection is the granted scopes that are asked for, in the API's order
// and without the duplicates a request may hold.
func intersection(granted, asked string) string {
	if granted == asked {
		return granted
	}
	var b strings.Builder
	for name := range strings.SplitSeq(granted, " ") {
		if !hasScope(asked, name) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(name)
	}
	return b.String()
}

// beyond is the asked scopes that are not granted, for the log.
func beyond(granted, asked string) string {
	var names []string
	for name := range strings.SplitSeq(asked, " ") {
		if !hasScope(granted, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}
