package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// tokenFlags are a token request and whom to send it to.
type tokenFlags struct {
	client     string
	api        string
	scopes     []string
	server     string
	embedded   bool
	secretFile string
}

func (a *app) tokenCommand() command {
	flags, o := new(configFlags), new(tokenFlags)
	return command{
		name: "token", config: flags,
		summary: "get a sample token and show request, answer and claims",
		about: `
Asks the server at --server, that of "writ dev" by default; with --embedded the
configuration is compiled and served inside this process, with a throw-away
secret. Otherwise the client's secret is read from WRIT_CLIENT_SECRET, from
--secret-file, or asked for without echo; never from the command line, where
every process could read it.`,
		example: "$ writ token --embedded --client billing --api https://api.example.com/orders --scope read:orders",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "client", Usage: "the client's `CLIENT_ID`", Destination: &o.client},
			&cli.StringFlag{Name: "api", Usage: "the API's `IDENTIFIER`; the client's default_api without", Destination: &o.api},
			&cli.StringSliceFlag{Name: "scope", Usage: "ask for `SCOPE`, repeatable; all that is authorized without", Destination: &o.scopes},
			&cli.StringFlag{Name: "server", Usage: "the token server at `URL`, " + defaultServer + " by default", Destination: &o.server},
			&cli.BoolFlag{Name: "embedded", Usage: "serve the configuration inside this process", Destination: &o.embedded},
			&cli.StringFlag{Name: "secret-file", Usage: "read the client's secret from `FILE`", Destination: &o.secretFile},
		},
		run: func(ctx context.Context, _ []string) error { return a.token(ctx, flags, o) },
	}
}

func (a *app) token(ctx context.Context, flags *configFlags, o *tokenFlags) error {
	if o.client == "" {
		return usagef("name the client: --client CLIENT_ID")
	}
	if o.embedded && (o.server != "" || o.secretFile != "") {
		return usagef("--embedded needs neither --server nor --secret-file")
	}
	if o.embedded {
		return a.tokenEmbedded(ctx, flags, o)
	}
	remote := &tokenServer{base: o.server}
	if remote.base == "" {
		remote.base = defaultServer
	}
	secret, err := a.clientSecret(o.secretFile)
	if err != nil {
		return err
	}
	return a.exchange(ctx, remote, secret, o)
}

// tokenEmbedded serves the configuration on a loopback port for one request.
func (a *app) tokenEmbedded(ctx context.Context, flags *configFlags, o *tokenFlags) error {
	_, t, err := a.compiled(nil, flags)
	if err != nil {
		return err
	}
	a.remind(t)
	embedded, err := a.embed(t)
	if err != nil {
		return err
	}
	defer embedded.stop()
	remote := &tokenServer{base: embedded.origin}
	remote.shared = []verifyKey{{Alg: schema.HS256, Key: []byte(embedded.throw.signing)}}
	return a.exchange(ctx, remote, embedded.throw.secret, o)
}

// whyLine is the command that says why a request is refused: to a client the
// server says as little as it may.
func whyLine(o *tokenFlags) string {
	line := "writ explain --client " + diag.ShellQuote(o.client)
	if o.api != "" {
		line += " --api " + diag.ShellQuote(o.api)
	}
	for _, scope := range o.scopes {
		line += " --scope " + diag.ShellQuote(scope)
	}
	return line
}

// clientSecret reads the secret from where it does not show.
func (a *app) clientSecret(file string) (string, error) {
	if file != "" {
		content, err := readRegular(a.path(file))
		return string(trimNewline(content)), err
	}
	if secret := a.getenv("WRIT_CLIENT_SECRET"); secret != "" {
		return secret, nil
	}
	input := terminal(a.in)
	if input == nil {
		return "", usagef("no client secret: set WRIT_CLIENT_SECRET, or use --secret-file or --embedded")
	}
	fmt.Fprint(a.err, "Client secret (not shown): ")
	secret, err := term.ReadPassword(int(input.Fd()))
	fmt.Fprintln(a.err)
	if err != nil {
		return "", failf("unreadable-file", "", "read the secret: %w", err)
	}
	return string(secret), nil
}

// A tokenReport is the whole exchange.
type tokenReport struct {
	Request string          `json:"request"` // as a curl line, the secret left out
	Status  int             `json:"status"`
	Answer  json.RawMessage `json:"answer"`
	Header  json.RawMessage `json:"header,omitempty"`
	Claims  json.RawMessage `json:"claims,omitempty"`
	Checks  []tokenCheck    `json:"checks,omitempty"`

	token *jws
}

// exchange sends the request, takes the token apart and verifies it.
func (a *app) exchange(ctx context.Context, remote *tokenServer, secret string, o *tokenFlags) error {
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
			diag.ShellQuote(o.client+":SECRET"), diag.ShellQuote(o.client)+`:"$WRIT_CLIENT_SECRET"`, 1),
		Status: status, Answer: body,
	}
	if !json.Valid(body) {
		return failf("unreachable", "", "%s answered %d without JSON: not a token server", remote.base, status)
	}
	if err := report.check(ctx, a, remote, o, body); err != nil {
		return err
	}
	if err := a.showExchange(report); err != nil {
		return err
	}
	if report.token == nil && !a.json {
		fmt.Fprintf(a.err, "\nA client is told no more than that. To see which rule refuses:\n  %s\n", whyLine(o))
	}
	if report.token == nil || !passed(report.Checks) {
		return exitStatus(exitError)
	}
	return nil
}

// check verifies the token of an answer that has one.
func (r *tokenReport) check(ctx context.Context, a *app, remote *tokenServer, o *tokenFlags, body []byte) error {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" {
		return nil // a refusal: the answer says which
	}
	t, err := parseJWS(answer.AccessToken)
	if err != nil {
		return failf("invalid-token", "", "read token: %w", err)
	}
	set, err := remote.jwks(ctx)
	if err != nil {
		return err
	}
	e := &expectation{issuer: remote.issuer, audience: o.api, now: a.now().Unix()}
	if e.keys, err = jose.ReadKeys(string(set)); err != nil {
		return failf("invalid-key", "", "%w", err)
	}
	e.keys = append(e.keys, remote.shared...)
	r.token, r.Header, r.Claims = t, t.header, t.claims
	r.Checks = e.inspect(t)
	return nil
}

func (a *app) showExchange(r *tokenReport) error {
	if a.json {
		return a.printJSON(r)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "Request:\n  %s\n\nAnswer: %d\n%s\n", r.Request, r.Status, indented(r.Answer))
	if r.token != nil {
		text.WriteString("\n")
		writeToken(&text, r.token)
		text.WriteString("\nChecks:\n")
		a.writeChecks(&text, r.Checks)
	}
	_, err := io.Copy(a.out, &text)
	return err
}
