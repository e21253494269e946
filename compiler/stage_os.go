package compiler

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// osFiles is the fileSystem of the machine.
type osFiles struct{}

func (osFiles) Lock(ctx context.Context, path string) (func() error, error) {
	return lockFile(ctx, path)
}

func (osFiles) EvalSymlinks(path string) (string, error) { return filepath.EvalSymlinks(path) }
func (osFiles) Lstat(path string) (fs.FileInfo, error)   { return os.Lstat(path) }
func (osFiles) ReadFile(path string) ([]byte, error)     { return os.ReadFile(path) }
func (osFiles) Rename(from, to string) error             { return os.Rename(from, to) }
func (osFiles) Remove(path string) error                 { return os.Remove(path) }

func (osFiles) Names(path string) ([]string, error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return folder.Readdirnames(-1)
}

func (osFiles) Create(path string) (stagingFile, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

func (osFiles) SyncFolder(path string) error { return SyncFolder(path) }

// SyncFolder makes what was renamed, created or removed in a folder durable.
// Windows cannot sync a folder and needs not: NTFS journals the rename.
func SyncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	if closeErr := folder.Close(); err == nil {
		err = closeErr
	}
	return err
}
