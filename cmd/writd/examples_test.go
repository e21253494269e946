package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "github.com/zclconf/go-cty-yaml"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/writ-auth/writ/server/remedy"
)

const examples = "../../examples"

func readExample(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(examples, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// tool finds a program that checks what Go cannot. Without it the test is
// skipped, unless .ci/run installs it and has not.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if script, err := os.ReadFile("../../.ci/run"); err == nil && os.Getenv("CI") == "true" && strings.Contains(string(script), "command -v "+name+" ") {
		t.Fatalf("%s is not installed, which .ci/run does", name)
	}
	t.Skipf("%s is not installed: what it would check is not checked", name)
	return ""
}

func runTool(t *testing.T, dir, path string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", path, args, err, out)
	}
	return string(out)
}

// flags are those that writd has, by the help that it prints.
func flags(t *testing.T) []string {
	t.Helper()
	var help strings.Builder
	if code := run(t.Context(), []string{"--help"}, stdio{out: &help, err: io.Discard, getenv: func(string) string { return "" }}); code != exitOK {
		t.Fatalf("--help: %d", code)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^  (--[a-z-]+)`).FindAllStringSubmatch(help.String(), -1) {
		names = append(names, m[1])
	}
	return names
}

// checkFlags sees that writd would accept the flags of a command line.
func checkFlags(t *testing.T, args []string) {
	t.Helper()
	known, seen := flags(t), 0
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		if !strings.HasPrefix(name, "--") {
			continue
		}
		if seen++; !slices.Contains(known, name) {
			t.Errorf("writd has no %s: %v", name, known)
		}
	}
	if seen == 0 {
		t.Error("no flags were found")
	}
	if _, err := parseFlags(args, func(string) string { return "" }, io.Discard); err != nil {
		t.Error(err)
	}
}

// A YAML document, decoded strictly: no key twice in a mapping, and no member
// that the type does not have.
func decodeYAML(t *testing.T, text string, into any) {
	t.Helper()
	if key, ok := repeatedKey(text); ok {
		t.Errorf("the key %q stands twice", key)
	}
	ty, err := yaml.Standard.ImpliedType([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	value, err := yaml.Standard.Unmarshal([]byte(text), ty)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := ctyjson.Marshal(value, ty)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(asJSON)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// repeatedKey finds a key that a block mapping has twice, which the parser takes.
func repeatedKey(text string) (key string, ok bool) {
	line := regexp.MustCompile(`^( *(?:- +)*)("?[A-Za-z_][^:"]*"?):(?: |$)`)
	seen := map[int]map[string]bool{}
	for text := range strings.Lines(text) {
		text = strings.TrimRight(text, "\n")
		m := line.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		indent := len(m[1])
		for deeper := range seen {
			if deeper > indent || strings.Contains(m[1], "-") && deeper == indent {
				delete(seen, deeper)
			}
		}
		if seen[indent] == nil {
			seen[indent] = map[string]bool{}
		}
		if seen[indent][m[2]] {
			return m[2], true
		}
		seen[indent][m[2]] = true
	}
	return "", false
}

func TestRepeatedKey(t *testing.T) {
	for text, want := range map[string]bool{
		"a: 1\nb: 2\n": false, "a: 1\na: 2\n": true, "a:\n  x: 1\nb:\n  x: 1\n": false, "a:\n  x: 1\n  y:\n    x: 2\n  x: 3\n": true,
		"- a: 1\n  b: 2\n- a: 1\n  b: 2\n": false, "- a: 1\n  b: 2\n  a: 3\n": true,
	} {
		if _, got := repeatedKey(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestSystemdExample(t *testing.T) {
	unit := strings.ReplaceAll(readExample(t, "systemd/writd.service"), "\\\n", "")
	command := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(unit)
	if command == nil {
		t.Fatal("no ExecStart")
	}
	args := strings.Fields(command[1])[1:]
	checkFlags(t, args)
	for socket, name := range map[string]string{"writd.socket": "public", "writd-admin.socket": "admin"} {
		text := readExample(t, "systemd/"+socket)
		if !strings.Contains(text, "\nFileDescriptorName="+name+"\n") || !slices.Contains(args, "systemd:"+name) {
			t.Errorf("%s and writd.service do not agree on %q", socket, name)
		}
		if !strings.Contains(unit, socket) {
			t.Errorf("writd.service does not require %s", socket)
		}
	}
	verify := tool(t, "systemd-analyze")
	dir := t.TempDir()
	for _, name := range []string{"writd.service", "writd.socket", "writd-admin.socket"} {
		text := strings.ReplaceAll(readExample(t, "systemd/"+name), "/usr/local/bin/writd", "/bin/true")
		var version int
		if _, err := fmt.Sscanf(runTool(t, dir, verify, "--version"), "systemd %d", &version); err != nil || version < 253 {
			text = strings.ReplaceAll(text, "notify-reload", "notify")
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out := runTool(t, dir, verify, "verify", "--man=no", "writd.service", "writd.socket", "writd-admin.socket"); strings.Contains(out, "writd") {
		t.Error(out)
	}
}

// scraped is what /metrics answers after a token was issued and introspected,
// of a program without TLS and of one with it.
func scraped(t *testing.T) string {
	t.Helper()
	dir, tlsDir := t.TempDir(), t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	p := start(t, dir)
	if _, err := p.scope(); err != nil {
		t.Fatal(err)
	}
	res, err := p.client.PostForm("http://writd/oauth/introspect", url.Values{"token": {"x"}, "client_id": {"billing"}, "client_secret": {clientSecret}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	writeCertificate(t, tlsDir, "writd")
	q := start(t, tlsDir, "--state", tlsDir, "--tls-cert", filepath.Join(tlsDir, "tls.crt"), "--tls-key", filepath.Join(tlsDir, "tls.key"))
	var all strings.Builder
	for _, c := range []*http.Client{p.admin, q.admin} {
		res, err := c.Get("http://writd/metrics")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, res.Body); err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%d %v", res.StatusCode, err)
		}
		res.Body.Close()
	}
	return all.String()
}

// Every metric and label that an alert, a panel or the README names is there.
func TestPrometheusExample(t *testing.T) {
	live := scraped(t)
	labels := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)(?:\{([^}]*)\})? `).FindAllStringSubmatch(live, -1) {
		labels[m[1]] = append(labels[m[1]], m[2])
	}
	for name := range labels {
		if histogram, ok := strings.CutSuffix(name, "_bucket"); ok {
			labels[histogram] = labels[name]
		}
	}
	// They are there when the snapshot says when it was made, and until when it is good.
	for _, name := range []string{"writ_snapshot_age_seconds", "writ_snapshot_not_after_timestamp_seconds"} {
		labels[name] = append(labels[name], "")
	}
	check := func(where, expression string) {
		t.Helper()
		found := regexp.MustCompile(`\b((?:writ|process|go)_[a-z_]+)(?:\{([^}]*)\})?`).FindAllStringSubmatch(expression, -1)
		if len(found) == 0 && !strings.HasPrefix(expression, "up{") { // Prometheus's own
			t.Errorf("%s names no metric: %s", where, expression)
		}
		for _, m := range found {
			if labels[m[1]] == nil {
				t.Errorf("%s: there is no metric %s", where, m[1])
			}
			for _, label := range regexp.MustCompile(`([a-z_]+)[=!]~?"`).FindAllStringSubmatch(m[2], -1) {
				if label[1] != "instance" && label[1] != "job" && !strings.Contains(strings.Join(labels[m[1]], ","), label[1]+"=") {
					t.Errorf("%s: %s has no label %s", where, m[1], label[1])
				}
			}
		}
	}
	var alerts struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	decodeYAML(t, readExample(t, "prometheus/alerts.yaml"), &alerts)
	tests := strings.Split(readExample(t, "prometheus/alerts.test.yaml"), "- eval_time: ")
	for _, rule := range alerts.Groups[0].Rules {
		check(rule.Alert, rule.Expr)
		if rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%s is not explained", rule.Alert)
		}
		checkRunbook(t, rule.Alert, rule.Annotations["runbook_url"])
		if !slices.ContainsFunc(tests, func(test string) bool {
			return strings.Contains(test, "alertname: "+rule.Alert+"\n") && strings.Contains(test, "exp_alerts:")
		}) {
			t.Errorf("no test has %s fire", rule.Alert)
		}
	}
	for _, panel := range readDashboard(t).Panels {
		if panel.Description == "" {
			t.Errorf("%s is not explained", panel.Title)
		}
		for _, target := range panel.Targets {
			check(panel.Title, target.Expr)
			if !strings.Contains(target.Expr, `{job=~"$job",instance=~"$instance"`) {
				t.Errorf("%s does not hold to the variables: %s", panel.Title, target.Expr)
			}
		}
		for _, link := range panel.Links {
			checkRunbook(t, panel.Title, link.URL)
		}
	}
	readme := readExample(t, "prometheus/README.md")
	check("README.md", readme)
	for name := range labels {
		name = regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
		if strings.HasPrefix(name, "writ_") && !strings.Contains(readme, "`"+name+"`") {
			t.Errorf("README.md does not tell of %s", name)
		}
	}
}

// checkRunbook sees that an address is one of a heading of the runbooks.
func checkRunbook(t *testing.T, where, address string) {
	t.Helper()
	anchor, ok := strings.CutPrefix(address, remedy.Runbooks)
	for line := range strings.Lines(readDocument(t, "runbooks.md")) {
		if title, heading := strings.CutPrefix(strings.TrimSpace(line), "## "); heading && ok && strings.ReplaceAll(strings.ToLower(title), " ", "-") == anchor {
			return
		}
	}
	t.Errorf("%s: %q leads to no heading of docs/runbooks.md", where, address)
}

func readDocument(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../../docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// A dashboard is what of Grafana's file has a meaning of its own.
type dashboard struct {
	Links      []struct{ Title, URL string }
	Templating struct{ List []struct{ Name string } }
	Panels     []panel
}

type panel struct {
	Title, Description, Type string
	Links                    []struct{ URL string }
	Targets                  []struct{ Expr string }
	FieldConfig              struct {
		Defaults struct {
			Thresholds struct {
				Mode  string
				Steps []struct {
					Color string
					Value *float64
				}
			}
			Mappings []struct {
				Type    string
				Options map[string]struct{ Text, Color string }
			}
		}
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(readExample(t, "prometheus/dashboard.json")), &d); err != nil || len(d.Panels) == 0 {
		t.Fatal(err)
	}
	return d
}

// shown is what Grafana makes of a value: the text and colour of its mapping, otherwise
// the colour of the last step that the value has reached.
func (p panel) shown(value float64) (text, color string) {
	for _, mapping := range p.FieldConfig.Defaults.Mappings {
		if to, ok := mapping.Options[fmt.Sprint(value)]; ok {
			return to.Text, to.Color
		}
	}
	for _, step := range p.FieldConfig.Defaults.Thresholds.Steps {
		if step.Value == nil || value >= *step.Value {
			color = step.Color
		}
	}
	return "", color
}

// The dashboard's colours say what the values mean: good is green, and what wakes
// somebody is red. A panel that shows one value has to be here.
func TestDashboardColours(t *testing.T) {
	const day = 86400
	meaning := map[string]map[float64]string{
		"Ready":                    {0: "Not ready red", 1: "Ready green"},
		"Instances":                {0: " red", 1: " green", 40: " green"},
		"Objects not served":       {0: " green", 1: " red", 19: " red"},
		"Algorithms without a key": {0: " green", 1: " red"},
		"Last snapshot":            {0: "Refused orange", 1: "Accepted green"},
		"Snapshots in force":       {0: " red", 1: " green", 2: " orange", 9: " orange"},
		"Location":                 {0: "Answers green", 1: "Silent orange"},
		"Store":                    {0: "Down red", 1: "Works green"},
		"Age of the snapshot":      {1: " blue", 400 * day: " blue"},
		"Snapshot acceptable for":  {-5: " red", 3600: " red", 2 * day: " orange", 30 * day: " green"},
		"Next key rotation in":     {60: " blue", 90 * day: " blue"},
		"Certificate expires in":   {-5: " red", 30: " red", 3600: " red", 3 * day: " orange", 80 * day: " green"},
	}
	d := readDashboard(t)
	for _, p := range d.Panels {
		if p.Type != "stat" {
			continue
		}
		if meaning[p.Title] == nil || p.FieldConfig.Defaults.Thresholds.Mode != "absolute" {
			t.Errorf("%q: which value is good?", p.Title)
		}
		for value, want := range meaning[p.Title] {
			if text, color := p.shown(value); text+" "+color != want {
				t.Errorf("%s shows %v as %q, want %q", p.Title, value, text+" "+color, want)
			}
		}
		delete(meaning, p.Title)
	}
	if len(meaning) > 0 {
		t.Errorf("no panel shows %v", meaning)
	}
	var variables []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
	}
	if !slices.Equal(variables, []string{"datasource", "job", "instance"}) || len(d.Links) < 2 {
		t.Errorf("variables %v, links %v", variables, d.Links)
	}
}

// What Prometheus itself says of the rules, their tests and the metrics.
func TestPromtool(t *testing.T) {
	promtool := tool(t, "promtool")
	dir := filepath.Join(examples, "prometheus")
	runTool(t, dir, promtool, "check", "rules", "alerts.yaml")
	runTool(t, dir, promtool, "test", "rules", "alerts.test.yaml")
	runTool(t, dir, promtool, "check", "config", "scrape.yaml")
	var own strings.Builder
	for line := range strings.Lines(scraped(t)) {
		if strings.Contains(line, "writ_") && !strings.HasPrefix(line, "#") || strings.Contains(line, " writ_") {
			own.WriteString(line)
		}
	}
	half := own.String()[:own.Len()]
	if i := strings.LastIndex(half, "# HELP writ_build_info"); i > 0 {
		half = half[:i] // the second program's metrics would repeat the first's
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(half)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("check metrics: %v\n%s", err, out)
	}
}
