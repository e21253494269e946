package main

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// Declaration says where the object at an address is written, as the tree has it that
// compiled last. It is empty where there is none.
func (e *treeEditor) Declaration(address string) console.Declaration {
	e.mu.Lock()
	t := e.tree
	e.mu.Unlock()
	if t == nil || t.Model == nil {
		return console.Declaration{}
	}
	kind, _, _ := compiler.ParseAddress(address)
	d, block := t.Model.Decl(address), languageBlock(kind)
	if d == nil || block == nil {
		return console.Declaration{}
	}
	shown := console.Declaration{Origins: map[string]console.Origin{}}
	inherits := false
	// AttributeRange is the block's header for what is not written: such an attribute has no
	// origin, which is how a page knows a default.
	for i := range block.Attributes {
		name := block.Attributes[i].Name
		if at, ok := t.Model.AttributeRange(address, name, ""); ok && at != d.Range {
			shown.Origins[name] = console.Origin{File: at.Filename, Line: at.Start.Line, Inherited: !d.Has(name)}
			inherits = inherits || !d.Has(name)
		}
	}
	// Of nested blocks a page shows those that a block has once, as refresh_token. Others have
	// labels, and the first of them would stand for all; no page asks for those.
	for i := range block.Blocks {
		header := d.NestedRange(block.Blocks[i].Type, "", "")
		for j := range block.Blocks[i].Attributes {
			name := block.Blocks[i].Attributes[j].Name
			if at := d.NestedRange(block.Blocks[i].Type, "", name); at != header && at != d.Range {
				shown.Origins[block.Blocks[i].Type+"."+name] = console.Origin{File: at.Filename, Line: at.Start.Line}
			}
		}
	}
	// The text is cut from the bytes that were compiled, not read again: lines and places are
	// those of the same tree even while somebody types in the file.
	places := []hcl.Range{d.Range}
	if inherits {
		places = append(places, t.Model.Config.Issuers[0].NestedRange("defaults", "", ""))
	}
	for _, at := range places {
		if strings.HasSuffix(at.Filename, ".json") {
			continue // its places are said, and its lines are no HCL
		}
		if text, ok := source.Excerpt(t.Sources[at.Filename], at.Start.Byte, isHidden); ok {
			shown.Blocks = append(shown.Blocks, console.BlockText{File: at.Filename, Line: at.Start.Line, Text: text})
		}
	}
	return shown
}

// languageBlock is the block of the language that declares objects of a kind, nil for none.
func languageBlock(kind compiler.Kind) *schema.Block {
	block, _ := schema.LanguageBlock(string(kind))
	return block
}

// isHidden reports whether an attribute is how a client authenticates, which no page shows.
func isHidden(block, attribute string) bool {
	client := languageBlock(compiler.KindClient)
	nested, ok := client.Block(block)
	if !ok {
		return false
	}
	a, ok := nested.Attr(attribute)
	return ok && a.Hidden
}
