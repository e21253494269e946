package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/writ-auth/writ/schema/testenv"
)

func TestMain(m *testing.M) {
	testscript.Main(isolated{m}, map[string]func(){"writ": main})
}

// isolated are the tests; where this binary is to be writ, the environment is
// what a test has made of it.
type isolated struct{ *testing.M }

func (m isolated) Run() int {
	testenv.Isolate()
	testenv.Overlap()
	return m.M.Run()
}

// TestScripts runs the program as its users do. Beside testscript's own verbs
// the scripts have these:
//
//	exits CODE COMMAND...   runs a command that must end with exactly this code
//	json FILE PATH [VALUE]  compares a value of a JSON file, "stdout" or "stderr"; with ! it must be absent
//	odd NAME FILE           copies a file to a name that a script cannot spell: \x41 escapes are decoded
//	dev ARGS...             starts "writ dev" on a free port and waits until it serves
//	console ARGS...         the same with "writ console", of which devsees, get and enddev are then too
//	devsays FILE            compares the output of dev with a file, with SECRET, ADDRESS and KEY in their places
//	devsees PATTERN         waits until the output of dev matches
//	enddev                  interrupts dev, which must end with 0
//	fetch CLIENT API [SCOPE...]  gets a token from dev, and prints status, header and claims
//	get PATH                gets a document from dev
//	getuntil PATH PATTERN   the same, until it matches
//	places                  sets $REGISTRY and $NATS to HOST:PORT of servers that all scripts share, and
//	                        $WEB to the URL of one that serves what lies in the script's folder
//	overtaken COMMAND... -- COMMAND...
//	                        runs the first until it asks whether to apply, then the second to its end, then
//	                        says yes: the first must end with 3, since its plan is stale
//
// and the conditions [root], [git], [registry] and [terminal].
func TestScripts(t *testing.T) {
	shared := &sharedPlaces{T: t}
	testscript.Run(t, testscript.Params{
		Files:               scripts(t),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_RUNTIME_DIR", filepath.Join(env.WorkDir, ".run")) // what writ dev leaves for writ token
			env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			env.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir())
			for _, who := range []string{"AUTHOR", "COMMITTER"} {
				env.Setenv("GIT_"+who+"_NAME", "A")
				env.Setenv("GIT_"+who+"_EMAIL", "a@example.com")
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "git":
				return installed("git")
			case "registry":
				return installed("docker-registry")
			case "terminal":
				return hasTerminal()
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": scriptExits, "json": scriptJSON, "odd": scriptOdd,
			"dev": scriptDev, "console": scriptConsole, "devsees": scriptDevSees, "devsays": scriptDevSays, "enddev": scriptEndDev,
			"places": shared.script, "overtaken": scriptOvertaken,
			"fetch": scriptFetch, "get": scriptGet, "getuntil": scriptGetUntil,
		},
	})
}

// scripts are the files of the scripts. The race detector has something to find where a
// program serves, or several write to one place. The other scripts start a command a
// thousand times that ends at once, and what goes on side by side within one command is
// tested in its own package.
func scripts(t *testing.T) []string {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("find scripts: %v", err)
	}
	if !testenv.RaceDetector {
		return files
	}
	serves := regexp.MustCompile(`(?m)^(dev|console|places|overtaken)\b`)
	return slices.DeleteFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return !serves.Match(text)
	})
}

// asProgram returns the path of this test binary as a program by the name of writ, which it
// then is.
func asProgram(t *testing.T) (path string) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "writ")
	if err := os.Symlink(binary, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// needProgram skips the test where a program is missing, and fails it in CI.
func needProgram(t *testing.T, name string) {
	t.Helper()
	switch ok, err := installed(name); {
	case err != nil:
		t.Fatal(err)
	case !ok:
		t.Skipf("%s is not installed", name)
	}
}

// installed is an error where a program is missing and must not be.
func installed(program string) (bool, error) {
	_, err := exec.LookPath(program)
	if err != nil && os.Getenv("CI") == "true" {
		return false, fmt.Errorf("CI must run what needs it: %w", err)
	}
	return err == nil, nil
}

// hasTerminal reports whether the tests know how to make a pseudo-terminal here. On
// Linux, which CI runs on, they must.
func hasTerminal() (bool, error) {
	person, program, err := openTerminal()
	if err != nil {
		if os.Getenv("CI") == "true" && !errors.Is(err, errors.ErrUnsupported) {
			return false, fmt.Errorf("CI must run what needs a terminal: %w", err)
		}
		return false, nil
	}
	return true, errors.Join(person.Close(), program.Close())
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", code, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: json FILE PATH [VALUE]")
	}
	var value any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &value); err != nil {
		ts.Fatalf("%s is not JSON: %v\n%s", args[0], err, ts.ReadFile(args[0]))
	}
	found := true
	for part := range strings.SplitSeq(strings.TrimPrefix(args[1], "."), ".") {
		switch at := value.(type) {
		case map[string]any:
			value, found = at[part]
		case []any:
			i, err := strconv.Atoi(part)
			found = err == nil && i < len(at)
			if found {
				value = at[i]
			}
		default:
			found = false
		}
		if !found {
			break
		}
	}
	if found == neg {
		ts.Fatalf("%s: found is %v\n%s", args[1], found, ts.ReadFile(args[0]))
	}
	if neg || len(args) == 2 {
		return
	}
	text, err := json.Marshal(value)
	ts.Check(err)
	if s, ok := value.(string); ok {
		text = []byte(s)
	}
	if string(text) != args[2] {
		ts.Fatalf("%s is %s, want %s", args[1], text, args[2])
	}
}

// scriptOdd is for file names and contents that txtar cannot hold.
func scriptOdd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: odd NAME FILE")
	}
	name, err := strconv.Unquote(`"` + args[0] + `"`)
	ts.Check(err)
	text, err := strconv.Unquote("\"" + strings.ReplaceAll(strings.ReplaceAll(ts.ReadFile(args[1]), `"`, `\"`), "\n", `\n`) + "\"")
	ts.Check(err)
	path := ts.MkAbs(name)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o777))
	ts.Check(os.WriteFile(path, []byte(text), 0o666))
}

// A runningDev is a "writ dev" or "writ console" of the script under way; of the latter,
// issuer is where its pages are.
type runningDev struct {
	cmd    *exec.Cmd
	output *testenv.Buffer
	issuer string
	secret string
}

// devs holds the dev of each script, which run side by side.
var devs sync.Map

func scriptDev(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! dev")
	}
	d := startOnPort(ts, "dev", args)
	waitFor(ts, d, `Ctrl-C stops|Nothing to serve yet`)
	if m := regexp.MustCompile(`Issuer +(\S+)`).FindStringSubmatch(d.output.String()); m != nil {
		d.issuer = m[1]
	}
	if m := regexp.MustCompile(`Secret +(\S+)`).FindStringSubmatch(d.output.String()); m != nil {
		d.secret = m[1]
	}
	ts.Setenv("DEV_ISSUER", d.issuer)
	if u, err := url.Parse(d.issuer); err == nil {
		ts.Setenv("DEV_ADDR", u.Host)
	}
	ts.Setenv("DEV_SECRET", d.secret)
}

func scriptConsole(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! console")
	}
	d := startOnPort(ts, "console", args)
	waitFor(ts, d, `Showing .* at http`)
	d.issuer = regexp.MustCompile(`at (http://\S+)/console/`).FindStringSubmatch(d.output.String())[1]
	ts.Setenv("CONSOLE_ADDR", strings.TrimPrefix(d.issuer, "http://"))
}

// startOnPort starts a command that listens, on a free port, until the script ends.
func startOnPort(ts *testscript.TestScript, command string, args []string) *runningDev {
	d := &runningDev{output: new(testenv.Buffer)}
	program, err := exec.LookPath("writ")
	if err != nil {
		program = filepath.Join(strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator))[0], "writ")
	}
	d.cmd = exec.Command(program, append([]string{command, "--listen", "127.0.0.1:0"}, args...)...)
	d.cmd.Dir, d.cmd.Stdout, d.cmd.Stderr = ts.MkAbs("."), d.output, d.output
	d.cmd.Env = append(os.Environ(), "NO_COLOR=1", "XDG_RUNTIME_DIR="+ts.Getenv("XDG_RUNTIME_DIR"))
	ts.Check(d.cmd.Start())
	ts.Defer(func() {
		d.cmd.Process.Kill()
		d.cmd.Wait()
	})
	devs.Store(ts.Name(), d)
	return d
}

func devOf(ts *testscript.TestScript) *runningDev {
	d, ok := devs.Load(ts.Name())
	if !ok {
		ts.Fatalf("no dev is running")
	}
	return d.(*runningDev)
}

func waitFor(ts *testscript.TestScript, d *runningDev, pattern string) {
	re, err := regexp.Compile(pattern)
	ts.Check(err)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if re.MatchString(d.output.String()) {
			return
		}
	}
	ts.Fatalf("dev never printed %q:\n%s", pattern, d.output)
}

func scriptDevSees(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: devsees PATTERN")
	}
	waitFor(ts, devOf(ts), args[0])
}

// consoleKey is the key in the printed address of the console.
var consoleKey = regexp.MustCompile(`\?key=[A-Z0-9]+`)

func scriptDevSays(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: devsays FILE")
	}
	d := devOf(ts)
	masked := strings.NewReplacer(d.secret, "SECRET", ts.Getenv("DEV_ADDR"), "ADDRESS").Replace(d.output.String())
	masked = consoleKey.ReplaceAllString(masked, "?key=KEY")
	if want := ts.ReadFile(args[0]); masked != want {
		ts.Fatalf("dev prints:\n%s\nwant:\n%s", masked, want)
	}
}

func scriptEndDev(ts *testscript.TestScript, neg bool, args []string) {
	d := devOf(ts)
	ts.Check(d.cmd.Process.Signal(syscall.SIGINT))
	if err := d.cmd.Wait(); err != nil {
		ts.Fatalf("dev ended with %v:\n%s", err, d.output)
	}
	devs.Delete(ts.Name())
	fmt.Fprint(ts.Stdout(), d.output.String())
}

// scriptFetch asks dev for a token. With ! it must be refused.
func scriptFetch(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: fetch CLIENT API [SCOPE...]")
	}
	d := devOf(ts)
	form := url.Values{"grant_type": {"client_credentials"}, "audience": {args[1]}}
	if len(args) > 2 {
		form.Set("scope", strings.Join(args[2:], " "))
	}
	request, err := http.NewRequest("POST", strings.TrimSuffix(d.issuer, "/")+"/oauth/token", strings.NewReader(form.Encode()))
	ts.Check(err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(args[0], d.secret)
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d\n%s\n", response.StatusCode, body)
	if (response.StatusCode != 200) != neg {
		ts.Fatalf("status %d", response.StatusCode)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	ts.Check(json.Unmarshal(body, &answer))
	for part := range strings.SplitSeq(answer.AccessToken, ".") {
		if text, err := base64.RawURLEncoding.DecodeString(part); err == nil && json.Valid(text) {
			fmt.Fprintf(ts.Stdout(), "%s\n", text)
		}
	}
	if answer.AccessToken != "" {
		ts.Setenv("TOKEN", answer.AccessToken)
	}
}

func scriptGet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: get PATH")
	}
	fmt.Fprint(ts.Stdout(), getPage(ts, args[0]))
}

func scriptGetUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: getuntil PATH PATTERN")
	}
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	page := getPage(ts, args[0])
	for deadline := time.Now().Add(time.Minute); !re.MatchString(page); page = getPage(ts, args[0]) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s never matched %q:\n%s", args[0], args[1], page)
		}
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Fprint(ts.Stdout(), page)
}

// getPage is the status of an answer and its body.
func getPage(ts *testscript.TestScript, path string) string {
	response, err := http.Get(strings.TrimSuffix(devOf(ts).issuer, "/") + path)
	ts.Check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	return fmt.Sprintf("%d\n%s", response.StatusCode, body)
}
