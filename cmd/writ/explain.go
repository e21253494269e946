package main

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/explain"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
)

// "writ explain": which of its three questions is asked, and of which request. The answers
// are package explain's, their print package view's.

// explainFlags are the request to explain, or the outside token.
type explainFlags struct {
	client string
	api    string
	scopes []string
	user   bool
	// assertion is another issuer's token, or "-" for standard input.
	assertion string
}

// explainCommand is "writ explain". Its exit code is the answer, so that a script can ask
// whether a request would be granted without a server.
func explainCommand() cli.Command {
	flags, o := new(cli.ConfigFlags), new(explainFlags)
	return cli.Command{
		Name: "explain", Group: cli.GroupAsk, Args: "[TOKEN|CODE]", MaxArgs: 1, Config: flags,
		Summary: "say why a request is allowed or refused, or what a diagnostic means",
		About: `
Asks the very code by which the server decides, and shows each rule with the line
that it read. With a TOKEN ("-" reads standard input) the request is the one that the token
answers; the token itself is not verified here: "writ verify" does that.
Exits with 0 when the request is allowed and with 2 when it is refused.

With --assertion it holds the token of a CI system, a cluster or another issuer
against every trusted_issuer and federated block, and says of each why it does not
match. Exits with 0 when it is the credential of exactly one client, else with 2.

With the CODE of a diagnostic it prints what the code means, an example that
causes it and the way out.`,
		Example: "$ writ explain --client billing --api https://api.example.com/orders/ --scope read:orders\nRefused: invalid_target\n...\n  \"https://api.example.com/orders/\" differs from api.orders by a trailing slash: ask for \"https://api.example.com/orders\".\n$ writ explain immutable-identifier",
		Flags: []cli.Flag{
			{Name: "client", Usage: "the `CLIENT`, by its client_id or label", Value: &o.client, Complete: completeClients},
			{Name: "api", Usage: "the `API`, by its identifier or label; the client's default_api without", Value: &o.api, Complete: completeAPIs},
			{Name: "scope", Usage: "the `SCOPE` asked for, repeatable", Value: &o.scopes, Complete: completeScopes(&o.api)},
			{Name: "user", Usage: "the client asks on behalf of a user", Value: &o.user},
			{Name: "assertion", Usage: "say which client the outside `TOKEN` would be; \"-\" reads standard input", Value: &o.assertion},
		},
		Complete: completeCodes,
		Run:      func(_ context.Context, env *cli.Env, args []string) error { return runExplain(env, args, flags, o) },
	}
}

// runExplain finds out which of the three questions is asked: about a request, about a
// code, or about an outside token. Flags of one question beside another are refused, since
// one of them would be ignored. A code is told from a token by its form alone, without
// reading any file.
func runExplain(env *cli.Env, args []string, flags *cli.ConfigFlags, o *explainFlags) error {
	if o.assertion != "" {
		if len(args) > 0 || o.client != "" || o.api != "" || len(o.scopes) > 0 || o.user {
			return diag.Usagef("--assertion is a question of its own: leave the rest out")
		}
		return runExplainAssertion(env, flags, o.assertion)
	}
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
			return explainCode(env, args[0])
		}
		var err error
		if question, err = questionOf(env, args[0]); err != nil {
			return err
		}
	}
	if question.ClientID == "" {
		return diag.Usagef("name a request, --client and --api, or a token")
	}
	_, t, err := flags.Compile(env, nil)
	if err != nil {
		return err
	}
	// Flags may hold labels. What a token holds is what was sent, and is explained as it is.
	if len(args) == 0 {
		resolveNames(t.Model.Document, &question.ClientID, &question.API)
	}
	_, explainer, err := newExplainer(env, t)
	if err != nil {
		return err
	}
	explanation := explainer.Answer(question, env.Now())
	if err := view.ExplainOf(env).Render(env.Text(), question, &explanation); err != nil {
		return err
	}
	if !explanation.Allowed {
		return cli.Status(cli.ExitChanges)
	}
	return nil
}

// newExplainer compiles the tree to a snapshot, as apply does, and opens it, as the server
// does: what it says is what a server with these files would decide. The server is taken
// for one that keeps refresh tokens; one that has no --store refuses some grants that are
// explained as allowed.
func newExplainer(env *cli.Env, t *workspace.Tree) (*snapshot.Snapshot, *explain.Explainer, error) {
	file, err := workspace.Snapshot(t.Model.Document, t.Model, snapshot.Envelope{Serial: 1, Created: env.Now()})
	if err != nil {
		return nil, nil, err
	}
	snap, err := snapshot.Open(file)
	if err != nil {
		return nil, nil, err
	}
	return snap, &explain.Explainer{Model: t.Model, Decider: decide.New(snap, decide.Facts{RefreshTokens: true})}, nil
}

// runExplainAssertion says which client an outside token would be. Of a token that cannot
// be read it says why. A server tells its caller nothing of this, since the caller has not
// authenticated.
func runExplainAssertion(env *cli.Env, flags *cli.ConfigFlags, arg string) error {
	compact, err := tokenArgument(env, arg)
	if err != nil {
		return err
	}
	_, t, err := flags.Compile(env, nil)
	if err != nil {
		return err
	}
	a, err := explain.Identify(t.Model, compact, env.Now())
	if refused, ok := errors.AsType[*clientauth.Refusal](err); ok {
		return diag.Failf("invalid-token", "", "read token: %s", refused.Detail)
	}
	if err != nil {
		return err
	}
	if err := view.Assertion(env, env.Text(), a); err != nil {
		return err
	}
	if len(a.Clients) != 1 {
		return cli.Status(cli.ExitChanges)
	}
	return nil
}

// words splits scopes that were given in one argument, as in --scope "a b", which is how a
// request has them (RFC 6749 section 3.3).
func words(scopes []string) []string {
	return strings.Fields(strings.Join(scopes, " "))
}

// questionOf is the request that a token of writ answers, read from its claims without
// verifying it. The client is in client_id (RFC 9068) or in azp, by the profile of the API.
// A sub with a bar is a user's, LABEL|SUBJECT with the label of the trusted issuer.
func questionOf(env *cli.Env, arg string) (explain.Question, error) {
	compact, err := tokenArgument(env, arg)
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
	// A sub that begins with a label and a bar is a user's: the server makes it so from the
	// user's token.
	if label, _, ofUser := strings.Cut(subject, "|"); ofUser { // no client_id has a bar in it
		question.OfUser, question.TrustedIssuer = true, label
	}
	if question.ClientID == "" {
		return question, diag.Failf("invalid-token", "", "the token names no client: neither client_id nor azp")
	}
	return question, nil
}

// codeForm is what codes look like. No token does: its parts are joined by dots. So a code
// is known without reading the catalogue, and one that is not in it gets a message of its
// own.
var codeForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// explainCode prints the page of a diagnostic code: what it means, an example, the way out.
func explainCode(env *cli.Env, name string) error {
	c, found := diag.LookUp(name)
	if !found {
		return noSuchCode(name)
	}
	if env.JSON {
		return env.PrintJSON(c)
	}
	return c.WriteText(env.Out, cli.Width(env.Out))
}

// noSuchCode is the error about a code that the catalogue lacks, with the nearest one as a
// hint.
func noSuchCode(name string) error {
	var names []string
	for _, c := range diag.Codes() {
		names = append(names, c.Name)
	}
	hint := cmp.Or(schema.DidYouMean(name, names), "\"writ schema --codes\" lists them all.")
	return diag.Failf("unknown-code", hint, "there is no diagnostic code %q", name)
}
