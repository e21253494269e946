//go:build unix

package walks

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	yaml "github.com/zclconf/go-cty-yaml"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/location/locationtest"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
)

// A workflow is what the tests run of a GitHub Actions workflow.
type workflow struct {
	Jobs map[string]struct {
		Uses  string            `json:"uses"`
		Needs string            `json:"needs"`
		With  map[string]string `json:"with"`
		Env   map[string]string `json:"env"`
		Steps []struct {
			Name string            `json:"name"`
			If   string            `json:"if"`
			Run  string            `json:"run"`
			Env  map[string]string `json:"env"`
		} `json:"steps"`
	} `json:"jobs"`
}

func readWorkflow(t *testing.T, name string) *workflow {
	t.Helper()
	w := new(workflow)
	readYAML(t, filepath.Join(platform, ".github/workflows", name), w)
	return w
}

// readYAML reads a file of YAML into a value, by the value's names in JSON.
func readYAML(t *testing.T, path string, into any) {
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
	if err := json.Unmarshal(asJSON, into); err != nil {
		t.Fatal(err)
	}
}

// run runs the steps of a job one after the other, as the runner does, and
// returns what they printed and whether all ended well. After a step that failed only
// those run that say so. Expressions get their values from a map. What installs writ is
// left out.
func (w *workflow) run(sh *shell, name string, values map[string]string) (output string, ok bool) {
	sh.t.Helper()
	job, found := w.Jobs[name]
	if !found {
		sh.t.Fatalf("the workflow has no job %q", name)
	}
	base, ran := sh.env, 0
	ok = true
	defer func() { sh.env = base }()
	base = append(slices.Clip(base), "RUNNER_TEMP="+sh.t.TempDir())
	for _, step := range job.Steps {
		if step.Run == "" || strings.HasPrefix(step.Run, "go install ") || !ok && !strings.Contains(step.If, "!cancelled()") {
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
		ok = ok && err == nil
	}
	if ok && ran < 2 {
		sh.t.Errorf("job %q ran %d steps", name, ran)
	}
	return output, ok
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
// request, in a repository that holds the example: each environment has one comment,
// which the next run replaces, also where the plan fails.
func TestPlatformPullRequest(t *testing.T) {
	t.Parallel()
	testenv.OneByOne(t)
	needProgram(t, "git")
	w := readWorkflow(t, "writ.yml")
	sh := newShell(t, platform)
	sh.run("git init -q -b main && git add -A && git commit -qm base && git update-ref refs/remotes/origin/main HEAD")
	sh.run(widen("cancel:orders"))
	sh.run("git tag origin/main") // which is no way to choose the base, or to have no plan
	github := fakeGitHub(t)
	sh.env = append(sh.env, "GITHUB_BASE_REF=main", "GITHUB_STEP_SUMMARY="+filepath.Join(t.TempDir(), "summary.md"),
		"GITHUB_REPOSITORY=acme/writ", "GITHUB_SERVER_URL=https://github.com", "COMMENTS="+github, "PATH="+github+":"+os.Getenv("PATH"))
	values := map[string]string{"github.token": "token", "github.event.number": "7"}
	if out, ok := w.run(sh, "plan", values); !ok {
		t.Fatal(out)
	}
	head := strings.TrimSpace(sh.run("git rev-parse HEAD"))
	comments := readComments(t, github)
	for _, environment := range []string{"dev", "staging", "prod"} {
		comment := comments["<!-- writ:"+environment+" -->"]
		for _, want := range []string{"**1 client gains access**", "`cancel:orders`", "1 change widens access", "https://github.com/acme/writ/blob/" + head + "/logistics/clients.hcl#L"} {
			if !strings.Contains(comment, want) {
				t.Errorf("%s: no %q in\n%s", environment, want, comment)
			}
		}
	}
	// The next push does not compile. Both sides are of one environment all the same.
	sh.run("echo '}' >> logistics/apis.hcl && git commit -qam broken")
	if out, ok := w.run(sh, "plan", values); ok {
		t.Fatalf("a plan that fails passes:\n%s", out)
	}
	again := readComments(t, github)
	if len(again) != 3 || len(comments) != 3 {
		t.Errorf("there were %d comments, and are %d", len(comments), len(again))
	}
	for marker, comment := range again {
		if !strings.Contains(comment, "There is no plan: 1 error.") || strings.Contains(comment, "gains access") {
			t.Errorf("%s still says\n%s", marker, comment)
		}
	}
}

// fakeGitHub is a folder with a program "gh", which keeps comments in it as the workflow asks
// GitHub to: each is a file, whose name is its number.
func fakeGitHub(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const gh = `#!/bin/sh
set -e
body=
for word; do case $word in body=@*) body=${word#body=@} ;; esac; done
case "$*" in
"api --paginate repos/acme/writ/issues/7/comments --jq "*)
	for f in "$COMMENTS"/*.md; do
		if test -f "$f" && test "$(head -n 1 "$f")" = "$MARKER"; then basename "$f" .md; fi
	done ;;
"api --method PATCH repos/acme/writ/issues/comments/"*) id=${4##*/}; test -f "$COMMENTS/$id.md"; cp "$body" "$COMMENTS/$id.md" ;;
"api repos/acme/writ/issues/7/comments --field "*) cp "$body" "$COMMENTS/$(ls "$COMMENTS" | wc -l | tr -d ' ').md" ;;
*) echo "gh $*: unexpected"; exit 1 ;;
esac
`
	if err := os.WriteFile(filepath.Join(dir, "gh"), []byte(gh), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// readComments returns the comments by their first line.
func readComments(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	for _, name := range names {
		text := readText(t, dir, filepath.Base(name))
		marker, _, _ := strings.Cut(text, "\n")
		if comments[marker] != "" {
			t.Errorf("two comments begin with %s", marker)
		}
		comments[marker] = text
	}
	return comments
}

// widen is a commit after which a client of the example may have one scope more.
func widen(scope string) string {
	return `sed 's/scopes = \["read:orders"/&, "` + scope + `"/' logistics/clients.hcl > edited && mv edited logistics/clients.hcl && git commit -qam widen`
}

// TestPlatformPins holds that what the workflows run is named by its digest or version.
func TestPlatformPins(t *testing.T) {
	pinned := regexp.MustCompile(`^(?:[a-z-]+/[a-z-]+@[0-9a-f]{40} # v[0-9.]+|\./\.github/workflows/apply\.yml)$`)
	paths, err := filepath.Glob(filepath.Join(platform, ".github/workflows/*.yml"))
	if err != nil || len(paths) != 3 {
		t.Fatalf("%v, %v", paths, err)
	}
	for _, path := range paths {
		for line := range strings.Lines(readText(t, filepath.Dir(path), filepath.Base(path))) {
			if _, uses, ok := strings.Cut(strings.TrimSpace(line), "uses: "); ok && !pinned.MatchString(uses) {
				t.Errorf("%s: %s", path, uses)
			}
			if strings.Contains(line, "latest") || strings.Contains(line, "go-version: ") && !strings.Contains(line, "1.26.0") {
				t.Errorf("%s: %s", path, line)
			}
		}
	}
}

// TestPlatformMerges runs the example's workflow on main again and again, each job in
// a fresh clone, against a real registry. A server follows what is in force in prod: it
// takes each snapshot and refuses none.
func TestPlatformMerges(t *testing.T) {
	if testenv.RaceDetector {
		t.Skip("programs run beside each other: the race detector would only make them slower")
	}
	t.Parallel() // it mostly waits for a registry's tag to stay where it is
	needProgram(t, "git")
	m := newMerges(t)

	// Nothing is there yet, and nobody says that this is the first.
	if out, ok := m.merged(""); ok || !strings.Contains(out, "there is no snapshot") {
		t.Fatalf("the first run went on by itself (%v):\n%s", ok, out)
	}
	// A registry that does not answer stops the run.
	there := m.snapshots
	m.snapshots = "oci://" + testenv.Address(t) + "/acme/writ"
	for _, first := range []string{"", "dev staging prod"} {
		if out, ok := m.merged(first); ok || !strings.Contains(out, "unreachable") || strings.Contains(out, "Applied") {
			t.Errorf("without a registry the run went on:\n%s", out)
		}
	}
	m.snapshots = there

	m.mustMerge("dev staging prod", 1)
	served := m.follow("prod")
	served.until(1)
	m.origin.run(widen("cancel:orders"))
	m.mustMerge("", 2)
	served.until(2)
	m.mustMerge("", 2) // no change
	if out, ok := m.merged("dev"); ok || !strings.Contains(out, "snapshot-exists") {
		t.Errorf("a second first (%v):\n%s", ok, out)
	}
	m.origin.run(rename("renamed"))
	m.mustMerge("", 3)
	served.until(3)

	// Back, by hand, and what the files still ask for comes again.
	was := m.inForce("prod").Previous
	if out, ok := m.rollback("prod", ""); !ok || !strings.Contains(out, "the next apply brings it back") {
		t.Fatal(out)
	}
	served.until(4)
	if now := m.inForce("prod"); now.Serial != 4 || now.Digest != was || m.inForce("staging").Serial != 3 {
		t.Errorf("after the rollback: %+v, want %s", now, was)
	}
	if out, ok := m.merged(""); !ok || m.inForce("prod").Serial != 5 || m.inForce("dev").Serial != 3 {
		t.Fatalf("it does not come again:\n%s", out)
	}
	served.until(5)

	// Two merges at once: whoever is overtaken has written nothing, and the run of the
	// newer commit, repeated if need be, is what stays. The older one is not repeated.
	m.origin.run(widen("write:orders"))
	older := strings.TrimSpace(m.origin.run("git rev-parse HEAD"))
	m.origin.run(rename("again"))
	newer := strings.TrimSpace(m.origin.run("git rev-parse HEAD"))
	m.together("dev", older, newer)
	if out, ok := m.apply(newer, "dev", ""); !ok {
		t.Fatal(out)
	}
	now := m.inForce("dev")
	if now.Revision != newer {
		t.Errorf("%s is in force, want %s", now.Revision, newer)
	}
	if out, ok := m.apply(older, "dev", ""); ok || !strings.Contains(out, "which this commit does not follow") {
		t.Errorf("an older commit was applied over a newer one:\n%s", out)
	}
	if after := m.inForce("dev"); after.Serial != now.Serial {
		t.Errorf("serial %d became %d", now.Serial, after.Serial)
	}
	served.stop()
}

// rename is a commit that changes the name of an API and nobody's access.
func rename(name string) string {
	return `sed 's/"Returns[^"]*"/"Returns, ` + name + `"/' logistics/apis.hcl > edited && mv edited logistics/apis.hcl && git commit -qam rename`
}

// merges is a repository that is merged to, and where its snapshots are.
type merges struct {
	*testing.T
	main, called, back *workflow
	origin             *shell
	snapshots          string // the address without a tag
	key                string // that signs, PEM
}

func newMerges(t *testing.T) *merges {
	m := &merges{
		T: t, main: readWorkflow(t, "writ.yml"), called: readWorkflow(t, "apply.yml"), back: readWorkflow(t, "rollback.yml"),
		snapshots: "oci://" + locationtest.StartRegistry(t).Address + "/acme/writ", origin: newShell(t, platform),
	}
	m.origin.run("git init -q -b main && git add -A && git commit -qm base")
	m.key = strings.TrimSuffix(m.origin.run("writ keys new --alg EdDSA -"), "\n")
	// The registry of the test knows no login.
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\ntest \"$1 $3 $4 $5\" = 'login --username ci --password-stdin' && test \"$(cat)\" = registry-token\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	m.origin.env = append(m.origin.env, "GITHUB_ACTOR=ci", "PATH="+bin+":"+os.Getenv("PATH"))
	return m
}

// values are what the expressions of a job stand for.
func (m *merges) values(environment string, more map[string]string) map[string]string {
	values := map[string]string{
		"inputs.environment": environment, "vars.SNAPSHOTS": m.snapshots, "secrets.SNAPSHOT_KEY": m.key, "github.token": "registry-token",
	}
	maps.Copy(values, more)
	return values
}

// clone is a fresh one, of a commit.
func (m *merges) clone(commit string) *shell {
	m.Helper()
	clone := &shell{m.T, m.TempDir(), m.origin.env}
	clone.run("git clone -q '" + m.origin.dir + "' . && git checkout -q " + commit)
	return clone
}

// apply runs the job that applies one environment.
func (m *merges) apply(commit, environment, first string) (output string, ok bool) {
	m.Helper()
	return m.called.run(m.clone(commit), "apply", m.values(environment, map[string]string{"inputs.first": first}))
}

// merged runs the workflow on main: each environment once the one before is done.
func (m *merges) merged(first string) (output string, ok bool) {
	m.Helper()
	var order []string
	for before := ""; ; {
		name := ""
		for id, job := range m.main.Jobs {
			if job.Uses == "./.github/workflows/apply.yml" && job.Needs == before {
				name = id
			}
		}
		if name == "" {
			break
		}
		before = name
		order = append(order, m.main.Jobs[name].With["environment"])
		if given := m.main.Jobs[name].With["first"]; given != "${{ inputs.first }}" {
			m.Errorf("job %q is told %q", name, given)
		}
	}
	if strings.Join(order, " ") != "dev staging prod" {
		m.Fatalf("the environments are applied in the order %v", order)
	}
	for _, environment := range order {
		out, ok := m.apply("main", environment, first)
		if output += out; !ok {
			return output, false
		}
	}
	return output, true
}

// mustMerge runs the workflow, after which each environment has this serial.
func (m *merges) mustMerge(first string, serial uint64) {
	m.Helper()
	out, ok := m.merged(first)
	if !ok {
		m.Fatal(out)
	}
	head := strings.TrimSpace(m.origin.run("git rev-parse HEAD"))
	for _, environment := range []string{"dev", "staging", "prod"} {
		if now := m.inForce(environment); now.Serial != serial || now.Environment != environment || len(now.Signatures) != 1 || len(now.Revision) != len(head) {
			m.Fatalf("in %s is %+v, want serial %d:\n%s", environment, now, serial, out)
		}
	}
}

// together runs the job of two commits at once. One of them wins, or the second finds
// that the first is done; whoever does not win says why and applies nothing.
func (m *merges) together(environment string, commits ...string) {
	m.Helper()
	before := m.inForce(environment).Serial
	clones := make([]*shell, len(commits))
	for i, commit := range commits {
		clones[i] = m.clone(commit)
	}
	outputs, oks := make([]string, len(commits)), make([]bool, len(commits))
	var both sync.WaitGroup
	for i := range commits {
		both.Go(func() {
			outputs[i], oks[i] = m.called.run(clones[i], "apply", m.values(environment, map[string]string{"inputs.first": ""}))
		})
	}
	both.Wait()
	won := uint64(0)
	for i, ok := range oks {
		switch {
		case ok:
			won++
		case !strings.Contains(outputs[i], "plan-stale") && !strings.Contains(outputs[i], "which this commit does not follow"):
			m.Errorf("it does not say why:\n%s", outputs[i])
		case strings.Contains(outputs[i], "Applied"):
			m.Errorf("it says that it was applied:\n%s", outputs[i])
		}
	}
	if after := m.inForce(environment).Serial; won == 0 || after != before+won {
		m.Errorf("%d were applied, and serial %d became %d:\n%s", won, before, after, strings.Join(outputs, "\n"))
	}
}

// rollback runs the workflow that somebody starts by hand.
func (m *merges) rollback(environment, to string) (output string, ok bool) {
	m.Helper()
	return m.back.run(m.clone("main"), "rollback", m.values(environment, map[string]string{"inputs.to": to}))
}

func (m *merges) open(environment string) location.Location {
	m.Helper()
	place, err := workspace.OpenPlace(m.snapshots+":"+environment, location.Options{})
	if err != nil {
		m.Fatal(err)
	}
	l, err := place.Location()
	if err != nil {
		m.Fatal(err)
	}
	return l
}

// inForce is what the snapshot of an environment says of itself.
func (m *merges) inForce(environment string) snapshot.Envelope {
	m.Helper()
	l := m.open(environment)
	defer l.Close()
	file, _, err := location.Read(m.Context(), l)
	if err != nil {
		m.Fatal(err)
	}
	s, err := snapshot.Open(file)
	if err != nil {
		m.Fatal(err)
	}
	return s.Envelope()
}

// A servedPlace is a writd that follows an environment.
type servedPlace struct{ *started }

func (m *merges) follow(environment string) servedPlace {
	m.Helper()
	private, err := jose.ParsePrivateKey([]byte(m.key))
	if err != nil {
		m.Fatal(err)
	}
	trust := base64.StdEncoding.EncodeToString(private.(ed25519.PrivateKey).Public().(ed25519.PublicKey))
	place := &shell{m.T, m.TempDir(), slices.Clone(m.origin.env)}
	return servedPlace{place.start("exec writd --snapshot " + m.snapshots + ":" + environment + " --poll 1s --trust " + trust + " --state . --environment " + environment +
		" --listen unix:p --admin off")}
}

// until waits for a serial.
func (p servedPlace) until(serial int) { p.started.until(fmt.Sprintf(`"serial":%d,`, serial)) }

// stop sees that no snapshot was refused.
func (p servedPlace) stop() {
	p.t.Helper()
	p.interrupt()
	if log := p.err.String(); strings.Contains(log, "rejected") {
		p.t.Errorf("a snapshot was refused:\n%s", log)
	}
}
