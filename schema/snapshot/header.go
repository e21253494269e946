package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxSize bounds a snapshot file, in bytes: sixteen times a snapshot of a million
// authorizations. A longer one would end the process that reads it.
const MaxSize = 1 << 30

// A Header is what the beginning of a file says of the whole.
type Header struct {
	Envelope

	// Sum is the SHA-256 of header and envelope, as Digest writes one. Since
	// these hold the digests of body and sources, it names the file to the byte:
	// two files that have the same body but not the same signatures differ in it.
	Sum string

	Size int64 // of the file, in bytes
}

// ReadHeader reads the beginning of a file, at most 65,600 bytes, and checks that
// it is undamaged. Nothing of body and sources is read: Check compares them with it.
// A format that this build does not read is a *VersionError.
func ReadHeader(r io.Reader) (Header, error) {
	head, err := readUpTo(r, nil, headerSize)
	if err != nil {
		return Header{}, err
	}
	version, err := checkVersion(head)
	if err != nil {
		return Header{}, err
	}
	if len(head) < headerSize {
		return Header{}, fmt.Errorf("the snapshot is truncated: it has %d bytes", len(head))
	}
	length, body, sources := u32(head, headerEnvelope), u64(head, headerBody), u64(head, headerSources)
	if length > maxEnvelope {
		return Header{}, fmt.Errorf("the snapshot's envelope has %d bytes, more than %d", length, maxEnvelope)
	}
	size := headerSize + uint64(length) + body + sources
	if body > MaxSize || sources > MaxSize || size > MaxSize {
		return Header{}, fmt.Errorf("the snapshot is longer than %d bytes", MaxSize)
	}
	head, err = readUpTo(r, head, int(length))
	if err != nil {
		return Header{}, err
	}
	if missing := headerSize + int(length) - len(head); missing > 0 {
		return Header{}, fmt.Errorf("the snapshot is truncated: %d bytes of its envelope are missing", missing)
	}
	envelope, err := version.envelope(head, head[headerSize:])
	if err != nil {
		return Header{}, err
	}
	return Header{Envelope: envelope, Sum: digestPrefix + fmt.Sprintf("%x", head[headerSum:headerSize]), Size: int64(size)}, nil
}

// readUpTo appends n bytes of r to b, or as many as there are.
func readUpTo(r io.Reader, b []byte, n int) ([]byte, error) {
	b = append(b, make([]byte, n)...)
	read, err := io.ReadFull(r, b[len(b)-n:])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return b[:len(b)-n+read], err
}

// Check compares every byte of a file with the digests in its header. It does not
// look at what the body says, as Open does: a file that passes is the one that was
// written, by whomever.
func Check(file []byte) (Header, error) {
	header, err := ReadHeader(bytes.NewReader(file))
	if err != nil {
		return Header{}, err
	}
	_, body, sources, err := split(file)
	if err != nil {
		return Header{}, err
	}
	if found := Digest(body); found != header.Digest {
		return Header{}, fmt.Errorf("the snapshot's body is damaged: its digest is %q, the envelope says %q", found, header.Digest)
	}
	switch {
	case len(sources) == 0 && header.SourcesDigest == "":
	case Digest(sources) != header.SourcesDigest:
		return Header{}, errors.New("the snapshot's sources are damaged: their digest differs from the envelope's")
	}
	return header, nil
}
