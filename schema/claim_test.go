package schema

import "testing"

func TestDescribesOnly(t *testing.T) {
	for _, name := range []string{"name", "given_name", "locale", "picture"} {
		if !DescribesOnly(name) {
			t.Errorf("%q may bear authority", name)
		}
		if reserved, err := CheckClaimName(name); reserved || err != nil {
			t.Errorf("%q cannot be a claim: %v", name, err)
		}
	}
	for _, name := range []string{
		"", "email", "preferred_username", "Name", "groups", "acr", "is_admin", "admin", "tenant", "user_roles", "hasura",
		"https://example.com/roles", "https://example.com/team", "https://example.com/name", "urn:example:Role",
	} {
		if DescribesOnly(name) {
			t.Errorf("%q describes only", name)
		}
	}
}

// TestScopesUnderOtherNamesAreReserved: verifiers read these as scopes or roles,
// so neither the configuration nor a user's token may say them.
func TestScopesUnderOtherNamesAreReserved(t *testing.T) {
	for _, name := range []string{"scp", "scopes", "authorities", "realm_access", "resource_access", "SCP", "Realm_Access"} {
		if reserved, err := CheckClaimName(name); !reserved || err == nil {
			t.Errorf("%q can be made up: %v", name, err)
		}
		if reserved, err := CheckCopiedClaim(name); !reserved || err == nil {
			t.Errorf("%q can be copied: %v", name, err)
		}
	}
}
