package snapshot

import (
	"crypto/ed25519"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/schema"
)

var update = flag.Bool("update", false, "write testdata for the current format version")

// golden is what testdata holds for each version.
var golden = map[string]func(t *testing.T) []byte{
	"small":  func(t *testing.T) []byte { return smallFile(t) },
	"signed": func(t *testing.T) []byte { return smallFile(t, testKey(1), testKey(2)) },
	"empty": func(t *testing.T) []byte {
		file, err := marshalDocument(&schema.Document{})
		if err != nil {
			t.Fatal(err)
		}
		return file
	},
}

// Every file that a release has written is opened and means what it meant.
func TestReplay(t *testing.T) {
	current := filepath.Join("testdata", "v"+strconv.Itoa(FormatVersion))
	if *update {
		writeGolden(t, current)
	}
	files, err := filepath.Glob("testdata/v*/*.writ")
	if err != nil || len(files) < len(golden)*len(formats) {
		t.Fatalf("%d files in testdata: %v", len(files), err)
	}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, err := os.ReadFile(strings.TrimSuffix(name, ".writ") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var then schema.Document // what has no member there had its zero value
		if err := json.Unmarshal(want, &then); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(&then, Decode(s)); diff != "" {
			t.Errorf("%s: the document changed (-then +now):\n%s", name, diff)
		}
		if trusted := []ed25519.PublicKey{testKey(2).Public().(ed25519.PublicKey)}; strings.Contains(name, "signed") {
			if err := s.VerifySignatures(trusted); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	// The current version writes the very bytes that it wrote when it was released.
	for name, file := range golden {
		want, err := os.ReadFile(filepath.Join(current, name+".writ"))
		if err != nil {
			t.Fatal(err)
		}
		if string(file(t)) != string(want) {
			t.Errorf("%s: version %d is written differently now: a new layout needs a new version", name, FormatVersion)
		}
	}
}

func writeGolden(t *testing.T, dir string) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, file := range golden {
		b := file(t)
		if err := os.WriteFile(filepath.Join(dir, name+".writ"), b, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Open(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(documentJSON(t, s)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func documentJSON(t *testing.T, s *Snapshot) string {
	b, err := json.MarshalIndent(Decode(s), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

// The package comment is the specification of the format: it lists every
// section with the size of its records, in the order in which they are written.
func TestPackageCommentListsSections(t *testing.T) {
	doc, err := os.ReadFile("format.go")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^//\t *(\d+)  ([a-z][a-z ]*?)  +(\d+)  `)
	var listed, want []string
	for _, m := range row.FindAllStringSubmatch(string(doc), -1) {
		listed = append(listed, fmt.Sprint(m[1], " ", m[2], " ", m[3]))
	}
	for i := range layout {
		want = append(want, fmt.Sprint(i, " ", layout[i].name, " ", layout[i].size[bodyVersion]))
	}
	if diff := gocmp.Diff(want, listed); diff != "" {
		t.Errorf("sections (-in the code +in the comment):\n%s", diff)
	}
}
