package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A tokenCheck is one thing that a resource server checks of a token.
type tokenCheck struct {
	Name   string `json:"check"` // a header parameter or claim, or "signature"
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what was found, and what was expected where it differs
}

// An expectation is what a resource server knows before it sees a token.
type expectation struct {
	issuer   string
	keys     []verifyKey
	audience string             // the API's identifier; "" takes any
	snap     *snapshot.Snapshot // the configuration, nil when it is not known
	now      int64              // Unix seconds
}

// inspect checks a token in the order in which a resource server should
// (RFC 9068 section 4, RFC 8725). It goes on after a failure: the person who asks wants to
// know everything that is wrong.
func (e *expectation) inspect(t *jws) []tokenCheck {
	api, known := e.api(t)
	checks := []tokenCheck{e.checkAlg(t, api, known), e.checkTyp(t, api, known), e.checkSignature(t)}
	if crit, present := t.Header["crit"]; present {
		checks = append(checks, tokenCheck{"crit", false, fmt.Sprintf("%v: extensions that nobody here knows", crit)})
	}
	checks = append(checks, e.checkIssuer(t), e.checkAudience(t, known))
	checks = append(checks, e.checkTimes(t)...)
	checks = append(checks, e.checkParties(t)...)
	if e.snap != nil && known {
		checks = append(checks, e.checkScope(t, api))
	}
	return checks
}

// api is the API that the token is for, where the configuration is known.
func (e *expectation) api(t *jws) (snapshot.API, bool) {
	audience, _ := t.Claims["aud"].(string)
	if e.snap == nil {
		return snapshot.API{}, false
	}
	return e.snap.APIByIdentifier(audience)
}

func (e *expectation) checkAlg(t *jws, api snapshot.API, known bool) tokenCheck {
	alg, _ := t.Header["alg"].(string)
	c := tokenCheck{"alg", schema.SigningAlg(alg).For(jose.APITokens), alg}
	if !c.OK {
		c.Detail = fmt.Sprintf("%q is not an algorithm to accept", alg)
	} else if known && string(api.Alg()) != alg {
		c.OK, c.Detail = false, fmt.Sprintf("%s, but api.%s is signed with %s", alg, api.Label(), api.Alg())
	}
	return c
}

func (e *expectation) checkTyp(t *jws, api snapshot.API, known bool) tokenCheck {
	typ, _ := t.Header["typ"].(string)
	bare := strings.TrimPrefix(strings.ToLower(typ), "application/")
	c := tokenCheck{"typ", bare == "at+jwt" || bare == "jwt", typ}
	if !c.OK {
		c.Detail = fmt.Sprintf("%q is neither at+jwt (RFC 9068) nor JWT", typ)
	} else if known && (api.Profile() == schema.ProfileRFC9068) != (bare == "at+jwt") {
		c.OK, c.Detail = false, fmt.Sprintf("%s, but api.%s has the profile %s", typ, api.Label(), api.Profile())
	}
	return c
}

func (e *expectation) checkSignature(t *jws) tokenCheck {
	alg, _ := t.Header["alg"].(string)
	kid, _ := t.Header["kid"].(string)
	if len(e.keys) == 0 {
		return tokenCheck{"signature", false, "not checked: no key is known"}
	}
	matching := 0
	for _, k := range e.keys {
		if kid != "" && k.KID != "" && k.KID != kid || k.Alg != "" && string(k.Alg) != alg {
			continue
		}
		matching++
		if schema.SigningAlg(alg).Verify(k.Key, t.Input, t.Signature) {
			return tokenCheck{"signature", true, strings.TrimSpace("by key " + kid)}
		}
	}
	if matching == 0 {
		return tokenCheck{"signature", false, fmt.Sprintf("no key with kid %q for %s among the %s known", kid, alg, schema.Plural(len(e.keys), "key"))}
	}
	return tokenCheck{"signature", false, "does not verify: the token was changed, or another key signed it"}
}

func (e *expectation) checkIssuer(t *jws) tokenCheck {
	issuer, _ := t.Claims["iss"].(string)
	if issuer == e.issuer {
		return tokenCheck{"iss", true, issuer}
	}
	return tokenCheck{"iss", false, fmt.Sprintf("%q, expected %q", issuer, e.issuer)}
}

func (e *expectation) checkAudience(t *jws, known bool) tokenCheck {
	audiences := stringsOf(t.Claims["aud"])
	c := tokenCheck{"aud", len(audiences) > 0, strings.Join(audiences, " ")}
	switch {
	case !c.OK:
		c.Detail = "absent"
	case e.audience != "" && !slices.Contains(audiences, e.audience):
		c.OK, c.Detail = false, fmt.Sprintf("%q, expected %q", c.Detail, e.audience)
	case e.snap != nil && !known:
		c.OK, c.Detail = false, fmt.Sprintf("%q is no API of the configuration", c.Detail)
		if near, how, ok := e.snap.NearIdentifier(audiences[0]); ok {
			c.Detail += fmt.Sprintf("; it differs from api.%s %s", near.Label(), how)
		}
	}
	return c
}

func (e *expectation) checkTimes(t *jws) []tokenCheck {
	checks := []tokenCheck{}
	for _, name := range []string{"exp", "iat", "nbf"} {
		value, present := t.Claims[name]
		if !present {
			if name != "nbf" {
				checks = append(checks, tokenCheck{name, false, "absent"})
			}
			continue
		}
		number, _ := value.(json.Number)
		at, err := number.Int64()
		if err != nil {
			checks = append(checks, tokenCheck{name, false, fmt.Sprintf("%v is not a whole number of seconds", value)})
			continue
		}
		checks = append(checks, checkTime(name, at, e.now))
	}
	return checks
}

// clockSkew is how far the issuer's clock may be ahead of ours, in seconds.
const clockSkew = 60

// checkTime judges one time claim: exp lies ahead, iat and nbf do not.
func checkTime(name string, at, now int64) tokenCheck {
	c := tokenCheck{name, at <= now+clockSkew, time.Unix(at, 0).UTC().Format(time.RFC3339)}
	away := time.Duration(at-now) * time.Second
	if name == "exp" {
		c.OK = at > now
	}
	switch {
	case away > 0:
		c.Detail += fmt.Sprintf(", in %s", away)
	case away < 0:
		c.Detail += fmt.Sprintf(", %s ago", -away)
	}
	return c
}

func (e *expectation) checkParties(t *jws) []tokenCheck {
	subject, _ := t.Claims["sub"].(string)
	checks := []tokenCheck{{"sub", subject != "", subject}}
	if subject == "" {
		checks[0].Detail = "absent"
	}
	name := "client_id"
	client, ok := t.Claims[name].(string)
	if !ok {
		if client, ok = t.Claims["azp"].(string); ok {
			name = "azp"
		}
	}
	c := tokenCheck{name, client != "", client}
	if client == "" {
		c.Detail = "absent"
	} else if e.snap != nil {
		if _, found := e.snap.ClientByID(client); !found {
			c.OK, c.Detail = false, fmt.Sprintf("%q is no client of the configuration", client)
		}
	}
	return append(checks, c)
}

// checkScope asks whether the API has the token's scopes.
func (e *expectation) checkScope(t *jws, api snapshot.API) tokenCheck {
	scope, _ := t.Claims["scope"].(string)
	for _, name := range strings.Fields(scope) {
		if !api.HasScope(name) {
			return tokenCheck{"scope", false, fmt.Sprintf("%q is no scope of api.%s", name, api.Label())}
		}
	}
	if scope == "" {
		scope = "none"
	}
	return tokenCheck{"scope", true, scope}
}

// stringsOf is a claim that may be one string or a list of them.
func stringsOf(claim any) []string {
	switch claim := claim.(type) {
	case string:
		return []string{claim}
	case []any:
		var all []string
		for _, member := range claim {
			if text, ok := member.(string); ok {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}

// passed reports whether every check held.
func passed(checks []tokenCheck) bool {
	return !slices.ContainsFunc(checks, func(c tokenCheck) bool { return !c.OK })
}

// writeChecks prints the checks one a line.
func writeChecks(env *cli.Env, w io.Writer, checks []tokenCheck) {
	longest := 0
	for _, c := range checks {
		longest = max(longest, len(c.Name))
	}
	for _, c := range checks {
		mark := env.Paint(cli.Green, "ok    ")
		if !c.OK {
			mark = env.Paint(cli.Red, "FAILED")
		}
		fmt.Fprintf(w, "  %s  %-*s  %s\n", mark, longest, c.Name, diag.OneLine(c.Detail))
	}
}

// writeToken prints a token's header and claims.
func writeToken(w io.Writer, t *jws) {
	fmt.Fprintf(w, "Header:\n%s\nClaims:\n%s\n", indented(t.header), indented(t.claims))
}

// indented lays JSON out for people. Members stay in the order of the token.
func indented(text json.RawMessage) string {
	out := bytes.NewBufferString("  ")
	if err := json.Indent(out, text, "  ", "  "); err != nil {
		return "  " + diag.OneLine(string(text))
	}
	lines := strings.Split(out.String(), "\n")
	for i, line := range lines {
		lines[i] = diag.OneLine(line)
	}
	return strings.Join(lines, "\n")
}
