package compiler_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/config/diag"
)

// TestManyFederatedBlocksAreBounded: patterns that all begin alike cannot be compared one
// with another without end, and then it is said.
func TestManyFederatedBlocksAreBounded(t *testing.T) {
	var src strings.Builder
	src.WriteString("trusted_issuer \"ci\" {\n  issuer = \"https://ci.example.com\"\n  jwks_uri = \"https://ci.example.com/jwks\"\n}\n")
	for i := range 1000 {
		fmt.Fprintf(&src, "client \"c%d\" {\n  federated \"f\" {\n    trusted_issuer = trusted_issuer.ci\n    subject_pattern = \"job:*:%04d:x*\"\n  }\n}\n", i, i)
	}
	_, diags := compilePolicy(src.String())
	if !slices.ContainsFunc(diags, func(d diag.Diagnostic) bool { return d.Summary == "Subjects not compared" }) {
		t.Error("nothing says that not all subjects were compared")
	}
}
