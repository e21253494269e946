package main

import (
	"context"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/cmd/writ/internal/explain"
	"github.com/writ-auth/writ/config/diag"
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
		name: "explain", args: "[TOKEN|CODE]", maxArgs: 1, config: flags,
		summary: "say why a request is allowed or refused, or what a diagnostic means",
		about: `
Asks the very code by which the server decides, and shows each rule with the line
that it read. With a TOKEN ("-" reads standard input) the request is the one that the token
answers; the token itself is not verified here: "writ verify" does that.
Exits with 0 when the request is allowed and with 2 when it is refused.

With the CODE of a diagnostic it prints what the code means, an example that
causes it and the way out.`,
		example: "$ writ explain --client billing --api https://api.example.com/orders/ --scope read:orders\nRefused: invalid_target\n...\n  \"https://api.example.com/orders/\" differs from api.orders by a trailing slash: ask for \"https://api.example.com/orders\".\n$ writ explain immutable-identifier",
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
	question := explain.Question{ClientID: o.client, API: o.api, Scopes: words(o.scopes), OfUser: o.user}
	isCode := len(args) == 1 && codeForm.MatchString(args[0])
	if len(args) == 1 {
		if o.client != "" || o.api != "" || len(o.scopes) > 0 || o.user {
			if isCode {
				return diag.Usagef("a code is explained without a request: leave the flags out")
			}
			return diag.Usagef("a token says client, API and scopes itself: leave the flags out")
		}
		if isCode {
			return a.explainCode(args[0])
		}
		var err error
		if question, err = a.questionOf(args[0]); err != nil {
			return err
		}
	}
	if question.ClientID == "" {
		return diag.Usagef("name a request, --client and --api, or a token")
	}
	_, t, err := a.compiled(nil, flags)
	if err != nil {
		return err
	}
	_, explainer, err := a.explainer(t)
	if err != nil {
		return err
	}
	explanation := explainer.Answer(question, a.now())
	if err := a.explainView().render(a.out, question, &explanation); err != nil {
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

// questionOf is the request that a token answers.
func (a *app) questionOf(arg string) (explain.Question, error) {
	compact, err := a.tokenArgument(arg)
	if err != nil {
		return explain.Question{}, err
	}
	t, err := parseJWS(compact)
	if err != nil {
		return explain.Question{}, diag.Failf("invalid-token", "", "read token: %w", err)
	}
	var question explain.Question
	question.ClientID, _ = t.Claims["client_id"].(string)
	if question.ClientID == "" {
		question.ClientID, _ = t.Claims["azp"].(string)
	}
	if audiences := stringsOf(t.Claims["aud"]); len(audiences) > 0 {
		question.API = audiences[0]
	}
	scope, _ := t.Claims["scope"].(string)
	question.Scopes = strings.Fields(scope)
	subject, _ := t.Claims["sub"].(string)
	if label, _, ofUser := strings.Cut(subject, "|"); ofUser { // no client_id has a bar in it
		question.OfUser, question.TrustedIssuer = true, label
	}
	if question.ClientID == "" {
		return question, diag.Failf("invalid-token", "", "the token names no client: neither client_id nor azp")
	}
	return question, nil
}
