package quickstart

import (
	"fmt"
	"strings"
)

// A Request is how a client asks for a token with the client credentials grant
// (RFC 6749 section 4.4), for the API of that identifier.
type Request struct {
	TokenEndpoint string
	ClientID      string
	Secret        string // "" leaves it to the environment variable CLIENT_SECRET
	Identifier    string
	Scopes        []string // none asks for all that is authorized
}

// A Snippet is the request in one language.
type Snippet struct {
	Name     string // "curl", "go"
	Title    string
	Language string
	File     string // what to save it as
	Run      string // the command that then gets a token
	Code     string
}

// Snippets returns the request for each language, curl first.
func (r Request) Snippets() []Snippet {
	snippets := []Snippet{
		{Name: "curl", Title: "curl", Language: "shell", File: "request.sh", Run: "sh request.sh"},
		{Name: "go", Title: "Go", Language: "go", File: "main.go", Run: "go mod init example.com/caller && go get golang.org/x/oauth2 && go run ."},
		{Name: "node", Title: "Node", Language: "javascript", File: "request.mjs", Run: "node request.mjs"},
		{Name: "python", Title: "Python", Language: "python", File: "request.py", Run: "python3 -m venv .venv && .venv/bin/pip install requests==2.34.2 && .venv/bin/python request.py"},
	}
	for i := range snippets {
		name := "requests/" + snippets[i].Name + ".txt"
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
