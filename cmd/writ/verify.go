package main

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/snapshot"
)

// "writ verify": which issuer, keys and configuration a token is held against. The checks
// themselves are in inspect.go.

// defaultServer is where "writ dev" listens unless told otherwise.
const defaultServer = "http://" + devListen

// verifyFlags say whom to believe about a token.
type verifyFlags struct {
	server   string
	snapshot string
	jwks     string
	secret   string
	api      string
}

// verifyCommand is "writ verify". It exits with 0 for a token that a resource server should
// accept, else with 1.
func verifyCommand() cli.Command {
	o := new(verifyFlags)
	return cli.Command{
		Name: "verify", Group: cli.GroupAsk, Args: "TOKEN", MaxArgs: 1,
		Summary: "check a token as a resource server would, claim by claim",
		About: `
Keys and issuer come from --server, the server of "writ dev" by default. With
--snapshot the token is also compared with that configuration, and the keys come
from --jwks, or else from the issuer's own discovery document. With "-" as TOKEN
it is read from standard input, which keeps it out of the process list.`,
		Example: "$ writ verify --api https://api.example.com/orders - < token\n  ok      alg        RS256\n  ok      typ        at+jwt\n  ok      signature  by key 7q1V...\n  FAILED  exp        2026-11-23T05:00:00Z, 12m0s ago\n  ...",
		Flags: []cli.Flag{
			{Name: "server", Usage: "the token server at `URL`, " + defaultServer + " by default", Value: &o.server},
			{Name: "snapshot", Usage: "compare with the configuration in the snapshot at `LOCATION`", Value: &o.snapshot},
			{Name: "jwks", Usage: "take the keys from the JWK Set in `FILE`", Value: &o.jwks},
			{Name: "hs256-secret-file", Usage: "the signing secret of an HS256 API: `FILE`", Value: &o.secret},
			{Name: "api", Usage: "expect the audience of the `API`, by its identifier or label", Value: &o.api, Complete: completeAPIs},
		},
		Run: func(ctx context.Context, env *cli.Env, args []string) error { return runVerify(ctx, env, args, o) },
	}
}

// runVerify takes the token apart, gathers what a resource server would know, and prints
// every check. A mistyped token ends it before any server is asked.
func runVerify(ctx context.Context, env *cli.Env, args []string, o *verifyFlags) error {
	if len(args) == 0 {
		return diag.Usagef("name the token, or \"-\" to read it from standard input")
	}
	if o.server != "" && o.snapshot != "" {
		return diag.Usagef("--server and --snapshot both say whom to believe: leave one out")
	}
	compact, err := tokenArgument(env, args[0])
	if err != nil {
		return err
	}
	t, err := parseJWS(compact)
	if err != nil {
		return diag.Failf("invalid-token", "", "read token: %w", err)
	}
	expected, err := expectationOf(ctx, env, o)
	if err != nil {
		return err
	}
	checks := expected.inspect(t)
	if env.JSON {
		err = env.PrintJSON(map[string]any{"valid": passed(checks), "checks": checks, "header": t.header, "claims": t.claims})
	} else {
		var text bytes.Buffer
		writeToken(&text, t)
		text.WriteString("\nChecks:\n")
		writeChecks(env, &text, checks)
		_, err = env.Out.Write(text.Bytes())
	}
	if err == nil && !passed(checks) {
		return cli.Status(cli.ExitError)
	}
	return err
}

// tokenArgument is a TOKEN argument: itself, or standard input for "-", at most maxToken
// bytes of it. "Bearer" before it is dropped, as people copy whole headers.
func tokenArgument(env *cli.Env, arg string) (string, error) {
	if arg != "-" {
		return withoutScheme(arg), nil
	}
	text, err := io.ReadAll(io.LimitReader(env.In, maxToken+1))
	if err != nil {
		return "", diag.Failf("unreadable-file", "", "read standard input: %w", err)
	}
	compact := strings.TrimSpace(string(text))
	if compact == "" {
		return "", diag.Failf("invalid-token", "Pipe a token in, or name it as the argument.", "standard input holds no token")
	}
	return withoutScheme(compact), nil
}

// withoutScheme drops what stands before a token in an Authorization header
// (RFC 6750 section 2.1, RFC 9449 section 7.1), in any case (RFC 9110 section 11.1).
func withoutScheme(arg string) string {
	scheme, compact, found := strings.Cut(arg, " ")
	if found && (strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "DPoP")) {
		return strings.TrimSpace(compact)
	}
	return arg
}

// expectationOf gathers issuer, keys and configuration from where the flags say: from a
// server, or from a snapshot, whose issuer is then asked for its keys unless --jwks has
// them.
func expectationOf(ctx context.Context, env *cli.Env, o *verifyFlags) (*expectation, error) {
	e := &expectation{audience: o.api, now: env.Now().Unix()}
	var keys []byte
	if o.jwks != "" {
		var err error
		if keys, err = workspace.ReadFile(env.Path(o.jwks)); err != nil {
			return nil, err
		}
	}
	// With a snapshot nobody is asked who the issuer is. A server might say something else,
	// and the token is to be compared with what was applied.
	remote := &tokenServer{base: o.server}
	if o.snapshot != "" {
		snap, err := workspace.ReadSnapshot(ctx, env.Place(o.snapshot), env.LocationOptions())
		if err != nil {
			return nil, err
		}
		e.snap, e.issuer = snap, snap.Issuer().URL
		if api, err := compiler.FindAPI(snapshot.Decode(snap), o.api); err == nil {
			e.audience = api.Identifier
		}
		remote.base, remote.hint = e.issuer, "That is the snapshot's issuer, which is asked for its keys. Give the keys with --jwks FILE instead."
	} else {
		if remote.base == "" {
			remote.base = defaultServer
		}
		if err := remote.discover(ctx); err != nil {
			return nil, err
		}
		e.issuer = remote.issuer
		if o.api != "" {
			resolveNamesNearby(env, nil, new(string), &e.audience)
		}
	}
	if err := e.loadKeys(ctx, keys, remote, o.secret != ""); err != nil {
		if o.jwks != "" {
			return nil, diag.Failf("invalid-key", "Name a file that holds what the issuer publishes as its jwks_uri.", "--jwks %s: %w", o.jwks, err)
		}
		return nil, err
	}
	// The secret of an HS256 API is one more key, for that algorithm alone: no token can
	// choose which kind of key it is verified with (RFC 8725 section 3.1).
	if o.secret != "" {
		secret, err := workspace.ReadFile(env.Path(o.secret))
		if err != nil {
			return nil, err
		}
		e.keys = append(e.keys, verifyKey{Alg: schema.HS256, Key: trimNewline(secret)})
	}
	return e, nil
}

// loadKeys takes the keys from a JWK Set, or asks the server for its own. With a secret at
// hand it asks nobody: a token that is signed with HS256 has no published key.
func (e *expectation) loadKeys(ctx context.Context, set []byte, remote *tokenServer, haveSecret bool) error {
	if set == nil && haveSecret {
		return nil
	}
	if set == nil {
		var err error
		if set, err = remote.jwks(ctx); err != nil {
			return err
		}
	}
	var err error
	if e.keys, err = jose.ReadKeys(string(set)); err != nil {
		return diag.Failf("invalid-key", "", "%w", err)
	}
	return nil
}

// trimNewline drops one line end from a secret that an editor saved. No more is dropped: a
// secret may end with any other byte.
func trimNewline(secret []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(secret, []byte("\n")), []byte("\r"))
}
