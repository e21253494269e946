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

// The checks of a resource server, one by one, for "writ verify" and "writ token". A
// resource server stops at the first that fails; here all are made.

// A tokenCheck is one thing that a resource server checks of a token, as "writ verify
// --json" and "writ token --json" print it.
type tokenCheck struct {
	Name   string `json:"check"` // a header parameter or claim, or "signature"
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what was found, and what was expected where it differs
}

// An expectation is what a resource server knows before it sees a token. It is fixed before
// the first check, so that nothing in the token can change what is expected of it.
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

// api is the API that the token is for. It is false where the configuration is not known,
// where it has no such API, and for a token with several audiences, which writ never
// issues.
func (e *expectation) api(t *jws) (snapshot.API, bool) {
	audience, _ := t.Claims["aud"].(string)
	if e.snap == nil {
		return snapshot.API{}, false
	}
	return e.snap.APIByIdentifier(audience)
}

// checkAlg accepts the algorithms that an API may sign with and no other: "none" and
// anything unknown is refused by name (RFC 8725 section 3.1). Of a known API it has to be
// the declared one.
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

// checkTyp accepts at+jwt (RFC 9068 section 2.1) and JWT (RFC 7519 section 5.1), with or
// without "application/" and in any case, since they are media types (RFC 7515 section
// 4.1.9). Of a known API it has to be that of its profile.
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

// checkSignature tries each key whose kid and algorithm do not contradict the token's
// header. A kid that matches no key is told apart from a signature that does not verify:
// the first is solved by fetching keys, the second is not.
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

// checkIssuer compares iss byte by byte, as a resource server has to: a trailing slash is
// another issuer (RFC 9068 section 4).
func (e *expectation) checkIssuer(t *jws) tokenCheck {
	issuer, _ := t.Claims["iss"].(string)
	if issuer == e.issuer {
		return tokenCheck{"iss", true, issuer}
	}
	return tokenCheck{"iss", false, fmt.Sprintf("%q, expected %q", issuer, e.issuer)}
}

// checkAudience wants the expected audience among those of the token. Without one to
// expect, the audience has to be an API of the configuration, and a near miss, such as a
// trailing slash, is named.
func (e *expectation) checkAudience(t *jws, known bool) tokenCheck {
	// Any one of several audiences is enough (RFC 7519 section 4.1.3).
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

// checkTimes checks exp, iat and nbf. exp and iat are required (RFC 9068 section 2.2); nbf
// may be absent.
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
		// NumericDate may have a fraction by RFC 7519 section 2; a token of writ has none.
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

// clockSkew is how far the issuer's clock may be ahead of ours, in seconds, before iat and nbf
// count as lying in the future.
const clockSkew = 60

// checkTime judges one time claim at now, in Unix seconds: exp lies ahead, iat and nbf do
// not by more than clockSkew. exp gets no tolerance: verifiers may refuse the token from
// that second on (RFC 7519 section 4.1.4).
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

// checkParties checks sub and the client, which is in client_id or in azp, by the profile.
// That client has to be declared where the configuration is known: one that was removed
// keeps valid tokens until they expire.
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

// checkScope checks that the API declares each scope of the token. Whether the client may
// still have them is not asked: the token is what the server granted then.
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

// stringsOf is a claim that may be one string or a list of them, as aud (RFC 7519 section
// 4.1.3). Members of another type are left out.
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

// passed reports whether every check held, which is whether a resource server should accept
// the token.
func passed(checks []tokenCheck) bool {
	return !slices.ContainsFunc(checks, func(c tokenCheck) bool { return !c.OK })
}

// writeChecks prints the checks one a line, the names aligned. Details quote the token and
// are shown on one line, whatever they hold.
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

// writeToken prints a token's header and claims as the token has them.
func writeToken(w io.Writer, t *jws) {
	fmt.Fprintf(w, "Header:\n%s\nClaims:\n%s\n", indented(t.header), indented(t.claims))
}

// indented lays JSON out for people. Members stay in the order of the token, and what would
// act on a terminal is escaped. Text that is no JSON is shown on one line.
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
