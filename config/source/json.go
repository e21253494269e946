package source

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/writ-auth/writ/config/diag"
)

func checkJSON(f *File, limits Limits) diag.List {
	return checkBytes(f, limits)
}

func convertJSON(f *File, opts Options) (*hclsyntax.Body, diag.List) {
	return emptyBody(f.Name), nil
}
