package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/writ-auth/writ/schema"
)

// maxKeyFile bounds a key file, in bytes.
const maxKeyFile = 64 << 10

// A Generated makes the keys that no signing_key block declares, one for each
// algorithm, and keeps them: in memory, or in a folder where the next start
// and other processes find them again.
type Generated struct {
	dir string

	mu   sync.Mutex
	keys map[schema.SigningAlg]generated
}

type generated struct {
	key  *Key
	file []byte // what the key was read from
}

// NewGenerated keeps the keys in the folder, or in memory when dir is "".
func NewGenerated(dir string) *Generated {
	return &Generated{dir: dir, keys: map[schema.SigningAlg]generated{}}
}

// Key returns the key of the algorithm, making it when there is none yet.
func (g *Generated) Key(alg schema.SigningAlg) (*Key, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dir == "" {
		return g.inMemory(alg)
	}
	return g.onDisk(alg)
}

func (g *Generated) inMemory(alg schema.SigningAlg) (*Key, error) {
	if have, ok := g.keys[alg]; ok {
		return have.key, nil
	}
	private, err := generate(alg)
	if err != nil {
		return nil, err
	}
	key, err := NewKey(alg, private)
	if err != nil {
		return nil, err
	}
	g.keys[alg] = generated{key: key}
	return key, nil
}

// onDisk reads the key's file, and makes it first when it is not there. Of
// several processes that do so at once one wins and the others read its key.
func (g *Generated) onDisk(alg schema.SigningAlg) (*Key, error) {
	path := filepath.Join(g.dir, "generated-"+string(alg)+".pem")
	file, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := g.create(path, alg); err != nil {
			return nil, fmt.Errorf("make a key for %q: %w", alg, err)
		}
		file, err = readKeyFile(path)
	}
	if err != nil {
		return nil, err
	}
	if have, ok := g.keys[alg]; ok && bytes.Equal(have.file, file) {
		return have.key, nil
	}
	key, err := ParsePEM(alg, file)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", path, err)
	}
	g.keys[alg] = generated{key: key, file: file}
	return key, nil
}

// create writes a new key under a temporary name and links it to its own,
// which fails when another process was first: a reader sees a whole key or none.
func (g *Generated) create(path string, alg schema.SigningAlg) error {
	private, err := generate(alg)
	if err != nil {
		return err
	}
	file, err := encodePEM(private)
	if err != nil {
		return err
	}
	temp, err := writeTemp(g.dir, file)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := os.Link(temp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(g.dir)
}

// writeTemp writes a file that only its owner may read, down to the disk.
func writeTemp(dir string, content []byte) (name string, err error) {
	f, err := os.CreateTemp(dir, ".generated-*") // O_EXCL, mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readKeyFile reads a regular file of bounded size.
func readKeyFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fmt.Errorf("key %q is not a regular file of at most %d bytes", path, maxKeyFile)
	}
	return os.ReadFile(path)
}

// generate makes a private key. RS256 and PS256 get one each: a key is for one
// algorithm (RFC 8725 section 3.1).
func generate(alg schema.SigningAlg) (crypto.Signer, error) {
	switch alg {
	case schema.RS256, schema.PS256:
		return rsa.GenerateKey(rand.Reader, minRSABits)
	case schema.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case schema.EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("no key can be made for %q", alg)
}
