package compiler_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/writ-auth/writ/"

// What each package of the compiler's side may import beside the standard
// library, and why no more.
var layers = map[string]struct {
	may    []string
	reason string
}{
	"schema/jose":        {nil, "what an attacker writes is read with the standard library alone, in one place"},
	"schema":             {[]string{module + "schema/jose"}, "the vocabulary is a leaf: both programs link it"},
	"schema/snapshot":    {[]string{module + "schema", module + "schema/jose"}, "the sidecar links the format, and so nothing that the compiler needs"},
	"schema/natsbucket":  {[]string{"github.com/nats-io/nats.go"}, "an address, a login and what a bucket must be like; what is in it belongs to others"},
	"schema/location":    {[]string{module + "schema/natsbucket", module + "schema/durable", module + "schema/snapshot", "github.com/gofrs/flock", "github.com/nats-io/nats.go", "github.com/opencontainers", "oras.land/oras-go/v2"}, "both programs find snapshots with it; it carries them and reads no more than their envelope"},
	"schema/durable":     {nil, "whoever writes a file may use it, and so it knows none of them"},
	"schema/build":       {nil, "every package that tells a version may use it"},
	"config/diag":        {[]string{module + "schema", "github.com/hashicorp/hcl/v2", "github.com/mitchellh/go-wordwrap"}, "a diagnostic knows no rule, only which characters do not show"},
	"config/source":      {[]string{module + "config/diag", "github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty"}, "syntax comes before meaning"},
	"config/eval":        {[]string{module + "config/diag", module + "config/source", module + "schema", "github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty"}, "an expression knows no block"},
	"config":             {[]string{module + "config/", module + "schema", module + "schema/jose", "github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty"}, "rules between blocks are the compiler's: were they checked while decoding, the order of blocks would matter"},
	"compiler/lockfile":  {[]string{module + "config/diag", module + "config/source", "github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty"}, "the lockfile is a file format, not a rule"},
	"compiler/workspace": {[]string{module + "compiler", module + "compiler/lockfile", module + "config", module + "config/diag", module + "config/source", module + "schema", module + "schema/durable", module + "schema/location", module + "schema/snapshot", "github.com/hashicorp/hcl/v2"}, "files, git and locations around the compiler; it knows nothing of a server"},
	"compiler":           {[]string{module + "compiler/lockfile", module + "config", module + "config/diag", module + "schema", module + "schema/durable", "github.com/hashicorp/hcl/v2", "github.com/gofrs/flock"}, "it compiles and plans; it serves nothing and evaluates nothing itself"},

	"cmd/writ/internal/usage":   {[]string{module + "schema", module + "schema/durable"}, "what was used is asked by commands and by the console; it knows neither HCL nor a server"},
	"cmd/writ/internal/keyfile": {[]string{module + "schema/jose"}, "what reads a person's private key links nothing that could log, store or send it"},
}

// TestLayers holds the direction of the data: nothing flows back.
func TestLayers(t *testing.T) {
	args := []string{"list", "-json=ImportPath,Imports"}
	for name := range layers {
		args = append(args, module+name)
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Stderr = os.Stderr // which says why it ends with an error
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for decoder := json.NewDecoder(out); ; seen++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		layer := layers[strings.TrimPrefix(p.ImportPath, module)]
		for _, path := range p.Imports {
			if external := strings.Contains(strings.SplitN(path, "/", 2)[0], "."); external && !slices.ContainsFunc(layer.may, func(may string) bool { return within(path, may) }) {
				t.Errorf("%s imports %s: %s", p.ImportPath, path, layer.reason)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if seen != len(layers) {
		t.Errorf("%d of %d packages were looked at", seen, len(layers))
	}
}

// within reports whether path is a package, or lies in the module or folder
// that is named so. A package of this module is meant alone.
func within(path, may string) bool {
	if rest, ok := strings.CutPrefix(path, may); ok {
		ours := strings.HasPrefix(may, module) && !strings.HasSuffix(may, "/")
		return rest == "" || !ours && (rest[0] == '/' || rest[0] == '-' || strings.HasSuffix(may, "/"))
	}
	return false
}
