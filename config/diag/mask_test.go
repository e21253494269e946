package diag_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/diag"
)

func TestSecretsAreMasked(t *testing.T) {
	const src = "secret \"s\" { hash = \"hunter2-hunter2\" }\nname = local.x\n"
	at := strings.Index(src, `"hunter2`)
	on := func(from, to int) hcl.Range {
		return hcl.Range{Filename: "a.hcl", Start: hcl.Pos{Line: 1, Column: from + 1, Byte: from}, End: hcl.Pos{Line: 1, Column: to + 1, Byte: to}}
	}
	list := diag.List{
		// Another diagnostic on the same line must not show it either.
		{Severity: diag.Error, Code: "other", Summary: "Other", Range: on(0, 6)},
		{Severity: diag.Error, Code: "plaintext-secret", Summary: "Secret in plain text", Range: on(at, at+len(`"hunter2-hunter2"`)), Secret: true},
	}
	sources := map[string][]byte{"a.hcl": []byte(src)}

	var text bytes.Buffer
	if err := diag.WriteText(&text, list, sources, 0, false); err != nil {
		t.Fatal(err)
	}
	report, err := json.Marshal(diag.NewReport(list, sources))
	if err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]string{"text": text.String(), "JSON": string(report)} {
		if strings.Contains(out, "hunter2") {
			t.Errorf("%s shows the secret:\n%s", name, out)
		}
		if !strings.Contains(out, "***************") {
			t.Errorf("%s has no masked snippet:\n%s", name, out)
		}
	}
	if string(sources["a.hcl"]) != src {
		t.Error("the sources were changed")
	}
}

// TestSecretsOnTheLine makes sure that a diagnostic about something else does
// not show a secret that stands beside it.
func TestSecretsOnTheLine(t *testing.T) {
	for src, shown := range map[string]bool{
		`client_secret = "hunter2"`:                false,
		`secret "a" { value = "hunter2" }`:         false,
		`  hash = "hunter2`:                        false,
		`hash="hunter2" # x`:                       false,
		`"signing_secret": "hunter2",`:             false,
		`password = "a\"hunter2"`:                  false,
		`hash = "env:hunter2"`:                     true,
		`hash = "sha256:hunter2"`:                  true,
		`private_key = "file:hunter2.pem"`:         true,
		`name = "hunter2"`:                         true,
		`scope "hash" { description = "hunter2" }`: true,
	} {
		list := diag.List{{Severity: diag.Error, Code: "x", Summary: "X", Range: hcl.Range{Filename: "a.hcl", Start: hcl.Pos{Line: 1, Column: 1}, End: hcl.Pos{Line: 1, Column: 2, Byte: 1}}}}
		sources := map[string][]byte{"a.hcl": []byte(src + "\n")}
		var text bytes.Buffer
		if err := diag.WriteText(&text, list, sources, 0, false); err != nil {
			t.Fatal(err)
		}
		report, err := json.Marshal(diag.NewReport(list, sources))
		if err != nil {
			t.Fatal(err)
		}
		for _, out := range []string{text.String(), string(report)} {
			if strings.Contains(out, "hunter2") != shown {
				t.Errorf("%s: shown as\n%s", src, out)
			}
		}
		if string(sources["a.hcl"]) != src+"\n" {
			t.Error("the source was changed")
		}
	}
}

// A configuration that a program wrote as one line of JSON has lines of any length, and a
// secret on one is masked wherever the part that is shown begins and ends.
func TestSecretsOnALongLine(t *testing.T) {
	filler := strings.Repeat(`"a":1,`, 2000)
	for name, before := range map[string]string{"just before": "", "at the edge": strings.Repeat(" ", 60)} {
		secret := `"hash":"hunter2-` + strings.Repeat("hunter2", 300) + `",`
		src := "{" + filler + secret + before + `"mistake":1,` + filler + `"secret":"hunter2"}` + "\n"
		at := strings.Index(src, `"mistake"`)
		for _, offset := range []int{at, at - len(before) - 20, strings.Index(src, `"hash"`) - 200} {
			rng := hcl.Range{Filename: "a.hcl.json", Start: hcl.Pos{Line: 1, Column: 1, Byte: offset}, End: hcl.Pos{Line: 1, Column: 2, Byte: offset + 5}}
			list := diag.List{{Severity: diag.Error, Code: "x", Summary: "X", Range: rng}}
			var text bytes.Buffer
			if err := diag.WriteText(&text, list, map[string][]byte{"a.hcl.json": []byte(src)}, 0, false); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(text.String(), "hunter") || !strings.Contains(text.String(), "...") {
				t.Errorf("%s, from %d:\n%s", name, offset, text.String())
			}
		}
	}
}
