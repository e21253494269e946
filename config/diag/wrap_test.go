package diag_test

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/config/diag"
)

// A sentence is broken to fit the terminal; a command to paste never is.
func TestCommandsAreNotWrapped(t *testing.T) {
	t.Parallel()
	command := "  writ apply --var environment=prod --lockfile env/prod/writ.lock.hcl change.writplan"
	l := diag.List{{Severity: diag.Error, Code: "plan-stale", Summary: "Plan stale", Detail: strings.Repeat("many words ", 9) + "follow:\n\n" + command}}
	var b strings.Builder
	if err := diag.WriteText(&b, l, nil, 40, false); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "\n"+command+"\n") {
		t.Errorf("the command is broken:\n%s", b.String())
	}
	if strings.Contains(b.String(), "many words many words many words many words") {
		t.Errorf("the sentence is not:\n%s", b.String())
	}
}
