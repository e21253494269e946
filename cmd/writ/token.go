package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"golang.org/x/term"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// "writ token": a token request as a client sends it, with the answer verified. The checks
// are those of "writ verify" (inspect.go), the HTTP is in remote.go.

// tokenFlags are a token request and whom to send it to. client and api are replaced by
// what requests carry, see fillIn.
type tokenFlags struct {
	client     string
	api        string
	scopes     []string
	server     string
	embedded   bool
	raw        bool
	secretFile string
}

// tokenCommand is "writ token". It exits with 0 when there is a token and it verifies, else
// with 1. It writes nothing to a file: tokens and secrets are on the terminal or in a pipe.
func tokenCommand() cli.Command {
	flags, o := new(cli.ConfigFlags), new(tokenFlags)
	return cli.Command{
		Name: "token", Group: cli.GroupAsk, Config: flags,
		Summary: "get a sample token and show request, answer and claims",
		About: `
Asks the "writ dev" of the same user that is running, with its throw-away secret;
where several are, --server says which. Of another server the client's secret is
read from WRIT_CLIENT_SECRET, from --secret-file, or asked for without echo; never
from the command line, where every process could read it. With --embedded the
configuration is compiled and served inside this process.

With --raw there is the token alone on standard output, for a variable of the shell.`,
		Example: "$ writ token --embedded --client billing --api https://api.example.com/orders --scope read:orders\n\n$ TOKEN=$(writ token --raw --client billing --api https://api.example.com/orders)\n$ curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:3000/",
		Flags: []cli.Flag{
			{Name: "client", Usage: "the `CLIENT`, by its client_id or label; the only one without", Value: &o.client, Complete: completeClients},
			{Name: "api", Usage: "the `API`, by its identifier or label; the client's default_api or only API without", Value: &o.api, Complete: completeAPIs},
			{Name: "scope", Usage: "ask for `SCOPE`, repeatable; all that is authorized without", Value: &o.scopes, Complete: completeScopes(&o.api)},
			{Name: "server", Usage: "the token server at `URL`; the running writ dev by default, or " + defaultServer, Value: &o.server},
			{Name: "embedded", Usage: "serve the configuration inside this process", Value: &o.embedded},
			{Name: "secret-file", Usage: "read the client's secret from `FILE`", Value: &o.secretFile},
			{Name: "raw", Usage: "print the token and nothing else", Value: &o.raw},
		},
		Run: func(ctx context.Context, env *cli.Env, _ []string) error { return runToken(ctx, env, flags, o) },
	}
}

// runToken asks a server: the one that --server names, the running "writ dev", or the
// default address. The configuration is only asked for names, and for what a request leaves
// open, so that the command also works where there is none.
func runToken(ctx context.Context, env *cli.Env, flags *cli.ConfigFlags, o *tokenFlags) error {
	if o.embedded && (o.server != "" || o.secretFile != "") {
		return diag.Usagef("--embedded needs neither --server nor --secret-file")
	}
	if o.raw && env.JSON {
		return diag.Usagef("--raw and --json are two forms of one output: choose one")
	}
	if o.embedded {
		return tokenEmbedded(ctx, env, flags, o)
	}
	session, err := findSession(env, o.server)
	if err != nil {
		return err
	}
	// The names on the command line are those of the configuration that "writ dev" serves,
	// wherever this command is run.
	folder := "."
	if session != nil {
		folder = session.Folder
	}
	m, _ := sketch(env, flags, folder)
	if err := o.fillIn(m); err != nil {
		return err
	}
	remote := &tokenServer{base: cmp.Or(o.server, defaultServer)}
	known := ""
	if session != nil {
		remote.base, known = session.Issuer, session.Secret
		remote.shared = []verifyKey{{Alg: schema.HS256, Key: []byte(session.Signing)}}
	}
	secret, err := readSecret(env, o.secretFile, known)
	if err != nil {
		return err
	}
	return exchange(ctx, env, remote, secret, o)
}

// tokenEmbedded serves the configuration on a loopback port for one request: the request
// goes through the same HTTP endpoint as any other.
func tokenEmbedded(ctx context.Context, env *cli.Env, flags *cli.ConfigFlags, o *tokenFlags) error {
	_, t, err := flags.Compile(env, nil)
	if err != nil {
		return err
	}
	env.Remind(t)
	if err := o.fillIn(t.Model); err != nil {
		return err
	}
	embedded, err := embed(env, t)
	if err != nil {
		return err
	}
	defer embedded.stop()
	remote := &tokenServer{base: embedded.origin}
	remote.shared = []verifyKey{{Alg: schema.HS256, Key: []byte(embedded.throw.signing)}}
	return exchange(ctx, env, remote, embedded.throw.secret, o)
}

// fillIn completes the request from the configuration, m, or nil where none is known.
// Labels become what requests carry. Where the configuration leaves no choice it makes it:
// the only client, and the only API that the client may call on its own behalf. A client
// that does not exist is left to the server to refuse.
func (o *tokenFlags) fillIn(m *compiler.Model) error {
	if m == nil {
		if o.client == "" {
			return diag.Usagef("name the client: --client CLIENT_ID")
		}
		return nil
	}
	doc := m.Document
	if o.client == "" && len(doc.Clients) != 1 {
		return diag.Usagef("name the client: --client %s", choiceOf(doc.Clients, func(c schema.Client) string { return c.Label }))
	}
	if o.client == "" {
		o.client = doc.Clients[0].ClientID
	}
	resolveNames(doc, &o.client, &o.api)
	client, err := compiler.FindClient(doc, o.client)
	if err != nil || o.api != "" || client.DefaultAPI != "" {
		return nil // the answer says what is wrong
	}
	// One API under several authorizations is still one choice; two APIs are none, and the
	// server says that the audience is missing.
	var only *schema.API
	for _, a := range doc.Authorizations {
		if a.Client != client.Label || a.SubjectType != schema.SubjectClient {
			continue
		}
		if only != nil && only.Label != a.API {
			return nil
		}
		only, _ = compiler.FindAPI(doc, compiler.Address(compiler.KindAPI, a.API))
	}
	if only != nil {
		o.api = only.Identifier
	}
	return nil
}

// choiceOf lists what --client can be, as far as a line has room for it: the first eight, and
// how many more there are; CLIENT_ID where there is nothing to choose from.
func choiceOf[T any](list []T, name func(T) string) string {
	const most = 8
	var names []string
	for _, v := range list[:min(len(list), most)] {
		names = append(names, schema.ShellQuote(name(v)))
	}
	text := "CLIENT_ID"
	if len(names) > 0 {
		text = strings.Join(names, ", ")
	}
	if more := len(list) - len(names); more > 0 {
		text += fmt.Sprintf(" or one of %d more", more)
	}
	return text
}

// explainLine is the command that says why the request is refused. The server's answer does
// not: a client is told nothing about APIs that it is not authorized for.
func explainLine(o *tokenFlags) string {
	line := "writ explain --client " + schema.ShellQuote(o.client)
	if o.api != "" {
		line += " --api " + schema.ShellQuote(o.api)
	}
	for _, scope := range o.scopes {
		line += " --scope " + schema.ShellQuote(scope)
	}
	return line
}

// readSecret reads the client's secret from where no other process sees it: a file, the
// environment, a running "writ dev", or the terminal without echo. known is what "writ dev"
// left, "" for nothing; a file or variable that was given for this command comes before it.
// There is no flag for the secret, since command lines are public on a machine.
func readSecret(env *cli.Env, file, known string) (string, error) {
	if file != "" {
		content, err := workspace.ReadFile(env.Path(file))
		return string(trimNewline(content)), err
	}
	if secret := env.Getenv("WRIT_CLIENT_SECRET"); secret != "" {
		return secret, nil
	}
	if known != "" {
		return known, nil
	}
	input := cli.Terminal(env.In)
	if input == nil {
		return "", diag.Usagef("no client secret, and no \"writ dev\" of yours is running there: set WRIT_CLIENT_SECRET, or use --secret-file or --embedded")
	}
	fmt.Fprint(env.Err, "Client secret (not shown): ")
	secret, err := term.ReadPassword(int(input.Fd()))
	fmt.Fprintln(env.Err)
	if err != nil {
		return "", diag.Failf("unreadable-file", "", "read the secret: %w", err)
	}
	return string(secret), nil
}

// A tokenReport is the whole exchange, as --json prints it. Header, claims and checks are
// absent when there is no token. The secret is in none of it.
type tokenReport struct {
	Request string          `json:"request"` // as a curl line, the secret left out
	Status  int             `json:"status"`
	Answer  json.RawMessage `json:"answer"`
	Header  json.RawMessage `json:"header,omitempty"`
	Claims  json.RawMessage `json:"claims,omitempty"`
	Checks  []tokenCheck    `json:"checks,omitempty"`

	token   *jws
	compact string // the token as it was answered
}

// exchange sends the request, takes the token apart, verifies it and prints all of it. The
// printed curl line has a variable in the place of the secret. With --raw nothing but a
// good token goes to standard output, so that a shell variable holds a token or nothing.
func exchange(ctx context.Context, env *cli.Env, remote *tokenServer, secret string, o *tokenFlags) error {
	if err := remote.discover(ctx); err != nil {
		return err
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if o.api != "" {
		form.Set("audience", o.api)
	}
	if len(o.scopes) > 0 {
		form.Set("scope", strings.Join(o.scopes, " "))
	}
	status, body, err := remote.token(ctx, o.client, secret, form)
	if err != nil {
		return err
	}
	report := &tokenReport{
		Request: strings.Replace(curlLine(remote.url("/oauth/token"), o.client, "SECRET", o.api, o.scopes),
			schema.ShellQuote(o.client+":SECRET"), schema.ShellQuote(o.client)+`:"$WRIT_CLIENT_SECRET"`, 1),
		Status: status, Answer: body,
	}
	// A proxy's error page is no answer of a token server, and would be printed as one.
	if !json.Valid(body) {
		return diag.Failf("unreachable", "", "%s answered %d without JSON: not a token server", remote.base, status)
	}
	if err := report.check(ctx, env, remote, o, body); err != nil {
		return err
	}
	if o.raw && report.token != nil && passed(report.Checks) {
		_, err := fmt.Fprintln(env.Out, report.compact)
		return err
	}
	to := env.Out
	if o.raw { // what goes into a variable is a token or nothing
		to = env.Err
	}
	if err := showExchange(env, to, report); err != nil {
		return err
	}
	if report.token == nil && !env.JSON {
		fmt.Fprintf(env.Err, "\nTo see which line of the configuration refuses:\n  %s\n", explainLine(o))
	}
	if report.token == nil || !passed(report.Checks) {
		return cli.Status(cli.ExitError)
	}
	return nil
}

// check verifies the token of an answer that has one, with the keys that the server
// publishes; an HS256 token, with the secret, where it is known. An answer without a token
// is no error here.
func (r *tokenReport) check(ctx context.Context, env *cli.Env, remote *tokenServer, o *tokenFlags, body []byte) error {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" {
		return nil // a refusal: the answer says which
	}
	t, err := parseJWS(answer.AccessToken)
	if err != nil {
		return diag.Failf("invalid-token", "", "read token: %w", err)
	}
	// The audience is expected to be the one that was asked for: a token for another API
	// would pass all other checks.
	set, err := remote.jwks(ctx)
	if err != nil {
		return err
	}
	e := &expectation{issuer: remote.issuer, audience: o.api, now: env.Now().Unix()}
	if e.keys, err = jose.ReadKeys(string(set)); err != nil {
		return diag.Failf("invalid-key", "", "%w", err)
	}
	e.keys = append(e.keys, remote.shared...)
	r.token, r.compact, r.Header, r.Claims = t, answer.AccessToken, t.header, t.claims
	r.Checks = e.inspect(t)
	return nil
}

// showExchange prints the report to to, or with --json to standard output.
func showExchange(env *cli.Env, to io.Writer, r *tokenReport) error {
	if env.JSON {
		return env.PrintJSON(r)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "Request:\n  %s\n\nAnswer: %d\n%s\n", r.Request, r.Status, indented(r.Answer))
	if r.token != nil {
		text.WriteString("\n")
		writeToken(&text, r.token)
		text.WriteString("\nChecks:\n")
		writeChecks(env, &text, r.Checks)
	}
	_, err := io.Copy(to, &text)
	return err
}
