package source

import (
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/writ-auth/writ/config/diag"
)

// Load reads and parses the configuration below root. The tree is never nil:
// it holds every file that could be read, as far as it could be parsed.
// Diagnostics are sorted by file and place. A tree without files is no error.
func Load(root *os.Root, opts Options) (*Tree, diag.List) {
	opts.Limits = opts.Limits.OrDefaults()
	return load(RootFiles(root, opts.Limits), opts)
}

// LoadFS is Load for a tree that is not a folder, for example a revision in git.
func LoadFS(fsys fs.FS, opts Options) (*Tree, diag.List) {
	opts.Limits = opts.Limits.OrDefaults()
	return load(FSFiles(fsys, opts.Limits), opts)
}

// load reads all files before it parses any, so that the limits of the whole tree
// hold before the parser has allocated anything.
func load(files *Files, opts Options) (*Tree, diag.List) {
	w := &walk{files: files, limits: opts.Limits, lockfile: opts.Lockfile, edited: opts.Edited}
	w.run()
	if w.total > opts.Limits.TreeBytes {
		return new(Tree), w.l.Sorted()
	}
	docs := make([]document, len(w.entries))
	each(opts.workers(), len(docs), func(i int) { docs[i].read(files, w.entries[i], opts) })
	if l := tooManyBlocks(docs, opts.Limits); l != nil {
		return new(Tree), append(w.l, l...).Sorted()
	}
	parse(docs, opts)
	opts.Cache.keep(docs)
	t, l := collect(docs)
	return t, append(w.l, l...).Sorted()
}

// workers returns how many files are read or parsed at once. The result of a load does not
// depend on it.
func (o Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// each calls work for 0 to n-1, at most workers at a time, and returns when all
// calls are done. The calls come in no particular order. If a call panics, each
// panics with its message and stack: in a goroutine of its own, no caller could
// recover it.
func each(workers, n int, work func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	var crashed atomic.Pointer[string]
	for range min(workers, n) {
		wg.Go(func() {
			defer func() {
				if cause := recover(); cause != nil {
					report := fmt.Sprintf("%v\n\nin a worker:\n%s", cause, debug.Stack())
					crashed.CompareAndSwap(nil, &report)
				}
			}()
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				work(int(i))
			}
		})
	}
	wg.Wait()
	if report := crashed.Load(); report != nil {
		panic(*report)
	}
}

// A document is a file on its way to being parsed.
type document struct {
	entry  entry
	file   *File // nil when it could not be read
	cuts   []cut // where its pieces begin; nil when it must not be parsed
	blocks int   // its top-level blocks
	pieces []piece
	end    atomic.Int64 // index of the first piece known to have too many errors
	before *cachedFile  // an earlier version; nil: none is known
	l      diag.List
}

// A piece is the outcome of parsing one piece of a document.
type piece struct {
	body *Body // nil when there is none
	l    diag.List
}

// hasTooManyErrors reports whether a piece alone has more errors than are
// reported of a file. Later pieces of the file are then left out.
func (p *piece) hasTooManyErrors() bool { return len(p.l) > maxFileDiagnostics }

// read reads the file and checks it. What goes wrong is in d.l, and d.file stays
// nil when there is no content.
func (d *document) read(files *Files, e entry, opts Options) {
	d.entry = e
	b, edited := opts.Edited[e.name]
	if !edited {
		var err error
		if b, err = files.read(e.name, e.size); err != nil {
			d.l = diag.List{unreadable(e.name, err)}
			return
		}
	}
	d.file = &File{Name: e.name, Bytes: b, Body: new(Body), JSON: e.isJSON()}
	// The same bytes were checked before. The pieces are taken over one by one, in parse.
	if d.before = opts.Cache.look(e.name); d.before.whole(b) && !d.file.JSON {
		d.cuts, d.blocks = d.before.cuts, d.before.blocks
		return
	}
	d.check(opts.Limits)
}

// check holds the bytes against the limits.
func (d *document) check(limits Limits) {
	if d.file.JSON {
		if d.l = checkJSON(d.file, limits); d.l == nil {
			d.cuts = []cut{{offset: 0, line: 1}}
		}
		return
	}
	var m *limitChecker
	if m, d.l = checkNative(d.file, limits); d.l == nil {
		d.cuts, d.blocks = m.cuts, m.topBlocks
	}
}

// parse parses all pieces of all documents side by side, so that one long file
// takes no longer than many short ones.
func parse(docs []document, opts Options) {
	type job struct {
		d *document
		i int
	}
	var jobs []job
	for n := range docs {
		d := &docs[n]
		d.pieces = make([]piece, len(d.cuts))
		d.end.Store(int64(len(d.cuts)))
		for i := range d.cuts {
			if kept, ok := d.before.piece(d.cuts[i], d.content(i)); ok && !d.file.JSON {
				d.pieces[i] = kept
				continue
			}
			jobs = append(jobs, job{d, i})
		}
	}
	each(opts.workers(), len(jobs), func(n int) {
		d, i := jobs[n].d, jobs[n].i
		p := &d.pieces[i]
		switch {
		case d.file.JSON:
			p.body, p.l = convertJSON(d.file, opts)
		case int64(i) < d.end.Load():
			p.body, p.l = parsePiece(d.file, d.cuts, i)
		}
		if p.hasTooManyErrors() {
			d.stopAfter(i)
		}
	})
}

// content is the bytes of piece i.
func (d *document) content(i int) []byte {
	end := len(d.file.Bytes)
	if i+1 < len(d.cuts) {
		end = d.cuts[i+1].offset
	}
	return d.file.Bytes[d.cuts[i].offset:end]
}

// stopAfter records that no piece after piece i is needed. Other workers may have
// parsed some of them by then; join ignores those, so that the result is the same
// in every run.
func (d *document) stopAfter(i int) {
	for end := d.end.Load(); int64(i) < end; end = d.end.Load() {
		if d.end.CompareAndSwap(end, int64(i)) {
			return
		}
	}
}

// tooManyBlocks adds up the blocks that the scan has counted in each file, before
// anything is parsed: a tree over the limit costs no more than its scan.
func tooManyBlocks(docs []document, limits Limits) diag.List {
	blocks := 0
	for i := range docs {
		if blocks += docs[i].blocks; blocks > limits.Objects {
			return diag.List{diag.New("limit-exceeded", wholeFile(docs[i].entry.name),
				limitDetail("a configuration declares %d objects at most", limits.Objects)).Titled("Too many objects")}
		}
	}
	return nil
}

// collect joins the pieces of each document, in the order of the files.
func collect(docs []document) (*Tree, diag.List) {
	t := new(Tree)
	var l diag.List
	for i := range docs {
		d := &docs[i]
		l = append(l, d.l...)
		if d.file == nil {
			continue
		}
		l = append(l, d.file.join(d.pieces)...)
		t.TotalBytes += int64(len(d.file.Bytes))
		if d.entry.isTest() {
			t.Tests = append(t.Tests, d.file)
		} else {
			t.Files = append(t.Files, d.file)
		}
	}
	return t, l
}
