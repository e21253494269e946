package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/token"
)

// A worldPair is a client_id and an API's identifier.
type worldPair struct{ clientID, identifier string }

// grantedOverHTTP asks the server, as every client and for every API, for all that the
// client may have on its own behalf now. Refused pairs are left out.
func (w *world) grantedOverHTTP() map[worldPair]string {
	w.t.Helper()
	drawn := w.r // these requests take nothing from those that the world draws
	w.r = rand.New(rand.NewPCG(w.seed, w.serial))
	defer func() { w.r = drawn }()
	granted := map[worldPair]string{}
	for _, client := range worldClients {
		for _, api := range worldAPIs {
			pair := worldPair{client + "-id", identifierOf(api)}
			q := query{form: url.Values{"grant_type": {schema.GrantClientCredentials}, "audience": {pair.identifier}}, client: client}
			q.req = decide.Request{ClientID: pair.clientID, GrantType: schema.GrantClientCredentials, Confirmation: token.Confirmation{JKT: "of the key below"}}
			w.authenticate(&q)
			w.nth++
			q.proof = w.keys.get("proof").sign(map[string]any{"typ": "dpop+jwt", "jwk": jwkWithout(w.keys.get("proof").jwk(), "kid"), "kid": nil}, map[string]any{
				"jti": fmt.Sprint("review-", w.nth), "htm": "POST", "htu": worldIssuer + "oauth/token", "iat": w.now.Unix(),
			})
			switch status, answer := w.send("/oauth/token", q); {
			case status == http.StatusOK:
				granted[pair] = answer.Scope
			case status >= http.StatusInternalServerError || status == http.StatusTooManyRequests:
				w.report(q, status, answer, "the server has not decided")
			}
		}
	}
	return granted
}

// compareReview holds what is said about a change of the configuration, by the plan and
// by who before and after it, against what the server answers before and after.
func (w *world) compareReview(prior *compiler.Model, before map[worldPair]string) {
	w.t.Helper()
	after := w.grantedOverHTTP()
	for name, side := range map[string]struct {
		model *compiler.Model
		http  map[worldPair]string
	}{"before": {prior, before}, "after": {w.model, after}} {
		list, err := side.model.Who(compiler.AccessQuery{AccessFilter: compiler.AccessFilter{SubjectType: schema.SubjectClient}}, w.now)
		if err != nil {
			w.t.Fatal(err)
		}
		said := map[worldPair]string{}
		for _, a := range list {
			said[worldPair{a.Client.ClientID, a.API.Identifier}] = strings.Join(a.Authorization.Scopes, " ")
		}
		if diff := gocmp.Diff(side.http, said); diff != "" {
			w.t.Fatalf("world %d, %s the change: the server -, who +:\n%s\n%s", w.seed, name, diff, w.text)
		}
	}
	plan, list := compiler.NewPlan(compiler.Prior{Document: prior.Document}, w.model, compiler.PlanOptions{Now: w.now})
	if list.HasErrors() {
		w.t.Fatal(list)
	}
	said, want := map[string]bool{}, map[string]bool{}
	for _, a := range plan.Access {
		if a.SubjectType != schema.SubjectClient || a.From != "" {
			continue
		}
		markScopes(said, "+", worldPair{a.ClientID, a.Identifier}, a.Gained, nil, a.Token == compiler.TokenGained)
		markScopes(said, "-", worldPair{a.ClientID, a.Identifier}, a.Lost, nil, a.Token == compiler.TokenLost)
	}
	for _, client := range worldClients {
		for _, api := range worldAPIs {
			pair := worldPair{client + "-id", identifierOf(api)}
			had, hadAny := before[pair]
			has, hasAny := after[pair]
			markScopes(want, "+", pair, strings.Fields(has), strings.Fields(had), hasAny && !hadAny)
			markScopes(want, "-", pair, strings.Fields(had), strings.Fields(has), hadAny && !hasAny)
		}
	}
	if diff := gocmp.Diff(want, said); diff != "" {
		w.t.Fatalf("world %d: the server -, the plan +:\n%s\n%s", w.seed, diff, w.text)
	}
	w.tally["review"] += len(want)
}

// markScopes adds a row for each scope that is not among others, and one for the token.
func markScopes(rows map[string]bool, sign string, pair worldPair, scopes, others []string, tokens bool) {
	for _, scope := range scopes {
		if !slices.Contains(others, scope) {
			rows[fmt.Sprint(sign, pair, scope)] = true
		}
	}
	if tokens {
		rows[fmt.Sprint(sign, pair)] = true
	}
}
