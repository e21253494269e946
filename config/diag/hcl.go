package diag

import "github.com/hashicorp/hcl/v2"

// FromHCL gives every diagnostic of the HCL library the same code. The summaries
// stay the library's.
// Its parser and evaluator know errors alone.
func FromHCL(diags hcl.Diagnostics, code string) List {
	l := make(List, 0, len(diags))
	for _, d := range diags {
		l = append(l, fromHCL(d, code))
	}
	return l
}

func fromHCL(d *hcl.Diagnostic, code string) Diagnostic {
	out := New(code, hcl.Range{}, d.Detail).Titled(d.Summary)
	if d.Subject != nil {
		out.Range = Forward(*d.Subject)
	}
	return out
}

// Forward returns a range that ends no earlier than it begins: the parser
// leaves the end out of what the end of the file cut off.
func Forward(r hcl.Range) hcl.Range {
	if r.End.Byte < r.Start.Byte {
		r.End = r.Start
	}
	return r
}
