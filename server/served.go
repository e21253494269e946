package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/schema/snapshot"
)

// servedFile is the name, in the state folder, of what was served last.
const servedFile = "served.json"

// A served remembers the highest serial in force so far, so that an older
// snapshot put back by somebody is refused. It outlives the process when there
// is a state folder.
type served struct {
	dir  string
	last mark
}

type mark struct {
	Serial uint64 `json:"serial"`
	Digest string `json:"digest"`
}

// newServed reads what was served before. A file that cannot be read is an
// error: taking it for absent would let a rollback through.
func newServed(dir string) (*served, error) {
	s := &served{dir: dir}
	if dir == "" {
		return s, nil
	}
	content, err := os.ReadFile(filepath.Join(dir, servedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &s.last)
	}
	if err == nil && s.last.Serial > snapshot.MaxSerial {
		err = fmt.Errorf("serial %d is above %d, the highest", s.last.Serial, uint64(snapshot.MaxSerial))
	}
	if err != nil {
		return nil, fmt.Errorf("read what was served last from %q: %w; without the file any serial is taken once", filepath.Join(dir, servedFile), err)
	}
	return s, nil
}

// check refuses a rollback and a fork. A rollback on purpose is a new serial
// with old content.
func (s *served) check(serial uint64, digest string) error {
	switch {
	case serial < s.last.Serial:
		return fmt.Errorf("serial %d is a rollback: %d has been served; writ rollback gives old content a new serial", serial, s.last.Serial)
	case serial == s.last.Serial && s.last.Digest != "" && digest != s.last.Digest:
		return fmt.Errorf("serial %d is a fork: it has been served as %s; writ apply beside the snapshot in force gives the next serial", serial, s.last.Digest)
	}
	return nil
}

// record remembers what is about to be in force, on disk first.
func (s *served) record(serial uint64, digest string) error {
	next := mark{Serial: serial, Digest: digest}
	if next == s.last {
		return nil
	}
	if s.dir != "" {
		content, err := json.Marshal(next)
		if err != nil {
			return err
		}
		// After a power failure a mark that was lost would let a rollback through.
		if err := durable.Replace(filepath.Join(s.dir, servedFile), append(content, '\n'), 0o600); err != nil {
			return fmt.Errorf("remember serial %d: %w", serial, err)
		}
	}
	s.last = next
	return nil
}
