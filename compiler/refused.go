package compiler

import (
	"slices"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// refusedBlocks holds the headers of the declarations inside which loading
// found an error. What such a block would mean is unknown, so rules that would
// only echo the first error skip it.
type refusedBlocks map[place]bool

// A place is where the header of a block begins.
type place struct {
	file string
	byte int
}

// placeOf is the place of a declaration.
func placeOf(d *config.Decl) place { return place{d.Range.Filename, d.Range.Start.Byte} }

// has reports whether loading found an error in any of the declarations.
func (r refusedBlocks) has(decls ...*config.Decl) bool {
	if len(r) == 0 {
		return false
	}
	return slices.ContainsFunc(decls, func(d *config.Decl) bool { return r[placeOf(d)] })
}

// findRefused assigns each error of loading to the block that it is in: the last one that
// begins before it in the same file. It returns nil if there was no error.
func findRefused(cfg *config.Config, loaded diag.List) refusedBlocks {
	if !loaded.HasErrors() {
		return nil
	}
	starts := blockStarts(cfg)
	refused := make(refusedBlocks)
	if loaded.IsCut() { // the list holds some of the errors: any block may have one
		for file, all := range starts {
			for _, at := range all {
				refused[place{file, at}] = true
			}
		}
		return refused
	}
	for i := range loaded {
		if loaded[i].Severity != diag.Error {
			continue
		}
		file, at := loaded[i].Range.Filename, loaded[i].Range.Start.Byte
		n, found := slices.BinarySearch(starts[file], at)
		if !found {
			n--
		}
		if n >= 0 {
			refused[place{file, starts[file][n]}] = true
		}
	}
	return refused
}

// blockStarts lists where the declarations of each file begin, sorted.
func blockStarts(cfg *config.Config) map[string][]int {
	starts := make(map[string][]int)
	eachDeclaration(cfg, func(d *config.Decl, _ []string) {
		p := placeOf(d)
		starts[p.file] = append(starts[p.file], p.byte)
	})
	for _, s := range starts {
		slices.Sort(s)
	}
	return starts
}
