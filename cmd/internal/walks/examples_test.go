package walks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/testenv"
)

const platform = module + "/examples/platform"

// TestPlatformReadme runs the commands that the example's README names, and
// holds every environment to its lockfile.
func TestPlatformReadme(t *testing.T) {
	testenv.OneByOne(t)
	readme, err := os.ReadFile(filepath.Join(platform, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "```sh\n")
	block, _, _ = strings.Cut(block, "```")
	sh := newShell(t, platform)
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "explain") {
			line += "; test $? = 2" // a refusal is what it explains
		}
		sh.run(line)
	}
	for _, environment := range []string{"dev", "staging", "prod"} {
		sh.run("writ validate --locked $(cat env/" + environment + "/flags)")
	}
	if out := sh.run("writ validate --var environment=production 2>&1; test $? = 1"); !strings.Contains(out, "variable-validation") {
		t.Errorf("an unknown environment is accepted:\n%s", out)
	}
}

// TestPlatformPolicies makes the two changes that the example's policy for each change
// keeps apart: each passes alone, together neither plan nor apply lets them through.
func TestPlatformPolicies(t *testing.T) {
	testenv.OneByOne(t)
	sh := newShell(t, platform)
	sh.run("writ apply --first --auto-approve")
	pattern := `sed -i.bak 's/subject        = "system:serviceaccount:data:pipeline"/subject_pattern = "system:serviceaccount:data:*"/' data/data.hcl`
	scope := `sed -i.bak 's/    orders   = {/    pay = { api = api.payments, scopes = ["move:money"] }\n&/; s/  client = client.pipeline/  token_lifetime = "5m"\n&/' data/data.hcl`
	sh.run(pattern)
	sh.run("writ plan")
	sh.run(scope)
	sh.run("writ validate") // the configuration by itself is allowed
	const violated = "client.pipeline does not satisfy policy.no-sensitive-scope-with-a-new-pattern"
	out := sh.run("writ plan 2>&1; test $? = 1")
	for _, want := range []string{violated, "may now move:money (sensitive)", "Plan: "} { // what was refused is shown
		if !strings.Contains(out, want) {
			t.Errorf("the plan says nothing of %q:\n%s", want, out)
		}
	}
	for _, command := range []string{"apply --auto-approve", "plan --json"} {
		if out := sh.run("writ " + command + " 2>&1; test $? = 1"); !strings.Contains(out, violated) {
			t.Errorf("writ %s:\n%s", command, out)
		}
	}
	sh.run("cp data/data.hcl.bak data/data.hcl && writ apply --auto-approve") // the pattern alone
	sh.run(scope)
	sh.run("writ plan")
}
