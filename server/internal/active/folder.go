package active

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/remedy"
)

// Names of the files in the state folder.
const (
	serialFile   = "served.json"   // the highest serial that was served
	snapshotFile = "last.snapshot" // the last snapshot that was put in force
)

// A serials remembers the highest serial that was served, so that an older snapshot is
// refused. It outlives the process when there is a state folder.
type serials struct {
	dir  string
	last serial
}

// A serial names one snapshot in the history of its configuration.
type serial struct {
	Serial      uint64    `json:"serial"`
	Digest      string    `json:"digest"`
	FirstServed time.Time `json:"first_served,omitzero"`
}

// readSerials reads what was served before. A file that cannot be read is an
// error: taking it for absent would let a rollback through.
func readSerials(dir string) (*serials, error) {
	s := &serials{dir: dir}
	if dir == "" {
		return s, nil
	}
	content, err := os.ReadFile(filepath.Join(dir, serialFile))
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
		return nil, fmt.Errorf("read what was served last from %q: %w; without the file any serial is taken once", filepath.Join(dir, serialFile), err)
	}
	return s, nil
}

// check refuses a rollback and a fork. A rollback on purpose is a new serial
// with old content.
func (s *serials) check(number uint64, digest string) error {
	switch {
	case number < s.last.Serial:
		return remedy.With(fmt.Errorf("serial %d is a rollback: %d has been served; writ rollback gives old content a new serial", number, s.last.Serial),
			"to go back on purpose: writ rollback; otherwise put the snapshot in force there again")
	case number == s.last.Serial && s.last.Digest != "" && digest != s.last.Digest:
		return remedy.With(fmt.Errorf("serial %d is a fork: it has been served as %s; writ apply beside the snapshot in force gives the next serial", number, s.last.Digest),
			"apply again beside the snapshot in force, which gives the next serial")
	}
	return nil
}

// record remembers what is about to be in force, on disk first, and since when.
func (s *serials) record(number uint64, digest string, now time.Time) error {
	if number == s.last.Serial && digest == s.last.Digest {
		return nil
	}
	next := serial{Serial: number, Digest: digest, FirstServed: now.UTC()}
	if s.dir != "" {
		content, err := json.Marshal(next)
		if err != nil {
			return err
		}
		// After a power failure a mark that was lost would let a rollback through.
		if err := durable.Replace(filepath.Join(s.dir, serialFile), append(content, '\n'), 0o600); err != nil {
			return remedy.Folder(fmt.Errorf("remember serial %d: %w", number, err), s.dir)
		}
	}
	s.last = next
	return nil
}

// Keep puts a snapshot file that has been activated into the state folder, on
// the disk when it returns, so that a start without access to the snapshot source
// can use it.
func Keep(stateFolder string, file []byte) error {
	if stateFolder == "" {
		return errors.New("keep snapshot: there is no state folder")
	}
	if err := durable.Replace(filepath.Join(stateFolder, snapshotFile), file, 0o600); err != nil {
		return fmt.Errorf("keep snapshot: %w", err)
	}
	return nil
}

// Kept returns the snapshot file that was kept last. It is activated like any other,
// because nothing in the state folder is trusted.
func Kept(stateFolder string) ([]byte, error) {
	return os.ReadFile(filepath.Join(stateFolder, snapshotFile))
}
