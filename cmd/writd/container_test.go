//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/testenv"
)

// The image that the script makes is an OCI layout whose digests are right, the
// same for the same sources, and what is in it runs.
func TestContainerExample(t *testing.T) {
	t.Parallel()
	testenv.OneByOne(t)
	if _, err := exec.LookPath("awk"); err != nil {
		need(t, "awk is not installed")
	}
	dir := t.TempDir()
	script, err := filepath.Abs(filepath.Join(examples, "container/oci.sh"))
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "built", "writd")
	var first string
	for _, name := range []string{"a", "b"} { // built twice, by the command that the script tells
		must(t, os.RemoveAll(program))
		build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", program, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		digest := runTool(t, dir, script, program, runtime.GOARCH, name+".tar")
		if name == "a" {
			first = digest
		} else if digest != first {
			t.Errorf("digests %s and %s", first, digest)
		}
	}
	for _, end := range []string{".tar", ".tar.cdx.json"} {
		a, errA := os.ReadFile(filepath.Join(dir, "a"+end))
		b, errB := os.ReadFile(filepath.Join(dir, "b"+end))
		if must(t, errA, errB); !bytes.Equal(a, b) {
			t.Errorf("two *%s are not the same", end)
		}
	}
	checkMaterials(t, filepath.Join(dir, "a.tar.cdx.json"), program, strings.TrimSpace(first))
	files := untar(t, filepath.Join(dir, "a.tar"))
	type descriptor struct {
		MediaType, Digest string
		Size              int
		Platform          struct{ Architecture, OS string }
	}
	blob := func(d descriptor) []byte {
		t.Helper()
		content := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
		sum := sha256.Sum256(content)
		if len(content) != d.Size || "sha256:"+hex.EncodeToString(sum[:]) != d.Digest {
			t.Fatalf("%s is not there, or not what it says", d.Digest)
		}
		return content
	}
	parse := func(text []byte, into any) {
		t.Helper()
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	var index struct{ Manifests []descriptor }
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	var config struct {
		Architecture string
		Config       struct {
			User       string
			Entrypoint []string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	parse(files["index.json"], &index)
	parse(blob(index.Manifests[0]), &manifest)
	parse(blob(manifest.Config), &config)
	if strings.TrimSpace(first) != index.Manifests[0].Digest || config.Architecture != runtime.GOARCH || config.Config.User != "65532:65532" || config.Config.Entrypoint[0] != "/writd" {
		t.Errorf("%+v %+v", index, config)
	}
	layer := filepath.Join(dir, "layer.tar.gz")
	if err := os.WriteFile(layer, blob(manifest.Layers[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	inside := untar(t, layer)
	if names := slices.Sorted(maps.Keys(inside)); !slices.Equal(names, []string{"writd"}) {
		t.Errorf("the image holds %v", names)
	}
	extracted := filepath.Join(dir, "writd")
	if err := os.WriteFile(extracted, inside["writd"], 0o700); err != nil {
		t.Fatal(err)
	}
	if out := runTool(t, dir, extracted, "version"); !strings.HasPrefix(out, "writd ") {
		t.Errorf("version: %s", out)
	}
	if !strings.Contains(readExample(t, "container/Containerfile"), "USER 65532:65532") {
		t.Error("Containerfile and oci.sh make different images")
	}
}

// checkMaterials holds a CycloneDX file to what Go has recorded in the program.
func checkMaterials(t *testing.T, path, program, image string) {
	t.Helper()
	type component struct{ Type, Name, Version, PURL string }
	var bom struct {
		BOMFormat, SpecVersion string
		Metadata               struct {
			Component struct {
				component
				Hashes     []struct{ Alg, Content string }
				Properties []struct{ Name, Value string }
			}
		}
		Components []component
	}
	content, err := os.ReadFile(path)
	must(t, err)
	if err := json.Unmarshal(content, &bom); err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	built, err := os.ReadFile(program)
	must(t, err)
	sum := sha256.Sum256(built)
	main := bom.Metadata.Component
	if bom.BOMFormat != "CycloneDX" || main.Name != "github.com/writ-auth/writ" || main.Hashes[0].Content != hex.EncodeToString(sum[:]) || main.Properties[0].Value != image {
		t.Errorf("%+v", bom.Metadata)
	}
	info, err := buildinfo.ReadFile(program)
	must(t, err)
	want := []component{{"library", "std", info.GoVersion, ""}}
	for _, dep := range info.Deps {
		want = append(want, component{"library", dep.Path, dep.Version, "pkg:golang/" + dep.Path + "@" + strings.ReplaceAll(dep.Version, "+", "%2B")})
	}
	if len(want) < 20 || !slices.Equal(bom.Components, want) {
		t.Errorf("%v\nwant %v", bom.Components, want)
	}
}

// untar reads the regular files of an archive, compressed or not.
func untar(t *testing.T, path string) map[string][]byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var source io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if source, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(source); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(header.Name, "./")] = content
	}
}
