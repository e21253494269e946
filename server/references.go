package server

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// maxReferenced bounds a secret or key, in bytes.
const maxReferenced = 64 << 10

// A references resolves "env:NAME" and "file:NAME". A file's name stays inside
// its folder, links included.
type references struct {
	keys    string
	secrets string
	getenv  func(string) string
}

// privateKey reads the PEM of a signing key, from the keys folder.
func (r references) privateKey(ref schema.SecretRef) ([]byte, error) {
	return r.resolve(ref, r.keys, "--keys")
}

// secret reads an HS256 signing secret. One trailing newline is not part of it.
func (r references) secret(ref schema.SecretRef) ([]byte, error) {
	value, err := r.resolve(ref, r.secrets, "--secrets")
	if err != nil {
		return nil, err
	}
	value = bytes.TrimSuffix(value, []byte("\n"))
	return bytes.TrimSuffix(value, []byte("\r")), nil
}

// secretHash reads the hash of a client secret.
func (r references) secretHash(ref schema.SecretRef) (string, error) {
	value, err := r.resolve(ref, r.secrets, "--secrets")
	return strings.TrimSpace(string(value)), err
}

func (r references) resolve(ref schema.SecretRef, dir, flag string) ([]byte, error) {
	kind, name, _ := strings.Cut(string(ref), ":")
	switch kind {
	case "env":
		if value := r.getenv(name); value != "" {
			return []byte(value), nil
		}
		return nil, fmt.Errorf("environment variable %q is not set", name)
	case "file":
		if dir == "" {
			return nil, fmt.Errorf("%q needs %s", ref, flag)
		}
		return readInside(dir, name)
	}
	return nil, fmt.Errorf("%q is not a reference", ref)
}

// readInside reads a regular file of bounded size from inside a folder. The
// folder is opened anew each time: it may have been replaced.
func readInside(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxReferenced {
		return nil, fmt.Errorf("%q is not a regular file of at most %d bytes", name, maxReferenced)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxReferenced))
}
