package lockfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/testenv"
)

var ignoreRanges = cmp.Options{
	cmpopts.IgnoreFields(Entry{}, "Range", "ValueRange"),
	cmpopts.IgnoreFields(File{}, "Name", "Source"),
	cmpopts.EquateEmpty(),
}

// describe writes diagnostics the way the files in testdata expect them.
func describe(l diag.List) string {
	var b strings.Builder
	for _, d := range l {
		fmt.Fprintf(&b, "%d:%d %s: %s: %s\n", d.Range.Start.Line, d.Range.Start.Column, d.Code, d.Summary, d.Detail)
		for _, r := range d.Related {
			fmt.Fprintf(&b, "  %d:%d %s\n", r.Range.Start.Line, r.Range.Start.Column, r.Message)
		}
	}
	return b.String()
}

// TestRefused reads every lockfile in testdata/refused: its diagnostics, and
// what "writ lock" makes of it where it can.
func TestRefused(t *testing.T) {
	files, err := filepath.Glob("testdata/refused/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sections := map[string]string{}
			for _, f := range archive.Files {
				sections[f.Name] = string(f.Data)
			}
			f, l := Parse(DefaultName, []byte(sections[DefaultName]))
			if f != nil || !l.HasErrors() {
				t.Fatal("the lockfile was accepted")
			}
			got := map[string]string{DefaultName: sections[DefaultName], "diagnostics": describe(l)}
			if mended, _ := ParseWithoutCanonicalCheck(DefaultName, []byte(sections[DefaultName])); mended != nil {
				got["mended"] = string(mended.Bytes())
			}
			if os.Getenv("UPDATE") != "" {
				update(t, name, archive.Comment, got)
				return
			}
			if diff := cmp.Diff(sections, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func update(t *testing.T, name string, comment []byte, sections map[string]string) {
	t.Helper()
	archive := &txtar.Archive{Comment: comment}
	for _, section := range []string{DefaultName, "diagnostics", "mended"} {
		if text, ok := sections[section]; ok {
			archive.Files = append(archive.Files, txtar.File{Name: section, Data: []byte(text)})
		}
	}
	if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

const canonical = `# Maintained by "writ lock" and "writ apply". Commit this file. Edit it only to release a retired identifier.
version = 1

api "orders" { identifier = "https://api.example.com/orders?a=$${b}&c=%%{d}" }
api "worker[\"eu\"]" { identifier = "urn:\"worker\"" }

client "billing" { client_id = "billing" }

retired_api "orders" { identifier = "https://api.example.com/orders/v0" }
retired_api "orders" { identifier = "https://api.example.com/orders/v1" }

retired_client "old" { client_id = "old-1" }
`

func TestCanonical(t *testing.T) {
	f, l := Parse(DefaultName, []byte(canonical))
	if f == nil {
		t.Fatalf("refused:\n%s", describe(l))
	}
	want := &File{
		APIs: []Entry{
			{Label: "orders", Value: "https://api.example.com/orders?a=${b}&c=%{d}"},
			{Label: `worker["eu"]`, Value: `urn:"worker"`},
		},
		Clients: []Entry{{Label: "billing", Value: "billing"}},
		RetiredAPIs: []Entry{
			{Label: "orders", Value: "https://api.example.com/orders/v0"},
			{Label: "orders", Value: "https://api.example.com/orders/v1"},
		},
		RetiredClients: []Entry{{Label: "old", Value: "old-1"}},
	}
	if diff := cmp.Diff(want, f, ignoreRanges); diff != "" {
		t.Error(diff)
	}
	if got := string(f.Bytes()); got != canonical {
		t.Errorf("written again as:\n%s", got)
	}
	for _, e := range f.APIs {
		if got := string(e.ValueRange.SliceBytes(f.Source)); !strings.HasPrefix(got, `"`) || !strings.HasSuffix(got, `"`) {
			t.Errorf("range of the value of %s covers %s", e.Label, got)
		}
		if got := string(e.Range.SliceBytes(f.Source)); !strings.HasPrefix(got, "api ") || !strings.HasSuffix(got, `"`) {
			t.Errorf("range of %s covers %s", e.Label, got)
		}
	}
}

// TestScannerAgreesWithParser holds the two readers together: the scanner is
// only fast.
func TestScannerAgreesWithParser(t *testing.T) {
	scanned, ok := scanCanonical(DefaultName, []byte(canonical))
	if !ok {
		t.Fatal("the scanner does not take the canonical form")
	}
	parsed, l := ParseWithoutCanonicalCheck(DefaultName, []byte(canonical))
	if parsed == nil {
		t.Fatal(describe(l))
	}
	if diff := cmp.Diff(parsed, scanned); diff != "" {
		t.Errorf("parser -, scanner +:\n%s", diff)
	}
}

func TestNothing(t *testing.T) {
	empty := (&File{}).Bytes()
	if f, l := Parse(DefaultName, empty); f == nil {
		t.Errorf("a lockfile without records is refused:\n%s", describe(l))
	}
	if f, _ := Parse(DefaultName, nil); f != nil {
		t.Error("a file without a version is accepted")
	}
}

// TestRoundTrip writes any records that a person could have and reads them back.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &File{
			APIs:           drawEntries(t, "api"),
			Clients:        drawEntries(t, "client"),
			RetiredAPIs:    drawEntries(t, "old-api"),
			RetiredClients: drawEntries(t, "old-client"),
		}
		b := want.Bytes()
		got, l := Parse(DefaultName, b)
		if got == nil {
			t.Fatalf("refused:\n%s\n%s", describe(l), b)
		}
		if diff := cmp.Diff(want, got, ignoreRanges, cmpopts.SortSlices(func(a, b Entry) bool { return compareEntries(a, b) < 0 })); diff != "" {
			t.Fatal(diff)
		}
		if !bytes.Equal(got.Bytes(), b) {
			t.Fatal("written again as other bytes")
		}
	})
}

func drawEntries(t *rapid.T, kind string) []Entry {
	labels := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z][a-z0-9_-]{0,6}(\["[a-z./:@+-]{1,5}"\])?`), 0, 6, rapid.ID).Draw(t, kind)
	var entries []Entry
	for i, label := range labels {
		value := rapid.StringMatching(`[!-~]{0,20}`).Draw(t, "value")
		entries = append(entries, Entry{Label: label, Value: fmt.Sprintf("%s-%d-%s", kind, i, value)})
	}
	return entries
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(canonical))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, l := Parse(DefaultName, b)
		if (file == nil) != l.HasErrors() {
			t.Fatal("a file beside errors, or neither")
		}
		if file == nil {
			return
		}
		if !bytes.Equal(file.Bytes(), b) {
			t.Fatal("accepted bytes that are not canonical")
		}
		again, l := ParseWithoutCanonicalCheck(DefaultName, b)
		if again == nil {
			t.Fatalf("the parser refuses what was accepted:\n%s", describe(l))
		}
		if diff := cmp.Diff(again, file); diff != "" {
			t.Fatalf("parser -, scanner +:\n%s", diff)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	f := &File{}
	for i := range 100_000 {
		label := fmt.Sprintf("object_%06d", i)
		f.APIs = append(f.APIs, Entry{Label: label, Value: "https://api.example.com/" + label})
		f.Clients = append(f.Clients, Entry{Label: label, Value: label})
	}
	data := f.Bytes()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if file, _ := Parse(DefaultName, data); file == nil {
			b.Fatal("refused")
		}
	}
}

// TestManyRecordsOutOfOrder makes sure that the limits of a file of the
// configuration do not stop "writ lock" from mending a large lockfile.
func TestManyRecordsOutOfOrder(t *testing.T) {
	if testenv.RaceDetector {
		t.Skip("a large file, read by one goroutine")
	}
	const records = 120_000
	var b bytes.Buffer
	b.WriteString("version = 1\n")
	for i := range records {
		fmt.Fprintf(&b, "api \"a%07d\" {\n  identifier = \"https://api.example.com/%d\"\n}\n", records-i, i)
	}
	f, l := ParseWithoutCanonicalCheck("writ.lock.hcl", b.Bytes())
	if l.HasErrors() || len(f.APIs) != records {
		t.Fatal(l)
	}
}
