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

	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/server/quickstart"
)

// quickstartFlags say which code, for whose tokens, and where it goes.
type quickstartFlags struct {
	lang   string
	issuer string
	out    string
}

func quickstartCommand() cli.Command {
	flags, o := new(cli.ConfigFlags), new(quickstartFlags)
	return cli.Command{
		Name: "quickstart", Group: cli.GroupServe, Args: "API", MaxArgs: 1, Config: flags,
		Summary: "print code that checks an API's tokens, ready to run",
		About: `
A complete small resource server, or a gateway's configuration, for the API of
that label or identifier: issuer, audience, algorithm and profile are filled in
from the configuration. It has a public route, one that wants a valid token and
one that wants the API's first scope. Without --lang the languages and gateways
are listed, with the reason where one cannot check this API's tokens.`,
		Example: `$ writ quickstart orders
$ writ quickstart orders --lang go --out resource-server
Wrote main.go in resource-server.

$ writ quickstart orders --lang haproxy --issuer http://127.0.0.1:8080/`,
		Flags: []cli.Flag{
			{Name: "lang", Usage: "print the code for `LANG`, such as go, node, python or haproxy", Value: &o.lang, Complete: completeLangs},
			{Name: "issuer", Usage: "check tokens of the issuer at `URL` instead of the configuration's", Value: &o.issuer},
			{Name: "out", Usage: "write the files into `DIR`, overwriting none", Value: &o.out},
		},
		Complete: completeAPIs,
		Run:      func(_ context.Context, env *cli.Env, args []string) error { return runQuickstart(env, args, flags, o) },
	}
}

func runQuickstart(env *cli.Env, args []string, flags *cli.ConfigFlags, o *quickstartFlags) error {
	target, err := o.check(args)
	if err != nil {
		return err
	}
	_, t, err := flags.Compile(env, nil)
	if err != nil {
		return err
	}
	api, err := findAPI(t.Model.Document, args[0])
	if err != nil {
		return err
	}
	subject := quickstartAPI(t.Model.Document.Issuer.URL, api)
	if o.issuer != "" {
		subject.Issuer = o.issuer
	}
	env.Remind(t)
	if o.lang == "" {
		return showTargets(env, subject)
	}
	files, err := target.Files(subject)
	if err != nil {
		return diag.Failf("unsupported-target", fitting(subject), "%s: %w", target.Name, err)
	}
	if o.out == "" {
		return showQuickstart(env, target, files)
	}
	return writeQuickstart(env, target, files, o.out)
}

// check finds the target and refuses what makes no sense whatever the configuration says.
func (o *quickstartFlags) check(args []string) (quickstart.Target, error) {
	if len(args) == 0 {
		return quickstart.Target{}, diag.Usagef("name the API, by its label or identifier")
	}
	if o.issuer != "" {
		if err := schema.CheckIssuer(o.issuer); err != nil {
			return quickstart.Target{}, diag.Usagef("--issuer: %v", err)
		}
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

// langs is everything that --lang takes.
func langs() (names []string) {
	for _, target := range quickstart.Targets() {
		names = append(append(names, target.Name), target.Aliases...)
	}
	return names
}

func quickstartAPI(issuer string, api *schema.API) quickstart.API {
	subject := quickstart.API{
		Issuer: issuer, Label: api.Label, Name: api.Name, Identifier: api.Identifier,
		Profile: api.Profile, Alg: api.Alg, IncludePermissions: api.IncludePermissions,
	}
	for _, scope := range api.Scopes {
		subject.Scopes = append(subject.Scopes, scope.Name)
	}
	return subject
}

// fitting names what can check the API's tokens instead.
func fitting(api quickstart.API) string {
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

// writeQuickstart writes the files into a folder, all of them or none.
func writeQuickstart(env *cli.Env, target quickstart.Target, files []quickstart.File, out string) error {
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
	return showWritten(env, target, files, filepath.ToSlash(out), slices.Clip(written))
}
