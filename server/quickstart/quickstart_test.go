package quickstart_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/quickstart"
)

func orders(profile schema.Profile, alg schema.SigningAlg) quickstart.API {
	return quickstart.API{
		Issuer: "https://auth.example.com/", Label: "orders", Name: "Orders", Identifier: "https://api.example.com/orders",
		Profile: profile, Alg: alg, Scopes: []string{"read:orders", "write:orders"},
	}
}

// everyPair calls f for all that a target can verify.
func everyPair(t *testing.T, f func(t *testing.T, target quickstart.Target, api quickstart.API)) {
	t.Helper()
	for _, target := range quickstart.Targets() {
		for _, profile := range target.Profiles {
			for _, alg := range target.Algs {
				t.Run(fmt.Sprintf("%s/%s/%s", target.Name, profile, alg), func(t *testing.T) {
					f(t, target, orders(profile, alg))
				})
			}
		}
	}
}

func files(t *testing.T, target quickstart.Target, api quickstart.API) []quickstart.File {
	t.Helper()
	got, err := target.Files(api)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTargetsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, target := range quickstart.Targets() {
		if target.Title == "" || target.Group == "" || target.Library == "" || target.Version == "" || len(target.Profiles) == 0 || len(target.Algs) == 0 {
			t.Errorf("incomplete: %+v", target)
		}
		if !target.NotExecuted && target.Test == "" {
			t.Errorf("%s is said to be executed, by no test", target.Name)
		}
		for _, name := range append([]string{target.Name}, target.Aliases...) {
			if seen[name] || name != strings.ToLower(name) {
				t.Errorf("%s has the name %q twice, or not in lower case", target.Name, name)
			}
			seen[name] = true
			if found, ok := quickstart.Find(strings.ToUpper(name)); !ok || found.Name != target.Name {
				t.Errorf("%q finds %q", name, found.Name)
			}
		}
	}
	for word, first := range map[string]string{"go": "go-oidc", "node": "jose", "python": "flask", "java": "spring-boot", "dotnet": "aspnet-core", "php": "laravel", "ruby": "rails"} {
		if found, ok := quickstart.Find(word); !ok || found.Name != first {
			t.Errorf("%q finds %q, not %q", word, found.Name, first)
		}
	}
	if _, ok := quickstart.Find("cobol"); ok {
		t.Error("cobol is found")
	}
}

func TestRefusalsSayWhy(t *testing.T) {
	for _, c := range []struct {
		target string
		alg    schema.SigningAlg
		change func(*quickstart.API)
		reason string
	}{
		{"haproxy", schema.PS256, nil, "HAProxy 2.6 cannot verify PS256"},
		{"haproxy", schema.EdDSA, nil, "HAProxy 2.6 cannot verify EdDSA"},
		{"nginx", schema.EdDSA, nil, "njs 0.7.9 cannot verify EdDSA"},
		{"go-oidc", schema.HS256, nil, "public-key signatures only"},
		{"apache", schema.HS256, nil, "shared secret"},
		{"envoy", schema.HS256, nil, "shared secret"},
		{"laravel", schema.PS256, nil, "cannot verify PS256"},
		{"apache", schema.RS256, func(a *quickstart.API) { a.Identifier = "urn:${HOME}" }, "Apache expands ${...}"},
		{"istio", schema.RS256, func(a *quickstart.API) { a.Scopes = []string{"read:*"} }, "wildcard"},
		{"jose", schema.RS256, func(a *quickstart.API) { a.Issuer = "http://auth.example.com/" }, "is not https"},
		{"jose", schema.RS256, func(a *quickstart.API) { a.Identifier = "two words" }, "has a space"},
		{"jose", schema.RS256, func(a *quickstart.API) { a.Scopes = []string{`a"b`} }, "scope"},
		{"jose", schema.RS256, func(a *quickstart.API) { a.Profile = "" }, "profile"},
		{"jose", "none", nil, "algorithm"},
		{"mcp-node", schema.HS256, nil, "could make tokens for itself"},
		{"mcp-go", schema.RS256, func(a *quickstart.API) { a.Identifier = "urn:orders" }, "must be that address"},
		{"mcp-go", schema.RS256, func(a *quickstart.API) { a.Identifier = "https://mcp.example.com/mcp/" }, "must be that address"},
	} {
		target, _ := quickstart.Find(c.target)
		api := orders(schema.ProfileRFC9068, c.alg)
		if c.change != nil {
			c.change(&api)
		}
		err := target.Supports(api)
		if err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s with %s: %v, want %q", c.target, c.alg, err, c.reason)
		}
		if got, filesErr := target.Files(api); got != nil || filesErr == nil || filesErr.Error() != err.Error() {
			t.Errorf("%s with %s: %d files and %v", c.target, c.alg, len(got), filesErr)
		}
	}
}

// What is printed says what it checks and whether anybody has seen it run, and
// holds no secret.
func TestFilesSayWhatTheyAre(t *testing.T) {
	everyPair(t, func(t *testing.T, target quickstart.Target, api quickstart.API) {
		got := files(t, target, api)
		text := ""
		for _, f := range got {
			if strings.TrimSpace(f.Content) == "" || f.Language == "" || strings.Contains(f.Content, "<no value>") {
				t.Errorf("%s in %q is\n%s", f.Name, f.Language, f.Content)
			}
			if !strings.HasSuffix(f.Content, "\n") || strings.HasSuffix(f.Content, "\n\n") || strings.Contains(f.Content, " \n") {
				t.Errorf("%s has spaces at the end of a line, or does not end with one newline:\n%s", f.Name, f.Content)
			}
			text += f.Content
		}
		for _, want := range []string{api.Issuer, api.Identifier, string(api.Alg), api.Scopes[0], scoped(target)} {
			if !strings.Contains(text, want) {
				t.Errorf("nothing says %q", want)
			}
		}
		if strings.Contains(text, "write:orders") {
			t.Error("a second scope is asked for")
		}
		if strings.Contains(got[0].Content, "NOT EXECUTED") != target.NotExecuted {
			t.Errorf("executed or not, it says:\n%.400s", got[0].Content)
		}
		if strings.Contains(text, "SIGNING_SECRET") != (api.Alg == schema.HS256) {
			t.Error("SIGNING_SECRET is for HS256 and nothing else")
		}
	})
}

// scoped is what needs the API's scope: a route, or the tool of an MCP server.
func scoped(target quickstart.Target) string {
	if target.MCP {
		return "lookup"
	}
	return "/api/private-scoped"
}

func TestAnAPIWithoutScopesHasNoScopedRoute(t *testing.T) {
	everyPair(t, func(t *testing.T, target quickstart.Target, api quickstart.API) {
		api.Scopes = nil
		for _, f := range files(t, target, api) {
			if strings.Contains(f.Content, scoped(target)) {
				t.Errorf("%s has what needs a scope", f.Name)
			}
		}
	})
}

// A name stands in comments only. Whatever is in it changes no other line and
// makes none, in the eyes of any language.
func TestHostileNames(t *testing.T) {
	const name = "Orders\u2028evil()\u2029evil()\\u000aevil() */ ?> <!-- --> # // \" ' ` ${evil} {{evil}} \\"
	split := func(text string) []string {
		return regexp.MustCompile("[\n\r\u0085\u2028\u2029]").Split(text, -1)
	}
	everyPair(t, func(t *testing.T, target quickstart.Target, api quickstart.API) {
		plain := files(t, target, api)
		api.Name = name
		for i, f := range files(t, target, api) {
			before, after := split(plain[i].Content), split(f.Content)
			if len(before) != len(after) {
				t.Fatalf("%s has %d lines, not %d", f.Name, len(after), len(before))
			}
			for n := range after {
				if after[n] == before[n] {
					continue
				}
				if !strings.HasPrefix(after[n], "#") && !strings.HasPrefix(after[n], "//") || strings.ContainsAny(after[n], `\`) || strings.Contains(after[n], "?>") {
					t.Errorf("%s, line %d: %s", f.Name, n+1, after[n])
				}
			}
		}
	})
}

// The languages that no test runs: their strings read back as they were meant.
func TestHostileWordsOfWhatIsNotRun(t *testing.T) {
	const identifier, scope = `urn:a"b'c$d{e}#`, `read:'a;b$c{d}#{e}`
	double, single := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`), regexp.MustCompile(`'(?:[^'\\]|\\.)*'`)
	for name, quoted := range map[string]*regexp.Regexp{"spring-boot": double, "aspnet-core": double, "laravel": single, "rails": single} {
		target, _ := quickstart.Find(name)
		api := orders(schema.ProfileRFC9068, schema.RS256)
		api.Identifier, api.Scopes = strings.TrimSuffix(identifier, "#"), []string{scope}
		var words []string
		for _, f := range files(t, target, api) {
			for line := range strings.Lines(f.Content) {
				if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "//") {
					continue
				}
				for _, literal := range quoted.FindAllString(line, -1) {
					words = append(words, unquote(t, literal))
				}
			}
		}
		if !slices.Contains(words, api.Identifier) || !slices.Contains(words, scope) && !slices.Contains(words, "SCOPE_"+scope) {
			t.Errorf("%s has not %q and %q in %q", name, api.Identifier, scope, words)
		}
	}
}

func unquote(t *testing.T, literal string) string {
	t.Helper()
	if literal[0] == '\'' { // \\ and \' are all there is
		return strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(literal[1 : len(literal)-1])
	}
	word, err := strconv.Unquote(literal)
	if err != nil {
		t.Fatalf("%v: %s", err, literal)
	}
	return word
}

func TestSnippetsLeaveTheSecretOut(t *testing.T) {
	request := quickstart.Request{TokenEndpoint: "https://auth.example.com/oauth/token", ClientID: "billing", Identifier: "https://api.example.com/orders"}
	var names []string
	for _, snippet := range request.Snippets() {
		names = append(names, snippet.Name)
		if snippet.Title == "" || snippet.Language == "" || !strings.Contains(snippet.Code, "CLIENT_SECRET") || strings.Contains(snippet.Code, "scope") {
			t.Errorf("%+v", snippet)
		}
	}
	if want := []string{"curl", "go", "node", "python"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	request.Secret, request.Scopes = "s3cr3t' \"", []string{"read:orders", "write:orders"}
	for _, snippet := range request.Snippets() {
		if strings.Contains(snippet.Code, "CLIENT_SECRET") || !strings.Contains(snippet.Code, "s3cr3t") || !strings.Contains(snippet.Code, "write:orders") {
			t.Errorf("%+v", snippet)
		}
	}
}

// What is installed by name and version is what the tests run with.
func TestPinsAreThoseOfTheTests(t *testing.T) {
	npm, module := read(t, "../../.ci/e2e/package.json"), read(t, "../../.ci/e2e/quickstart/go.mod")
	var commands []string
	for _, target := range quickstart.Targets() {
		for _, alg := range target.Algs {
			steps, err := target.Steps(orders(target.Profiles[0], alg))
			if err != nil {
				t.Fatal(err)
			}
			commands = append(commands, steps.Install...)
		}
	}
	for _, caller := range (quickstart.Request{}).Callers() {
		commands = append(commands, strings.Split(caller.Install, " && ")...)
	}
	pins := 0
	for _, command := range commands {
		for _, word := range strings.Fields(command) {
			at := strings.LastIndexByte(word, '@')
			switch {
			case at < 1:
			case strings.HasPrefix(command, "npm install ") && !strings.Contains(npm, fmt.Sprintf("%q: %q", word[:at], word[at+1:])),
				strings.HasPrefix(command, "go get ") && !strings.Contains(module, "\t"+word[:at]+" "+word[at+1:]+"\n"):
				t.Errorf("%s is not what the tests run with", word)
			default:
				pins++
			}
		}
	}
	if pins == 0 {
		t.Error("nothing is installed by version")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// Callers leave the secret to the environment, and say when no test runs them.
func TestCallers(t *testing.T) {
	request := quickstart.Request{
		Issuer: "https://auth.example.com/", TokenEndpoint: "https://auth.example.com/oauth/token", ClientID: "billing", Secret: "s3cr3t",
		Identifier: "https://mcp.example.com/mcp", Scopes: []string{"read:orders"},
	}
	for _, caller := range request.Callers() {
		for _, want := range []string{"CLIENT_SECRET", request.ClientID, request.Identifier, request.TokenEndpoint} {
			if !strings.Contains(caller.Code, want) {
				t.Errorf("%s: nothing says %q", caller.Name, want)
			}
		}
		if strings.Contains(caller.Code, request.Secret) || strings.Contains(caller.Code, "NOT EXECUTED") != caller.NotExecuted || caller.Language == "" || caller.Run == "" {
			t.Errorf("%s:\n%s", caller.Name, caller.Code)
		}
		if _, target := quickstart.Find(caller.Name); target == (caller.Name == "curl") {
			t.Errorf("%s: a target of that name: %t", caller.Name, target)
		}
	}
}
