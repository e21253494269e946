package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/explain"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/token"
)

// "writ check": expectations of *.test.hcl, decided by server/decide as the endpoints do.
// plan and apply hold a change to the same expectations (guards.go). The output is in
// view_check.go.

// checkCommand is "writ check". It needs no server and no key, so that CI can run it before
// there is either. It exits with 1 when an expectation does not hold; --coverage changes no
// exit code.
func checkCommand() cli.Command {
	flags := new(cli.ConfigFlags)
	var coverage bool
	return cli.Command{
		Name: "check", Group: cli.GroupReview, Args: "[DIR]", MaxArgs: 1, Config: flags, Formats: true,
		Summary: "run the expectations of *.test.hcl, no server needed",
		About: `
Each expectation is decided by the very code that the server uses, on the
configuration compiled in memory.`,
		Example: `$ writ check
FAIL  billing may not write orders (orders.test.hcl:10)
      granted: expected false, got true
      error: expected "invalid_scope", got none
      decided by authorization.billing-reads-orders (billing.hcl:20)

1 passed, 1 failed.`,
		Flags: []cli.Flag{
			{Name: "coverage", Usage: "list the authorizations and scopes that no expectation exercises", Value: &coverage},
		},
		Run: func(_ context.Context, env *cli.Env, args []string) error {
			return runCheck(env, args, flags, coverage)
		},
	}
}

// runCheck decides every expectation before it reports any: one that fails hides none. A
// configuration that does not compile has no outcome: nothing is decided on half of one.
func runCheck(env *cli.Env, args []string, flags *cli.ConfigFlags, coverage bool) error {
	_, t, err := flags.Compile(env, args)
	if err != nil {
		return err
	}
	env.Remind(t)
	report, err := checkAll(env, t, coverage)
	if err != nil {
		return err
	}
	// The report is printed whole before the exit code says that something in it is wrong.
	if err := showChecks(env, report, coverage); err != nil {
		return err
	}
	if report.Failed > 0 {
		return cli.Status(cli.ExitError)
	}
	return nil
}

// checkAll decides every expectation in the order of the files, and reports each to env for the
// formats of CI. coverage also lists what none of them exercises.
func checkAll(env *cli.Env, t *workspace.Tree, coverage bool) (*checkReport, error) {
	run, err := newCheckRun(env, t)
	if err != nil {
		return nil, err
	}
	report := &checkReport{Tests: []testResult{}}
	for _, test := range t.Model.Config.Tests {
		result := run.test(test)
		report.Tests = append(report.Tests, result)
		outcome := diag.Case{Suite: "expectations", Name: test.Name, Range: test.Range}
		if result.Passed {
			report.Passed++
		} else {
			report.Failed++
			outcome.Failure = result.failure()
		}
		env.Test(outcome)
	}
	if coverage {
		report.Uncovered = run.uncovered()
	}
	return report, nil
}

// A checkReport is the outcome of all expectations, as --json prints it.
type checkReport struct {
	Passed    int          `json:"passed"`
	Failed    int          `json:"failed"`
	Tests     []testResult `json:"tests"`
	Uncovered []gap        `json:"uncovered,omitempty"`
}

// A testResult is the outcome of one expectation, as --json prints it. decided_by and
// decided_at name the authorization, also of a refusal that found one; both are absent
// where the request got no further.
type testResult struct {
	Name      string     `json:"name"`
	File      string     `json:"file"`
	Line      int        `json:"line"`
	Passed    bool       `json:"passed"`
	Failures  []mismatch `json:"failures,omitempty"`
	Decided   string     `json:"decided_by,omitempty"` // address of the authorization
	DecidedAt string     `json:"decided_at,omitempty"` // file:line
	Reason    string     `json:"reason,omitempty"`     // of a refusal, as the server's log says it
	Why       []string   `json:"why,omitempty"`        // of a refusal that was not expected: the rule in full sentences
}

// A mismatch is one thing that was not as expected: "granted", "error", "scope", "lifetime"
// or "claim NAME". Expected and actual are texts for people, JSON where the thing is a
// value.
type mismatch struct {
	What     string `json:"what"`
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
}

// A gap is what no expectation exercises: a whole authorization, or some of its scopes,
// which are then listed.
type gap struct {
	Address string   `json:"address"`
	Place   string   `json:"place,omitempty"`
	Scopes  []string `json:"scopes"` // empty for an authorization without scopes
	Whole   bool     `json:"whole"`
}

// A checkRun decides the expectations of one tree, all as of one time, and remembers what they
// exercised.
type checkRun struct {
	snap      *snapshot.Snapshot
	explainer *explain.Explainer
	now       time.Time
	exercised map[string]map[string]bool // authorization label -> scopes granted
}

// newCheckRun compiles the tree to a snapshot in memory, as the server would read it.
func newCheckRun(env *cli.Env, t *workspace.Tree) (*checkRun, error) {
	snap, explainer, err := newExplainer(env, t)
	if err != nil {
		return nil, err
	}
	return &checkRun{snap: snap, explainer: explainer, now: env.Now(), exercised: map[string]map[string]bool{}}, nil
}

// test decides one expectation and compares grant or refusal with what it says.
func (r *checkRun) test(test *config.Test) testResult {
	result := testResult{Name: test.Name, File: test.Range.Filename, Line: test.Range.Start.Line}
	// The decision is that of the server's own code. Everything below only compares it.
	request, at := r.request(test)
	grant, refusal := r.explainer.Decider.Decide(request, at)
	if (refusal == nil) != test.Granted {
		result.fail("granted", fmt.Sprint(test.Granted), fmt.Sprint(refusal == nil))
	}
	if refusal != nil {
		result.Reason = refusal.Error()
		r.compareRefusal(&result, test, refusal)
		if len(result.Failures) > 0 {
			result.Why = r.why(request, at, grant, refusal)
		}
	} else {
		r.exercise(grant)
		r.compareGrant(&result, test, grant)
	}
	// A refusal has the authorization too where one was found, such as one that has expired.
	if grant.Authorization != (snapshot.Authorization{}) {
		result.Decided = "authorization." + grant.Authorization.Label()
		result.DecidedAt = view.SourcePlace(r.snap, snapshot.KindAuthorization, grant.Authorization.Label())
	}
	result.Passed = len(result.Failures) == 0
	return result
}

// request is the token request of an expectation, and the time at which it is made: that of
// the expectation, or now. The client is taken to have authenticated; expectations are
// about access.
func (r *checkRun) request(test *config.Test) (decide.Request, time.Time) {
	at := r.now
	if test.At != 0 {
		at = time.Unix(test.At, 0)
	}
	req := decide.Request{
		ClientID: test.Client, GrantType: schema.GrantClientCredentials, Audience: test.API, Scope: strings.Join(test.Scopes, " "),
		Confirmation: r.confirmation(test.Client),
	}
	if test.SubjectType == schema.SubjectUser {
		req.GrantType, req.User = r.explainer.UserGrant(test.Client), r.user(test)
	}
	return req, at
}

// user is the person on whose behalf the client asks, with the claims that the expectation
// gives. They come from the first trusted issuer that vouches for users: which one it is
// makes no difference to the rules that an expectation can be about.
func (r *checkRun) user(test *config.Test) *decide.User {
	user := &decide.User{TrustedIssuer: r.explainer.UserIssuer(), Subject: "user"}
	if test.SubjectClaims != "" {
		var err error
		if user.Claims, err = clientauth.ReadClaims(test.SubjectClaims); err != nil {
			panic(fmt.Sprintf("the claims are not JSON: %v: %s", err, test.SubjectClaims))
		}
	}
	return user
}

// confirmation is the key that the client is taken to hold (RFC 7800). A client that must
// bind its tokens is taken to do so, since an expectation is about which tokens it can get;
// for any other client it is empty.
func (r *checkRun) confirmation(clientID string) token.Confirmation {
	client, ok := r.snap.ClientByID(clientID)
	if !ok || !client.RequireSenderConstrained() {
		return token.Confirmation{}
	}
	return explain.Proved
}

// fail notes one thing that is not as expected; expected and actual are shown as they are.
func (r *testResult) fail(what, expected, actual string) {
	r.Failures = append(r.Failures, mismatch{what, expected, actual})
}

// compareRefusal compares the error code of a refusal. The expectation may use the code of
// RFC 6749 section 5.2 or the one that the issuer's error_style sends in its place.
func (r *checkRun) compareRefusal(result *testResult, test *config.Test, refusal *decide.Refusal) {
	styled := refusal.Code.In(r.snap.Issuer().ErrorStyle)
	if test.Error != "" && test.Error != string(refusal.Code) && test.Error != string(styled) {
		result.fail("error", fmt.Sprintf("%q", test.Error), fmt.Sprintf("%q", refusal.Code))
	}
	if test.Granted {
		result.fail("error", "none", fmt.Sprintf("%q", refusal.Code))
	}
}

// why says in sentences which rule refuses, and what may have been meant. Of claims about
// the user the decision says only that they do not match, so that reason is worked out
// here.
func (r *checkRun) why(request decide.Request, at time.Time, grant decide.Grant, refusal *decide.Refusal) (sentences []string) {
	if refusal.Reason == decide.ReasonSubjectClaims {
		return unmetClaims(grant.Authorization, request.User.Claims)
	}
	e := r.explainer.Explain(request, at)
	for _, step := range e.Steps {
		if !step.OK {
			sentences = append(sentences, step.Text)
		}
	}
	return append(sentences, e.Suggestions...)
}

// unmetClaims lists what the authorization's subject_claims want and the user's token does
// not say. Each claim is compared alone, by the function with which the server compares all
// of them.
func unmetClaims(auth snapshot.Authorization, said clientauth.Claims) (sentences []string) {
	wanted := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(auth.SubjectClaims()), &wanted); err != nil {
		panic(fmt.Sprintf("the claims are not JSON: %v: %s", err, auth.SubjectClaims()))
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		one := map[string]json.RawMessage{name: wanted[name]}
		object, err := json.Marshal(one)
		if err != nil || said.Says(string(object)) {
			continue
		}
		got := fmt.Sprintf("does not say %s", name)
		if value := said.Get(name); value != nil {
			got = fmt.Sprintf("says %s = %s", name, value)
		}
		sentences = append(sentences, fmt.Sprintf("authorization.%s wants %s = %s in subject_claims, and the user's token here %s.", auth.Label(), name, wanted[name], got))
	}
	return sentences
}

// compareGrant compares what is granted with what the expectation says of it. What the
// expectation leaves out may be anything. Claims are compared in the JSON that a token
// would carry, so that what the issuer adds or renames is seen too.
func (r *checkRun) compareGrant(result *testResult, test *config.Test, grant decide.Grant) {
	if test.Error != "" {
		result.fail("error", fmt.Sprintf("%q", test.Error), "none")
	}
	if test.Scope != nil && *test.Scope != grant.Scope {
		result.fail("scope", fmt.Sprintf("%q", *test.Scope), fmt.Sprintf("%q", grant.Scope))
	}
	if test.Lifetime != nil && *test.Lifetime != grant.Lifetime() {
		result.fail("lifetime", fmt.Sprintf("%d", *test.Lifetime), fmt.Sprintf("%d", grant.Lifetime()))
	}
	if len(test.Claims) == 0 {
		return
	}
	// The jti only fills its place: no expectation can be about it.
	var claims map[string]json.RawMessage
	text := token.AppendClaims(nil, &grant.Grant, []byte("jti-of-writ-check-0000"))
	if err := json.Unmarshal(text, &claims); err != nil {
		panic(fmt.Sprintf("the claims are not JSON: %v: %s", err, text))
	}
	for _, expected := range test.Claims {
		actual, present := claims[expected.Name]
		if !present {
			result.fail("claim "+expected.Name, expected.JSON, "absent")
		} else if !sameJSON([]byte(expected.JSON), actual) {
			result.fail("claim "+expected.Name, expected.JSON, string(actual))
		}
	}
}

// exercise remembers which scopes of an authorization an expectation was granted. An
// authorization without scopes is exercised by its own entry in the map.
func (r *checkRun) exercise(grant decide.Grant) {
	label := grant.Authorization.Label()
	if r.exercised[label] == nil {
		r.exercised[label] = map[string]bool{}
	}
	for _, scope := range strings.Fields(grant.Scope) {
		r.exercised[label][scope] = true
	}
}

// uncovered lists the authorizations of which no expectation was granted a token, and of
// the others the scopes that none was granted. It is never nil: --json prints an empty
// list.
func (r *checkRun) uncovered() []gap {
	gaps := []gap{}
	for auth := range r.snap.Authorizations() {
		granted, exercised := r.exercised[auth.Label()]
		missing := slices.DeleteFunc(slices.Clone(auth.Scopes()), func(scope string) bool { return granted[scope] })
		if exercised && len(missing) == 0 {
			continue
		}
		gaps = append(gaps, gap{"authorization." + auth.Label(), view.SourcePlace(r.snap, snapshot.KindAuthorization, auth.Label()), missing, !exercised})
	}
	return gaps
}

// sameJSON reports whether two JSON texts mean the same: members in any order, numbers by
// value, so that 1.0 in an expectation is the 1 of a token. Text that is no JSON is never
// the same.
func sameJSON(a, b []byte) bool {
	var left, right any
	return decodeJSON(a, &left) == nil && decodeJSON(b, &right) == nil && sameValue(left, right)
}

// sameValue compares two decoded values; any other types than these are compared by ==.
func sameValue(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, member := range a {
			other, present := b[name]
			if !present || !sameValue(member, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameValue(a[i], b[i]) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameNumber(a, b)
	}
	return a == b
}

// sameNumber compares numbers by value. Long ones are compared as text: 1e999999999 is a
// few bytes that would take gigabytes as a big.Rat.
func sameNumber(a, b json.Number) bool {
	const huge = 40 // characters: the language's limit for a number is below
	if a == b || len(a) > huge || len(b) > huge {
		return a == b
	}
	left, okLeft := new(big.Rat).SetString(string(a))
	right, okRight := new(big.Rat).SetString(string(b))
	return okLeft && okRight && left.Cmp(right) == 0
}
