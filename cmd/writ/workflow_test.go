//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/zclconf/go-cty-yaml"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
)

// A workflow is what the tests run of a GitHub Actions workflow.
type workflow struct {
	Jobs map[string]struct {
		Env   map[string]string `json:"env"`
		Steps []struct {
			Name string            `json:"name"`
			Run  string            `json:"run"`
			Env  map[string]string `json:"env"`
		} `json:"steps"`
	} `json:"jobs"`
}

func readWorkflow(t *testing.T, path string) *workflow {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ty, err := yaml.Standard.ImpliedType(text)
	if err != nil {
		t.Fatal(err)
	}
	value, err := yaml.Standard.Unmarshal(text, ty)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := ctyjson.Marshal(value, ty)
	if err != nil {
		t.Fatal(err)
	}
	w := new(workflow)
	if err := json.Unmarshal(asJSON, w); err != nil {
		t.Fatal(err)
	}
	return w
}

// run runs the steps of a job one after the other, as the runner does, and
// returns what they printed and whether all ended well. Expressions get their
// values from a map. What installs writ or talks to GitHub is left out.
func (w *workflow) run(sh *shell, name string, values map[string]string) (output string, ok bool) {
	sh.t.Helper()
	job, found := w.Jobs[name]
	if !found {
		sh.t.Fatalf("the workflow has no job %q", name)
	}
	base, ran := sh.env, 0
	defer func() { sh.env = base }()
	base = append(base, "RUNNER_TEMP="+sh.t.TempDir())
	for _, step := range job.Steps {
		if step.Run == "" || strings.HasPrefix(step.Run, "go install ") || strings.HasPrefix(step.Run, "gh ") {
			continue
		}
		if strings.Contains(step.Run, "${{") {
			sh.t.Errorf("step %q: an expression in a command is not quoted", step.Name)
		}
		sh.env = base[:len(base):len(base)]
		for _, env := range []map[string]string{job.Env, step.Env} {
			for key, value := range env {
				sh.env = append(sh.env, key+"="+evaluate(sh.t, value, values))
			}
		}
		out, err := sh.command(sh.t.Context(), "set -e\n"+step.Run).CombinedOutput()
		output += string(out)
		ran++
		if err != nil {
			return output, false
		}
	}
	if ran < 3 {
		sh.t.Errorf("job %q ran %d steps", name, ran)
	}
	return output, true
}

// evaluate replaces the expressions in a value.
func evaluate(t *testing.T, text string, values map[string]string) string {
	t.Helper()
	return regexp.MustCompile(`\$\{\{ (.*?) \}\}`).ReplaceAllStringFunc(text, func(expression string) string {
		value, ok := values[expression[4:len(expression)-3]]
		if !ok {
			t.Errorf("no value for %s", expression)
		}
		return value
	})
}

// TestPlatformPullRequest runs the steps of the example's workflow for a pull
// request, in a repository that holds the example.
func TestPlatformPullRequest(t *testing.T) {
	needProgram(t, "git")
	w := readWorkflow(t, filepath.Join(platform, ".github/workflows/writ.yml"))
	sh := newShell(t, platform)
	sh.run("git init -q -b main && git add -A && git commit -qm base && git update-ref refs/remotes/origin/main HEAD")
	sh.run(widen("cancel:orders"))
	sh.run("git tag origin/main") // which is no way to choose the base, or to have no plan
	sh.env = append(sh.env, "GITHUB_BASE_REF=main")
	if out, ok := w.run(sh, "plan", nil); !ok {
		t.Fatal(out)
	}
	if plan := sh.run("cat plan.md"); !strings.Contains(plan, "cancel:orders") || !strings.Contains(plan, "1 change widens access") {
		t.Errorf("the comment does not say what widens:\n%s", plan)
	}
}

// widen is a commit after which a client of the example may have one scope more.
func widen(scope string) string {
	return `sed 's/scopes = \["read:orders"/&, "` + scope + `"/' logistics/clients.hcl > edited && mv edited logistics/clients.hcl && git commit -qam widen`
}

// A depot is the https address at which a workflow publishes.
type depot struct {
	*httptest.Server
	mu     sync.Mutex
	file   []byte // nil: nothing is there
	status int    // what it answers whatever it is asked; 0 for a depot in order
}

const depotToken = "let-me-write"

func newDepot(t *testing.T) *depot {
	d := new(depot)
	d.Server = httptest.NewTLSServer(http.HandlerFunc(d.serve))
	t.Cleanup(d.Close)
	return d
}

func (d *depot) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.status != 0:
		w.WriteHeader(d.status)
	case r.Method == http.MethodPut && r.Header.Get("Authorization") != "Bearer "+depotToken:
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodPut:
		d.file, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
	case d.file == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Write(d.file)
	}
}

func (d *depot) answer(status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status = status
}

func (d *depot) published() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.file)
}

// TestPlatformMerges runs the example's workflow on main again and again, each
// time in a fresh clone, with a writd that follows what is published: it takes
// each snapshot and refuses none.
func TestPlatformMerges(t *testing.T) {
	for _, program := range []string{"git", "curl"} {
		needProgram(t, program)
	}
	m := newMerges(t)

	// Nothing is published yet, and nobody says that this is the first.
	if out, ok := m.apply(""); ok || !strings.Contains(out, "snapshot-missing") || !strings.Contains(out, "--first") {
		t.Fatalf("the first run went on by itself (%v):\n%s", ok, out)
	}
	// A depot that does not tell what is there stops the run, whether it answers or not.
	m.depot.answer(http.StatusForbidden)
	if out, ok := m.apply("--first"); ok || !strings.Contains(out, "answers 403") || strings.Contains(out, "Applied") {
		t.Errorf("refused by the depot, the run went on:\n%s", out)
	}
	m.depot.answer(0)
	url := m.url
	m.url = strings.Replace(url, m.depot.Listener.Addr().String(), testenv.Address(t), 1)
	if out, ok := m.apply("--first"); ok || !strings.Contains(out, "curl: (7)") || strings.Contains(out, "Applied") {
		t.Errorf("without a depot the run went on:\n%s", out)
	}
	m.url = url
	if m.depot.published() != nil {
		t.Fatal("something was published")
	}

	m.mustApply("--first", 1)
	writd := m.startWritd()
	writd.until(`"serial":1,`)
	m.origin.run(widen("cancel:orders"))
	m.mustApply("", 2)
	writd.until(`"serial":2,`)
	before := m.depot.published()
	m.mustApply("", 2) // no change
	if !bytes.Equal(m.depot.published(), before) {
		t.Error("a run without a change published something else")
	}
	if out, ok := m.apply("--first"); ok || !strings.Contains(out, "snapshot-exists") {
		t.Errorf("a second first (%v):\n%s", ok, out)
	}
	m.origin.run("git revert --no-edit HEAD")
	m.mustApply("", 3)
	writd.until(`"serial":3,`)
	if log := writd.out.String() + writd.err.String(); strings.Contains(log, `"level":"ERROR"`) || strings.Contains(log, `"level":"WARN"`) {
		t.Errorf("writd refused a snapshot:\n%s", log)
	}
}

// needProgram skips the test where a program is missing, and fails it in CI.
func needProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
}

// merges is a repository that is merged to, and where its snapshots are published.
type merges struct {
	*testing.T
	workflow *workflow
	origin   *shell
	depot    *depot
	url      string
	key      string // that signs, PEM
}

func newMerges(t *testing.T) *merges {
	m := &merges{T: t, workflow: readWorkflow(t, filepath.Join(platform, ".github/workflows/writ.yml")), origin: newShell(t, platform), depot: newDepot(t)}
	m.url = m.depot.URL + "/prod.snapshot"
	m.origin.install("../writd")
	m.origin.run("git init -q -b main && git add -A && git commit -qm base")
	m.key = m.origin.run("writ keys new --alg EdDSA -")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	m.write(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.depot.Certificate().Raw}))
	m.origin.env = append(m.origin.env, "CURL_CA_BUNDLE="+ca)
	return m
}

func (m *merges) write(path string, content []byte) {
	m.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		m.Fatal(err)
	}
}

// apply runs the job in a fresh clone.
func (m *merges) apply(first string) (output string, ok bool) {
	m.Helper()
	clone := &shell{m.T, m.TempDir(), m.origin.env}
	clone.run("git clone -q '" + m.origin.dir + "' .")
	return m.workflow.run(clone, "apply", map[string]string{
		"vars.SNAPSHOT_URL": m.url, "secrets.SNAPSHOT_TOKEN": depotToken, "secrets.SNAPSHOT_KEY": strings.TrimSuffix(m.key, "\n"),
		"inputs.first && '--first' || ''": first,
	})
}

// mustApply runs the job, after which the snapshot with this serial is published.
func (m *merges) mustApply(first string, serial uint64) {
	m.Helper()
	out, ok := m.apply(first)
	if !ok {
		m.Fatal(out)
	}
	snap, err := snapshot.Open(m.depot.published())
	if err != nil {
		m.Fatal(err)
	}
	if got := snap.Envelope().Serial; got != serial {
		m.Fatalf("serial %d is published, want %d:\n%s", got, serial, out)
	}
	if snap.Issuer().URL != "https://auth.example.com/" {
		m.Errorf("the snapshot is not prod's: %s", snap.Issuer().URL)
	}
	if len(snap.Envelope().Revision) != 40 {
		m.Errorf("revision %q: the clone was not clean", snap.Envelope().Revision)
	}
}

// startWritd follows what is published.
func (m *merges) startWritd() *started {
	m.Helper()
	sh := &shell{m.T, m.TempDir(), append(m.origin.env, "WAREHOUSES_HS256="+strings.Repeat("k", 32))}
	m.write(filepath.Join(sh.dir, "release.pem"), []byte(m.key))
	sh.run("writ keys public release.pem > release.pub && mkdir -m 700 keys state")
	return sh.start(`exec writd --snapshot ` + m.url + ` --snapshot-ca "$CURL_CA_BUNDLE" --trust release.pub --state state --keys keys --listen 127.0.0.1:0 --admin off`)
}
