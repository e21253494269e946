package quickstart

import (
	"embed"
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/writ-auth/writ/schema"
)

// A Target is one language and library, or one gateway.
type Target struct {
	Name        string // what --lang takes: "go-oidc"
	Title       string // for people: "Go with coreos/go-oidc"
	Group       string // "Go", "Node", "Gateway"
	Library     string // the package as its registry names it; that of the schema where no more is tested
	Version     string // the one that the code installs
	Tested      string // the one that the test uses; "" for Version
	Profiles    []schema.Profile
	Algs        []schema.SigningAlg
	Test        string   // the test that proves it, or that parses it when NotExecuted; "" for none
	Aliases     []string // other values of --lang
	NotExecuted bool     // no test sends it tokens, and the code says so
	MCP         bool     // an MCP server: clients call its tools, and it has no routes

	refusals     map[string]string // profile or algorithm -> why not
	limits       []limit
	install, run []string // the commands, as templates
	files        []source
}

// IsGuard reports whether the file is what an API of one's own takes over; the others are a
// small program around it.
func (f File) IsGuard() bool { return strings.Contains(strings.ToLower(path.Base(f.Name)), "guard") }

// A source is one file of a target before its values are filled in.
type source struct{ name, language, text string }

//go:embed parts targets requests callers
var embedded embed.FS

// order is that of the page: the first of a group is what the group's name stands for.
var order = []string{
	"go-oidc", "golang-jwt", "go-jwt-middleware",
	"jose", "express", "fastify",
	"flask", "fastapi",
	"haproxy", "nginx", "apache", "envoy", "istio",
	"spring-boot", "aspnet-core", "laravel", "rails",
	"mcp-node", "mcp-go", "mcp-python",
}

// load parses every target once. One that does not parse is a mistake in this
// package, which its tests find.
var load = sync.OnceValue(func() []Target {
	targets := make([]Target, 0, len(order))
	for _, name := range order {
		text, err := embedded.ReadFile("targets/" + name + ".txt")
		if err != nil {
			panic(err)
		}
		targets = append(targets, parse(name, string(text)))
	}
	return targets
})

// Targets returns every target in the order of the page.
func Targets() []Target { return slices.Clone(load()) }

// Find returns the target of that name or alias, whatever its case: "go", "node"
// and "python" are the first of their group.
func Find(name string) (Target, bool) {
	name = strings.ToLower(name)
	for _, t := range load() {
		if t.Name == name || slices.Contains(t.Aliases, name) {
			return t, true
		}
	}
	return Target{}, false
}

// Supports returns nil when the target can verify the API's tokens, and
// otherwise the reason as a sentence for people.
func (t Target) Supports(api API) error {
	if err := api.check(); err != nil {
		return err
	}
	for _, trait := range []string{string(api.Alg), string(api.Profile)} {
		if reason := t.refusals[trait]; reason != "" {
			return errors.New(reason)
		}
	}
	for _, l := range t.limits {
		if l.exceeded(api) {
			return errors.New(l.reason)
		}
	}
	return nil
}

// A limit is what a target's language or protocol has no way to say.
type limit struct {
	text       string         // that no value may hold; "" for a limit on identifiers
	identifier *regexp.Regexp // that identifiers must match
	reason     string
}

// exceeded reports whether the target cannot express a value of the API.
func (l limit) exceeded(api API) bool {
	if l.identifier != nil {
		return !l.identifier.MatchString(api.Identifier)
	}
	values := append([]string{api.Issuer, api.Identifier}, api.Scopes...)
	return slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, l.text) })
}
