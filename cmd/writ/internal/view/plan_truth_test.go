package view

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server/decide"
)

// planNoon is when the plans of this test are made. Times of the documents lie
// around it, in hours.
var planNoon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// TestPlanTellsTheTruth edits random configurations and compares what the plan
// says, as JSON, text and markdown, and what "writ who" and the checks of a plan say, with
// what the server decides before and after, and with what it answers over HTTP: a moment
// before, at and after each time at which something begins or ends.
func TestPlanTellsTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(2026, 11))
	edits := 1000
	if testenv.RaceDetector { // one goroutine, and a population that the run without it covers
		edits = 40
	}
	s := newServed(t)
	changed := 0
	var before *schema.Document
	var had []map[string]bool // at each probe
	for i := range edits {
		if i%10 == 0 { // else the edit goes on from the one before
			before = randomDocument(random)
			had = s.answers(before, random)
		}
		after := randomEdit(random, before)
		plan := compiler.PlanBetween(compiler.Prior{Document: before}, after, "sha256:next", planNoon)
		answers := s.answers(after, random)
		gains, granted := false, false
		for n, seconds := range probes {
			if seconds < 0 {
				continue // a plan says nothing of what was before it
			}
			at := planNoon.Add(time.Duration(seconds) * time.Second)
			had, has := had[n], answers[n]
			want := map[string]bool{}
			for k := range has {
				if !had[k] {
					want["+ "+k] = true
					gains = true
				}
				granted = granted || strings.Contains(k, "  ") // without an issuer: the client's own
			}
			for k := range had {
				if !has[k] {
					want["- "+k] = true
				}
			}
			changed += len(want)
			if diff := cmp.Diff(want, rowsAt(t, plan, before, after, at)); diff != "" {
				t.Fatalf("edit %d, %d seconds after the plan: the server -, the plan +:\n%s", i, seconds, diff)
			}
		}
		checkChecks(t, plan, before, &compiler.Model{Document: after}, gains, granted)
		checkViewsAgree(t, plan)
		before, had = after, answers
	}
	t.Logf("%d requests", s.asked)
	if changed < 2*edits {
		t.Errorf("only %d differences in all", changed)
	}
}

// answers is what is granted of a document at each probe. The decision, "writ who" and the
// server over HTTP, which is asked about the clients themselves and the users of one issuer,
// must agree.
func (s *served) answers(d *schema.Document, random *rand.Rand) (all []map[string]bool) {
	s.t.Helper()
	s.activate(d)
	snap := openDocument(s.t, d)
	for _, seconds := range probes {
		at := planNoon.Add(time.Duration(seconds) * time.Second)
		rows := decided(d, snap, at)
		if diff := cmp.Diff(rows, whoAt(s.t, d, at)); diff != "" {
			s.t.Fatalf("%d seconds after the plan: the decision -, who +:\n%s", seconds, diff)
		}
		issuer := []string{"guests", "staff"}[random.IntN(2)]
		asked := map[string]bool{}
		for row := range rows {
			if words := strings.Split(row, " "); words[2] == "" || words[2] == issuer {
				asked[row] = true
			}
		}
		if diff := cmp.Diff(asked, s.granted(d, issuer, at)); diff != "" {
			s.t.Fatalf("%d seconds after the plan: the decision -, HTTP +:\n%s", seconds, diff)
		}
		all = append(all, rows)
	}
	return all
}

func randomDocument(random *rand.Rand) *schema.Document {
	d := &schema.Document{Issuer: schema.Issuer{URL: "https://auth.example.com/"}}
	for i := range 2 {
		d.APIs = append(d.APIs, schema.API{
			Label: fmt.Sprint("api", i), Name: "n", Identifier: fmt.Sprint("https://api.example.com/", i), Profile: schema.ProfileRFC9068,
			Alg: schema.EdDSA, TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow, Scopes: []schema.Scope{{Name: "read"}, {Name: "write", Sensitive: random.IntN(2) == 0}},
		})
	}
	for i := range 2 {
		c := schema.Client{Label: fmt.Sprint("client", i), Name: "n", ClientID: fmt.Sprint("id", i), GrantTypes: randomGrants(random)}
		for j := range 1 + random.IntN(2) {
			c.Secrets = append(c.Secrets, schema.Secret{Label: fmt.Sprint("s", j), Hash: hashOf(c.Label, fmt.Sprint("s", j)), Window: randomWindow(random)})
		}
		d.Clients = append(d.Clients, c)
	}
	for _, label := range []string{"staff", "guests"} {
		if random.IntN(2) == 0 {
			d.TrustedIssuers = append(d.TrustedIssuers, randomIssuer(random, label))
		}
	}
	slices.SortFunc(d.TrustedIssuers, func(a, b schema.TrustedIssuer) int { return strings.Compare(a.Label, b.Label) })
	for _, c := range d.Clients {
		for _, a := range d.APIs {
			for _, subject := range []schema.SubjectType{schema.SubjectClient, schema.SubjectUser} {
				if random.IntN(3) > 0 {
					d.Authorizations = append(d.Authorizations, schema.Authorization{
						Label: fmt.Sprint(c.Label, a.Label, subject), Client: c.Label, API: a.Label, SubjectType: subject,
						Scopes: randomScopes(random), ExpiresAt: randomTime(random),
					})
				}
			}
		}
	}
	slices.SortFunc(d.Authorizations, func(a, b schema.Authorization) int { return strings.Compare(a.Label, b.Label) })
	return d
}

func randomIssuer(random *rand.Rand, label string) schema.TrustedIssuer {
	t := schema.TrustedIssuer{
		Label: label, Issuer: "https://" + label + ".example.com", JWKS: userJWKS(label),
		Algorithms: []schema.SigningAlg{schema.EdDSA}, Audiences: []string{"x"}, VouchesFor: []schema.SubjectType{schema.SubjectUser},
	}
	if random.IntN(4) == 0 {
		t.VouchesFor = []schema.SubjectType{schema.SubjectClient}
	}
	return t
}

func randomGrants(random *rand.Rand) []string {
	all := [][]string{
		{schema.GrantClientCredentials}, {schema.GrantTokenExchange}, {schema.GrantClientCredentials, schema.GrantTokenExchange},
		{schema.GrantClientCredentials, schema.GrantTokenExchange}, {schema.GrantJWTBearer},
		{schema.GrantClientCredentials, schema.GrantRefreshToken}, {schema.GrantRefreshToken},
	}
	return all[random.IntN(len(all))]
}

func randomScopes(random *rand.Rand) []string {
	return [][]string{nil, {"read"}, {"write"}, {"read", "write"}}[random.IntN(4)]
}

// randomTime is none, or some hours before or after the plan.
func randomTime(random *rand.Rand) int64 {
	return []int64{0, 0, planNoon.Unix() - 7200, planNoon.Unix(), planNoon.Unix() + 7200, planNoon.Unix() + 4*3600}[random.IntN(6)]
}

func randomWindow(random *rand.Rand) schema.Window {
	w := schema.Window{NotBefore: randomTime(random), ExpiresAt: randomTime(random)}
	if w.ExpiresAt != 0 && w.ExpiresAt <= w.NotBefore {
		w.NotBefore = 0
	}
	return w
}

// randomEdit changes one to three things.
func randomEdit(random *rand.Rand, d *schema.Document) *schema.Document {
	after := *d
	after.Clients, after.Authorizations, after.TrustedIssuers = slices.Clone(d.Clients), slices.Clone(d.Authorizations), slices.Clone(d.TrustedIssuers)
	for range 1 + random.IntN(3) {
		client := &after.Clients[random.IntN(len(after.Clients))]
		switch random.IntN(7) {
		case 0:
			client.Secrets = slices.Clone(client.Secrets)
			client.Secrets[random.IntN(len(client.Secrets))].Window = randomWindow(random)
		case 1:
			client.GrantTypes = randomGrants(random)
		case 2:
			other := randomDocument(random)
			after.TrustedIssuers = other.TrustedIssuers
		case 3:
			after.Authorizations = randomDocument(random).Authorizations
		default:
			if len(after.Authorizations) > 0 {
				a := &after.Authorizations[random.IntN(len(after.Authorizations))]
				a.Scopes, a.ExpiresAt = randomScopes(random), randomTime(random)
			}
		}
	}
	return &after
}

func openDocument(t *testing.T, d *schema.Document) *snapshot.Snapshot {
	t.Helper()
	body, err := snapshot.Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	file, err := snapshot.Marshal(snapshot.Envelope{Serial: 1}, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// decided is what the server grants by any grant: each scope, and "" for any token.
func decided(d *schema.Document, snap *snapshot.Snapshot, at time.Time) map[string]bool {
	granted := map[string]bool{}
	decider := decide.New(snap, decide.Facts{})
	for _, c := range d.Clients {
		for _, a := range d.APIs {
			for _, issuer := range []string{"", "guests", "staff"} {
				grants := []string{schema.GrantClientCredentials}
				var user *decide.User
				if issuer != "" {
					grants = []string{schema.GrantTokenExchange, schema.GrantJWTBearer}
					user = &decide.User{TrustedIssuer: issuer, Subject: "anna"}
				}
				for _, grant := range grants {
					for _, scope := range []string{"", "read", "write"} {
						request := decide.Request{ClientID: c.ClientID, GrantType: grant, Audience: a.Identifier, Scope: scope, User: user}
						if _, refusal := decider.Decide(request, at); refusal == nil {
							granted[fmt.Sprint(c.ClientID, " ", a.Identifier, " ", issuer, " ", scope)] = true
						}
					}
				}
			}
		}
	}
	return granted
}

// rowsAt is what the plan says of a time, as a reader of its JSON takes it.
func rowsAt(t *testing.T, p *compiler.Plan, before, after *schema.Document, at time.Time) map[string]bool {
	t.Helper()
	var read struct {
		Access []struct {
			ClientID      string   `json:"client_id"`
			Identifier    string   `json:"identifier"`
			SubjectType   string   `json:"subject_type"`
			TrustedIssuer string   `json:"trusted_issuer"`
			Gained, Lost  []string `json:",omitempty"`
			From, Until   time.Time
			Token         string
		}
	}
	b, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(b, &read)
	}
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, a := range read.Access {
		if at.Before(a.From) || !a.Until.IsZero() && !at.Before(a.Until) {
			continue
		}
		for _, side := range []struct {
			sign, token string
			scopes      []string
			of          *schema.Document
		}{{"+", "gained", a.Gained, after}, {"-", "lost", a.Lost, before}} {
			if a.Token == side.token {
				side.scopes = append([]string{""}, side.scopes...)
			}
			issuers := []string{a.TrustedIssuer}
			if a.SubjectType == "user" && a.TrustedIssuer == "" {
				issuers = userIssuersOf(side.of)
			}
			for _, issuer := range issuers {
				for _, scope := range side.scopes {
					rows[fmt.Sprint(side.sign, " ", a.ClientID, " ", a.Identifier, " ", issuer, " ", scope)] = true
				}
			}
		}
	}
	return rows
}

func userIssuersOf(d *schema.Document) []string {
	var labels []string
	for _, t := range d.TrustedIssuers {
		if slices.Contains(t.VouchesFor, schema.SubjectUser) {
			labels = append(labels, t.Label)
		}
	}
	return labels
}

// checkViewsAgree compares who gains and loses what in text and markdown with the plan:
// each change is in a line of both, and no line says anything else.
func checkViewsAgree(t *testing.T, p *compiler.Plan) {
	t.Helper()
	want := []string{}
	for i := range p.Access {
		a := &p.Access[i]
		client, api := parties(p.Access, i)
		for sign, scopes := range map[string][]string{"+": a.Gained, "-": a.Lost} {
			if len(scopes) == 0 && (a.Token == "" || (a.Token == compiler.TokenGained) != (sign == "+")) {
				continue
			}
			words := []string{sign, client, api}
			words = append(words, scopes...)
			for _, word := range []string{a.From, a.Until, a.TrustedIssuer} {
				if word != "" {
					words = append(words, word)
				}
			}
			if a.SubjectType == schema.SubjectUser {
				words = append(words, "users")
			}
			slices.Sort(words)
			want = append(want, strings.Join(words, " "))
		}
	}
	slices.Sort(want)
	for _, view := range []Plan{PlanText{}, PlanMarkdown{Command: "writ plan"}} {
		got := accessLines(strings.NewReplacer("`", "", "**", "").Replace(show(t, view, p)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("the plan -, its %T +:\n%s\n%s", view, diff, show(t, view, p))
		}
	}
}

// An access line says who gains or loses: "client.a may now read, write on api.b (from T)".
var (
	accessLine = regexp.MustCompile(`(?m)^(?:- | *[+-] )(?:🔴 sensitive: )?((?:\d+ clients|client\.\S+)(?: with client_id "\S+")?) (may now|may already|keeps|may no longer|gets no more tokens for)(?: get)? (.*)$`)
	someUsers  = regexp.MustCompile(`users(?: of trusted\\?_issuer\.(\w+))?`)
	someTime   = regexp.MustCompile(`\b(?:from|until) (\S+?Z)`)
	someName   = regexp.MustCompile(`\b(?:api|client)\.\w+`)
	someScope  = regexp.MustCompile(`\b(?:read|write)\b`)
)

// accessLines are the words of each line about access, sorted; of a line about several
// clients, those of each.
func accessLines(text string) []string {
	lines := []string{}
	for _, m := range accessLine.FindAllStringSubmatch(text, -1) {
		sign, clients, rest := "+", []string{m[1]}, m[3]
		if strings.HasPrefix(rest, "use the grant") {
			continue // an attribute of the client, which says so itself
		}
		if m[2] == "may no longer" || m[2] == "gets no more tokens for" {
			sign = "-"
		}
		if names := someName.FindAllString(rest, -1); len(names) > 1 {
			clients = names[1:]
		}
		for _, client := range clients {
			words := []string{sign, client, someName.FindString(rest)}
			words = append(words, someScope.FindAllString(rest, -1)...)
			for _, found := range someTime.FindAllStringSubmatch(rest, -1) {
				words = append(words, found[1])
			}
			if found := someUsers.FindStringSubmatch(rest); found != nil {
				if words = append(words, "users"); found[1] != "" {
					words = append(words, found[1])
				}
			}
			slices.Sort(words)
			lines = append(lines, strings.Join(words, " "))
		}
	}
	slices.Sort(lines)
	return lines
}
