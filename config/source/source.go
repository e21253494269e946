// Package source turns a tree of files into HCL syntax, within limits.
//
// It owns which files belong to a configuration, how they are read without
// blocking or leaving the tree, and every limit that must hold before a byte
// reaches the HCL parser, which has none of its own. Nothing else in writ calls
// a parser. It knows no block and no rule of the language: package config
// walks the syntax that this package returns.
package source

// A File is one parsed file. Files in JSON syntax have the same shape as
// native ones, so that package config sees one syntax.
type File struct {
	Name  string // relative to the root, with forward slashes
	Bytes []byte // with LF for every CR LF
	Body  *Body
	JSON  bool // the file is in JSON syntax
}

// A Tree is every file of a configuration.
type Tree struct {
	Files      []*File // sorted by name
	Tests      []*File // *.test.hcl and *.test.hcl.json, sorted by name
	TotalBytes int64   // of Files and Tests together
}

// Options say how a tree is loaded. The zero value is ready to use.
type Options struct {
	Limits   Limits            // the zero value means DefaultLimits
	Workers  int               // files parsed at once; 0 means GOMAXPROCS
	Lockfile string            // a name relative to the root; that file is no configuration, like LockfileName
	Edited   map[string][]byte // stands for the content of the file of that name; nil: as if there were no such file
	Cache    *Cache            // keeps what was parsed for the next load; nil keeps nothing
	Shapes   BlockSchema       // what JSON bodies hold; without it a JSON body holds attributes only
}

// A BlockSchema returns what the body of a block may hold. The argument is the
// types of the blocks around it, outermost first: nil for the top of a file,
// ["client", "secret"] for the body of a client's secret. Only JSON needs it, as
// JSON writes a block and an object alike.
type BlockSchema func(parent []string) Shape

// A Shape is what a JSON body needs to know about the language.
type Shape struct {
	Blocks      map[string]int  // type of a nested block: its number of labels
	Expressions map[string]bool // attributes whose strings are expressions ("client.billing"), not templates
}
