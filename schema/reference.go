package schema

// Language is every block that a configuration file may hold, in the order of
// the reference page.
var Language = []Block{
	{Type: "issuer", Blocks: []Block{{Type: "defaults"}}},
	{Type: "api", Label: "label", Repeats: true, Blocks: []Block{{Type: "scope", Label: "scope", Repeats: true}}},
	{Type: "client", Label: "label", Repeats: true, Blocks: []Block{
		{Type: "secret", Label: "label", Repeats: true}, {Type: "public_key", Label: "label", Repeats: true},
		{Type: "certificate", Label: "label", Repeats: true}, {Type: "federated", Label: "label", Repeats: true}, {Type: "refresh_token"},
	}},
	{Type: "authorization", Label: "label", Repeats: true},
	{Type: "trusted_issuer", Label: "label", Repeats: true},
	{Type: "signing_key", Label: "label", Repeats: true},
	{Type: "variable", Label: "name", Repeats: true, Blocks: []Block{{Type: "validation", Repeats: true}}},
	{Type: "locals", Repeats: true, Open: true},
	{Type: "policy", Label: "label", Repeats: true},
}

// TestLanguage is every block that a *.test.hcl file may hold.
var TestLanguage = []Block{{Type: "expect", Label: "name", Repeats: true}}

// Markdown renders the language as a reference page.
func Markdown() string { return "" }

// JSON renders the language for machines.
func JSON() ([]byte, error) { return nil, nil }

// Suggest returns the candidate nearest to word, or "" when none is near.
func Suggest(word string, candidates []string) string { return "" }

// NearKey folds an identifier to what people confuse it with.
func NearKey(identifier string) string { return identifier }

// IsURI reports whether an identifier is an absolute URI (RFC 3986 section 3).
func IsURI(identifier string) bool { return true }

// CheckIdentifier reports why s cannot be an API's identifier.
func CheckIdentifier(s string) error { return nil }

// CheckIssuer reports why s cannot be an issuer URL.
func CheckIssuer(s string) error { return nil }

// IsReservedIdentifier reports whether identifier is the issuer itself or what
// lies under it.
func IsReservedIdentifier(issuer, identifier string) bool { return false }

// CheckClaimName reports why a custom claim cannot have that name; reserved
// says that the name is taken, not malformed.
func CheckClaimName(name string) (reserved bool, err error) { return false, nil }

// ParseDuration reads "90m", "24h", "30d" or a number of seconds.
func ParseDuration(s string) (seconds int64, err error) { return 0, nil }

// ParseTime reads an RFC 3339 time into Unix seconds.
func ParseTime(s string) (unix int64, err error) { return 0, nil }
