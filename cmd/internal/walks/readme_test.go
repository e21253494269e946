//go:build unix

package walks

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/testenv"
)

// TestReadme takes the five minutes of the README: with its commands and edits,
// and with the output that it shows.
func TestReadme(t *testing.T) {
	t.Parallel()
	w := &walk{shell: newShell(t, t.TempDir()), server: testenv.Address(t), readme: readText(t, module, "README.md")}
	w.run("writ init demo")
	w.write("bare.hcl", bare(w.run("cat demo/issuer.hcl demo/orders.hcl demo/billing.hcl")))
	if got, want := w.run("cat bare.hcl"), bare(w.blocks("hcl")[0]+"\n"); got != want {
		t.Errorf("writ init writes:\n%s\nthe README shows:\n%s", got, want)
	}
	dev := w.start("exec writ dev demo --listen " + w.server)
	dev.until("Ctrl-C stops.\n")
	if got, want := masked(dev.out.String(), w.server), masked(w.blocks("")[0]+"\n", w.server); got != want {
		t.Errorf("writ dev prints:\n%s\nthe README shows:\n%s", got, want)
	}
	t.Run("tour", func(t *testing.T) { w.tour(t, dev) })
	dev.interrupt()
	t.Run("writd", w.serveAsTold)
}

// tour does what the README says between its outputs, while writ dev looks on.
func (w *walk) tour(t *testing.T, dev *started) {
	for i, step := range []struct {
		command, file, before, after, then string
	}{
		{"writ validate", "billing.hcl", `"read:orders"`, `"read:order"`, ""},
		{"writ explain", "billing.hcl", `"read:order"`, `"read:orders"`, ""},
		{"writ check", "", "", "", "cd demo && writ apply --auto-approve"},
		{"writ plan", "orders.hcl", `/orders"`, `/orders/"`, ""},
		{"writ check", "orders.hcl", `/orders/"`, `/orders"`, ""}, // which fails, because access is wider
		{"writ plan", "orders.test.hcl", `= "read:orders"`, `= "read:orders write:orders"`, ""},
	} {
		switch i {
		case 4:
			w.replace(t, "billing.hcl", `["read:orders"]`, `["read:orders", "write:orders"]`)
		case 5:
			tests := readText(t, filepath.Join(w.dir, "demo"), "orders.test.hcl")
			w.replace(t, "orders.test.hcl", tests[strings.Index(tests, `expect "billing may not`):], "")
		}
		if step.file != "" {
			w.replace(t, step.file, step.before, step.after)
		}
		command, want, _ := strings.Cut(w.blocks("")[i+1], "\n")
		command = strings.TrimPrefix(command, "$ ")
		if !strings.HasPrefix(command, step.command) {
			t.Fatalf("the README shows %q where %s is expected", command, step.command)
		}
		cmd := w.command(t.Context(), "cd demo && "+command)
		got, err := cmd.CombinedOutput()
		if _, ended := err.(*exec.ExitError); err != nil && !ended {
			t.Fatal(err)
		}
		if got, want := unwrapped(string(got)), unwrapped(want); got != want {
			t.Errorf("%s prints:\n%s\nthe README shows:\n%s", command, got, want)
		}
		if i == 0 {
			dev.until("Unknown scope [unknown-scope]")
			dev.until("keeps serving")
		}
		if step.then != "" {
			w.run(step.then)
		}
	}
}

// The pictures are there, and small enough for a page that is read on the way.
func TestReadmePictures(t *testing.T) {
	pictures := regexp.MustCompile(`!\[[^\]]+\]\(([^)]+)\)`).FindAllStringSubmatch(readText(t, module, "README.md"), -1)
	for _, picture := range pictures {
		if info, err := os.Stat(filepath.Join(module, picture[1])); err != nil || info.Size() > 150_000 {
			t.Errorf("%s: %v %v", picture[1], info, err)
		}
	}
	if len(pictures) != 2 {
		t.Errorf("%d pictures", len(pictures))
	}
}

// TestReadmeBegins runs the two commands that the README begins with.
func TestReadmeBegins(t *testing.T) {
	w := &walk{shell: newShell(t, module+"/examples"), server: testenv.Address(t), readme: readText(t, module, "README.md")}
	local := strings.NewReplacer("go run ./cmd/writ", "writ", "examples/", "")
	dev := w.start("exec " + local.Replace(strings.TrimSpace(w.block("go run"))) + " --listen " + w.server)
	dev.until("Ctrl-C stops.\n")
	if shown := w.run(local.Replace(inline(w.readme, "go run ./cmd/writ token"))); !strings.Contains(shown, "Answer: 200") || strings.Contains(shown, "FAILED") {
		t.Error(shown)
	}
	w.curl(t)
	dev.interrupt()
}

// inline is the code between backquotes in a text that begins so.
func inline(text, begin string) string {
	_, code, _ := strings.Cut(text, "`"+begin)
	code, _, _ = strings.Cut(code, "`")
	return begin + code
}

// curl gets tokens with the README's lines, which are the same for "writ dev" and writd.
func (w *walk) curl(t *testing.T) {
	t.Helper()
	needProgram(t, "curl")
	for _, line := range regexp.MustCompile(`(?m)^curl .*/oauth/token .*$`).FindAllString(w.readme, -1) {
		if answer := w.run(strings.ReplaceAll(line, "127.0.0.1:8080", w.server)); !strings.Contains(answer, `"access_token":"`) || !strings.Contains(answer, `"scope":"read:orders"`) {
			t.Errorf("%s\n%s", line, answer)
		}
	}
}

// serveAsTold starts writd with the README's lines and asks it with the README's.
func (w *walk) serveAsTold(t *testing.T) {
	folder, writd, _ := strings.Cut(w.block("mkdir"), "\n")
	w.run("cd demo && " + folder)
	w.start("cd demo && exec " + writd + " --admin off --listen " + w.server).until(`"snapshot activated"`)
	w.curl(t)
	for line := range strings.Lines(w.block("writ quickstart")) {
		w.run("cd demo && " + line)
	}
	w.run("test -s demo/resource-server/main.go")
}

// TestReadmeUsers compiles what the README shows of authorizations of users, in
// the configuration of "writ init".
func TestReadmeUsers(t *testing.T) {
	w := &walk{shell: newShell(t, t.TempDir()), readme: readText(t, module, "README.md")}
	w.run("writ init demo")
	w.write("demo/users.hcl", w.blocks("hcl")[1])
	w.replace(t, "orders.hcl", `name = "Orders"`, "name = \"Orders\"\n  allow_offline_access = true")
	w.env = append(w.env, "PORTAL_SECRET_HASH=sha256:shKULOV9Znj5HQnb8f63NlqWZ1Y2GxG22T-vCg1suCQ")
	w.run("writ validate --strict demo")
}

// replace edits a file of the demo once.
func (w *walk) replace(t *testing.T, file, before, after string) {
	t.Helper()
	old := readText(t, filepath.Join(w.dir, "demo"), file)
	edited := strings.Replace(old, before, after, 1)
	if edited == old {
		t.Fatalf("%s has no %s", file, before)
	}
	w.write(filepath.Join("demo", file), edited)
}

// bare is HCL without comments and without empty lines.
func bare(text string) string {
	text = regexp.MustCompile(`(?m)[ \t]*#.*$`).ReplaceAllString(text, "")
	return regexp.MustCompile(`\n{2,}`).ReplaceAllString(strings.TrimLeft(text, "\n"), "\n")
}

// masked is text without the secret and the address, which change by nature.
func masked(text, address string) string {
	text = regexp.MustCompile(`(Secret +|billing:|key=)[\w.-]+`).ReplaceAllString(text, "$1...")
	return strings.ReplaceAll(text, address, "127.0.0.1:8080")
}

// unwrapped joins the lines of a paragraph, which are as long as the terminal
// is wide.
func unwrapped(text string) string {
	return regexp.MustCompile(`(?m)^(\S.*)\n(\S)`).ReplaceAllString(strings.TrimRight(text, "\n"), "$1 $2")
}
