package token

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"log/slog"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/remedy"
)

// An inventory is what a Storage holds, by algorithm.
type inventory map[schema.SigningAlg]*algorithmKeys

// algorithmKeys are the keys of one algorithm.
type algorithmKeys struct {
	keys    []managedKey // in the order in which they sign
	highest int          // the highest generation, usable or not
	blocked error        // why some key cannot be read, so that no other may be made; nil if all can
}

// keysOf returns the keys of an algorithm, made empty if there are none.
func (inv inventory) keysOf(alg schema.SigningAlg) *algorithmKeys {
	if inv[alg] == nil {
		inv[alg] = new(algorithmKeys)
	}
	return inv[alg]
}

// A keyReader makes inventories of a Storage. It remembers what was a key before.
type keyReader struct {
	storage Storage
	log     *slog.Logger
	read    map[string]readKey // by name: the last content that was a key
	said    map[string]string  // by name: what was complained of last
}

// A readKey is an entry that was a key when it was read, with the content that it had then: an
// entry that has not changed is not parsed again.
type readKey struct {
	content []byte
	key     managedKey
}

// newKeyReader returns a reader that has read nothing yet.
func newKeyReader(storage Storage, log *slog.Logger) *keyReader {
	return &keyReader{storage: storage, log: log, read: map[string]readKey{}, said: map[string]string{}}
}

// scan reads what there is. An entry that is no key is left alone and said so; one
// that was a key before stays what it was, since only its absence withdraws it.
func (r *keyReader) scan(ctx context.Context) (inventory, error) {
	entries, err := r.storage.Read(ctx)
	if err != nil {
		return nil, err
	}
	inv, present := inventory{}, map[string]bool{}
	lifetimes, markers := map[string]int64{}, map[string][]string{} // by the name of the key
	for _, entry := range entries {
		n, ok := parseName(entry.Name)
		switch {
		case !ok:
			r.complain(entry.Name, errors.New("not a name that writd gives"))
		case n.lifetime != 0 && entry.Err != nil:
			r.complain(entry.Name, entry.Err)
		case n.lifetime != 0:
			lifetimes[n.key()] = max(lifetimes[n.key()], n.lifetime)
			markers[n.key()] = append(markers[n.key()], entry.Name)
		default:
			present[entry.Name] = true
			r.load(inv.keysOf(n.alg), entry, n)
		}
	}
	for name := range r.read {
		if !present[name] {
			delete(r.read, name)
		}
	}
	for _, have := range inv {
		for i, key := range have.keys {
			have.keys[i].longest, have.keys[i].markers = lifetimes[key.name()], markers[key.name()]
		}
		sortManaged(have.keys)
	}
	return inv, nil
}

// load adds the key of an entry to those of its algorithm.
func (r *keyReader) load(have *algorithmKeys, entry Entry, n entryName) {
	have.highest = max(have.highest, n.generation)
	known, before := r.read[entry.Name]
	err := entry.Err
	switch {
	case err == nil && before && bytes.Equal(known.content, entry.Content):
		delete(r.said, entry.Name)
	case err == nil:
		var key managedKey
		if key, err = parseManaged(n.alg, n.generation, entry.Content); err == nil {
			known, before = readKey{entry.Content, key}, true
			r.read[entry.Name] = known
		}
	case !before && entry.Blocks:
		have.blocked = err
	}
	if err != nil {
		r.complain(entry.Name, err)
	}
	if before {
		have.keys = append(have.keys, known.key)
	}
}

// complain says why an entry is left alone, once until that changes.
func (r *keyReader) complain(name string, err error) {
	if r.said[name] != err.Error() {
		r.said[name] = err.Error()
		r.log.Error("key file left alone", "file", name, "reason", err.Error(),
			"action", remedy.For(err, "restore it from where it was copied, or delete it: it signs nothing"))
	}
}

// activatesLine begins the line before the PEM block that says when the key
// signs. RFC 7468 section 5.2 leaves the text before a block to its writer, so
// every tool that reads PEM reads the key.
const activatesLine = "Activates: "

// encodeManaged writes a managed key as PEM, with lines for people before the block. Of these
// only activatesLine is read back.
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
