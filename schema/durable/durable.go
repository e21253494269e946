// Package durable writes files so that each is wholly old or wholly new, to a
// reader at every moment and on the disk after a power failure: the content goes
// to a staging file in the same folder, is synced, renamed over the old file, and
// the folder is synced.
//
// It knows nothing of what is in the files, nor of an order between several:
// package compiler puts lockfile and snapshot in force with it, package server its
// marks, package token its keys.
package durable

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// A System is every operation with which a file is written, so that a test can
// fail or stop at each of them. OS is the machine's.
type System interface {
	EvalSymlinks(path string) (string, error)
	Lstat(path string) (fs.FileInfo, error)
	// Create makes a file that must not exist, with mode less the umask.
	Create(path string, mode fs.FileMode) (File, error)
	Rename(from, to string) error
	Remove(path string) error
	SyncFolder(path string) error
}

// A File is a new file that is being written.
type File interface {
	io.WriteCloser
	Chmod(mode fs.FileMode) error
	Sync() error
}

// OS is the System of the machine.
type OS struct{}

// The operations of a System, as package os has them.
func (OS) EvalSymlinks(path string) (string, error) { return filepath.EvalSymlinks(path) }
func (OS) Lstat(path string) (fs.FileInfo, error)   { return os.Lstat(path) }
func (OS) Rename(from, to string) error             { return os.Rename(from, to) }
func (OS) Remove(path string) error                 { return os.Remove(path) }
func (OS) SyncFolder(path string) error             { return SyncFolder(path) }
func (OS) Create(path string, mode fs.FileMode) (File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

// In is the System of the files below a folder. No name and no link leads out of it.
type In struct{ Root *os.Root }

// maxLinks is how many links a name may lead through, as in most kernels.
const maxLinks = 40

// The operations of a System, with names relative to the root.
func (s In) Lstat(path string) (fs.FileInfo, error) { return s.Root.Lstat(path) }
func (s In) Rename(from, to string) error           { return s.Root.Rename(from, to) }
func (s In) Remove(path string) error               { return s.Root.Remove(path) }
func (s In) Create(path string, mode fs.FileMode) (File, error) {
	return s.Root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}
func (s In) EvalSymlinks(path string) (string, error) {
	for range maxLinks {
		info, err := s.Root.Lstat(path)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return path, err
		}
		to, err := s.Root.Readlink(path)
		if err != nil {
			return "", err
		}
		if path = filepath.Join(filepath.Dir(path), to); filepath.IsAbs(to) || !filepath.IsLocal(path) {
			return "", &fs.PathError{Op: "replace", Path: path, Err: errors.New("the link leads out of the folder")}
		}
	}
	return "", &fs.PathError{Op: "replace", Path: path, Err: errors.New("too many links")}
}
func (s In) SyncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := s.Root.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

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
	return errors.Join(folder.Sync(), folder.Close())
}

// Write writes a new file whole, makes sure that it is on the disk, and closes
// it. A descriptor whose sync failed is never synced again: the kernel may have
// dropped what it could not write.
func Write(f File, content []byte) error {
	_, err := f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return cmp.Or(err, f.Close())
}

// Create writes a file that must not exist yet, whole or not at all, with mode
// less the umask.
func Create(path string, content []byte, mode fs.FileMode) error {
	return CreateWith(OS{}, path, content, mode)
}

// CreateWith is Create by the operations of a system.
func CreateWith(system System, path string, content []byte, mode fs.FileMode) error {
	if err := Stage(system, path, content, mode, false); err != nil {
		return err
	}
	err := system.SyncFolder(filepath.Dir(path))
	if err != nil {
		system.Remove(path)
	}
	return err
}

// Replace gives a file new content, whole or not at all. Where the path is a
// symbolic link, the link stays and the file that it names is replaced. A file
// that exists keeps its permissions; a new one gets mode less the umask. What is
// no regular file is refused. Errors name the file and not its staging file.
func Replace(path string, content []byte, mode fs.FileMode) error {
	return ReplaceWith(OS{}, path, content, mode, nil)
}

// ReplaceWith is Replace by the operations of a system. last is called between staging and
// renaming, and its error leaves the file as it is: what has to hold until then is checked
// there. Nil checks nothing.
func ReplaceWith(system System, path string, content []byte, mode fs.FileMode, last func() error) error {
	at, info, err := Resolve(system, path)
	if err != nil {
		return err
	}
	if info != nil {
		mode = info.Mode().Perm()
	}
	staged, err := StagingName(at, rand.Reader)
	if err == nil {
		err = Stage(system, staged, content, mode, info != nil)
	}
	if err == nil && last != nil {
		if err := last(); err != nil {
			return errors.Join(err, named(system.Remove(staged), path))
		}
	}
	if err == nil {
		_, err = Commit(system, staged, at)
	}
	return named(err, path)
}

// named puts the name of the file that is replaced into an error.
func named(err error, path string) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: failed.Op, Path: path, Err: failed.Err}
	}
	if failed, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: "replace", Path: path, Err: failed.Err}
	}
	return err
}

// Resolve finds the regular file that a path leads to, through a link where it is
// one. info is nil where there is no file yet.
func Resolve(system System, path string) (at string, info fs.FileInfo, err error) {
	info, err = system.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil, nil
	}
	at = path
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if at, err = system.EvalSymlinks(path); err == nil {
			info, err = system.Lstat(at)
		}
	}
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "replace", Path: path, Err: ErrNotRegular}
	}
	return at, info, err
}

// ErrNotRegular is in the chain of an error about a folder, a device or a pipe.
var ErrNotRegular = errors.New("not a regular file")

// Staging files are named like ".writ.snapshot.0123456789abcdef.writ-staged".
const (
	stagingSuffix = ".writ-staged"
	stagingBytes  = 8 // of randomness, in hexadecimal
)

// StagingName is a name for a staging file of the file at path, in its folder.
func StagingName(path string, random io.Reader) (string, error) {
	var suffix [stagingBytes]byte
	if _, err := io.ReadFull(random, suffix[:]); err != nil {
		return "", fmt.Errorf("name a staging file: %w", err)
	}
	folder, base := filepath.Split(path)
	return folder + "." + base + "." + hex.EncodeToString(suffix[:]) + stagingSuffix, nil
}

// IsStagingName reports whether a name in the folder of the file at path is one
// that StagingName gives.
func IsStagingName(path, name string) bool {
	middle, ok := strings.CutPrefix(name, "."+filepath.Base(path)+".")
	if !ok {
		return false
	}
	middle, ok = strings.CutSuffix(middle, stagingSuffix)
	_, err := hex.DecodeString(middle)
	return ok && err == nil && len(middle) == 2*stagingBytes
}

// Stage writes a file that must not exist yet and makes sure that its content is
// on the disk; the folder is for Commit to sync. The permissions are mode less the
// umask, or exactly mode. After an error the file is gone, as far as that can be
// done.
func Stage(system System, path string, content []byte, mode fs.FileMode, exactly bool) error {
	f, err := system.Create(path, mode)
	if err != nil {
		return err
	}
	if exactly {
		if err = f.Chmod(mode); err != nil {
			f.Close()
		}
	}
	if err == nil {
		err = Write(f, content)
	}
	if err != nil {
		system.Remove(path)
	}
	return err
}

// Commit puts a staged file in the place of the file at path, for good. It reports
// whether the content is in place; after an error it may not be there for good.
// A staged file that could not be put in place is removed.
func Commit(system System, staged, path string) (renamed bool, err error) {
	if err := system.Rename(staged, path); err != nil {
		system.Remove(staged)
		return false, err
	}
	return true, system.SyncFolder(filepath.Dir(path))
}
