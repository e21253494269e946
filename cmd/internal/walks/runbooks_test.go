//go:build unix

package walks

import (
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/testenv"
)

// A runbook is one section of docs/runbooks.md.
type runbook struct{ title, text string }

func runbooks(t *testing.T) (books []runbook) {
	t.Helper()
	for i, section := range strings.Split(readText(t, module+"/docs", "runbooks.md"), "\n## ") {
		if title, text, _ := strings.Cut(section, "\n"); i > 0 {
			books = append(books, runbook{title, text})
		}
	}
	return books
}

func bookOf(t *testing.T, title string) runbook {
	t.Helper()
	books := runbooks(t)
	i := slices.IndexFunc(books, func(b runbook) bool { return b.title == title })
	if i < 0 {
		t.Fatalf("there is no runbook %q", title)
	}
	return books[i]
}

// typedLines are the lines that somebody is to type.
func typedLines(text string) (lines []string) {
	for _, m := range regexp.MustCompile(`(?m)^\$ (.+)$`).FindAllStringSubmatch(text, -1) {
		lines = append(lines, m[1])
	}
	return lines
}

// What the runbooks tell is so: commands and flags are those of the programs, log lines
// are written somewhere, metrics and alerts are there and each alert is explained, and
// no part is missing. Those for leaks and outages are walked, with their own commands.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	testenv.OneByOne(t)
	sh := newShell(t, t.TempDir())
	t.Run("facts", func(t *testing.T) { holdToFacts(t, sh) })
	t.Run("leaked secret", func(t *testing.T) { walkLeakedSecret(t, newLeak(t, sh.env)) })
	t.Run("leaked key made by writd", func(t *testing.T) { walkLeakedManagedKey(t, newLeak(t, sh.env)) })
	t.Run("leaked declared key", func(t *testing.T) { walkLeakedDeclaredKey(t, newLeak(t, sh.env)) })
	t.Run("store down", func(t *testing.T) { walkStoreDown(t, newOutage(t, sh.env)) })
	t.Run("clock off", func(t *testing.T) { walkClockOff(t, newOutage(t, sh.env)) })
}

func holdToFacts(t *testing.T, sh *shell) {
	writd := sh.run("writd --help")
	var source strings.Builder
	for _, root := range []string{module + "/server", module + "/schema", module + "/cmd/writd"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				source.WriteString(readText(t, filepath.Dir(path), filepath.Base(path)))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	logged := strings.ReplaceAll(source.String(), `c.opts.Noun+" `, `"store `) // of a bucket that is the store
	alerts := readText(t, module+"/examples/prometheus", "alerts.yaml")
	document := readText(t, module+"/docs", "runbooks.md")
	books := runbooks(t)
	if len(books) < 8 {
		t.Errorf("%d runbooks", len(books))
	}
	for _, b := range books {
		for _, part := range []string{"**Symptom.**", "**What still works.**", "**What to do.**", "**How to see that it is over.**"} {
			if strings.Count(b.text, part) != 1 {
				t.Errorf("%s: %s stands there %d times", b.title, part, strings.Count(b.text, part))
			}
		}
	}
	for _, m := range regexp.MustCompile("`\"msg\":\"([^\"]+?)(?:\\.\\.\\.)?\"`").FindAllStringSubmatch(document, -1) {
		if !strings.Contains(logged, `"`+m[1]) {
			t.Errorf("nothing logs %q", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\bwrit_[a-z_]+`).FindAllString(document, -1) {
		if !strings.Contains(source.String(), `"`+m+`"`) {
			t.Errorf("there is no metric %s", m)
		}
	}
	for _, m := range regexp.MustCompile(`\bWrit[A-Z]\w+`).FindAllString(document, -1) {
		if !strings.Contains(alerts, "- alert: "+m+"\n") {
			t.Errorf("there is no alert %s", m)
		}
	}
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(alerts, -1) {
		if !strings.Contains(document, "`"+m[1]+"`") {
			t.Errorf("no runbook is for %s", m[1])
		}
	}
	for _, line := range typedLines(document) {
		checkTyped(t, sh, line)
	}
	text := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(document, "")
	for _, m := range regexp.MustCompile("`(--[a-z-]+)[^`]*`").FindAllStringSubmatch(text, -1) {
		if !strings.Contains(writd, "  "+m[1]+" ") && m[1] != "--snapshot" {
			t.Errorf("writd has no %s", m[1])
		}
	}
	// Links of the document lead to its headings.
	for _, m := range regexp.MustCompile(`\]\(#([a-z0-9-]+)\)`).FindAllStringSubmatch(document, -1) {
		if !slices.ContainsFunc(books, func(b runbook) bool { return strings.ReplaceAll(strings.ToLower(b.title), " ", "-") == m[1] }) {
			t.Errorf("no heading for #%s", m[1])
		}
	}
}

// checkTyped sees that a shell parses the line, and that what it says to writ is
// something that writ understands.
func checkTyped(t *testing.T, sh *shell, line string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "sh", "-n", "-c", line).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
	words := strings.Fields(line)
	if words[0] != "writ" {
		return
	}
	name := words[1]
	if name == "secret" || name == "keys" {
		name += " " + words[2]
	}
	help, err := sh.command(t.Context(), "writ "+name+" --help").CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, help)
	}
	for _, word := range words {
		if flag, _, _ := strings.Cut(word, "="); strings.HasPrefix(flag, "--") && !strings.Contains(string(help), "  "+flag+" ") {
			t.Errorf("%s: writ %s has no %s", line, name, flag)
		}
	}
}

// A leak is walked with the commands of its runbook, against the real programs.
type leak struct {
	*walk
	admin string
}

// newLeak serves the demo, and lets somebody steal from it.
func newLeak(t *testing.T, env []string) *leak {
	t.Helper()
	needProgram(t, "curl")
	l := &leak{&walk{shell: &shell{t, t.TempDir(), env}, server: testenv.Address(t)}, testenv.Address(t)}
	l.run("writ init demo && cd demo && writ apply --auto-approve && mkdir -m 700 keys")
	return l
}

func (l *leak) serve() *started {
	l.t.Helper()
	s := l.start("cd demo && exec writd --snapshot writ.snapshot --keys keys --listen " + l.server + " --admin " + l.admin + " 2>writd.log")
	l.eventually("curl -sf http://" + l.admin + "/readyz")
	return s
}

// typed runs a command of a runbook as it stands there, but for addresses, and for the
// question, which nobody is here to answer.
func (l *leak) typed(b runbook, begin string) string {
	l.t.Helper()
	lines := typedLines(b.text)
	i := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, begin) })
	if i < 0 {
		l.t.Fatalf("%s has no command that begins with %q: %q", b.title, begin, lines)
	}
	line := strings.NewReplacer("127.0.0.1:8080", l.server, "127.0.0.1:8081", l.admin).Replace(lines[i])
	if line == "writ apply" {
		line += " --auto-approve"
	}
	out, err := l.command(l.t.Context(), "cd demo && "+line).CombinedOutput()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		l.t.Fatal(err)
	}
	return string(out)
}

func (l *leak) eventually(line string) {
	l.t.Helper()
	for start := time.Now(); l.command(l.t.Context(), line).Run() != nil; time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > patience {
			l.t.Fatalf("%s fails for ever\n%s", line, l.run("cat demo/writd.log"))
		}
	}
}

// asks returns the answer to a token request with the secret.
func (l *leak) asks(secret string) string {
	l.t.Helper()
	return l.run("curl -s -u billing:" + secret + " -d grant_type=client_credentials -d audience=https://api.example.com/orders http://" + l.server + "/oauth/token")
}

func walkLeakedSecret(t *testing.T, l *leak) {
	book := bookOf(t, "Leaked client secret")
	l.serve()
	const stolen = "quickstart-demo-secret"
	if answer := l.asks(stolen); !strings.Contains(answer, "access_token") {
		t.Fatalf("before: %s", answer)
	}
	made := l.typed(book, "writ secret new")
	secret := regexp.MustCompile(`Secret, shown only now: (\S+)`).FindStringSubmatch(made)
	_, block, ok := strings.Cut(made, "Paste into client \"billing\":\n")
	if secret == nil || !ok {
		t.Fatalf("writ secret new prints %s", made)
	}
	old := regexp.MustCompile(`(?s)  secret "demo" \{.*?\n  \}\n`).FindString(readText(t, l.dir+"/demo", "billing.hcl"))
	ended := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindStringSubmatch(book.text)[1]
	l.replace(t, "billing.hcl", old, block+ended)
	if plan := l.typed(book, "writ plan"); !strings.Contains(plan, `The secret "demo" is no longer accepted from client.billing`) {
		t.Errorf("the plan does not say so: %s", plan)
	}
	l.typed(book, "writ apply")
	l.eventually(`grep -q '"serial":2' demo/writd.log`)
	if code := l.typed(runbook{book.title, strings.ReplaceAll(book.text, "OLD-SECRET", stolen)}, "curl"); strings.TrimSpace(code) != "401" {
		t.Errorf("the stolen secret: %s", code)
	}
	if answer := l.asks(secret[1]); !strings.Contains(answer, "access_token") {
		t.Errorf("the new secret: %s", answer)
	}
	if taken := l.typed(book, "grep"); strings.Count(taken, `"jti":"`) != 1 {
		t.Errorf("what was taken: %s", taken)
	}
	l.run(`grep -q '"reason":"wrong-secret"' demo/writd.log`)
}

func walkLeakedManagedKey(t *testing.T, l *leak) {
	book := bookOf(t, "Leaked signing key")
	l.serve()
	before := l.typed(book, "curl")
	l.takeToken()
	if list := l.typed(book, "writ keys list"); !strings.Contains(list, "managed-RS256-000001.pem") || !strings.Contains(before, strings.Fields(list)[3]) {
		t.Errorf("the key is not found: %s in %s", list, before)
	}
	l.typed(book, "rm keys/managed")
	l.isOver(book, before)
}

func walkLeakedDeclaredKey(t *testing.T, l *leak) {
	book := bookOf(t, "Leaked signing key")
	declare := func(label string) {
		l.write("demo/keys.hcl", "signing_key \""+label+"\" {\n  algorithm    = \"RS256\"\n  private_key  = \"file:"+label+".pem\"\n  activates_at = \"2026-01-01T00:00:00Z\"\n}\n")
	}
	l.run("cd demo && writ keys new keys/2026-a.pem")
	declare("2026-a")
	l.run("cd demo && writ apply --auto-approve")
	l.serve()
	before := l.typed(book, "curl")
	l.takeToken()
	l.typed(book, "writ keys new")
	declare("2026-b")
	if plan := l.typed(book, "writ plan"); !strings.Contains(plan, `Verifiers no longer accept tokens signed with the key "file:2026-a.pem"`) {
		t.Errorf("the plan does not say so: %s", plan)
	}
	l.typed(book, "writ apply")
	l.eventually(`grep -q '"serial":3' demo/writd.log`)
	l.typed(book, "rm keys/2026-a.pem")
	l.isOver(book, before)
}

// takeToken keeps a token from before.
func (l *leak) takeToken() {
	l.t.Helper()
	token := regexp.MustCompile(`"access_token":"([^"]+)"`).FindStringSubmatch(l.asks("quickstart-demo-secret"))
	if token == nil {
		l.t.Fatal("no token")
	}
	l.write("demo/old-token", token[1]+"\n")
}

// isOver sees that another key signs, and that a token of the old one fails.
func (l *leak) isOver(book runbook, before string) {
	l.t.Helper()
	for start := time.Now(); strings.Contains(l.typed(book, "curl"), strings.TrimSpace(before)); time.Sleep(50 * time.Millisecond) {
		if time.Since(start) > patience {
			l.t.Fatalf("the old key is published for ever: %s", before)
		}
	}
	if checked := l.typed(book, "writ verify"); !strings.Contains(checked, "FAILED  signature  no key with kid") {
		l.t.Errorf("a token from before: %s", checked)
	}
	if answer := l.asks("quickstart-demo-secret"); !strings.Contains(answer, "access_token") {
		l.t.Errorf("afterwards: %s", answer)
	}
}
