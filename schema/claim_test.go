package schema

import "testing"

func TestBearsAuthority(t *testing.T) {
	for _, name := range []string{"groups", "roles", "entitlements", "acr", "amr", "auth_time", "https://example.com/roles", "urn:example:Role", "app.permissions"} {
		if !BearsAuthority(name) {
			t.Errorf("%q describes only", name)
		}
	}
	for _, name := range []string{"", "email", "name", "https://example.com/team", "https://roles.example.com/team", "group_name", "rolesx"} {
		if BearsAuthority(name) {
			t.Errorf("%q bears authority", name)
		}
	}
}
