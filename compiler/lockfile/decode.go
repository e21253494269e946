package lockfile

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
)

// A decoder turns syntax into records and collects what is wrong with it.
type decoder struct {
	file  *File
	diags diag.List
}

// restore is the way out of a file that cannot be read. The branch that is applied has
// every record that servers and clients rely on; the rest follows from the configuration.
const restore = `Restore the file from git (after a merge, that of the branch that you apply from), then run "writ lock".`

// refuse reports a problem. Decoding goes on, so that one run reports as many as it can.
func (d *decoder) refuse(code string, at hcl.Range, format string, args ...any) {
	d.diags = append(d.diags, diag.Newf(code, at, format, args...))
}

// refuseTitled is refuse with a summary that says which case of the code it is.
func (d *decoder) refuseTitled(code, summary string, at hcl.Range, format string, args ...any) {
	d.diags = append(d.diags, diag.Newf(code, at, format, args...).Titled(summary))
}

// body decodes the whole file. Nothing in a lockfile is evaluated and nothing unknown is
// skipped: a record that this version does not understand could be one that guards something.
func (d *decoder) body(body *source.Body) {
	if !d.version(body) {
		return // a newer format may have other blocks
	}
	for i := range body.Attributes {
		if attr := &body.Attributes[i]; attr.Name != "version" {
			d.refuse("unknown-attribute", attr.NameRange(), "A lockfile has no attribute %q. %s", attr.Name, restore)
		}
	}
	sections := d.file.sections()
	for _, block := range body.Blocks {
		d.block(sections[:], block)
	}
}

// version reports whether the file is in the format of this package.
func (d *decoder) version(body *source.Body) bool {
	attr := body.Attribute("version")
	if attr == nil {
		at := hcl.Range{Filename: d.file.Name, Start: hcl.InitialPos, End: hcl.InitialPos}
		d.refuseTitled("missing-attribute", "Missing version", at, "A lockfile says which format it has: version = %d. %s", Version, restore)
		return false
	}
	at := attr.Expr.Range()
	value, ok := attr.Expr.Literal()
	if !ok || value.IsNull() || value.Type() != cty.Number {
		d.refuseTitled("wrong-type", "Version is not a number", at, "The version of a lockfile is a number: version = %d. %s", Version, restore)
		return false
	}
	switch number := value.AsBigFloat(); {
	case number.Cmp(cty.NumberIntVal(Version).AsBigFloat()) > 0:
		d.refuseTitled("lock-version", "Newer lockfile", at, "This lockfile has version %s and this writ reads version %d. Upgrade writ.", number.Text('g', 10), Version)
		return false
	case number.Cmp(cty.NumberIntVal(Version).AsBigFloat()) < 0:
		d.refuse("lock-version", at, "There is no lockfile version %s: this writ reads version %d. %s", number.Text('g', 10), Version, restore)
		return false
	}
	return true
}

// block decodes one record into the section of its type.
func (d *decoder) block(sections []section, block *source.Block) {
	for _, s := range sections {
		if s.blockType != block.Type {
			continue
		}
		if e, ok := d.entry(s, block); ok {
			*s.entries = append(*s.entries, e)
		}
		return
	}
	d.refuse("unknown-block", block.TypeRange(),
		"A lockfile has no block %q, only api, client, retired_api and retired_client. %s", block.Type, restore)
}

// entry decodes one record: a label, and one attribute that is a literal string.
func (d *decoder) entry(s section, block *source.Block) (Entry, bool) {
	at := block.DefRange()
	if len(block.Labels) != 1 || block.Labels[0] == "" {
		d.refuseTitled("invalid-label", "Not one label", at, "A block %q of a lockfile has exactly one label. %s", s.blockType, restore)
		return Entry{}, false
	}
	attr := block.Body.Attribute(s.attribute)
	if attr == nil {
		d.refuseTitled("missing-attribute", "Missing "+s.attribute, at, "A block %q of a lockfile records one %s. %s", s.blockType, s.attribute, restore)
		return Entry{}, false
	}
	if len(block.Body.Attributes) > 1 || len(block.Body.Blocks) > 0 {
		d.refuseTitled("unknown-attribute", "More than one record", at, "A block %q of a lockfile holds its %s and nothing else. %s", s.blockType, s.attribute, restore)
		return Entry{}, false
	}
	value, ok := attr.Expr.Text()
	if !ok || value == "" {
		d.refuseTitled("wrong-type", "Not a plain string", attr.Expr.Range(), "The %s in a lockfile is a string with nothing to evaluate in it. %s", s.attribute, restore)
		return Entry{}, false
	}
	return Entry{Label: block.Labels[0], Value: value, Range: at, ValueRange: attr.Expr.Range()}, true
}
