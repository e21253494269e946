package source

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/writ-auth/writ/config/diag"
)

// repeated words the library's "attribute redefined" as this package words it
// for two pieces of a file, with the first place beside the second.
func repeated(d *hcl.Diagnostic, body *hclsyntax.Body, src []byte) (diag.Diagnostic, bool) {
	if d.Summary != "Attribute redefined" || d.Subject == nil || !d.Subject.CanSliceBytes(src) {
		return diag.Diagnostic{}, false
	}
	name := string(d.Subject.SliceBytes(src))
	first, found := innermost(body, d.Subject.Start.Byte).Attributes[name]
	if !found {
		return diag.Diagnostic{}, false
	}
	return duplicateAttribute(name, first.NameRange, *d.Subject), true
}

// innermost is the body that a byte of the file stands in.
func innermost(body *hclsyntax.Body, at int) *hclsyntax.Body {
	for _, b := range body.Blocks {
		if b.OpenBraceRange.Start.Byte <= at && at < b.CloseBraceRange.End.Byte {
			return innermost(b.Body, at)
		}
	}
	return body
}
