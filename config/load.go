package config

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// Options are what a configuration depends on beside its files. The zero value
// is ready to use.
type Options struct {
	Vars     map[string]string // --var: text for a primitive variable, an HCL expression for any other
	VarFiles []VarFile         // attributes of each set variables; later files win, Vars win over all
	// OnlyDeclared leaves out a value for a variable that is not declared, and
	// notes it in Config.LeftOut, where it is otherwise an error.
	OnlyDeclared bool
	Limits       source.Limits     // the zero value means source.DefaultLimits
	Lockfile     string            // one more name, relative to the root, that is not configuration
	Workers      int               // files parsed at once; 0 means GOMAXPROCS
	Edited       map[string][]byte // stands for the content of the file of that name, relative to the root; nil: as if there were no such file
	Cache        *source.Cache     // keeps what was parsed for the next load; nil keeps nothing
}

// A VarFile is a file of variable values, already read.
type VarFile struct {
	Name  string // for diagnostics
	Bytes []byte
}

// Load reads and evaluates the configuration below root. The Config is whole
// as far as the errors in the list allow: what failed is absent or zero.
//
// The result depends on the files and on opts alone. There is no clock, no random source
// and no environment in it, so the same tree has the same Digest on every machine.
func Load(root *os.Root, opts Options) (*Config, diag.List) {
	tree, problems := source.Load(root, opts.source())
	return load(tree, problems, source.RootFiles(root, opts.Limits), opts)
}

// LoadFS is Load for a tree that is not a folder, such as one taken from git.
func LoadFS(fsys fs.FS, opts Options) (*Config, diag.List) {
	tree, problems := source.LoadFS(fsys, opts.source())
	return load(tree, problems, source.FSFiles(fsys, opts.Limits), opts)
}

// source returns the options that concern reading and parsing.
func (o Options) source() source.Options {
	return source.Options{Limits: o.Limits, Workers: o.Workers, Lockfile: o.Lockfile, Edited: o.Edited, Cache: o.Cache, Shapes: shape}
}

// shape tells the reader of JSON what may stand in a block: the syntax alone does not say
// whether a member is an attribute, or a block with or without a label. parent is the types
// of the blocks around it, see source.BlockSchema.
func shape(parent []string) source.Shape {
	blocks, attributes := schema.Language, []schema.Attribute(nil)
	if len(parent) == 0 {
		blocks = append(slices.Clip(blocks), schema.TestLanguage...)
	}
	for _, typ := range parent {
		i := slices.IndexFunc(blocks, func(b schema.Block) bool { return b.Type == typ })
		if i < 0 {
			return source.Shape{}
		}
		blocks, attributes = blocks[i].Blocks, blocks[i].Attributes
	}
	s := source.Shape{Blocks: map[string]int{}, Expressions: map[string]bool{}}
	for _, b := range blocks {
		s.Blocks[b.Type] = 0
		if b.Label != "" {
			s.Blocks[b.Type] = 1
		}
	}
	for _, a := range attributes {
		// In JSON these are strings too. They hold an expression, where any other string is
		// a template (hashicorp/hcl json/spec.md).
		switch a.Type {
		case schema.TypeReference, schema.TypeReferences, schema.TypeCondition, schema.TypeConstraint:
			s.Expressions[a.Name] = true
		}
	}
	return s
}

// stepsPerObject is by how many steps each object raises the budget of claims and
// policies. They are evaluated once for each object, so a fixed budget would refuse a large
// configuration for its size alone. Loading has a budget of its own, which does not grow.
const stepsPerObject = 200

// load runs the steps of a loader in their order: index, variables, locals, objects,
// expectations. Locals are evaluated even if nothing reads them, so that their mistakes
// are found.
func load(tree *source.Tree, problems diag.List, files eval.FileReader, opts Options) (*Config, diag.List) {
	limits := opts.Limits.OrDefaults()
	l := &loader{
		limits:  limits,
		keySets: map[keySetText]string{}, distinct: map[string]bool{},
		eval:    eval.New(limits, files),
		sources: map[string][]byte{},
		memo:    map[attrKey]*thunk{},
		wholes:  map[any]*thunk{},
	}
	l.problems.addParsed(problems)
	for _, f := range slices.Concat(tree.Files, tree.Tests) {
		l.sources[f.Name] = f.Bytes
	}
	// A file without a body has not been parsed, and its diagnostics say why. It still
	// counts in Sources and in the digest.
	parsed := func(files []*source.File) []*source.File {
		return slices.DeleteFunc(slices.Clone(files), func(f *source.File) bool { return f.Body == nil })
	}
	c := &Config{Sources: l.sources}
	l.index(parsed(tree.Files))
	c.LeftOut = l.resolveVariables(opts)
	for _, name := range l.locals.order {
		l.local(l.locals.byName[name])
	}
	l.decode(c)
	c.Tests = l.decodeTests(parsed(tree.Tests))
	c.Digest = l.digest(tree)
	c.Partial = l.instancesLost || len(l.problems.broken) > 0
	limits.Steps += stepsPerObject * int64(l.objects)
	c.eval = eval.New(limits, files)
	return c, l.problems.list.Sorted()
}

// digest covers all that the configuration depends on: the files of the tree, the files
// that file() read and the variables. Expectations are left out, as they change nothing
// that is compiled: adding one makes no saved plan stale. Limits are left out as well, since
// they decide whether there is a result and not what it is.
func (l *loader) digest(tree *source.Tree) [32]byte {
	h := sha256.New()
	for _, f := range tree.Files {
		digestPart(h, "file", f.Name, f.Bytes)
	}
	read := l.eval.FilesRead()
	for _, name := range slices.Sorted(maps.Keys(read)) {
		sum := read[name]
		digestPart(h, "read", name, sum[:])
	}
	for _, name := range slices.Sorted(maps.Keys(l.variables.byName)) {
		// The value counts and not where it comes from: a default and the same value given
		// with --var are one configuration.
		if v := l.variables.byName[name]; v.ok {
			digestPart(h, "variable", name, []byte(exactText(v.value)))
		}
	}
	return [32]byte(h.Sum(nil))
}

// digestPart hashes one part with the lengths of its strings, so that no two
// lists of parts hash the same bytes.
func digestPart(h hash.Hash, kind, name string, content []byte) {
	for _, s := range []string{kind, name} {
		_ = binary.Write(h, binary.BigEndian, uint64(len(s)))
		h.Write([]byte(s))
	}
	_ = binary.Write(h, binary.BigEndian, uint64(len(content)))
	h.Write(content)
}
