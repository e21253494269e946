package schema

import (
	"fmt"
	"slices"
	"strings"
)

// MaxClaimName is the longest name of a custom claim, in bytes.
const MaxClaimName = 128

// reservedClaims are the claims that writ makes itself and the names that
// verifiers already have a meaning for (RFC 7519 section 4.1, RFC 9068 section
// 2.2, the IANA registry, and what Auth0 refuses as a custom claim). The last
// line is what verifiers read scopes and roles from where there is no scope
// claim: Microsoft's and Okta's scp, the names that Spring Security and Keycloak
// look for. Names that only describe a person are not among them.
var reservedClaims = []string{
	"acr", "act", "active", "amr", "at_hash", "ath", "attest", "aud", "auth_time", "authorization_details", "azp",
	"c_hash", "client_id", "cnf", "crit", "cty", "dest", "entitlements", "events", "exp", "groups", "gty",
	"htm", "htu", "iat", "internalService", "iss", "jcard", "jku", "jti", "jwe", "jwk", "kid",
	"may_act", "mky", "nbf", "nonce", "object_id", "org_id", "org_name", "orig", "origid", "permissions",
	"roles", "rph", "s_hash", "scope", "sid", "sip_callid", "sip_cseq_num", "sip_date", "sip_from_tag", "sip_via_branch",
	"sub", "sub_id", "sub_jwk", "toe", "token_type", "txn", "typ", "uuid", "vot", "vtm", "x5t#S256",
	"authorities", "realm_access", "resource_access", "scopes", "scp",
}

// copiedClaims are reserved claims that say of a user what only the issuer of
// the user's token knows (RFC 9068 sections 2.2.1 and 2.2.3.1): they may be
// copied from it, and not be made up.
var copiedClaims = []string{"acr", "amr", "auth_time", "entitlements", "groups", "roles"}

// CheckCopiedClaim reports why a claim of a user's token cannot be repeated in
// ours. reserved says that the name is taken rather than malformed.
func CheckCopiedClaim(name string) (reserved bool, err error) {
	if slices.Contains(copiedClaims, name) {
		return false, nil
	}
	return CheckClaimName(name)
}

// describingClaims are the standard claims that say what a person is called and
// how to show things to them (OpenID Connect Core section 5.1). What tells one
// person from another, such as email and preferred_username, is not among them:
// verifiers let people in by it.
var describingClaims = []string{
	"birthdate", "family_name", "gender", "given_name", "locale", "middle_name", "name", "nickname", "picture", "profile",
	"updated_at", "website", "zoneinfo",
}

// DescribesOnly reports whether no verifier grants access by a claim of that
// name. Of any other claim, such as "https://example.com/tenant" or is_admin,
// nobody but its verifiers knows, so one that is new or changed may give more.
func DescribesOnly(name string) bool { return slices.Contains(describingClaims, name) }

// CheckClaimName reports why a custom claim cannot have that name. reserved
// says that the name is taken rather than malformed.
func CheckClaimName(name string) (reserved bool, err error) {
	if len(name) == 0 || len(name) > MaxClaimName || !isWord(name, "_:/.#-") {
		return false, fmt.Errorf("claim name %q must have 1 to %d letters, digits and _ : / . # -", name, MaxClaimName)
	}
	// Case decides nothing: verifiers in some languages match members without it.
	if slices.ContainsFunc(reservedClaims, func(r string) bool { return strings.EqualFold(r, name) }) {
		return true, fmt.Errorf("claim %q is reserved: use a name of your own, such as \"https://example.com/%s\"", name, name)
	}
	return false, nil
}
