package quickstart_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/quickstart"
)

// What is installed needs none of the files, and what runs is never installed with it: each
// command is in one step, in its order, as the comment at the top of the file has it.
func TestSteps(t *testing.T) {
	for _, alg := range []schema.SigningAlg{schema.RS256, schema.HS256} {
		api := quickstart.API{
			Issuer: "https://auth.example.com/", Label: "orders", Name: "Orders", Identifier: "https://api.example.com/orders",
			Profile: schema.ProfileRFC9068, Alg: alg, Scopes: []string{"read:orders"},
		}
		for _, target := range quickstart.Targets() {
			steps, err := target.Steps(api)
			if unsupported := target.Supports(api); unsupported != nil || err != nil {
				if (unsupported == nil) != (err == nil) {
					t.Errorf("%s: %v, and Supports %v", target.Name, err, unsupported)
				}
				continue
			}
			if len(steps.Run) == 0 || len(steps.Call) != 3 {
				t.Errorf("%s: %+v", target.Name, steps)
			}
			files, err := target.Files(api)
			if err != nil {
				t.Fatal(err)
			}
			header := ""
			for _, f := range files {
				header += f.Content
				if before, _, found := strings.Cut(f.Content, "\n\n\n"); found && f.Language != "python" { // whose style asks for them
					t.Errorf("%s: two blank lines after line %d of %s", target.Name, strings.Count(before, "\n")+1, f.Name)
				}
			}
			for _, command := range append(slices.Clone(steps.Install), steps.Run...) {
				if !strings.Contains(header, command+"\n") {
					t.Errorf("%s: %q is not in the comment", target.Name, command)
				}
				_, header, _ = strings.Cut(header, command+"\n")
			}
			for _, f := range files {
				if strings.Contains(strings.Join(steps.Install, "\n"), f.Name) {
					t.Errorf("%s: %q is needed before it is there", target.Name, f.Name)
				}
			}
		}
	}
	target, _ := quickstart.Find("go")
	steps, err := target.Steps(quickstart.API{Issuer: "https://auth.example.com/", Label: "o", Identifier: "o:o", Profile: schema.ProfileRFC9068, Alg: schema.RS256})
	if err != nil || len(steps.Install) != 2 || !slices.Equal(steps.Run, []string{"go mod tidy", "go run ."}) || len(steps.Call) != 2 {
		t.Errorf("%+v, %v", steps, err)
	}
}
