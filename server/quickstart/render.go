package quickstart

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"text/template"

	"github.com/writ-auth/writ/schema"
)

// A File is one file of a resource server.
type File struct {
	Name     string
	Language string // as syntax highlighters name it: "go", "javascript"
	Content  string
}

// Files returns the code that verifies the API's tokens, the file to begin with
// first. The error is that of Supports.
func (t Target) Files(api API) ([]File, error) {
	p, err := t.page(api)
	if err != nil {
		return nil, err
	}
	files := make([]File, 0, len(t.files))
	for _, source := range t.files {
		content, err := fill(source.name, source.text, p)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", t.Name, err)
		}
		if content != "" { // else the API does without this file
			files = append(files, File{source.name, source.language, content})
		}
	}
	return files, nil
}

// page is what templates read of an API. The error is that of Supports.
func (t Target) page(api API) (page, error) {
	if err := t.Supports(api); err != nil {
		return page{}, err
	}
	p := page{API: api, Target: t, JWKS: api.jwksURI(), Typ: "JWT"}
	if api.Profile == schema.ProfileRFC9068 {
		p.Typ = "at+jwt"
	}
	if len(api.Scopes) > 0 {
		p.Scope = api.Scopes[0]
	}
	return p, nil
}

// A page is what templates read.
type page struct {
	API
	Target Target
	JWKS   string // the address of the keys
	Typ    string // the typ header of the profile's tokens
	Scope  string // "" when the API has none
}

// RFC9068 reports whether tokens say what they are in their typ header.
func (p page) RFC9068() bool { return p.Profile == schema.ProfileRFC9068 }

// keysURL is the address of the keys, which Supports has checked.
func (p page) keysURL() *url.URL {
	address, err := url.Parse(p.JWKS)
	if err != nil {
		return new(url.URL)
	}
	return address
}

// TLS reports whether the keys are behind TLS.
func (p page) TLS() bool { return p.keysURL().Scheme == "https" }

// Host is the host of the keys.
func (p page) Host() string { return p.keysURL().Hostname() }

// Port is the port of the keys.
func (p page) Port() string {
	if p.TLS() {
		return cmp.Or(p.keysURL().Port(), "443")
	}
	return cmp.Or(p.keysURL().Port(), "80")
}

// Path is the path of the identifier, at which an MCP server answers.
func (p page) Path() string {
	address, err := url.Parse(p.Identifier)
	if err != nil {
		return "/"
	}
	return cmp.Or(address.EscapedPath(), "/")
}

// MetadataPath is where an MCP server describes what it wants (RFC 9728 section 3.1).
func (p page) MetadataPath() string {
	const wellKnown = "/.well-known/oauth-protected-resource"
	if p.Path() == "/" {
		return wellKnown
	}
	return wellKnown + p.Path()
}

// OwnJWKS reports whether the keys are elsewhere than where writd serves an issuer's, so that
// another issuer says nothing about where its keys are.
func (p page) OwnJWKS() bool { return p.JWKS != API{Issuer: p.Issuer}.jwksURI() }

// Shared reports whether the key is a secret shared with the API.
func (p page) Shared() bool { return p.Alg == schema.HS256 }

// Header is the comment at the top of a file: each of its lines begins with the
// prefix, commands with the indentation after it.
func (p page) Header(prefix, indent string) (string, error) {
	kind := "a resource server"
	if p.Target.MCP {
		kind = "an MCP server"
	}
	lines := []string{
		fmt.Sprintf("%s (api %s): %s that takes access tokens of", plain(p.Name), plain(p.Label), kind),
		fmt.Sprintf("%s for %s, signed with %s, profile %s.", plain(p.Issuer), plain(p.Identifier), p.Alg, p.Profile),
	}
	if p.IncludePermissions {
		lines = append(lines, "They list what is granted twice, in permissions too; here scope is read.")
	}
	lines = append(lines, "")
	lines = append(lines, p.warning()...)
	steps, err := p.steps()
	if err != nil {
		return "", err
	}
	run := "Run, with these files in place; PORT names another port than 3000:"
	if p.Target.Group == "Gateway" {
		run = "Run, with these files in place:"
	}
	if p.Shared() {
		lines = append(lines, "SIGNING_SECRET holds the secret that the server signs with, at least 32 bytes. Keep it out of files.", "")
	}
	number := 0
	for _, step := range []struct {
		title    string
		commands []string
	}{
		{"Install, in a folder of its own:", steps.Install},
		{run, steps.Run},
		{"Call, with an access token in TOKEN, as of writ token --raw:", steps.Call},
	} {
		if len(step.commands) == 0 {
			continue
		}
		number++
		lines = append(lines, fmt.Sprintf("%d. %s", number, step.title), "")
		for _, command := range step.commands {
			lines = append(lines, indent+command)
		}
		lines = append(lines, "")
	}
	lines = lines[:len(lines)-1]
	for i, line := range lines {
		if !strings.HasPrefix(line, "\t") {
			line = " " + line
		}
		lines[i] = strings.TrimRight(prefix+line, " ")
	}
	return strings.Join(lines, "\n"), nil
}

// GuardHeader is the comment at the top of the file that an API of one's own takes over:
// each of its lines begins with the prefix.
func (p page) GuardHeader(prefix string) string {
	lines := []string{
		fmt.Sprintf("Lets requests with an access token of %s", plain(p.Issuer)),
		fmt.Sprintf("for %s through, signed with %s, profile %s.", plain(p.Identifier), p.Alg, p.Profile),
		"The environment variables ISSUER and AUDIENCE name others.",
	}
	if !p.Shared() {
		lines[2] = "The environment variables ISSUER, AUDIENCE and JWKS_URI name others."
	}
	return prefix + " " + strings.Join(lines, "\n"+prefix+" ")
}

// warning says who has seen the code run, unless a test has with the very versions.
func (p page) warning() []string {
	switch {
	case p.Target.Tested != "":
		return []string{fmt.Sprintf("A test of writ runs this code, with %s %s.", p.Target.Library, p.Target.Tested), ""}
	case !p.Target.NotExecuted:
		return nil
	case p.Target.Test != "":
		return []string{"NOT EXECUTED: a test of writ holds this file to its own schema, but none sends it tokens. Try", "the answers below before you rely on it.", ""}
	}
	return []string{"NOT EXECUTED: no test of writ runs this code. Try the answers below before you rely on it.", ""}
}

// shared are the parts that several targets of a language have in common.
var shared = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(quoting()).ParseFS(embedded, "parts/*.txt"))
})

// fill executes a template that may use the shared parts. It adds the template to a clone of
// them, since several pages may be filled in at the same time.
func fill(name, text string, data any) (string, error) {
	t, err := shared().Clone()
	if err == nil {
		t, err = t.New(name).Parse(text)
	}
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = t.Execute(&b, data)
	return b.String(), err
}
