//go:build unix

package walks

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/testenv"
)

// TestMCPExample takes the walk of examples/mcp: with the commands and the edit of its
// README, and with the output that it shows. npm's packages are those of the other tests.
func TestMCPExample(t *testing.T) {
	needNode(t)
	modules, err := filepath.Abs(filepath.Join(strangers, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	w := &walk{shell: newShell(t, t.TempDir()), readme: readText(t, module+"/examples/mcp", "README.md"), server: testenv.Address(t)}
	if err := os.Symlink(modules, filepath.Join(w.dir, "node_modules")); err != nil { // around the configuration, which has no links out
		t.Fatal(err)
	}
	w.dir = filepath.Join(w.dir, "mcp")
	if err := os.CopyFS(w.dir, os.DirFS(module+"/examples/mcp")); err != nil {
		t.Fatal(err)
	}
	tools := testenv.Address(t)
	_, port, _ := strings.Cut(tools, ":")
	for _, name := range []string{"issuer.hcl", "library.hcl", "mcp.test.hcl"} {
		text := readText(t, w.dir, name)
		w.write(name, strings.NewReplacer("127.0.0.1:8080", w.server, "127.0.0.1:3000", tools).Replace(text))
	}
	w.run("writ validate --strict && writ fmt --check && writ check")

	serve := strings.Split(w.block("writ quickstart"), "\n")
	install := slices.IndexFunc(serve, func(line string) bool { return strings.HasPrefix(line, "npm install") })
	for _, pin := range strings.Fields(serve[install])[3:] {
		at := strings.LastIndex(pin, "@")
		if got := readText(t, modules, pin[:at]+"/package.json"); !strings.Contains(got, `"version": "`+pin[at+1:]+`"`) {
			t.Errorf("the README installs %s, and what is tested is another version", pin)
		}
	}
	serve = slices.Delete(serve, install, install+1)
	call := w.block("cd app\nexport")
	shown := w.blocks("")
	dev := w.start("exec " + w.block("writ dev") + " --listen " + w.server)
	dev.until("Ctrl-C stops.\n")
	// Ctrl-C ends Node with a signal, which is no failure here.
	server := w.start("trap : INT; export PORT=" + port + "\n" + strings.Replace(strings.Join(serve, "\n"), "node server.mjs", "node server.mjs || true", 1))
	server.until("listening on http://" + tools + "/mcp")
	if got := w.run(call); got != shown[0]+"\n" {
		t.Errorf("the agent tells:\n%s\nthe README shows:\n%s", got, shown[0])
	}
	before := readText(t, w.dir, "agents.hcl")
	edit := strings.Split(w.blocks("diff")[0], "\n")
	after := strings.Replace(before, strings.TrimPrefix(edit[0], "-"), strings.TrimPrefix(edit[1], "+"), 1)
	if after == before {
		t.Fatalf("agents.hcl has no line %q", edit[0])
	}
	w.write("agents.hcl", after)
	dev.until("may no longer read:library")
	refused, answered, _ := strings.Cut(shown[1], "\n")
	if out, err := w.command(t.Context(), call).CombinedOutput(); err == nil || !strings.Contains(string(out), strings.TrimPrefix(refused, "Error: ")) {
		t.Errorf("the agent is not refused: %v\n%s", err, out)
	}
	if got := w.run(strings.Replace(call, "lookup '{\"key\":\"7\"}'", "whoami", 1)); got != answered+"\n" {
		t.Errorf("the agent tells:\n%s\nthe README shows:\n%s", got, answered)
	}
	if out, err := w.command(t.Context(), "writ check").CombinedOutput(); err == nil {
		t.Errorf("no promise is broken:\n%s", out)
	}
}

// What the page about MCP servers declares is valid, and its commands run.
func TestMCPPage(t *testing.T) {
	page := readText(t, module, "docs/mcp.md")
	block := func(language string) string {
		_, rest, _ := strings.Cut(page, "```"+language+"\n")
		text, _, _ := strings.Cut(rest, "```")
		return text
	}
	sh := newShell(t, t.TempDir())
	config := "issuer {\n  url = \"https://auth.example.com/\"\n}\n\n" + block("hcl")
	if err := os.WriteFile(filepath.Join(sh.dir, "tools.hcl"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	sh.run("mkdir .git && writ validate --strict && writ fmt --check")
	for command := range strings.Lines(block("sh")) {
		sh.run(command)
	}
	sh.run("test -s server/guard.mjs && test -s client/client.mjs")
}
