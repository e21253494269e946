//go:build linux

package strangers

import (
	"slices"
	"testing"

	"github.com/writ-auth/writ/schema"
)

// Node's libraries, as clients and as owners of an API.
func TestNodeLibraries(t *testing.T) {
	t.Parallel()
	needNode(t)
	found := listen(t).visit(t, "node", "libraries.mjs")
	compare(t, found, map[string]expectation{
		"simple-oauth2 header form":              {},
		"simple-oauth2 header json":              {},
		"simple-oauth2 body form":                {},
		"simple-oauth2 body json":                {},
		"express-oauth2-jwt-bearer strict false": {},
		"express-oauth2-jwt-bearer strict true": {
			profiles: []schema.Profile{schema.ProfileRFC9068}, why: "strict is for RFC 9068",
		},
		"express-oauth2-jwt-bearer another audience": {},
		"aws-jwt-verify": {
			algorithms: slices.DeleteFunc(slices.Clone(interopAlgorithms), func(alg schema.SigningAlg) bool { return alg == schema.PS256 }), why: "the library has no PS256",
		},
		"aws-jwt-verify another audience": {},
	})
}
