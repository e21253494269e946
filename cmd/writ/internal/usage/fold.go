package usage

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// The bounds of reading.
const (
	chunkBytes = 1 << 20 // a buffer of a log; a longer line is skipped
	inFlight   = 6       // buffers

	// maxExpansion is how much a log may grow when it is decompressed: audit lines do by
	// ten to forty times.
	maxExpansion = 200
	// maxAhead is how far in the future a line may be, in seconds: one that is further
	// would hide what is not used.
	maxAhead = secondsOfDay
)

// Errors about logs as a whole.
var (
	ErrExpands      = fmt.Errorf("it expands to more than %d times its size", maxExpansion)
	ErrTooManyNames = fmt.Errorf("the logs name more than %d authorizations, scopes and credentials", maxNames)
	ErrZstandard    = errors.New("it is compressed with Zstandard")
)

// A Folding adds logs to a file. What it needs of memory does not grow with them but with
// the names in them. It belongs to one goroutine; Read uses others inside and waits for
// them.
type Folding struct {
	file  *File
	now   Time
	seen  *seen
	known map[int64][]string // digests of what was read earlier, by its length
	room  room
	free  chan *chunk
}

// A Count is what became of the lines of one log.
type Count struct {
	Lines    int64 // that were counted
	Repeated int64 // that were counted before
	Skipped  int64 // that are no decision of the token endpoint, or broken
	Known    int64 // bytes at the beginning that were read in an earlier run
	// Ends says why the log could not be read to its end, such as a gzip file that was cut
	// off. What was read before counts.
	Ends error
}

// NewFolding begins to add logs to a file, which must not be used before Finish. Lines of
// a time after now are no lines: some clock was wrong.
func NewFolding(f *File, now time.Time) *Folding {
	x := &Folding{file: f, now: Time(now.Unix()), seen: newSeen(f.Recent), known: map[int64][]string{}, room: wholeRoom, free: make(chan *chunk, inFlight)}
	for range inFlight {
		x.free <- &chunk{parsed: make(chan struct{}, 1)}
	}
	for _, l := range f.Logs {
		x.known[l.Bytes] = append(x.known[l.Bytes], l.SHA256)
	}
	for _, a := range f.Authorizations {
		x.room.names -= 1 + len(a.Scopes)
	}
	for _, c := range f.Credentials {
		x.room.names -= len(c)
	}
	for _, r := range f.Refusals {
		for _, c := range r.Clients {
			*x.room.forRefusals(len(c.APIs) > 0)--
			for _, a := range c.APIs {
				x.room.refusals -= 1 + len(a.Scopes)
			}
		}
	}
	return x
}

// Finish ends the folding: the file may be written. It drops what is older than the file
// keeps, counted from its last line and not from now, so that folding old logs gives the
// same file on any day.
func (x *Folding) Finish() {
	f := x.file
	f.Recent = x.seen.newest.trimmed()
	f.Logs = slices.Clone(f.Logs[max(0, len(f.Logs)-MaxLogs):])
	f.Days.since(f.To.day() - maxDays + 1)
	for t := range f.tallies() {
		t.Days.since(f.To.day() - week + 1)
	}
	for _, a := range f.Authorizations {
		if a.Scopes == nil { // an object in the file, not null
			a.Scopes = map[string]*Tally{}
		}
	}
}

// Read adds a log, compressed with gzip or not. Where it has read the same bytes before,
// at the beginning of this log, these count no more.
//
// An error means that the file has changed only in part, and must not be written. A log
// that ends early is none, see Count.
func (x *Folding) Read(log io.Reader) (Count, error) {
	compressed := &countingReader{r: log}
	buffered := bufio.NewReaderSize(compressed, 64<<10)
	var r io.Reader = buffered
	switch magic, _ := buffered.Peek(4); {
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return Count{Ends: err}, nil
		}
		r = &expansion{r: unzipped, compressed: compressed}
	case string(magic) == "\x28\xb5\x2f\xfd":
		return Count{}, ErrZstandard
	}
	s := &stage{Folding: x, part: New(), partRoom: wholeRoom, digest: sha256.New(), marks: slices.Sorted(maps.Keys(x.known))}
	if err := s.read(r); err != nil {
		return Count{}, err
	}
	if !x.merge(s.part, s.count) {
		return Count{}, ErrTooManyNames
	}
	x.remember(Log{SHA256: s.sum(), Bytes: s.length}, s.count.Known)
	return s.count, nil
}

// remember notes a log that was read, in the place of the shorter one that it begins with.
func (x *Folding) remember(log Log, known int64) {
	if log.Bytes == 0 {
		return
	}
	x.file.Logs = slices.DeleteFunc(x.file.Logs, func(l Log) bool {
		return l == log || l.Bytes == known && known < log.Bytes && slices.Contains(x.known[known], l.SHA256)
	})
	x.file.Logs = append(x.file.Logs, log)
	x.known[log.Bytes] = append(x.known[log.Bytes], log.SHA256)
}

// A countingReader counts the bytes that were read.
type countingReader struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// An expansion reads what a compressed log holds. It fails when that is out of proportion
// to what was read, so that a gzip bomb ends early; the first 64 MiB are free, as a small
// log may compress well.
type expansion struct {
	r          io.Reader
	compressed *countingReader
	n          int64
}

// Read implements io.Reader; the error is ErrExpands.
func (e *expansion) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if e.n += int64(n); e.n > maxExpansion*e.compressed.n+64*chunkBytes {
		return 0, ErrExpands
	}
	return n, err
}

// A stage is one log on its way into the file. What it has counted is dropped when the
// log turns out to begin with one that was read before.
type stage struct {
	*Folding
	part     *File // what was counted in this log
	partRoom room
	count    Count

	digest hash.Hash // of what was read, up to the end of the last whole line
	length int64     // of that, in bytes
	marks  []int64   // lengths of earlier logs beyond it, sorted
	failed atomic.Bool
}

// A chunk is some whole lines of a log on their way: read by one goroutine, taken apart
// by another, counted by a third in the order of the log.
type chunk struct {
	buffer  []byte
	text    []byte // the part of the buffer that is whole lines
	lines   []line
	skipped int64
	known   int64 // the bytes that the log has before text, if they were read earlier
	parsed  chan struct{}
}

// read counts a log. One goroutine cuts it into chunks of whole lines, as many as there are
// processors parse them, and this one counts them in the order of the log. There are
// inFlight chunks, and each goes back to free: a fast reader waits for the slowest, and
// memory is bounded. After a failure chunks are only passed on, so that the other
// goroutines end.
func (s *stage) read(r io.Reader) error {
	work, queue := make(chan *chunk, inFlight), make(chan *chunk, inFlight)
	var ends error
	go func() {
		defer close(queue)
		defer close(work)
		ends = s.split(r, func(c *chunk) {
			work <- c
			queue <- c
		})
	}()
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for c := range work {
				c.parse()
				c.parsed <- struct{}{}
			}
		}()
	}
	for c := range queue {
		<-c.parsed
		if !s.failed.Load() && !s.take(c) {
			s.failed.Store(true)
		}
		*c = chunk{buffer: c.buffer, lines: c.lines[:0], parsed: c.parsed}
		s.free <- c
	}
	s.count.Ends = ends
	switch {
	case s.failed.Load():
		return ErrTooManyNames
	case errors.Is(ends, ErrExpands):
		return ends
	}
	return nil
}

// split reads the log in chunks of whole lines. The error is why it could not be read to
// its end.
func (s *stage) split(r io.Reader, emit func(*chunk)) error {
	c, n := s.chunk(), 0 // n bytes are in its buffer
	inside := false      // the buffer begins inside of a line that is too long
	// A chunk is filled before it is cut at its last line break; the beginning of the next
	// line goes into the next chunk. After a failure nobody needs the rest.
	for !s.failed.Load() {
		read, err := r.Read(c.buffer[n:])
		n += read
		if err == nil && n < len(c.buffer) {
			continue
		}
		whole := bytes.LastIndexByte(c.buffer[:n], '\n') + 1
		if whole == 0 && err == nil {
			s.hash(c, n)
			n, inside = 0, true
			continue
		}
		if rest := c.buffer[whole:n]; err != nil && (whole > 0 || !inside) {
			if _, ok := parseLine(bytes.Clone(rest)); ok { // it lacks nothing but the line break
				whole = n
			} else if len(bytes.TrimSpace(rest)) > 0 {
				c.skipped++
			}
		}
		s.hash(c, whole)
		if inside {
			c.skipped++
			c.text = c.text[bytes.IndexByte(c.text, '\n')+1:]
			inside = false
		}
		if err != nil {
			emit(c)
			if err == io.EOF {
				err = nil
			}
			return err
		}
		next := s.chunk()
		n = copy(next.buffer, c.buffer[whole:n])
		emit(c)
		c = next
	}
	return nil
}

// chunk is one that is free. Buffers are made as they are needed: most logs are small.
func (s *stage) chunk() *chunk {
	c := <-s.free
	if c.buffer == nil {
		c.buffer = make([]byte, chunkBytes)
	}
	return c
}

// hash makes the first n bytes of the buffer the text of the chunk, and adds them to the
// digest. Wherever the log is as long as one that was read earlier, the digests are
// compared; if they are equal, the log begins with that one and the text is what follows.
func (s *stage) hash(c *chunk, n int) {
	c.text = c.buffer[:n]
	rest := c.text
	for len(s.marks) > 0 && s.marks[0] <= s.length+int64(len(rest)) {
		n := s.marks[0] - s.length
		s.digest.Write(rest[:n])
		s.length, s.marks, rest = s.marks[0], s.marks[1:], rest[n:]
		if slices.Contains(s.known[s.length], s.sum()) {
			c.text, c.skipped, c.known = rest, 0, s.length
		}
	}
	s.digest.Write(rest)
	s.length += int64(len(rest))
}

// sum is the digest so far, as the file has it.
func (s *stage) sum() string { return hex.EncodeToString(s.digest.Sum(nil)) }

// parse takes the lines of the chunk apart.
func (c *chunk) parse() {
	for text := c.text; len(text) > 0; {
		one := text
		if n := bytes.IndexByte(text, '\n'); n >= 0 {
			one, text = text[:n], text[n+1:]
		} else {
			text = nil
		}
		if l, ok := parseLine(one); ok {
			c.lines = append(c.lines, l)
		} else if len(bytes.TrimSpace(one)) > 0 {
			c.skipped++
		}
	}
}

// take counts the lines of a chunk. A chunk that ends what was read earlier drops all that
// was counted of this log before it. It returns false when there are too many names.
func (s *stage) take(c *chunk) bool {
	if c.known > 0 {
		s.part, s.partRoom, s.count = New(), wholeRoom, Count{Known: c.known}
	}
	s.count.Skipped += c.skipped
	for i := range c.lines {
		l := &c.lines[i]
		switch {
		case l.at > s.now+maxAhead:
			s.count.Skipped++
		case !s.seen.add(l.at, l.id):
			s.count.Repeated++
		default:
			s.count.Lines++
			if !s.part.add(l, &s.partRoom) {
				return false
			}
		}
	}
	return true
}
