package snapshot

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// The header is read from the beginning alone, and says of the file what opening
// all of it says.
func TestReadHeader(t *testing.T) {
	file := smallFile(t, testKey(1))
	snap, err := Open(bytes.Clone(file))
	if err != nil {
		t.Fatal(err)
	}
	length := headerSize + int(u32(file, headerEnvelope))
	beginning := io.MultiReader(iotest.OneByteReader(bytes.NewReader(file[:length])), iotest.ErrReader(errors.New("read too far")))
	header, err := ReadHeader(beginning)
	if err != nil {
		t.Fatal(err)
	}
	if header.Digest != snap.Digest() || header.Serial != snap.Envelope().Serial || len(header.Signatures) != 1 || header.Size != int64(len(file)) {
		t.Errorf("header %+v", header)
	}
	if again, err := Check(file); err != nil || again.Sum != header.Sum || again.Size != header.Size {
		t.Errorf("Check: %+v, %v", again, err)
	}
	if unsigned, err := Check(smallFile(t)); err != nil || unsigned.Sum == header.Sum || unsigned.Digest != header.Digest {
		t.Errorf("without the signature: %+v, %v", unsigned, err)
	}
	if _, err := ReadHeader(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a reader that fails: %v", err)
	}
}

func TestReadHeaderRefuses(t *testing.T) {
	file := smallFile(t)
	for says, content := range map[string][]byte{
		"not a writ snapshot":                 []byte("<html>"),
		"truncated: it has 40 bytes":          file[:40],
		"bytes of its envelope are missing":   file[:headerSize+10],
		"envelope has 4294967295 bytes":       patched(file, headerEnvelope, 0xff, 4),
		"longer than 1073741824 bytes":        patched(file, headerBody, 0xff, 8),
		"is longer than 1073741824 bytes":     patched(file, headerSources+3, 0x40, 1),
		"header or envelope is damaged":       patched(file, headerBody, 0x01, 1),
		"snapshot format 4294967295 is newer": patched(file, headerVersion, 0xff, 4),
	} {
		if _, err := ReadHeader(bytes.NewReader(content)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q: %v", says, err)
		}
	}
}
