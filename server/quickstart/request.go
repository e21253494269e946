package quickstart

import (
	"fmt"
	"slices"
	"strings"
)

// A Request is how a client asks for a token with the client credentials grant
// (RFC 6749 section 4.4), for the API of that identifier.
type Request struct {
	Issuer        string // the authorization server, for callers of MCP servers; its token endpoint is below
	TokenEndpoint string
	ClientID      string
	Secret        string // "" leaves it to the environment variable CLIENT_SECRET
	Identifier    string
	Scopes        []string // none asks for all that is authorized
}

// A Snippet is a client's code in one language.
type Snippet struct {
	Name        string // what --lang takes: "curl", "go"
	Title       string
	Language    string // as syntax highlighters name it
	File        string // what to save it as
	Install     string // the command that fetches what it imports, in a folder of its own; "" for none
	Run         string // the command that then runs it
	NotExecuted bool   // no test runs it, and the code says so
	Code        string
}

// Snippets returns the request for each language, curl first.
func (r Request) Snippets() []Snippet {
	return r.fill("requests", []Snippet{
		{Name: "curl", Title: "curl", Language: "shell", File: "request.sh", Run: "sh request.sh"},
		{Name: "go", Title: "Go", Language: "go", File: "main.go", Install: "go mod init example.com/caller && go get golang.org/x/oauth2@v0.37.0", Run: "go run ."},
		{Name: "node", Title: "Node", Language: "javascript", File: "request.mjs", Run: "node request.mjs"},
		{Name: "python", Title: "Python", Language: "python", File: "request.py", Install: inVenv("requests==2.34.2"), Run: ".venv/bin/python request.py"},
	})
}

// Callers returns the code of a client that calls the API or, with a name that begins with
// "mcp", the tools of an MCP server. They keep the token, get a new one in time, and one more
// when they are answered 401; the first, curl, is the request alone. The secret is in the
// environment variable CLIENT_SECRET, whatever Secret is.
func (r Request) Callers() []Snippet {
	r.Secret = ""
	const api, tool = " http://127.0.0.1:3000/api/private", " whoami"
	curl := r.Snippets()[:1]
	return slices.Concat(curl, r.fill("callers", []Snippet{
		{Name: "go", Title: "Go", Language: "go", File: "main.go", Install: "go mod init example.com/caller && go get golang.org/x/oauth2@v0.37.0", Run: "go run ." + api},
		{Name: "node", Title: "Node", Language: "javascript", File: "caller.mjs", Run: "node caller.mjs" + api},
		{Name: "python", Title: "Python", Language: "python", File: "caller.py", Install: inVenv("requests==2.34.2"), Run: ".venv/bin/python caller.py" + api},
		{Name: "mcp-node", Title: "MCP client, Node", Language: "javascript", File: "client.mjs", Install: "npm install --save-exact " + pinned("mcp-node"), Run: "node client.mjs" + tool},
		{Name: "mcp-go", Title: "MCP client, Go", Language: "go", File: "main.go", Install: "go mod init example.com/client && go get " + pinned("mcp-go") + " golang.org/x/oauth2@v0.37.0", Run: "go run ." + tool},
		{Name: "mcp-python", Title: "MCP client, Python", Language: "python", File: "client.py", Install: inVenv(strings.Replace(pinned("mcp-python"), "@", "==", 1)), Run: ".venv/bin/python client.py" + tool, NotExecuted: true},
	}))
}

// pinned is the library of a target at its version.
func pinned(name string) string {
	target, ok := Find(name)
	if !ok {
		panic("no target " + name)
	}
	return target.Library + "@" + target.Version
}

// inVenv is the command that installs Python packages into a virtual environment.
func inVenv(packages string) string {
	return "python3 -m venv .venv && .venv/bin/pip install " + packages
}

// fill returns the snippets with their code, from the templates in the folder.
func (r Request) fill(folder string, snippets []Snippet) []Snippet {
	for i := range snippets {
		name := folder + "/" + snippets[i].Name + ".txt"
		text, err := embedded.ReadFile(name)
		if err == nil {
			snippets[i].Code, err = fill(name, string(text), r)
		}
		if err != nil {
			panic(fmt.Sprintf("%s: %v", name, err))
		}
	}
	return snippets
}

// Scope is the scope parameter.
func (r Request) Scope() string { return strings.Join(r.Scopes, " ") }
