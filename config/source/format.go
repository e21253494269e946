package source

import (
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/writ-auth/writ/config/diag"
)

// Format returns src in canonical layout, which it leaves as it is when
// applied again. A file that does not parse is returned unchanged, with the
// diagnostics that say why.
func Format(name string, src []byte, limits Limits) ([]byte, diag.List) {
	if _, l := ParseFile(name, src, limits); l.HasErrors() {
		return src, l
	}
	return hclwrite.Format(src), nil
}
