package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// keysFile is a file with the keys of an algorithm, with comments wherever there may be
// some, in a layout of its author's own.
const keysFile = `# Keys of production.

signing_key "rs256-2026-q3" { # long in use
  algorithm   = "RS256"
    private_key = "file:rs256-2026-q3.pem"   # made by hand
  activates_at = "2026-07-01T00:00:00Z" # a Wednesday
  # until there is another one
} # the last

api   "other" {
  identifier = "https://api.example.com/other"
     scope "read" {}
}
`

const rotatedFile = `# Keys of production.

signing_key "rs256-2026-q3" { # long in use
  algorithm    = "RS256"
  private_key  = "file:rs256-2026-q3.pem" # made by hand
  activates_at = "2026-07-01T00:00:00Z"   # a Wednesday
  retires_at   = "2026-12-02T13:00:00Z"
  # until there is another one
} # the last

signing_key "rs256-2026-12-01" {
  algorithm    = "RS256"
  private_key  = "file:rs256-2026-12-01.pem"
  activates_at = "2026-12-01T12:00:00Z"
}

api   "other" {
  identifier = "https://api.example.com/other"
     scope "read" {}
}
`

// read is a file of the configuration.
func (c *clocked) read(name string) string {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(content)
}

func (c *clocked) put(name, content string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// rotating is a configuration with one declared key.
func rotating(t *testing.T) *clocked {
	c := newClocked(t)
	c.write("1h", "")
	c.put("keys.hcl", keysFile)
	if err := os.Mkdir(filepath.Join(c.dir, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	return c
}

// The file keeps its comments and what is around; the key is private; the schedule is
// safe, now and each time that a key has taken over.
func TestKeysRotate(t *testing.T) {
	t.Parallel()
	c := rotating(t)
	out := c.writ(0, "keys", "rotate", "--auto-approve")
	if got := c.read("keys.hcl"); got != rotatedFile {
		t.Errorf("%s", lineDiff("keys.hcl", rotatedFile, got))
	}
	for _, want := range []string{
		"+  retires_at   = \"2026-12-02T13:00:00Z\"", "signing_key.rs256-2026-12-01", "1 to add, 1 to change",
		"Wrote keys/rs256-2026-12-01.pem, kid ", "apply by 2026-11-30T12:00:00Z: it signs from 2026-12-01T12:00:00Z",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("not said: %q\n%s", want, out)
		}
	}
	info, err := os.Stat(filepath.Join(c.dir, "keys", "rs256-2026-12-01.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if out := c.writ(0, "validate"); strings.Contains(out, "unsafe-key-schedule") {
		t.Error(out)
	}
	if out := c.writ(1, "keys", "rotate", "--auto-approve"); !strings.Contains(out, "already follows: it signs from 2026-12-01T12:00:00Z") {
		t.Error(out)
	}
	if got := c.read("keys.hcl"); got != rotatedFile {
		t.Error("the second time changed something")
	}
	for range 4 {
		c.now = c.now.AddDate(0, 3, 0)
		c.writ(0, "keys", "rotate", "--auto-approve")
		if out := c.writ(0, "validate"); strings.Contains(out, "unsafe-key-schedule") {
			t.Error(out)
		}
	}
	if got := strings.Count(c.read("keys.hcl"), "signing_key"); got != 6 {
		t.Errorf("%d keys", got)
	}
}

func TestKeysRotateJSON(t *testing.T) {
	c := rotating(t)
	c.put("keys.hcl", strings.ReplaceAll(keysFile, "\n", "\r\n"))
	out, _ := c.run(0, "keys", "rotate", "rs256-2026-q3", "--json", "--auto-approve", "--label", "next", "--in", "3d")
	var got struct {
		File, Label, Follows, Edited, KID string
		ActivatesAt                       string `json:"activates_at"`
		Plan                              struct{ Digest string }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.File != "keys/next.pem" || got.Label != "next" || got.Follows != "rs256-2026-q3" ||
		got.Edited != "keys.hcl" || len(got.KID) != 43 || got.ActivatesAt != "2026-12-02T12:00:00Z" || got.Plan.Digest == "" {
		t.Errorf("%v\n%s", err, out)
	}
	if text := c.read("keys.hcl"); strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		t.Errorf("line ends are lost: %q", text)
	}
}

// What cannot be done writes nothing and says what can.
func TestKeysRotateRefuses(t *testing.T) {
	json := `{"signing_key": {"a": {"algorithm": "RS256", "private_key": "file:a.pem"}}}`
	second := "\nsigning_key \"es\" {\n  algorithm = \"ES256\"\n  private_key = \"file:es.pem\"\n}\n"
	for name, r := range map[string]struct {
		file, content string
		args          []string
		code          int
		says          string
	}{
		"no declared key":      {"keys.hcl", "", nil, 1, "signing_key is declared, so there is none"},
		"in an HSM":            {"keys.hcl", strings.Replace(keysFile, "file:rs256-2026-q3.pem", "pkcs11:token=a;object=b", 1), nil, 1, "cannot make a successor of"},
		"in the environment":   {"keys.hcl", strings.Replace(keysFile, "file:rs256-2026-q3.pem", "env:KEY", 1), nil, 1, "cannot make a successor of"},
		"in JSON":              {"keys.hcl.json", json, nil, 1, "by hand"},
		"unknown":              {"keys.hcl", keysFile, []string{"nope"}, 64, "there are rs256-2026-q3"},
		"several algorithms":   {"keys.hcl", keysFile + second, nil, 64, "rs256-2026-q3, es"},
		"label taken":          {"keys.hcl", keysFile, []string{"--label", "rs256-2026-q3"}, 1, "never overwritten"},
		"file taken":           {"keys.hcl", keysFile, []string{"--label", "taken"}, 1, "never overwritten"},
		"a label that is none": {"keys.hcl", keysFile, []string{"--label", "../x"}, 64, "--label"},
		"a duration":           {"keys.hcl", keysFile, []string{"--in", "soon"}, 64, "--in"},
		"no folder":            {"keys.hcl", keysFile, []string{"--keys", "absent"}, 1, "mkdir -m 700"},
		"nobody to ask":        {"keys.hcl", keysFile, []string{"rs256-2026-q3"}, 1, "nobody to ask"},
	} {
		t.Run(name, func(t *testing.T) {
			c := rotating(t)
			c.put("keys.hcl", "")
			c.put(r.file, r.content)
			c.put("keys/taken.pem", "taken")
			args := append([]string{"keys", "rotate"}, r.args...)
			if name != "nobody to ask" {
				args = append(args, "--auto-approve")
			}
			if out := c.writ(r.code, args...); !strings.Contains(out, r.says) {
				t.Errorf("%s", out)
			}
			entries, err := os.ReadDir(filepath.Join(c.dir, "keys"))
			if err != nil || len(entries) != 1 || c.read(r.file) != r.content || c.read("keys/taken.pem") != "taken" {
				t.Errorf("something was written: %v, %v", entries, err)
			}
		})
	}
}

// A file that cannot be written is said before anybody is asked, and no key is left.
func TestKeysRotateReadOnly(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everything")
	}
	c := rotating(t)
	if err := os.Chmod(filepath.Join(c.dir, "keys.hcl"), 0o400); err != nil {
		t.Fatal(err)
	}
	if out := c.writ(1, "keys", "rotate", "--auto-approve"); !strings.Contains(out, "permission denied") {
		t.Error(out)
	}
	if entries, err := os.ReadDir(filepath.Join(c.dir, "keys")); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

// A key that signs sooner than verifiers can know of it is made, with a warning.
func TestKeysRotateAtOnce(t *testing.T) {
	c := rotating(t)
	c.now = c.now.Add(17 * time.Minute)
	if out := c.writ(0, "keys", "rotate", "--auto-approve", "--in", "1h"); !strings.Contains(out, "unannounced") || !strings.Contains(out, "2026-11-29T14:00:00Z") {
		t.Error(out)
	}
}
