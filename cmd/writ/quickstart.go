package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/server/quickstart"
)

// "writ quickstart": which code, for which API. The code itself, and what it cannot verify,
// is data of package server/quickstart, which the console shows as well. The output is in
// view_quickstart.go.

// quickstartFlags say which code, for whose tokens, and where it goes.
type quickstartFlags struct {
	lang   string
	issuer string
	out    string
	part   string
	caller bool
	client string
}

// quickstartCommand is "writ quickstart". The code is that of package quickstart, the same
// as on the pages of the console. It writes files only with --out. It asks nobody: issuer
// and algorithm are those of the configuration.
func quickstartCommand() cli.Command {
	flags, o := new(cli.ConfigFlags), new(quickstartFlags)
	return cli.Command{
		Name: "quickstart", Group: cli.GroupServe, Args: "API", MaxArgs: 1, Config: flags,
		Summary: "print code that checks an API's tokens, ready to run",
		About: `
A complete small resource server, or a gateway's configuration, for the API of
that label or identifier: issuer, audience, algorithm and profile are filled in
from the configuration. It has a public route, one that wants a valid token and
one that wants the API's first scope. Issuer, audience and port can be said anew in
the environment. --part guard is what your own API takes over. Without --lang the
languages and gateways are listed, with the reason where one cannot check this API's
tokens. The targets whose names begin with mcp are MCP servers: they describe
themselves as MCP clients expect, and each tool has its scope.

With --caller it is the code of a client: it gets a token for this API, keeps it
until shortly before its end, and gets a new one when it is refused.`,
		Example: `$ writ quickstart orders
$ writ quickstart orders --lang go --out resource-server
Wrote main.go, guard.go in resource-server.

$ writ quickstart orders --lang python --part guard > guard.py
$ writ quickstart orders --caller --lang node
$ writ quickstart tools --lang mcp-go --out mcp-server
$ writ quickstart orders --lang haproxy --issuer http://127.0.0.1:8080/`,
		Flags: []cli.Flag{
			{Name: "lang", Usage: "print the code for `LANG`, such as go, node, python or haproxy", Value: &o.lang, Complete: completeLangs},
			{Name: "issuer", Usage: "check tokens of the issuer at `URL` instead of the configuration's", Value: &o.issuer},
			{Name: "part", Usage: "print `PART` alone: guard, or demo, which is all the rest", Value: &o.part},
			{Name: "caller", Usage: "print the code of a client of this API instead, for --lang " + oneOf(callerNames()), Value: &o.caller},
			{Name: "client", Usage: "with --caller, the `CLIENT` that asks, by its client_id or label; the first that may without", Value: &o.client, Complete: completeClients},
			{Name: "out", Usage: "write the files into `DIR`, overwriting none", Value: &o.out},
		},
		Complete: completeAPIs,
		Run:      func(_ context.Context, env *cli.Env, args []string) error { return runQuickstart(env, args, flags, o) },
	}
}

// runQuickstart prints or writes the code for one API, or lists what there is code for.
// What the command line alone can get wrong is refused before anything is compiled.
func runQuickstart(env *cli.Env, args []string, flags *cli.ConfigFlags, o *quickstartFlags) error {
	target, err := o.check(args)
	if err != nil {
		return err
	}
	_, t, err := flags.Compile(env, nil)
	if err != nil {
		return err
	}
	api, err := compiler.FindAPI(t.Model.Document, args[0])
	if err != nil {
		return err
	}
	subject := quickstart.Of(t.Model.Document.Issuer.URL, api)
	if o.issuer != "" {
		subject.Issuer = o.issuer
	}
	env.Remind(t)
	if o.caller {
		return runCaller(env, t.Model.Document, api, subject, o)
	}
	if o.lang == "" {
		return showTargets(env, subject)
	}
	files, err := target.Files(subject)
	if err != nil {
		return diag.Failf("unsupported-target", alternatives(subject), "%s: %w", target.Name, err)
	}
	steps, err := target.Steps(subject)
	if err != nil {
		return err
	}
	// The guard is what an API takes over, and the demo what shows it at work. Some
	// targets, such as a gateway's configuration, are one file and have no parts.
	if o.part != "" {
		files = slices.DeleteFunc(files, func(f quickstart.File) bool { return f.IsGuard() != (o.part == partGuard) })
	}
	if len(files) == 0 {
		return diag.Usagef("%s is one piece: leave --part out", target.Name)
	}
	if o.out == "" {
		return showQuickstart(env, target, steps, files)
	}
	return writeQuickstart(env, target, steps, files, o.out)
}

// What --part takes.
const (
	partGuard = "guard"
	partDemo  = "demo"
)

// runCaller prints the code of a client that gets a token for the API. There is code for
// fewer languages than for checking tokens, so a library or gateway stands for its
// language, and without --lang it is curl.
func runCaller(env *cli.Env, doc *schema.Document, api *schema.API, subject quickstart.API, o *quickstartFlags) error {
	name := "curl"
	if o.lang != "" {
		// Code of a caller exists for languages, so "fastapi" stands for Python. An MCP
		// client is another thing than a client of its language.
		target, _ := quickstart.Find(o.lang)
		name = strings.ToLower(o.lang)
		switch {
		case target.MCP:
			name = target.Name
			if err := target.Supports(subject); err != nil {
				return diag.Failf("unsupported-target", "", "%s: %w", target.Name, err)
			}
		case target.Name != "":
			name = strings.ToLower(target.Group)
		}
	}
	at := slices.Index(callerNames(), name)
	if at < 0 {
		return diag.Usagef("there is no code of a caller for %q: --lang takes %s", o.lang, oneOf(callerNames()))
	}
	client, err := callerOf(doc, api, o.client, name == "mcp-node")
	if err != nil {
		return err
	}
	caller := quickstart.Request{
		Issuer: subject.Issuer, TokenEndpoint: tokenEndpoint(subject.Issuer), ClientID: client.ClientID, Identifier: api.Identifier,
	}.Callers()[at]
	if o.out == "" {
		return showCaller(env, caller)
	}
	file := quickstart.File{Name: caller.File, Language: caller.Language, Content: withNewline(caller.Code)}
	steps := quickstart.Steps{Run: []string{caller.Run}}
	if caller.Install != "" {
		steps.Install = []string{caller.Install}
	}
	return writeQuickstart(env, quickstart.Target{Name: caller.Name, Title: caller.Title, NotExecuted: caller.NotExecuted}, steps, []quickstart.File{file}, o.out)
}

// callerNames are what --lang takes with --caller.
func callerNames() (names []string) {
	for _, caller := range (quickstart.Request{}).Callers() {
		names = append(names, caller.Name)
	}
	return names
}

// oneOf is "a, b or c".
func oneOf(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// withNewline is text with a line end at its end, which a file has and a snippet on a page
// has not.
func withNewline(text string) string { return strings.TrimSuffix(text, "\n") + "\n" }

// callerOf is the client with that client_id or label, or the first, that may get tokens for
// the API on its own behalf with a secret, or with a key where the code can sign.
func callerOf(doc *schema.Document, api *schema.API, name string, signs bool) (*schema.Client, error) {
	var asked *schema.Client
	if name != "" {
		var err error
		if asked, err = compiler.FindClient(doc, name); err != nil {
			return nil, err
		}
	}
	var may []string
	for i := range doc.Clients {
		client := &doc.Clients[i]
		if !slices.Contains(client.GrantTypes, schema.GrantClientCredentials) ||
			!slices.ContainsFunc(doc.Authorizations, func(a schema.Authorization) bool {
				return a.Client == client.Label && a.API == api.Label && a.SubjectType == schema.SubjectClient
			}) {
			continue
		}
		named := client == asked
		switch usable := len(client.Secrets) > 0 || signs && len(client.PublicKeys) > 0; {
		case usable && (name == "" || named):
			return client, nil
		case named:
			return nil, diag.Usagef("client %q has no secret, which this code would send: the console's Test page has the requests of its credentials", name)
		case !usable:
			continue
		}
		may = append(may, client.ClientID)
	}
	if len(may) == 0 {
		return nil, diag.Usagef("no client with a secret may get tokens for api.%s on its own behalf: an authorization block says which", api.Label)
	}
	return nil, diag.Usagef("client %q may get no tokens for api.%s on its own behalf: these may: %s", name, api.Label, strings.Join(may, ", "))
}

// check finds the target and refuses flags that make no sense whatever the configuration
// says. The target is empty with --caller and without --lang.
func (o *quickstartFlags) check(args []string) (quickstart.Target, error) {
	if len(args) == 0 {
		return quickstart.Target{}, diag.Usagef("name the API, by its label or identifier")
	}
	if o.issuer != "" {
		if err := schema.CheckIssuer(o.issuer); err != nil {
			return quickstart.Target{}, diag.Usagef("--issuer: %v", err)
		}
	}
	switch {
	case o.part != "" && o.part != partGuard && o.part != partDemo:
		return quickstart.Target{}, diag.Usagef("--part takes guard or demo, not %q", o.part)
	case o.part != "" && (o.lang == "" || o.caller):
		return quickstart.Target{}, diag.Usagef("--part is of the code for --lang, which checks tokens")
	case o.client != "" && !o.caller:
		return quickstart.Target{}, diag.Usagef("--client goes with --caller")
	case o.caller:
		return quickstart.Target{}, nil
	}
	if o.lang == "" {
		if o.out != "" {
			return quickstart.Target{}, diag.Usagef("--out needs --lang: which code to write")
		}
		return quickstart.Target{}, nil
	}
	target, ok := quickstart.Find(o.lang)
	if ok {
		return target, nil
	}
	usage := diag.Usagef("unknown language %q", o.lang)
	usage.Hint = "\"writ quickstart API\" lists them all."
	if near := schema.Suggest(strings.ToLower(o.lang), langs()); near != "" {
		usage.Hint = fmt.Sprintf("Did you mean %q? %s", near, usage.Hint)
	}
	return target, usage
}

// langs is everything that --lang takes: the names of targets and their aliases.
func langs() (names []string) {
	for _, target := range quickstart.Targets() {
		names = append(append(names, target.Name), target.Aliases...)
	}
	return names
}

// alternatives is a hint that names the targets which can check the API's tokens, "" for none.
func alternatives(api quickstart.API) string {
	var names []string
	for _, target := range quickstart.Targets() {
		if target.Supports(api) == nil {
			names = append(names, target.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "These can: " + strings.Join(names, ", ") + "."
}

// writeQuickstart writes the files into a folder, all of them or none, and over nothing: a
// person may have changed what an earlier run wrote.
func writeQuickstart(env *cli.Env, target quickstart.Target, steps quickstart.Steps, files []quickstart.File, out string) error {
	// durable.Create fails for a file that is there. Files that were written before are
	// removed then.
	dir := env.Path(out)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return workspace.Unwritable(err)
	}
	var written []string
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		err := os.MkdirAll(filepath.Dir(path), 0o777)
		if err == nil {
			err = durable.Create(path, []byte(f.Content), 0o644)
		}
		if err != nil {
			for _, done := range written {
				os.Remove(filepath.Join(dir, filepath.FromSlash(done))) // best effort: the first error is the one to show
			}
			if errors.Is(err, fs.ErrExist) {
				return diag.Failf("file-exists", "Name another folder: nothing is overwritten.", "%q holds a %s already", filepath.ToSlash(dir), f.Name)
			}
			return workspace.Unwritable(err)
		}
		written = append(written, f.Name)
	}
	return showWritten(env, target, steps, files, filepath.ToSlash(out), slices.Clip(written))
}
