package main

import (
	"context"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
)

// explainFlags are the request to explain.
type explainFlags struct {
	client string
	api    string
	scopes []string
	user   bool
}

func (a *app) explainCommand() command {
	flags, o := new(configFlags), new(explainFlags)
	return command{
		name: "explain", args: "[TOKEN]", maxArgs: 1, config: flags,
		summary: "say why a request is allowed or refused",
		about: `
Follows the rules that the server follows, each with the line that decides. With
a TOKEN ("-" reads standard input) the request is the one that the token
answers; the token itself is not verified here: "writ verify" does that.
Exits with 0 when the request is allowed and with 2 when it is refused.`,
		example: "$ writ explain --client billing --api https://api.example.com/orders/ --scope read:orders\nRefused: invalid_target\n...\n  \"https://api.example.com/orders/\" differs from api.orders by a trailing slash: ask for \"https://api.example.com/orders\".",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "client", Usage: "the client's `CLIENT_ID`", Destination: &o.client},
			&cli.StringFlag{Name: "api", Usage: "the API's `IDENTIFIER`; the client's default_api without", Destination: &o.api},
			&cli.StringSliceFlag{Name: "scope", Usage: "the `SCOPE` asked for, repeatable", Destination: &o.scopes},
			&cli.BoolFlag{Name: "user", Usage: "the client asks on behalf of a user", Destination: &o.user},
		},
		run: func(_ context.Context, args []string) error { return a.explain(args, flags, o) },
	}
}

func (a *app) explain(args []string, flags *configFlags, o *explainFlags) error {
	request := compiler.Request{ClientID: o.client, API: o.api, Scopes: words(o.scopes), At: a.now().Unix()}
	if o.user {
		request.SubjectType = schema.SubjectUser
	}
	if len(args) == 1 {
		if o.client != "" || o.api != "" || len(o.scopes) > 0 || o.user {
			return usagef("a token says client, API and scopes itself: leave the flags out")
		}
		var err error
		if request, err = a.requestOf(args[0]); err != nil {
			return err
		}
	}
	if request.ClientID == "" {
		return usagef("name a request, --client and --api, or a token")
	}
	_, t, err := a.compiled(nil, flags)
	if err != nil {
		return err
	}
	explanation := compiler.Explain(t.model, request)
	if err := a.explainView().render(a.out, request, &explanation); err != nil {
		return err
	}
	if !explanation.Allowed {
		return exitStatus(exitChanges)
	}
	return nil
}

// words takes scopes apart that were given in one argument, as a request has them.
func words(scopes []string) []string {
	return strings.Fields(strings.Join(scopes, " "))
}

// requestOf is the request that a token answers.
func (a *app) requestOf(arg string) (compiler.Request, error) {
	compact, err := a.tokenArgument(arg)
	if err != nil {
		return compiler.Request{}, err
	}
	t, err := parseJWS(compact)
	if err != nil {
		return compiler.Request{}, failf("invalid-token", "", "read token: %w", err)
	}
	request := compiler.Request{At: a.now().Unix()}
	request.ClientID, _ = t.Claims["client_id"].(string)
	if request.ClientID == "" {
		request.ClientID, _ = t.Claims["azp"].(string)
	}
	if audiences := stringsOf(t.Claims["aud"]); len(audiences) > 0 {
		request.API = audiences[0]
	}
	scope, _ := t.Claims["scope"].(string)
	request.Scopes = strings.Fields(scope)
	subject, _ := t.Claims["sub"].(string)
	if label, _, ofUser := strings.Cut(subject, "|"); ofUser { // no client_id has a bar in it
		request.SubjectType, request.TrustedIssuer = schema.SubjectUser, label
	}
	if request.ClientID == "" {
		return request, failf("invalid-token", "", "the token names no client: neither client_id nor azp")
	}
	return request, nil
}
