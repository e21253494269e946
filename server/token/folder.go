package token

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/remedy"
)

// maxKeyFile bounds a key file, in bytes.
const maxKeyFile = 64 << 10

// A folder is a shelf on disk, shared by processes.
type folder struct {
	dir  string
	log  *slog.Logger
	read map[string]keyFile // by name: the last content that was a key
	said map[string]string  // by name: what was complained of last
}

type keyFile struct {
	content []byte
	key     managedKey
}

func newFolder(dir string, log *slog.Logger) *folder {
	return &folder{dir: dir, log: log, read: map[string]keyFile{}, said: map[string]string{}}
}

// scan reads the folder. A file that is no key is left alone and said so; one
// that was a key before stays what it was, since only its absence withdraws it.
// Other processes add and remove files meanwhile, and a listing may be older
// than they are: it counts when the names are the same after the files were read.
func (f *folder) scan() (inventory, error) {
	names, err := f.list()
	for range scanAttempts {
		if err != nil {
			return nil, err
		}
		inv := f.take(names)
		var again []string
		if again, err = f.list(); err == nil && slices.Equal(names, again) {
			return inv, nil
		}
		names = again
	}
	if err == nil {
		err = errors.New("it changes faster than it can be read")
	}
	return nil, err
}

// scanAttempts is how often a folder that changes meanwhile is read.
const scanAttempts = 20

// list returns the names that begin like ours, sorted.
func (f *folder) list() ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, remedy.Folder(err, f.dir)
	}
	var names []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "managed-") {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// take reads the files of these names.
func (f *folder) take(names []string) inventory {
	inv, lifetimes, present := inventory{}, map[string]int64{}, map[string]bool{}
	for _, name := range names {
		n, ok := parseName(name)
		switch {
		case !ok:
			f.complain(name, errors.New("not a name that writd gives"))
		case n.lifetime != 0:
			lifetimes[n.key()] = max(lifetimes[n.key()], n.lifetime)
		default:
			present[name] = true
			f.load(inv.of(n.alg), name, n.alg, n.generation)
		}
	}
	f.forget(present)
	for _, have := range inv {
		for i, key := range have.keys {
			have.keys[i].longest = lifetimes[managedName(key.alg, key.generation)+keySuffix]
		}
		sortManaged(have.keys)
	}
	return inv
}

// forget drops what was read of files that are gone.
func (f *folder) forget(present map[string]bool) {
	for name := range f.read {
		if !present[name] {
			delete(f.read, name)
		}
	}
}

// load adds the key of a file to the stock.
func (f *folder) load(have *stock, name string, alg schema.SigningAlg, generation int) {
	have.highest = max(have.highest, generation)
	content, err := readKeyFile(filepath.Join(f.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return // removed since the folder was read
	}
	known, before := f.read[name]
	switch {
	case err == nil && before && bytes.Equal(known.content, content):
		delete(f.said, name)
	case err == nil:
		var key managedKey
		if key, err = parseManaged(alg, generation, content); err == nil {
			known, before = keyFile{content, key}, true
			f.read[name] = known
			f.checkMode(name)
		}
	case !before:
		if failed, ok := errors.AsType[*fs.PathError](err); ok {
			have.blocked = failed // it may be a key: only the disk or its owner knows
		}
	}
	if err != nil {
		f.complain(name, err)
	}
	if before {
		have.keys = append(have.keys, known.key)
	}
}

// complain says why a file is left alone, once until that changes.
func (f *folder) complain(name string, err error) {
	if f.said[name] != err.Error() {
		f.said[name] = err.Error()
		f.log.Error("key file left alone", "file", name, "reason", err.Error(),
			"action", remedy.For(err, "restore it from where it was copied, or delete it: it signs nothing"))
	}
}

// checkMode warns of a private key that others may read.
func (f *folder) checkMode(name string) {
	if mode, exposed := Exposed(filepath.Join(f.dir, name)); exposed {
		f.log.Warn("KEY FILE IS READABLE BY OTHERS: chmod 600 it, and delete it if somebody may have read it", "file", name, "mode", mode.String())
	}
}

// Exposed reports whether a private key's file can be read or written by others
// than its owner.
func Exposed(path string) (mode fs.FileMode, exposed bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	return info.Mode().Perm(), info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/'
}

// add makes a key under a temporary name and links it to its own, which fails
// when another process was first: a reader sees a whole key or none.
func (f *folder) add(alg schema.SigningAlg, generation int, activatesAt, now int64) error {
	private, err := alg.Generate(rand.Reader, jose.MinRSABits)
	if err != nil {
		return err
	}
	content, err := encodeManaged(private, alg, now, activatesAt)
	if err != nil {
		return err
	}
	f.sweep(now)
	staged := filepath.Join(f.dir, fmt.Sprintf(".managed-%s-%d-%s", alg, now, rand.Text()))
	if err := durable.Stage(durable.OS{}, staged, content, 0o600, false); err != nil {
		return remedy.Folder(fmt.Errorf("make a key for %q: %w", alg, err), f.dir)
	}
	defer os.Remove(staged)
	if err := os.Link(staged, filepath.Join(f.dir, managedName(alg, generation)+keySuffix)); err != nil {
		return fmt.Errorf("make a key for %q: %w", alg, err)
	}
	return durable.SyncFolder(f.dir)
}

// sweep removes keys that were being written when a process ended: nobody has
// seen them.
func (f *folder) sweep(now int64) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if since, ok := parseStaged(entry.Name()); ok && now > since+removalGrace {
			os.Remove(filepath.Join(f.dir, entry.Name()))
		}
	}
}

// recordLifetime puts a marker file beside the key.
func (f *folder) recordLifetime(key managedKey, seconds int64) error {
	name := fmt.Sprintf("%s%s%d", managedName(key.alg, key.generation), lifetimeInfix, seconds)
	file, err := os.OpenFile(filepath.Join(f.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(durable.Write(file, nil), durable.SyncFolder(f.dir))
}

// remove deletes a key and its markers, the key first: a marker alone harms nobody.
func (f *folder) remove(key managedKey) error {
	base := filepath.Join(f.dir, managedName(key.alg, key.generation))
	if err := os.Remove(base + keySuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	markers, err := filepath.Glob(base + lifetimeInfix + "*")
	for _, marker := range markers {
		if n, ok := parseName(filepath.Base(marker)); ok && n.lifetime != 0 {
			err = errors.Join(err, os.Remove(marker))
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, durable.SyncFolder(f.dir))
}

// readKeyFile reads a regular file of bounded size.
func readKeyFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fmt.Errorf("%q is not a regular file of at most %d bytes", filepath.Base(path), maxKeyFile)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}

// activatesLine begins the line before the PEM block that says when the key
// signs. RFC 7468 section 5.2 leaves the text before a block to its writer, so
// every tool that reads PEM reads the key.
const activatesLine = "Activates: "

func encodeManaged(private crypto.Signer, alg schema.SigningAlg, made, activatesAt int64) ([]byte, error) {
	block, err := jose.EncodePrivateKey(private)
	if err != nil {
		return nil, err
	}
	text := "Made by writd, which replaces and removes it by itself. To withdraw it at once, delete this file.\n" +
		"Algorithm: " + string(alg) + "\nMade: " + schema.FormatTime(made) + "\n" + activatesLine + schema.FormatTime(activatesAt) + "\n"
	return append([]byte(text), block...), nil
}

// parseManaged reads what encodeManaged wrote, and has the key sign once. An
// error never holds any of the bytes.
func parseManaged(alg schema.SigningAlg, generation int, content []byte) (managedKey, error) {
	text, _, _ := bytes.Cut(content, []byte("-----BEGIN "))
	var activatesAt int64
	for line := range strings.Lines(string(text)) {
		value, ok := strings.CutPrefix(line, activatesLine)
		if !ok {
			continue
		}
		at, err := schema.ParseTime(strings.TrimSpace(value))
		if err != nil || activatesAt != 0 {
			return managedKey{}, errors.New("when the key signs is not one RFC 3339 time")
		}
		activatesAt = at
	}
	if activatesAt == 0 {
		return managedKey{}, errors.New("the file does not say when the key signs")
	}
	key, err := ParsePEM(alg, content)
	if err != nil {
		return managedKey{}, err
	}
	return managedKey{Key: key, generation: generation, activatesAt: activatesAt}, key.SelfTest()
}
