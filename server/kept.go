package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/writ-auth/writ/schema/durable"
)

// keptFile is the name, in the state folder, of the snapshot that was kept.
const keptFile = "last.snapshot"

// Keep puts a snapshot file that has been activated into the state folder, on
// the disk when it returns, so that a start that cannot have a snapshot from
// where they come from has that one.
func (s *Server) Keep(file []byte) error {
	if s.opts.State == "" {
		return errors.New("keep snapshot: there is no state folder")
	}
	if err := durable.Replace(filepath.Join(s.opts.State, keptFile), file, 0o600); err != nil {
		return fmt.Errorf("keep snapshot: %w", err)
	}
	return nil
}

// Kept returns what was kept last, to be activated like any other: nothing in the
// state folder is trusted.
func (s *Server) Kept() ([]byte, error) {
	return os.ReadFile(filepath.Join(s.opts.State, keptFile))
}
