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
// 2.2, the IANA registry, and what Auth0 refuses as a custom claim). Names that
// only describe a person, such as email, are not among them.
var reservedClaims = []string{
	"acr", "act", "active", "amr", "at_hash", "ath", "attest", "aud", "auth_time", "authorization_details", "azp",
	"c_hash", "client_id", "cnf", "crit", "cty", "dest", "entitlements", "events", "exp", "groups", "gty",
	"htm", "htu", "iat", "internalService", "iss", "jcard", "jku", "jti", "jwe", "jwk", "kid",
	"may_act", "mky", "nbf", "nonce", "object_id", "org_id", "org_name", "orig", "origid", "permissions",
	"roles", "rph", "s_hash", "scope", "sid", "sip_callid", "sip_cseq_num", "sip_date", "sip_from_tag", "sip_via_branch",
	"sub", "sub_id", "sub_jwk", "toe", "token_type", "txn", "typ", "uuid", "vot", "vtm", "x5t#S256",
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

// authorityWords end the names of claims by which verifiers commonly decide
// what a token's holder may do, such as "https://example.com/roles".
var authorityWords = []string{
	"entitlement", "entitlements", "group", "groups", "permission", "permissions", "privilege", "privileges", "role", "roles",
}

// BearsAuthority reports whether verifiers may grant access by a claim of that
// name: what only the issuer of the user's token knows of groups, roles,
// entitlements and of how the user signed in (RFC 9068 section 2.2.3.1, RFC 9470
// section 1), and names of one's own that end in such a word.
func BearsAuthority(name string) bool {
	if slices.Contains(copiedClaims, name) {
		return true
	}
	word := name[strings.LastIndexAny(name, "/:.#")+1:]
	return slices.ContainsFunc(authorityWords, func(w string) bool { return strings.EqualFold(w, word) })
}

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
