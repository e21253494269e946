package token

import (
	"regexp"
	"strconv"
	"testing"
)

// The grammar of the names, for the parsers to be held against.
var (
	managedFile = regexp.MustCompile(`^managed-([A-Za-z0-9]+)-([0-9]{6,9})\.pem$`)
	markerFile  = regexp.MustCompile(`^managed-([A-Za-z0-9]+)-([0-9]{6,9})\.lifetime-([1-9][0-9]{0,9})$`)
	stagedFile  = regexp.MustCompile(`^\.managed-[A-Za-z0-9]+-([0-9]{1,12})-[A-Za-z0-9]+$`)
)

// A name is read as the grammar has it, whatever it is.
func FuzzFileNames(f *testing.F) {
	for _, name := range []string{
		"managed-RS256-000003.pem", "managed-RS256-000003.lifetime-86400", ".managed-RS256-1795435200-123", "managed-RS256-00003.pem",
		"managed-RS256-0000000003.pem", "managed-RS256-000003.lifetime-0", "managed-RS256-000003.lifetime-12345678901", "managed--000003.pem",
		"managed-RS256-000003", "managed-RS256-000003.pem.pem", "managed-RS256-000003.lifetime-1.pem", "managed-RS-256-000003.pem",
		"managed-ES256-000003.lifetime-", ".managed-RS256-1795435200-", ".managed-RS256-1795435200-1-2", "managed-é-000001.pem", "", "managed-",
		"xmanaged-RS256-000003.pem", ".managed-RS256-1-1.pem", "managed-A-000001.lifetime-1.lifetime-2", "managed-RS256-000003.pem\n",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		n, ok := parseName(name)
		key, marker := managedFile.FindStringSubmatch(name), markerFile.FindStringSubmatch(name)
		if ok != (key != nil || marker != nil) || ok && (n.lifetime != 0) != (marker != nil) {
			t.Fatalf("%q: %+v %v", name, n, ok)
		}
		for _, parts := range [][]string{key, marker} {
			if parts != nil && (string(n.alg) != parts[1] || n.digits != parts[2] || n.generation != atoi(parts[2])) {
				t.Errorf("%q: %+v", name, n)
			}
		}
		if key != nil && n.key() != name {
			t.Errorf("%q is the key of %q", n.key(), name)
		}
		if marker != nil && strconv.FormatInt(n.lifetime, 10) != marker[3] {
			t.Errorf("%q: lifetime %d", name, n.lifetime)
		}
		since, ok := parseStaged(name)
		if staged := stagedFile.FindStringSubmatch(name); ok != (staged != nil) || ok && since != int64(atoi(staged[1])) {
			t.Errorf("%q: %d %v", name, since, ok)
		}
	})
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}
