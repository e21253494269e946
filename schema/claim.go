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
