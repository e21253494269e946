package token

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// A Storage is where managed keys are kept, by one process or by many that share it.
// It holds entries under names, each created once and never changed:
//
//	managed-RS256-000003.pem              a private key, its times before the PEM block
//	managed-RS256-000003.lifetime-86400   empty: it may sign tokens that live so many seconds
//
// The number is the key's generation. Since a name is given once, processes agree on
// the key of each generation without a lock: whoever comes second takes what is there.
//
// Of entries that cannot be told apart from a key of ours by their name, Read returns
// all. Its methods are called by one goroutine at a time, and return soon: a storage
// that is elsewhere bounds how long it is waited for.
type Storage interface {
	// String names the storage as a log or an error may have it.
	String() string

	// Read returns all entries, in the order of their names, as they were at one
	// moment. An entry that is missing withdraws its key, so that the error of a
	// storage of which something may be unseen is not nil.
	Read(ctx context.Context) ([]Entry, error)

	// Create makes an entry, whole or not at all. It fails with fs.ErrExist when
	// there is one of that name.
	Create(ctx context.Context, name string, content []byte) error

	// Remove deletes an entry. One that does not exist is no error.
	Remove(ctx context.Context, name string) error
}

// An Entry is what a Storage holds under a name. Its content is not to be changed.
type Entry struct {
	Name    string
	Content []byte
	// Err says why there is no content.
	Err error
	// Blocks says of an entry with an Err that it may be a key with which others sign,
	// so that no other key may be made beside it.
	Blocks bool
}

// MaxEntry bounds the content of an entry, in bytes.
const MaxEntry = 64 << 10

// A memory is a Storage that ends with the process.
type memory struct {
	entries map[string][]byte
}

func (*memory) String() string { return "memory" }

func (m *memory) Read(context.Context) (entries []Entry, err error) {
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		entries = append(entries, Entry{Name: name, Content: m.entries[name]})
	}
	return entries, nil
}

func (m *memory) Create(_ context.Context, name string, content []byte) error {
	if _, ok := m.entries[name]; ok {
		return fs.ErrExist
	}
	if m.entries == nil {
		m.entries = map[string][]byte{}
	}
	m.entries[name] = content
	return nil
}

func (m *memory) Remove(_ context.Context, name string) error {
	delete(m.entries, name)
	return nil
}

// The parts of the names.
const (
	namePrefix    = "managed-"
	keySuffix     = ".pem"
	lifetimeInfix = ".lifetime-"
)

// managedName is the name of a key, without its suffix.
func managedName(alg schema.SigningAlg, generation int) string {
	return fmt.Sprintf("%s%s-%06d", namePrefix, alg, generation)
}

// An entryName is what the name of a key, or of its marker, says.
type entryName struct {
	alg        schema.SigningAlg
	generation int
	digits     string // of the generation, as they stand
	lifetime   int64  // seconds; 0 for the key itself
}

// key is the name of the key itself.
func (n entryName) key() string { return namePrefix + string(n.alg) + "-" + n.digits + keySuffix }

// parseName reads managed-ALG-GENERATION.pem and its markers. The generation has
// six to nine digits, a lifetime one to ten without a zero before them.
func parseName(name string) (n entryName, ok bool) {
	rest, ours := strings.CutPrefix(name, namePrefix)
	alg, rest, _ := strings.Cut(rest, "-")
	digits, lifetime, marker := strings.Cut(rest, lifetimeInfix)
	if !marker {
		digits, ours = strings.TrimSuffix(rest, keySuffix), ours && strings.HasSuffix(rest, keySuffix)
	}
	if !ours || !alphanumeric(alg) || !decimal(digits, 6, 9) {
		return entryName{}, false
	}
	n = entryName{alg: schema.SigningAlg(alg), digits: digits}
	n.generation, _ = strconv.Atoi(digits) // at most nine digits
	if marker {
		n.lifetime, _ = strconv.ParseInt(lifetime, 10, 64) // at most ten digits
		return n, decimal(lifetime, 1, 10) && lifetime[0] != '0'
	}
	return n, true
}

// decimal reports whether s is least to most digits.
func decimal(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

func alphanumeric(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != ""
}
