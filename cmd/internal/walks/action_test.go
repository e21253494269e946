package walks

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/writ-auth/writ/schema/testenv"
)

// An action is what the tests run of action.yml, which is a composite action.
type action struct {
	Inputs map[string]struct {
		Default string `json:"default"`
	} `json:"inputs"`
	Runs struct {
		Steps []struct {
			Name  string            `json:"name"`
			If    string            `json:"if"`
			Shell string            `json:"shell"`
			Env   map[string]string `json:"env"`
			Run   string            `json:"run"`
			Uses  string            `json:"uses"`
		} `json:"steps"`
	} `json:"runs"`

	built bool // the step that builds writ has run once, which is enough
}

// run runs the steps as the runner does: after one has failed only those that say so. It
// returns what they printed and whether all ended well.
func (a *action) run(sh *shell, inputs map[string]string) (output string, ok bool) {
	sh.t.Helper()
	temp := sh.t.TempDir()
	values := map[string]string{"github.action_path": root(sh.t), "inputs.comment == 'true'": "true", "!cancelled()": "true"}
	for name, input := range a.Inputs {
		values["inputs."+name] = input.Default
	}
	for name, value := range inputs {
		values["inputs."+name] = value
	}
	path := filepath.Join(temp, "path")
	env := append(slices.Clip(sh.env), "RUNNER_TEMP="+temp, "GITHUB_PATH="+path)
	ok = true
	for _, step := range a.Runs.Steps {
		if step.Run == "" || !ok && !strings.Contains(step.If, "!cancelled()") || strings.Contains(step.If, "inputs.comment") && values["inputs.comment"] != "true" {
			continue
		}
		if strings.Contains(step.Run, "${{") || step.Shell != "bash" {
			sh.t.Errorf("step %q: an expression in a command is not quoted, or the shell is not bash", step.Name)
		}
		if step.Name == "Build writ" && (a.built || testenv.RaceDetector) {
			continue // the one in the path will do
		}
		a.built = true
		cmd := sh.command(sh.t.Context(), `exec bash --noprofile --norc -eo pipefail -c "$STEP"`)
		cmd.Env = append(slices.Clip(env), "STEP="+step.Run)
		for key, value := range step.Env {
			cmd.Env = append(cmd.Env, key+"="+evaluate(sh.t, value, values))
		}
		out, err := cmd.CombinedOutput()
		output += string(out)
		ok = ok && err == nil
		if added, err := os.ReadFile(path); err == nil {
			env = append(env, "PATH="+strings.TrimSpace(string(added))+":"+os.Getenv("PATH"))
		}
	}
	return output, ok
}

// root is the folder of the module.
func root(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs(module)
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// comments stands in for GitHub: the comments on one pull request, with which the
// action's token may do what a token of a workflow may.
type comments struct {
	*testing.T
	mu   sync.Mutex
	all  []postedComment
	seen atomic.Int64 // requests
}

type postedComment struct {
	ID   int    `json:"id"`
	Body string `json:"body"`
	User struct {
		Type string `json:"type"`
	} `json:"user"`
	URL string `json:"html_url"`
}

func (c *comments) add(author, body string) *postedComment {
	one := postedComment{ID: 100 + len(c.all), Body: body, URL: fmt.Sprint("https://github.example/c/", len(c.all))}
	one.User.Type = author
	c.all = append(c.all, one)
	return &c.all[len(c.all)-1]
}

func (c *comments) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen.Add(1)
	if r.Header.Get("Authorization") != "Bearer s3cr3t" {
		http.Error(w, `{"message":"Bad credentials"}`, http.StatusUnauthorized)
		return
	}
	var sent struct{ Body string }
	if r.Method != http.MethodGet {
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || sent.Body == "" || len(sent.Body) > 65_536 {
			http.Error(w, `{"message":"Validation Failed"}`, http.StatusUnprocessableEntity)
			return
		}
	}
	var answer any
	const issues = "/repos/acme/access/issues"
	switch {
	case r.Method == http.MethodGet && r.URL.Path == issues+"/7/comments":
		page := 1
		fmt.Sscan(r.URL.Query().Get("page"), &page)
		from := min((page-1)*100, len(c.all))
		answer = c.all[from:min(from+100, len(c.all))]
	case r.Method == http.MethodPost && r.URL.Path == issues+"/7/comments":
		answer = c.add("Bot", sent.Body)
	case r.Method == http.MethodPatch && strings.HasPrefix(r.URL.Path, issues+"/comments/"):
		id := 0
		fmt.Sscan(strings.TrimPrefix(r.URL.Path, issues+"/comments/"), &id)
		c.all[id-100].Body = sent.Body
		answer = c.all[id-100]
	default:
		http.NotFound(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(answer) // the action says what it got
}

// by returns the comments with a marker that a bot wrote.
func (c *comments) by(environment string) (bodies []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.all {
		if one.User.Type == "Bot" && strings.HasPrefix(one.Body, "<!-- writ:"+environment+" -->\n") {
			bodies = append(bodies, one.Body)
		}
	}
	return bodies
}

// TestAction runs the steps of action.yml on a pull request, in a repository whose
// configuration lies in a folder: the comment is one, whatever becomes of the plan.
func TestAction(t *testing.T) {
	testenv.OneByOne(t)
	for _, program := range []string{"git", "bash", "curl", "jq"} {
		needProgram(t, program)
	}
	t.Parallel()
	a := new(action)
	readYAML(t, module+"/action.yml", a)
	github := &comments{T: t}
	github.add("User", "<!-- writ:prod -->\nI was here before.")
	github.add("Bot", "A bot, about <!-- writ:prod --> and other things.")
	for range 120 { // more than a page
		github.add("User", "Looks good.")
	}
	server := httptest.NewServer(github)
	t.Cleanup(server.Close)

	sh := newShell(t, t.TempDir())
	sh.run("writ init access && writ lock -C access && git init -q -b main && git add -A && git commit -qm base && git update-ref refs/remotes/origin/main HEAD")
	event := filepath.Join(t.TempDir(), "event.json")
	pull := func(head string) {
		if err := os.WriteFile(event, fmt.Appendf(nil, `{"pull_request":{"number":7,"head":{"repo":{"full_name":%q}}}}`, head), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pull("acme/access")
	summary := filepath.Join(sh.dir, "summary.md")
	sh.env = append(sh.env, "GITHUB_API_URL="+server.URL, "GITHUB_REPOSITORY=acme/access", "GITHUB_EVENT_PATH="+event,
		"GITHUB_BASE_REF=main", "GITHUB_STEP_SUMMARY="+summary, "NO_PROXY=127.0.0.1")
	inputs := map[string]string{"directory": "access", "environment": "prod", "token": "s3cr3t"}

	sh.run(`sed -i.bak 's/"read:orders"\]/"read:orders", "write:orders"]/' access/billing.hcl && rm access/*.bak access/*.test.hcl && git commit -qam widen`)
	out, ok := a.run(sh, inputs)
	if got := github.by("prod"); !ok || len(got) != 1 || !strings.Contains(got[0], "write:orders") || !strings.Contains(out, "Commented: https://github.example/c/") {
		t.Fatalf("%v %q\n%s", ok, got, out)
	}
	if page := sh.run("cat summary.md"); !strings.Contains(page, "write:orders") {
		t.Errorf("the page of the step is %q", page)
	}
	// Again, after another commit: the same comment, and another for another environment.
	sh.run(`sed -i.bak 's/token_lifetime = "1h"/token_lifetime = "2h"/' access/issuer.hcl && rm access/*.bak && git commit -qam longer`)
	if out, ok := a.run(sh, inputs); !ok || len(github.by("prod")) != 1 || !strings.Contains(github.by("prod")[0], "2h") {
		t.Errorf("%v %q\n%s", ok, github.by("prod"), out)
	}
	inputs["environment"] = "staging"
	if out, ok := a.run(sh, inputs); !ok || len(github.by("staging")) != 1 || len(github.by("prod")) != 1 {
		t.Errorf("%v %q\n%s", ok, github.by("staging"), out)
	}
	inputs["environment"] = "prod"

	// A push that does not compile: the run fails, and the comment says why.
	sh.run(`cp access/billing.hcl sound && sed -i.bak 's/"write:orders"\]/"wirte:orders"]/' access/billing.hcl && rm access/*.bak && git commit -qam typo`)
	out, ok = a.run(sh, inputs)
	if got := github.by("prod"); ok || len(got) != 1 || !strings.Contains(got[0], "wirte:orders") || strings.Contains(got[0], "2h") {
		t.Errorf("%v %q\n%s", ok, got, out)
	}
	if !regexp.MustCompile(`(?m)^::error file=access/billing\.hcl,line=\d+,`).MatchString(out) {
		t.Errorf("no annotation:\n%s", out)
	}
	sh.run("mv sound access/billing.hcl && git commit -qam mend")
	if out, ok := a.run(sh, inputs); !ok || len(github.by("prod")) != 1 || strings.Contains(github.by("prod")[0], "wirte") {
		t.Errorf("%v %q\n%s", ok, github.by("prod"), out)
	}

	// What gets no comment: a fork's pull request, a push, a run that wants none. A token
	// that may not comment fails the run.
	before := github.seen.Load()
	pull("mallory/access")
	if out, ok := a.run(sh, inputs); !ok || !strings.Contains(out, "::notice::A pull request from a fork") {
		t.Errorf("%v %s", ok, out)
	}
	if err := os.WriteFile(event, []byte(`{"ref":"refs/heads/main"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, ok := a.run(sh, inputs); !ok || !strings.Contains(out, "no pull request") {
		t.Errorf("%v %s", ok, out)
	}
	pull("acme/access")
	inputs["comment"] = "false"
	if out, ok := a.run(sh, inputs); !ok || github.seen.Load() != before {
		t.Errorf("%v, %d requests\n%s", ok, github.seen.Load()-before, out)
	}
	inputs["comment"], inputs["token"] = "true", "wrong"
	if out, ok := a.run(sh, inputs); ok || !strings.Contains(out, "Bad credentials") || strings.Contains(out, "s3cr3t") {
		t.Errorf("%v %s", ok, out)
	}
	github.mu.Lock()
	defer github.mu.Unlock()
	if user := github.all[0].Body; !strings.HasSuffix(user, "I was here before.") {
		t.Errorf("somebody's comment became %q", user)
	}
}

// TestActionPins holds that what the action runs is named by its commit.
func TestActionPins(t *testing.T) {
	a := new(action)
	readYAML(t, module+"/action.yml", a)
	pinned := regexp.MustCompile(`^[a-z-]+/[a-z-]+@[0-9a-f]{40}$`)
	for _, step := range a.Runs.Steps {
		if step.Uses != "" && !pinned.MatchString(step.Uses) {
			t.Errorf("step %q uses %s", step.Name, step.Uses)
		}
	}
}

// A hook is an entry of .pre-commit-hooks.yaml.
type hook struct {
	ID            string `json:"id"`
	Entry         string `json:"entry"`
	Language      string `json:"language"`
	Files         string `json:"files"`
	Exclude       string `json:"exclude"`
	PassFilenames *bool  `json:"pass_filenames"`
}

// TestPreCommitHooks has the real pre-commit run the hooks, with the writ of this test in
// the place of the one that pre-commit builds.
func TestPreCommitHooks(t *testing.T) {
	testenv.OneByOne(t)
	needProgram(t, "git")
	needProgram(t, "pre-commit")
	t.Parallel()
	var hooks []hook
	readYAML(t, module+"/.pre-commit-hooks.yaml", &hooks)
	config := "repos:\n- repo: ../hooks\n  rev: v1.0.0\n  hooks:\n"
	for _, h := range hooks {
		if h.Language != "golang" || !strings.HasPrefix(h.Entry, "writ ") {
			t.Errorf("%+v", h)
		}
		config += "  - id: " + h.ID + "\n"
	}
	manifest := strings.ReplaceAll(readText(t, module, ".pre-commit-hooks.yaml"), "language: golang", "language: system")

	sh := newShell(t, t.TempDir())
	sh.env = append(sh.env, "PRE_COMMIT_HOME="+t.TempDir(), "HOME="+t.TempDir())
	for name, text := range map[string]string{"hooks/.pre-commit-hooks.yaml": manifest, "access/.pre-commit-config.yaml": config} {
		path := filepath.Join(sh.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sh.run("cd hooks && git init -q && git add -A && git commit -qm hooks && git tag v1.0.0")
	sh.run("cd access && writ init . && writ lock && git init -q && git add -A && git commit -qm base")
	precommit := func(edit string) (string, error) {
		out, err := sh.command(t.Context(), "cd access && "+edit+" && git add -A && pre-commit run 2>&1").CombinedOutput()
		return string(out), err
	}
	if out, err := precommit(`sed -i.bak 's/^  name = /name=/' orders.hcl && rm *.bak`); err == nil || !regexp.MustCompile(`writ fmt\.+Failed`).MatchString(out) || !regexp.MustCompile(`writ validate\.+Passed`).MatchString(out) {
		t.Errorf("%v\n%s", err, out)
	}
	sh.run("cd access && git reset -q --hard")
	if out, err := precommit(`printf '\n# one more\n' >> orders.hcl`); err != nil || strings.Count(out, "Passed") != len(hooks) {
		t.Errorf("%v\n%s", err, out)
	}
	sh.run("cd access && git reset -q --hard")
	if out, err := precommit(`sed -i.bak 's/api.orders/api.order/' billing.hcl && rm *.bak`); err == nil || !strings.Contains(out, "unknown-reference") {
		t.Errorf("%v\n%s", err, out)
	}
	sh.run("cd access && git reset -q --hard")
	if out, err := precommit(`sed -i.bak 's/"read:orders"\]/"read:orders", "write:orders"]/' billing.hcl && rm *.bak`); err == nil || !strings.Contains(out, "0 passed, 2 failed") {
		t.Errorf("%v\n%s", err, out)
	}
}
