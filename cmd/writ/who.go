package main

import (
	"context"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// whoCommand is "writ who": who has access as of now, or of another time. It exits with 2
// for nobody, so that a script can ask it as a question. It reads the configuration and
// asks nobody.
func whoCommand() cli.Command {
	flags, q, at := new(cli.ConfigFlags), new(compiler.AccessQuery), ""
	return cli.Command{
		Name: "who", Group: cli.GroupAsk, Args: "[DIR]", MaxArgs: 1, Config: flags,
		Summary: "list who can get which tokens, and by which credential",
		About: `
Lists every client that can get a token for an API, everything that a client can
get, or what the tokens of a trusted issuer open. Given together, --api, --client
and --trusted-issuer must all hold. Clients and APIs are named by label, client_id
or identifier. Exits with 0 when there is some access and with 2 when there is none.`,
		Example: "$ writ who --api orders --scope write:orders\nclient.billing: read:orders write:orders on api.orders  [billing.hcl:23]\n    by secret \"2026-q4\", until 2027-01-01T00:00:00Z  [billing.hcl:6]\n...",
		Flags: []cli.Flag{
			{Name: "api", Usage: "who can get tokens for this `API`", Value: &q.API, Complete: completeAPIs},
			{Name: "scope", Usage: "only with this `SCOPE`", Value: &q.Scope, Complete: completeScopes(&q.API)},
			{Name: "client", Usage: "what this `CLIENT` can get", Value: &q.Client, Complete: completeClients},
			{Name: "trusted-issuer", Usage: "what the tokens of this `ISSUER` open", Value: &q.TrustedIssuer, Complete: completeTrustedIssuers},
			{Name: "subject", Usage: "only a token of the issuer with the sub `SUBJECT`", Value: &q.Subject},
			{Name: "at", Usage: "at this `TIME`, RFC 3339, instead of now", Value: &at},
		},
		Run: func(_ context.Context, env *cli.Env, args []string) error { return runWho(env, args, flags, *q, at) },
	}
}

// runWho asks the configuration in the files and not a snapshot: only the files have the
// lines that give the access, which the answer names.
func runWho(env *cli.Env, args []string, flags *cli.ConfigFlags, q compiler.AccessQuery, at string) error {
	switch {
	case q.API == "" && q.Client == "" && q.TrustedIssuer == "":
		return diag.Usagef("say what the question is about: --api, --client or --trusted-issuer")
	case q.Subject != "" && q.TrustedIssuer == "":
		return diag.Usagef("--subject is that of a token: name its issuer with --trusted-issuer")
	}
	now := env.Now()
	if at != "" {
		unix, err := schema.ParseTime(at)
		if err != nil {
			return diag.Usagef("--at %s", err)
		}
		now = time.Unix(unix, 0)
	}
	_, t, err := flags.Compile(env, args)
	if err != nil {
		return err
	}
	// A name that nothing has is an error and not "nobody": a script that misspells a
	// client must not take that for an answer.
	list, err := t.Model.Who(q, now)
	if err != nil {
		return err
	}
	if err := view.WhoOf(env).Render(env.Text(), now.Unix(), list); err != nil {
		return err
	}
	if len(list) == 0 {
		return cli.Status(cli.ExitChanges)
	}
	return nil
}
