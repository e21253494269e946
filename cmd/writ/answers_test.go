package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/explain"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/token"
)

const (
	worlds          = 24  // servers, each with a store of its own
	generations     = 3   // configurations that a server is given one after the other
	requestsEach    = 180 // while one is served
	generationLasts = 4 * time.Hour
)

// TestEverybodyAnswersWhatTheServerAnswers sends random requests through HTTP, with
// real credentials, and asks the decision, writ explain and writ check the same:
// all of them grant or refuse alike, with the same error code, scopes and lifetime.
// What a plan of the configuration says about access agrees as well.
func TestEverybodyAnswersWhatTheServerAnswers(t *testing.T) {
	t.Parallel()
	total := tally{}
	n := worlds
	if testenv.RaceDetector { // the requests come one after the other
		n = 2
	}
	for seed := range uint64(n) {
		w := newWorld(t, seed)
		for range generations {
			w.serveNext()
			for range requestsEach {
				w.now = w.now.Add(generationLasts / requestsEach)
				w.ask()
			}
			w.compareAccess()
		}
		total.add(w.tally)
	}
	if n == worlds {
		total.check(t)
	}
}

// A tally counts what was asked and answered, so that the test does not come to
// ask a few things only.
type tally map[string]int

func (t tally) add(other tally) {
	for name, n := range other {
		t[name] += n
	}
}

func (t tally) check(test *testing.T) {
	test.Logf("%v", t)
	if n := t["requests"]; n < 10_000 {
		test.Errorf("only %d requests", n)
	}
	wanted := []string{"check", "explain", "still granted", "access", "review"}
	for _, grant := range worldGrants {
		wanted = append(wanted, "granted "+grant)
	}
	for _, code := range []string{
		"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_target", "access_denied",
	} {
		wanted = append(wanted, "refused "+code)
	}
	for _, reason := range []decide.Reason{
		decide.ReasonNoGrantType, decide.ReasonUnknownClient, decide.ReasonNoCredential, decide.ReasonUnsupportedGrantType, decide.ReasonGrantTypeNotAllowed,
		decide.ReasonNoTarget, decide.ReasonTargetsDiffer, decide.ReasonUnknownTarget, decide.ReasonNoAuthorization, decide.ReasonAuthorizationExpired,
		decide.ReasonNotSenderConstrained, decide.ReasonMalformedScope, decide.ReasonUngrantedScope, decide.ReasonNoSubjectToken, decide.ReasonNoAssertion,
		decide.ReasonUntrustedIssuer, decide.ReasonForeignSubject, decide.ReasonSubjectClaims, decide.ReasonNoRefreshToken, decide.ReasonNotTheCallers,
		decide.ReasonFamilyExpired, decide.ReasonOfflineForbidden, decide.ReasonOtherTarget, decide.ReasonRevoked,
	} {
		wanted = append(wanted, "reason "+string(reason))
	}
	for _, name := range wanted {
		if t[name] < 3 {
			test.Errorf("%d times %s", t[name], name)
		}
	}
}

// A world is a server, its clock, and what it has issued.
type world struct {
	t      *testing.T
	seed   uint64
	r      *rand.Rand
	now    time.Time
	server *server.Server
	serial uint64
	nth    int // numbers assertions and proofs
	tally  tally
	keys   worldKeys

	text      string // the configuration that is served
	model     *compiler.Model
	snap      *snapshot.Snapshot
	explainer *explain.Explainer
	check     *checkRun

	families []*offlineGrant
	issued   []issuedToken
}

// An offlineGrant is a refresh token and what a decision would remember of it.
type offlineGrant struct {
	client string // label
	token  string
	family decide.Family
	// kept is when the server forgets it: its end by the configuration under which
	// it was used last. Whatever a later one says of it, it is unknown then.
	kept time.Time
}

type issuedToken struct {
	compact string
	grant   decide.Grant
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 1)), now: worldStart, tally: tally{}, keys: worldKeys{}}
	clock := func() time.Time { return w.now }
	var err error
	w.server, err = server.New(server.Options{
		Now: clock, Logger: slog.New(slog.DiscardHandler), Store: store.NewMemory(store.MemoryOptions{Now: clock}), RefreshTokensInMemory: true,
		Getenv: func(string) string { return strings.Repeat("0123456789abcdef", 4) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// serveNext draws a configuration and has the server take it.
func (w *world) serveNext() {
	w.t.Helper()
	prior := w.model
	var before map[worldPair]string
	if prior != nil {
		before = w.grantedOverHTTP()
	}
	w.model, w.text = drawModel(w.t, w.r, w.keys, w.now)
	w.serial++
	file, err := workspace.Snapshot(w.model.Document, w.model, snapshot.Envelope{Serial: w.serial, Created: w.now})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.server.Activate(file); err != nil {
		w.t.Fatalf("%v\n%s", err, w.text)
	}
	env := &cli.Env{Now: func() time.Time { return w.now }}
	if w.check, err = newCheckRun(env, &workspace.Tree{Model: w.model}); err != nil {
		w.t.Fatal(err)
	}
	w.snap, w.explainer = w.check.snap, w.check.explainer
	if prior != nil {
		w.compareReview(prior, before)
	}
}

// A query is one request: as HTTP sees it and as a decision does.
type query struct {
	form   url.Values
	proof  string // the DPoP header, "" for none
	client string // label
	req    decide.Request
	// unverified is the code when a token in the request does not verify, which is
	// found out once the rules before it are passed.
	unverified decide.Code
	refresh    *offlineGrant // that is presented
	claims     string        // what the user's token says beside its issuer and sub
	unusual    bool          // writ check and a question of writ explain have no words for it
}

// ask sends one request, and asks the others.
func (w *world) ask() {
	w.t.Helper()
	q := w.draw()
	status, answer := w.send("/oauth/token", q)
	grant, refusal, trace := w.explainer.Decider.Trace(q.req, w.now)
	if plain, again := w.explainer.Decider.Decide(q.req, w.now); plain.Grant != grant.Grant || (again == nil) != (refusal == nil) || again != nil && *again != *refusal {
		w.report(q, status, answer, "a trace changes the decision: %v, %v", again, refusal)
	}
	early := refusal != nil && slices.Contains([]decide.Rule{decide.RuleClient, decide.RuleCredential, decide.RuleGrant}, trace.Rules[len(trace.Rules)-1])
	if q.unverified != "" && !early {
		w.compare(q, "the decision", status, answer, outcome{code: q.unverified})
		w.count(q, answer, nil)
		return
	}
	decided := outcome{granted: refusal == nil, scope: grant.Scope, lifetime: grant.Lifetime()}
	if refusal != nil {
		decided = outcome{code: refusal.Code}
	}
	w.compare(q, "the decision", status, answer, decided)
	w.compare(q, "the explanation", status, answer, outcomeOf(w.explainer.Explain(q.req, w.now)))
	w.askWorkbench(q, status, answer, refusal)
	if refusal == nil {
		w.remember(q, grant, answer)
	}
	w.count(q, answer, refusal)
	w.introspect()
}

// An outcome is what matters of an answer.
type outcome struct {
	granted  bool
	code     decide.Code
	scope    string
	lifetime int64
}

func outcomeOf(e explain.Explanation) outcome {
	if !e.Allowed {
		return outcome{code: e.Error}
	}
	return outcome{granted: true, scope: strings.Join(e.Scopes, " "), lifetime: e.Lifetime}
}

// An answerJSON is what the server answers.
type answerJSON struct {
	Access  string      `json:"access_token"`
	Scope   string      `json:"scope"`
	Expires int64       `json:"expires_in"`
	Refresh string      `json:"refresh_token"`
	Error   decide.Code `json:"error"`
	Active  bool        `json:"active"`
}

func (w *world) compare(q query, who string, status int, answer answerJSON, o outcome) {
	w.t.Helper()
	got := outcome{granted: status == http.StatusOK, code: answer.Error, scope: answer.Scope, lifetime: answer.Expires}
	o.code = o.code.In(w.snap.Issuer().ErrorStyle)
	if got != o {
		w.report(q, status, answer, "%s says %+v", who, o)
	}
}

func (w *world) report(q query, status int, answer answerJSON, format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("world %d: %s\nthe server says %d %+v\nat %s to %s, proof %v\n%s",
		w.seed, fmt.Sprintf(format, args...), status, answer, w.now.Format(time.RFC3339), q.form.Encode(), q.proof != "", w.text)
}

// askWorkbench asks what a person can ask: writ explain with its flags, and writ
// check with an expectation that says what the server has answered.
func (w *world) askWorkbench(q query, status int, answer answerJSON, refusal *decide.Refusal) {
	w.t.Helper()
	client, known := w.snap.ClientByID(q.req.ClientID)
	if q.unusual || known && client.RequireSenderConstrained() && q.proof == "" {
		return
	}
	test := &config.Test{
		Client: q.req.ClientID, API: q.req.Audience, Scopes: scopesAsked(q.req.Scope), At: w.now.Unix(), SubjectType: schema.SubjectClient,
		Granted: status == http.StatusOK, Error: string(answer.Error), SubjectClaims: q.claims,
	}
	if q.req.User != nil {
		test.SubjectType = schema.SubjectUser
	}
	if test.Granted {
		test.Scope, test.Lifetime = &answer.Scope, &answer.Expires
	}
	w.tally["check"]++
	if result := w.check.test(test); !result.Passed {
		w.report(q, status, answer, "writ check says %+v", result)
	}
	if refusal != nil && refusal.Reason == decide.ReasonSubjectClaims {
		return // a question takes the user for one who meets what is demanded
	}
	w.tally["explain"]++
	w.compare(q, "writ explain", status, answer, outcomeOf(w.explainer.Answer(explain.Question{
		ClientID: q.req.ClientID, API: q.req.Audience, Scopes: scopesAsked(q.req.Scope), OfUser: q.req.User != nil,
	}, w.now)))
}

func scopesAsked(scope string) []string {
	if scope == "" {
		return nil
	}
	return strings.Split(scope, " ")
}

// remember keeps what was issued, for later requests.
func (w *world) remember(q query, grant decide.Grant, answer answerJSON) {
	w.issued = append(w.issued, issuedToken{answer.Access, grant})
	switch {
	case q.refresh != nil:
		q.refresh.family.Used = w.now.UnixMilli()
		q.refresh.kept = q.refresh.family.End(decide.RefreshPolicy(grant.Client))
		if answer.Refresh != "" {
			q.refresh.token = answer.Refresh
		}
	case grant.Offline != (answer.Refresh != ""):
		w.report(q, http.StatusOK, answer, "the decision says that a refresh token comes: %v", grant.Offline)
	case grant.Offline:
		family := grant.Family(w.now)
		w.families = append(w.families, &offlineGrant{q.client, answer.Refresh, family, family.End(decide.RefreshPolicy(grant.Client))})
	}
}

func (w *world) count(q query, answer answerJSON, refusal *decide.Refusal) {
	w.tally["requests"]++
	if answer.Error == "" {
		w.tally["granted "+q.req.GrantType]++
	} else {
		w.tally["refused "+string(answer.Error)]++
	}
	if refusal != nil {
		w.tally["reason "+string(refusal.Reason)]++
	}
}

// introspect asks the server about a token that it issued before, as the client
// that has it, and the decision whether it still would be.
func (w *world) introspect() {
	w.t.Helper()
	if len(w.issued) == 0 || w.r.IntN(4) > 0 {
		return
	}
	old := w.issued[len(w.issued)-1-w.r.IntN(min(len(w.issued), 12))]
	clientID := old.grant.ClientID
	label := strings.TrimSuffix(clientID, "-id")
	client, known := w.snap.ClientByID(clientID)
	api, declared := w.snap.APIByIdentifier(old.grant.Audience)
	if !known || !w.inForce(label) || declared && api.Alg() != old.grant.Alg { // whether its key is kept is another matter
		return
	}
	q := query{form: url.Values{"token": {old.compact}}, client: label, req: decide.Request{ClientID: clientID}}
	w.authenticate(&q)
	status, answer := w.send("/oauth/introspect", q)
	still := declared && old.grant.ExpiresAt > w.now.Unix() && w.explainer.Decider.StillGranted(decide.IssuedToken{
		Client: client, API: api, Subject: old.grant.Subject, Scope: old.grant.Scope, IssuedAt: old.grant.IssuedAt,
	}, w.now) == decide.ReasonGranted
	if status != http.StatusOK || answer.Active != still {
		w.report(q, status, answer, "the decision says that the token is still granted: %v", still)
	}
	w.tally["still granted"]++
}

// compareAccess holds the access of a first plan against the decision: whoever is
// said to get a token from now on gets one, and nobody else does.
func (w *world) compareAccess() {
	w.t.Helper()
	plan, _ := compiler.NewPlan(compiler.Prior{}, w.model, compiler.PlanOptions{Now: w.now})
	type pair struct {
		client, api string
		subject     schema.SubjectType
	}
	gained := map[pair]bool{}
	for _, change := range plan.Access {
		if change.Token == compiler.TokenGained && change.From == "" {
			gained[pair{change.ClientID, change.Identifier, change.SubjectType}] = true
		}
	}
	for i := range w.model.Document.Clients {
		for j := range w.model.Document.APIs {
			for _, subject := range []schema.SubjectType{schema.SubjectClient, schema.SubjectUser} {
				p := pair{w.model.Document.Clients[i].ClientID, w.model.Document.APIs[j].Identifier, subject}
				e := w.explainer.Answer(explain.Question{ClientID: p.client, API: p.api, OfUser: subject == schema.SubjectUser}, w.now)
				if e.Allowed != gained[p] {
					w.t.Fatalf("world %d: a first plan says that %v gets a token: %v; asked for, the answer is %+v\n%s", w.seed, p, gained[p], e, w.text)
				}
				w.tally["access"]++
			}
		}
	}
}

// send posts the query and reads the answer.
func (w *world) send(path string, q query) (status int, answer answerJSON) {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(q.form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if q.proof != "" {
		r.Header.Set("DPoP", q.proof)
	}
	recorder := httptest.NewRecorder()
	w.server.Public().ServeHTTP(recorder, r)
	if err := json.NewDecoder(bytes.NewReader(recorder.Body.Bytes())).Decode(&answer); err != nil {
		w.t.Fatalf("%d %s: %v", recorder.Code, recorder.Body, err)
	}
	return recorder.Code, answer
}

func (w *world) chance(percent int) bool { return w.r.IntN(100) < percent }

// draw makes a request.
func (w *world) draw() query {
	q := query{form: url.Values{}, client: pick(w.r, worldClients)}
	if w.chance(3) {
		q.client = "stranger"
	}
	switch n := w.r.IntN(100); {
	case n < 35:
		q.req.GrantType = schema.GrantClientCredentials
	case n < 58:
		q.req.GrantType = schema.GrantTokenExchange
	case n < 70:
		q.req.GrantType = schema.GrantJWTBearer
	case n < 94:
		q.req.GrantType = schema.GrantRefreshToken
	default:
		q.req.GrantType, q.unusual = pick(w.r, []string{"", "password", "authorization_code", "Client_Credentials"}), true
	}
	if q.req.GrantType == schema.GrantRefreshToken {
		w.drawRefresh(&q)
	}
	q.req.ClientID = q.client + "-id"
	q.form.Set("grant_type", q.req.GrantType)
	w.drawTarget(&q)
	w.drawScope(&q)
	switch q.req.GrantType {
	case schema.GrantTokenExchange, schema.GrantJWTBearer:
		w.drawUser(&q)
	}
	w.authenticate(&q)
	if w.chance(45) {
		q.req.Confirmation = token.Confirmation{JKT: "of the key below"}
		w.nth++
		q.proof = w.keys.get("proof").sign(map[string]any{"typ": "dpop+jwt", "jwk": jwkWithout(w.keys.get("proof").jwk(), "kid"), "kid": nil}, map[string]any{
			"jti": fmt.Sprint("proof-", w.nth), "htm": "POST", "htu": worldIssuer + "oauth/token", "iat": w.now.Unix(),
		})
	}
	return q
}

func jwkWithout(jwk map[string]any, name string) map[string]any {
	delete(jwk, name)
	return jwk
}

func (w *world) drawTarget(q *query) {
	identifier := identifierOf(pick(w.r, worldAPIs))
	if q.refresh != nil && w.chance(85) {
		identifier = q.refresh.family.API
	}
	set := func(name, value string, field *string) { q.form.Set(name, value); *field = value }
	switch n := w.r.IntN(100); {
	case n < 12 || q.refresh != nil && n < 60:
	case n < 20:
		q.unusual = true
		set("resource", identifier, &q.req.Resource)
	case n < 25:
		set("audience", identifier, &q.req.Audience)
		set("resource", identifier, &q.req.Resource)
	case n < 30:
		q.unusual = true
		set("audience", identifier, &q.req.Audience)
		set("resource", identifierOf(pick(w.r, worldAPIs)), &q.req.Resource)
	case n < 36:
		set("audience", pick(w.r, []string{identifier + "/", strings.ToUpper(identifier), "urn:nothing", "api.orders"}), &q.req.Audience)
	default:
		set("audience", identifier, &q.req.Audience)
	}
}

func (w *world) drawScope(q *query) {
	var scope string
	switch n := w.r.IntN(100); {
	case n < 35:
	case n < 40:
		scope = pick(w.r, []string{"read  write", " read", "read\"", "read write ", `re\ad`, "lesen\u00e4"})
	case n < 45:
		scope = "read unknown"
	default:
		scope = strings.Join(some(w.r, worldScopes, 45), " ")
	}
	if q.req.GrantType != schema.GrantClientCredentials && w.chance(60) || w.chance(5) {
		scope = strings.TrimPrefix(scope+" offline_access", " ")
	}
	if scope != "" {
		q.form.Set("scope", scope)
		q.req.Scope = scope
	}
}

// drawRefresh presents a refresh token: mostly one of the client's.
func (w *world) drawRefresh(q *query) {
	q.unusual = true
	switch n := w.r.IntN(100); {
	case n < 10:
	case n < 15 || len(w.families) == 0:
		q.form.Set("refresh_token", strings.Repeat("A", 64))
		q.unverified = decide.CodeInvalidGrant
	default:
		q.refresh = w.families[len(w.families)-1-w.r.IntN(min(len(w.families), 10))]
		if w.chance(92) {
			q.client = q.refresh.client
		}
		q.form.Set("refresh_token", q.refresh.token)
		q.req.Family = &q.refresh.family
		if !w.now.Before(q.refresh.kept) {
			q.unverified = decide.CodeInvalidGrant
		}
	}
}

const (
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
	idTokenType     = "urn:ietf:params:oauth:token-type:id_token"
	jwtTokenType    = "urn:ietf:params:oauth:token-type:jwt"
)

// drawUser presents a user's token: mostly one that verifies, if its issuer may
// name users.
func (w *world) drawUser(q *query) {
	exchange, refused := q.req.GrantType == schema.GrantTokenExchange, decide.CodeInvalidGrant
	parameter, kind := "assertion", jwtTokenType
	if exchange {
		parameter, refused = "subject_token", decide.CodeInvalidRequest
		kind = pick(w.r, []string{accessTokenType, idTokenType, jwtTokenType})
		q.form.Set("subject_token_type", kind)
	}
	if q.req.GrantType != w.explainer.UserGrant(q.req.ClientID) {
		q.unusual = true
	}
	if w.chance(6) {
		q.unusual = true
		return // without a token
	}
	label := pick(w.r, []string{"cluster", "corp", "corp", "corp", "partner", "partner", "gone"})
	user := &decide.User{TrustedIssuer: label, Subject: "ada", ExpiresAt: w.now.Unix() + 10 + int64(w.r.IntN(7200))}
	if label == w.explainer.UserIssuer() {
		user.ExpiresAt = w.now.Add(48 * time.Hour).Unix() // longer than any token of ours
	} else {
		q.unusual = true
	}
	if w.chance(4) {
		user.Subject, q.unusual = pick(w.r, []string{strings.Repeat("a", 300), "a\nb"}), true
	}
	q.claims = pick(w.r, append([]string{worldClaims[2], worldClaims[3]}, worldClaims...))
	claims := map[string]any{}
	if q.claims != "" {
		if err := json.Unmarshal([]byte(q.claims), &claims); err != nil {
			w.t.Fatal(err)
		}
	}
	key, url := w.keys.get(label), "https://gone.example"
	if i, ok := worldIssuers[label]; ok {
		url = i.url
	}
	for name, value := range map[string]any{"iss": url, "sub": user.Subject, "aud": worldIssuer, "iat": w.now.Unix(), "exp": user.ExpiresAt} {
		claims[name] = value
	}
	header := map[string]any{}
	if kind == accessTokenType {
		header["typ"] = "at+jwt"
	}
	switch w.r.IntN(40) {
	case 0:
		key, q.unverified = w.keys.get("forger"), refused
		key.kid = label
	case 1:
		claims["aud"], q.unverified = "https://elsewhere.example", refused
	case 2:
		claims["exp"], q.unverified = w.now.Unix()-600, refused
	case 3:
		claims["iss"], q.unverified = worldIssuer, refused // as if it were ours
	case 4:
		if exchange {
			q.form.Set(pick(w.r, []string{"requested_token_type", "subject_token_type", "actor_token_type"}), "urn:ietf:params:oauth:token-type:refresh_token")
			q.unverified = refused
		}
	}
	q.form.Set(parameter, key.sign(header, claims))
	text, err := json.Marshal(claims)
	if err != nil {
		w.t.Fatal(err)
	}
	if user.Claims, err = clientauth.ReadClaims(string(text)); err != nil {
		w.t.Fatal(err)
	}
	q.req.User = user
}

// credentials are the client's, with whether they are in force.
func (w *world) credentials(label string) (all []decide.Credential) {
	client, _, ok := w.model.Client(label)
	if !ok {
		return nil
	}
	add := func(block, label string, window schema.Window) {
		all = append(all, decide.Credential{Block: block, Label: label, InForce: window.Contains(w.now.Unix())})
	}
	for _, c := range client.Secrets {
		add("secret", c.Label, c.Window)
	}
	for _, c := range client.PublicKeys {
		add("public_key", c.Label, c.Window)
	}
	for _, c := range client.Federated {
		add("federated", c.Label, c.Window)
	}
	return all
}

func (w *world) inForce(label string) bool {
	return slices.ContainsFunc(w.credentials(label), func(c decide.Credential) bool { return c.InForce })
}

// authenticate adds one of the client's credentials: one that is in force, if
// there is one.
func (w *world) authenticate(q *query) {
	credentials := w.credentials(q.client)
	if w.inForce(q.client) {
		credentials = slices.DeleteFunc(credentials, func(c decide.Credential) bool { return !c.InForce })
	}
	credential := decide.Credential{Block: "secret", Label: "a"}
	if len(credentials) > 0 {
		credential = pick(w.r, credentials)
	}
	q.form.Set("client_id", q.req.ClientID)
	w.nth++
	claims := map[string]any{"aud": worldIssuer, "iat": w.now.Unix(), "exp": w.now.Unix() + 60, "jti": fmt.Sprint("assertion-", w.nth)}
	key := w.keys.get(q.client)
	switch credential.Block {
	case "secret":
		q.form.Set("client_secret", secretOf(q.client, credential.Label))
		return
	case "public_key":
		claims["iss"], claims["sub"] = q.req.ClientID, q.req.ClientID
	case "federated":
		key = w.keys.get("cluster")
		claims["iss"], claims["sub"] = worldIssuers["cluster"].url, "workload:"+q.client
	}
	q.form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	q.form.Set("client_assertion", key.sign(nil, claims))
}
