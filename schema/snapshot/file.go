package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// FormatVersion is the version of the file that Marshal makes of what Encode wrote.
const FormatVersion = 3

// bodyVersion is the version of the body that Encode writes. It is older than
// the file's where only the envelope says more: a body, and with it the name of
// a snapshot, changes with the configuration and not with its writer.
const bodyVersion = 2

// The body's header: version, number of sections, records per section, and zero
// bytes up to a multiple of eight.
const bodyHeaderSize = (8 + 4*numSections + 7) / 8 * 8

// The file's header: magic, format version, lengths of envelope, body and
// sources, and the SHA-256 of all that together with the envelope.
const (
	magic = "WRITSNAP"

	headerVersion  = 8
	headerEnvelope = 12
	headerBody     = 16
	headerSources  = 24
	headerSum      = 32
	headerSize     = 64

	maxEnvelope = 64 << 10
)

// formats are the versions that this build reads, oldest first: the current one
// and the two before it, as far as they exist.
var formats = []format{
	{version: 1, body: 1},
	{version: 2, body: 1, past: true},
	{version: 3, body: 2, past: true},
}

// A format is how files of one version are read.
type format struct {
	version uint32
	body    uint32 // the version of the body
	past    bool   // the envelope may hold PastLifetimes
}

// Formats lists the versions that this build reads, oldest first.
func Formats() []int {
	versions := make([]int, len(formats))
	for i, f := range formats {
		versions[i] = int(f.version)
	}
	return versions
}

// A VersionError refuses a snapshot whose format this build does not read.
type VersionError struct {
	Version uint32 // of the file
	Oldest  uint32 // read by this build
	Newest  uint32 // read by this build
}

// Error says which side has to move.
func (e *VersionError) Error() string {
	if e.Version > e.Newest {
		return fmt.Sprintf("snapshot format %d is newer than %d, the newest that this program reads: "+
			"upgrade writ and writd", e.Version, e.Newest)
	}
	return fmt.Sprintf("snapshot format %d is older than %d, the oldest that this program reads: "+
		"apply the configuration again", e.Version, e.Oldest)
}

const digestPrefix = "sha256:"

// Digest names a body: "sha256:" and the lower-case hex of its SHA-256.
func Digest(body []byte) string { return digest(body, nil) }

// digest hashes in steps of 64 KiB: hashing is one long assembly loop that the
// scheduler cannot interrupt, and requests would wait for it.
func digest(b []byte, rest func()) string {
	h := sha256.New()
	for step := range slices.Chunk(b, 64<<10) {
		h.Write(step)
		if rest != nil {
			rest()
		}
	}
	return digestPrefix + hex.EncodeToString(h.Sum(nil))
}

// Marshal makes the file. It completes the digests of an unsigned envelope and
// refuses a signed one that was bound to another body or other sources.
// Sources may be nil.
func Marshal(env Envelope, body []byte, sources *Sources) ([]byte, error) {
	bound := env
	bound.Bind(body, sources)
	same := env.Digest == bound.Digest && env.SourcesDigest == bound.SourcesDigest
	if len(env.Signatures) > 0 && !same {
		return nil, errors.New("write snapshot: the envelope was signed for another body or other sources")
	}
	bound.Signatures = env.Signatures
	envelope, err := bound.canonical()
	if err != nil {
		return nil, fmt.Errorf("write snapshot: %w", err)
	}
	version, known := versionFor(body)
	if !known {
		return nil, errors.New("write snapshot: the body does not come from Encode")
	}
	section := sources.bytes()
	file := make([]byte, 0, headerSize+len(envelope)+len(body)+len(section))
	file = append(file, magic...)
	file = binary.LittleEndian.AppendUint32(file, version)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(envelope)))
	file = binary.LittleEndian.AppendUint64(file, uint64(len(body)))
	file = binary.LittleEndian.AppendUint64(file, uint64(len(section)))
	sum := headerDigest(file, envelope)
	file = append(file, sum[:]...)
	file = append(file, envelope...)
	file = append(file, body...)
	return append(file, section...), nil
}

// versionFor is the newest version of a file with that body, which a rollback may
// have taken from an older file.
func versionFor(body []byte) (version uint32, known bool) {
	if len(body) < bodyHeaderSize {
		return 0, false
	}
	for _, f := range slices.Backward(formats) {
		if f.body == u32(body, 0) {
			return f.version, true
		}
	}
	return 0, false
}

// headerDigest covers everything that no other digest covers.
func headerDigest(header, envelope []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write(header[:headerSum])
	h.Write(envelope)
	return [sha256.Size]byte(h.Sum(nil))
}

// Open checks every byte of a snapshot file and takes ownership of the slice:
// nobody may change it afterwards. After Open no accessor fails.
//
// It does not check signatures: see VerifySignatures. A format that this build
// does not read is a *VersionError.
func Open(file []byte) (*Snapshot, error) { return OpenPaced(file, nil) }

// OpenPaced is Open for a process that serves meanwhile: rest is called after
// every 64 KiB that were hashed and may sleep.
func OpenPaced(file []byte, rest func()) (*Snapshot, error) {
	version, err := checkVersion(file)
	if err != nil {
		return nil, err
	}
	envelope, body, sources, err := split(file)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{body: body}
	if s.env, err = version.envelope(file, envelope); err != nil {
		return nil, err
	}
	if found := digest(body, rest); found != s.env.Digest {
		return nil, fmt.Errorf("the snapshot's body is damaged: its digest is %q, the envelope says %q", found, s.env.Digest)
	}
	if len(body) < bodyHeaderSize || u32(body, 0) != version.body {
		return nil, errors.New("the snapshot's body is of another format version than its header")
	}
	if err := openBody(s); err != nil {
		return nil, fmt.Errorf("the snapshot's body is malformed: %w", err)
	}
	if err := s.openSources(sources, rest); err != nil {
		return nil, fmt.Errorf("the snapshot's sources: %w", err)
	}
	return s, nil
}

// envelope reads the envelope of a file that begins with the header.
func (f format) envelope(header, envelope []byte) (Envelope, error) {
	if headerDigest(header, envelope) != [sha256.Size]byte(header[headerSum:headerSize]) {
		return Envelope{}, errors.New("the snapshot's header or envelope is damaged: its checksum differs")
	}
	e, err := parseEnvelope(envelope)
	if err == nil && len(e.PastLifetimes) > 0 && !f.past {
		err = fmt.Errorf("the snapshot's envelope has members that format %d does not know", f.version)
	}
	return e, err
}

// checkVersion finds the reader for the file's version, before anything that
// another version might do otherwise is looked at.
func checkVersion(file []byte) (format, error) {
	if !bytes.HasPrefix(file, []byte(magic)) {
		return format{}, fmt.Errorf("not a writ snapshot: the file does not begin with %q", magic)
	}
	if len(file) < headerEnvelope {
		return format{}, fmt.Errorf("the snapshot is truncated: it has %d bytes", len(file))
	}
	version := u32(file, headerVersion)
	for _, f := range formats {
		if f.version == version {
			return f, nil
		}
	}
	return format{}, &VersionError{Version: version, Oldest: formats[0].version, Newest: formats[len(formats)-1].version}
}

// split cuts the file at the lengths in its header, which must fit to the byte.
func split(file []byte) (envelope, body, sources []byte, err error) {
	if len(file) < headerSize {
		return nil, nil, nil, fmt.Errorf("the snapshot is truncated: it has %d bytes", len(file))
	}
	rest := file[headerSize:]
	lengths := [3]uint64{uint64(u32(file, headerEnvelope)), u64(file, headerBody), u64(file, headerSources)}
	if lengths[0] > maxEnvelope {
		return nil, nil, nil, fmt.Errorf("the snapshot's envelope has %d bytes, more than %d", lengths[0], maxEnvelope)
	}
	var parts [3][]byte
	for i, n := range lengths {
		if n > uint64(len(rest)) {
			return nil, nil, nil, fmt.Errorf("the snapshot is truncated: %d bytes are missing", n-uint64(len(rest)))
		}
		parts[i], rest = rest[:n:n], rest[n:]
	}
	if len(rest) > 0 {
		return nil, nil, nil, fmt.Errorf("%d bytes after the end of the snapshot", len(rest))
	}
	return parts[0], parts[1], parts[2], nil
}
