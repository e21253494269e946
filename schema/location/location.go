// Package location holds a snapshot where writ puts it and writd finds it: a
// file, a web server, an OCI registry or a NATS server.
//
// It owns the addresses (Parse), the one interface to what they name (Location),
// its four implementations, and when a follower looks again (Follow). A location
// is not trusted: whatever it says is bounded in size and time, and a snapshot is
// compared with its own digests before anybody gets it. Whether somebody may be
// trusted who signed it, and whether a serial may be served, is for others to say;
// the bodies of snapshots are package snapshot's.
//
// No error and no String shows a part of an address that may hold a credential.
package location

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/writ-auth/writ/schema/snapshot"
)

// A Location is a place for the newest snapshot, and for those before it where it
// can keep them. Its methods may be called concurrently.
type Location interface {
	// String names the location as a log or an error may have it.
	String() string

	// Head returns what the location holds, without fetching it. known is an
	// earlier answer, the zero Head when there is none: a location that still
	// holds that one returns it with the least effort, such as a 304 of HTTP.
	// Where there is no snapshot the error is ErrAbsent.
	Head(ctx context.Context, known Head) (Head, error)

	// Fetch returns the file of a Head that the location answered, compared
	// with its digests. When the location holds another one now and does not
	// keep the earlier ones, the error is ErrMoved.
	Fetch(ctx context.Context, head Head) ([]byte, error)

	// Put makes a file the newest snapshot, if the newest is still prior, or if
	// there is none and prior is the zero Head. Otherwise the error is a
	// *MovedError. After that error and after ErrRefused the location is as it was;
	// after any other error the file may be there or not, and only another Head
	// tells. A location that cannot be written to answers ErrReadOnly.
	Put(ctx context.Context, file []byte, prior Head) (Head, error)

	// History lists the snapshots that the location keeps, newest first, as a
	// chain: each is the one that its successor was planned against. It ends
	// with the first error.
	History(ctx context.Context) iter.Seq2[Head, error]

	// Close ends its connections.
	Close() error
}

// A Head is what a location says of a snapshot without its body. It is a claim:
// Fetch holds the file against it.
type Head struct {
	Serial   uint64
	Digest   string // of the body: the snapshot's name
	Previous string // digest of the snapshot that it was planned against; "" for the first
	Revision string // git commit, or what the operator said
	Created  time.Time

	Size int64 // of the file, in bytes

	// Version names the file to the byte, signatures included. Each kind of
	// location has its own; "" for a Head that comes from no location.
	Version string

	// Staged is a snapshot beside this one that a share of the fleet serves; nil
	// for none, and where the location can hold one only.
	Staged *Stage

	// What one kind of location needs to ask for the same snapshot again. They are zero in
	// Heads of the others, and take no part in Same.
	manifest string // oci: digest of the manifest
	etag     string // https: entity tag, sent in If-None-Match
	revision uint64 // nats: of the pointer's entry, for compare-and-set
	prior    string // nats: name of the previous snapshot's object
	chunk    string // nats: name of the object's only chunk; "" where it has several or that is not known
	inline   []byte // nats: the file, where it is small enough to be in the pointer
}

// HeadOf returns the Head of a file that somebody has, such as one kept from
// before. It compares the file with its digests.
func HeadOf(file []byte) (Head, error) {
	header, err := snapshot.Check(file)
	if err != nil {
		return Head{}, err
	}
	return headOf(header), nil
}

func headOf(h snapshot.Header) Head {
	return Head{Serial: h.Serial, Digest: h.Digest, Previous: h.Previous, Revision: h.Revision, Created: h.Created, Size: h.Size}
}

// IsZero reports whether the Head stands for no snapshot.
func (h Head) IsZero() bool { return h.Digest == "" }

// Same reports whether two Heads are of the same snapshot, whatever is staged beside it.
// Versions are compared if both have one, since a snapshot that is signed anew is another
// file with the same digest. A Head that comes from no location has only serial and
// digest to compare, which is all that a server knows of its active snapshot.
func (h Head) Same(other Head) bool {
	if h.Version != "" && other.Version != "" {
		return h.Version == other.Version
	}
	return h.Serial == other.Serial && h.Digest == other.Digest
}

// String is the snapshot as an error names it.
func (h Head) String() string {
	if h.IsZero() {
		return "no snapshot"
	}
	text := fmt.Sprintf("serial %d (%s)", h.Serial, h.Digest)
	if h.Staged != nil {
		text += fmt.Sprintf(" with serial %d staged for %d %%", h.Staged.Head.Serial, h.Staged.Percent)
	}
	return text
}

// ErrAbsent says that a location answers and has no snapshot.
var ErrAbsent = errors.New("there is no snapshot")

// ErrReadOnly says that a location cannot be written to.
var ErrReadOnly = errors.New("a web server is read only: write a file and upload it by whatever you have")

// ErrRefused is in the chain of an error of Put or Stage that is of what was asked for:
// the location was not written to, and will not be for the same request.
var ErrRefused = errors.New("refused")

// A refusedError matches ErrRefused with errors.Is and keeps the text of its cause, which
// says more.
type refusedError struct{ error }

func (e *refusedError) Unwrap() error        { return e.error }
func (e *refusedError) Is(target error) bool { return target == ErrRefused }

// refused marks an error as ErrRefused; nil stays nil.
func refused(err error) error {
	if err == nil {
		return nil
	}
	return &refusedError{err}
}

// ErrMoved is what errors.Is finds in every *MovedError.
var ErrMoved = errors.New("the location has moved")

// A MovedError says that a location holds another snapshot than was expected.
type MovedError struct {
	Location string
	Expected Head // zero for none
	Now      Head // zero for none
}

// Error implements error.
func (e *MovedError) Error() string {
	return fmt.Sprintf("%s holds %s now, no longer %s", e.Location, e.Now, e.Expected)
}

// Is makes errors.Is find ErrMoved.
func (e *MovedError) Is(target error) bool { return target == ErrMoved }

// Options say how locations are reached. The zero value works.
type Options struct {
	// Roots are the only CAs for a web server or a registry; nil: the system's. A
	// registry on this machine is asked over plain http unless they are set.
	Roots *x509.CertPool

	// DockerConfig is Docker's config.json or the folder that holds it. "" is
	// where Docker looks: $DOCKER_CONFIG, else ~/.docker. It is read at every login.
	DockerConfig string

	// Files for NATS, read at every connect: a user's credentials, the only CAs
	// for the servers, and this client's certificate chain and key. "" for none.
	NATSCredentials, NATSRoots, NATSCertificate, NATSKey string

	// AllowUnsafe lets Put write to a bucket of fewer than three replicas, which
	// can forget what it acknowledged.
	AllowUnsafe bool

	// Source is where the configuration lives, for the annotation
	// org.opencontainers.image.source.
	Source string

	// Program names the client to servers. "" is "writ".
	Program string
}

// How long one call may take, whatever the caller's context allows.
const (
	lookTimeout     = 30 * time.Second // Head
	transferTimeout = 10 * time.Minute // Fetch, Put and Stage, of up to snapshot.MaxSize
)

// Open returns the location of an address. It asks nothing of it yet: a place that
// does not answer is an error of the calls. Files that the options name must be
// readable.
func Open(a Address, opts Options) (Location, error) {
	if opts.Program == "" {
		opts.Program = "writ"
	}
	switch a.scheme {
	case schemeFile:
		return &fileLocation{path: a.path}, nil
	case schemeHTTPS, schemeHTTP:
		return openWeb(a, opts), nil
	case schemeOCI:
		return openRegistry(a, opts)
	case schemeNATS, schemeTLS:
		return openBucket(a, opts)
	}
	return nil, errors.New("open location: the address is empty")
}

// checkPut makes the checks that every Put needs before it writes: the location still holds
// prior, the file is a whole snapshot, and its serial is higher, because every writd would
// refuse a lower one. now is what the location holds.
func checkPut(l Location, file []byte, now, prior Head) (Head, error) {
	if !now.Same(prior) || !now.sameStage(prior) {
		return Head{}, &MovedError{Location: l.String(), Expected: prior, Now: now}
	}
	next, err := HeadOf(file)
	if err != nil {
		return Head{}, refused(err)
	}
	if next.Serial <= now.Serial && !now.IsZero() {
		return Head{}, refused(fmt.Errorf("serial %d does not follow serial %d", next.Serial, now.Serial))
	}
	return next, nil
}

// Read returns the newest snapshot's file and its Head. When another snapshot takes its
// place between the two requests, Read returns that one.
func Read(ctx context.Context, l Location) (file []byte, head Head, err error) {
	for range maxRefetches {
		if head, err = l.Head(ctx, Head{}); err != nil {
			break
		}
		if file, err = l.Fetch(ctx, head); !errors.Is(err, ErrMoved) {
			break
		}
	}
	return file, head, err
}

// onlyNewest is the History of a location that keeps no earlier snapshots.
func onlyNewest(ctx context.Context, l Location) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) { yield(l.Head(ctx, Head{})) }
}

// receive does not trust a header with the size of its buffer: whoever sends the file could
// claim the maximum and send nothing. It begins with firstRead bytes, and multiplies the
// buffer by growth whenever it is full, up to the claimed size. The factor is large so that
// the bytes are copied once at most, after the first megabyte, for any size up to 64 MiB.
const (
	firstRead = 1 << 20
	growth    = 64
)

// receive reads a file of the length that its header says, no longer, and compares it with
// its digests. size is the length according to the sender or the location, -1 when
// neither says one.
func receive(r io.Reader, size int64) ([]byte, snapshot.Header, error) {
	var beginning bytes.Buffer
	header, err := snapshot.ReadHeader(io.TeeReader(r, &beginning))
	if err == nil {
		err = checkSize(header, size)
	}
	if err != nil {
		return nil, snapshot.Header{}, err
	}
	size = header.Size
	file := append(make([]byte, 0, max(min(size, firstRead), int64(beginning.Len()))), beginning.Bytes()...)
	for int64(len(file)) < size {
		if len(file) == cap(file) {
			file = append(make([]byte, 0, min(growth*int64(cap(file)), size)), file...)
		}
		n, err := r.Read(file[len(file):min(int64(cap(file)), size)])
		file = file[:len(file)+n]
		if err == io.EOF && int64(len(file)) < size {
			return nil, snapshot.Header{}, fmt.Errorf("it ends after %d of %d bytes: %w", len(file), size, io.ErrUnexpectedEOF)
		}
		if err != nil && err != io.EOF {
			return nil, snapshot.Header{}, err
		}
	}
	if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 {
		return nil, snapshot.Header{}, fmt.Errorf("it is longer than the %d bytes that its header says", size)
	} else if err != io.EOF {
		return nil, snapshot.Header{}, err
	}
	header, err = snapshot.Check(file)
	return file, header, err
}

// checkSize compares the length of a file according to others, -1 if unknown, with the
// length in its header.
func checkSize(header snapshot.Header, size int64) error {
	if size >= 0 && size != header.Size {
		return fmt.Errorf("it has %d bytes, its header says %d", size, header.Size)
	}
	return nil
}
