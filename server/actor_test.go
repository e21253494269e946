package server_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/server"
)

// Who acts for a user is named by the act claim, if the user's token lets them;
// who acted before is inside.
func TestActor(t *testing.T) {
	u := newUsers(t, userDocument(), server.Options{})
	mayAct := map[string]any{"iss": clusterURL, "sub": "system:serviceaccount:a:agent"}
	agent := func(changes map[string]any) string {
		return cluster().sign(map[string]any{"kid": "c1"}, changed(map[string]any{
			"iss": clusterURL, "sub": "system:serviceaccount:a:agent", "aud": issuerURL, "exp": noon.Unix() + 60, "iat": noon.Unix(),
		}, changes))
	}
	ask := func(subject map[string]any, actor string) url.Values {
		return exchanged(userToken(subject), "actor_token", actor, "actor_token_type", jwtToken)
	}
	for name, row := range map[string]struct {
		subject map[string]any
		act     string
	}{
		"first":  {map[string]any{"may_act": mayAct}, `{"sub":"cluster|system:serviceaccount:a:agent"}`},
		"second": {map[string]any{"may_act": mayAct, "act": map[string]any{"sub": "helpdesk"}}, `{"sub":"cluster|system:serviceaccount:a:agent","act":{"sub":"corp|helpdesk"}}`},
		"third": {map[string]any{"may_act": mayAct, "act": map[string]any{"sub": "b", "act": map[string]any{"sub": "a"}}},
			`{"sub":"cluster|system:serviceaccount:a:agent","act":{"sub":"corp|b","act":{"sub":"corp|a"}}}`},
	} {
		if payload := payloadText(t, u.granted(ask(row.subject, agent(nil))).body.AccessToken); !strings.Contains(payload, `,"act":`+row.act+`,`) {
			t.Errorf("%s: %s", name, payload)
		}
	}
	// Nobody new: who acted still does, named in the space of who says so.
	payload := payloadText(t, u.granted(exchanged(userToken(map[string]any{"act": map[string]any{"sub": "billing@clients", "act": map[string]any{"sub": "a"}}}))).body.AccessToken)
	if !strings.Contains(payload, `"act":{"sub":"corp|billing@clients","act":{"sub":"corp|a"}}`) {
		t.Errorf("%s", payload)
	}
	payload = payloadText(t, u.granted(exchanged(userToken(map[string]any{"act": map[string]any{"iss": corpURL, "sub": "helpdesk"}}))).body.AccessToken)
	if !strings.Contains(payload, `"act":{"sub":"corp|helpdesk"}`) {
		t.Errorf("an act that names the same issuer: %s", payload)
	}
	good := map[string]any{"may_act": mayAct}
	for name, row := range map[string]struct {
		form   url.Values
		reason string
	}{
		"no may_act":               {ask(nil, agent(nil)), "actor-not-in-may-act"},
		"another sub":              {ask(map[string]any{"may_act": map[string]any{"iss": clusterURL, "sub": "other"}}, agent(nil)), "actor-not-in-may-act"},
		"another iss":              {ask(map[string]any{"may_act": map[string]any{"iss": corpURL, "sub": mayAct["sub"]}}, agent(nil)), "actor-not-in-may-act"},
		"no iss":                   {ask(map[string]any{"may_act": map[string]any{"sub": mayAct["sub"]}}, agent(nil)), "actor-not-in-may-act"},
		"no sub":                   {ask(map[string]any{"may_act": map[string]any{"iss": clusterURL}}, agent(nil)), "actor-not-in-may-act"},
		"may_act a list":           {ask(map[string]any{"may_act": []any{mayAct}}, agent(nil)), "actor-not-in-may-act"},
		"may_act of text":          {ask(map[string]any{"may_act": mayAct["sub"]}, agent(nil)), "actor-not-in-may-act"},
		"the actor's own may_act":  {ask(nil, agent(map[string]any{"may_act": mayAct})), "actor-not-in-may-act"},
		"actor expired":            {ask(good, agent(map[string]any{"exp": noon.Unix() - 60})), "expired"},
		"actor for another":        {ask(good, agent(map[string]any{"aud": "elsewhere"})), "wrong-audience"},
		"actor of nobody":          {ask(good, agent(map[string]any{"iss": "https://evil.example"})), "issuer-not-trusted-for-users"},
		"actor with a key of corp": {ask(good, corp().sign(map[string]any{"kid": "c1"}, map[string]any{"iss": clusterURL, "sub": mayAct["sub"], "aud": issuerURL, "exp": noon.Unix() + 60})), "unknown-key"},
		"actor is our own token":   {ask(good, u.granted(exchanged(userToken(nil))).body.AccessToken), "token-of-our-own"},
		"actor is not a token":     {ask(good, canary), "malformed"},
		"actor an access token":    {ask(good, cluster().sign(map[string]any{"kid": "c1", "typ": "at+jwt"}, map[string]any{"iss": clusterURL, "sub": mayAct["sub"], "aud": issuerURL, "exp": noon.Unix() + 60})), "wrong-type"},
	} {
		u.refused(name, row.form, 400, "invalid_request", row.reason)
	}
}

// Everybody in the chain of who acted is held to one rule: named in the space of the
// issuer that says so, whatever their names look like, and of no other issuer.
func TestActChain(t *testing.T) {
	u := newUsers(t, userDocument(), server.Options{})
	chain := func(actors ...map[string]any) map[string]any { // the first is the outermost
		var act map[string]any
		for _, actor := range slices.Backward(actors) {
			if act != nil {
				actor = changed(actor, map[string]any{"act": act})
			}
			act = actor
		}
		return map[string]any{"act": act}
	}
	actor := func(sub string, more ...any) map[string]any {
		a := map[string]any{"sub": sub}
		for i := 0; i < len(more); i += 2 {
			a[more[i].(string)] = more[i+1]
		}
		return a
	}
	many := func(n int) (actors []map[string]any) {
		for range n {
			actors = append(actors, actor("a"))
		}
		return actors
	}
	for name, row := range map[string]struct {
		act  map[string]any
		want string
	}{
		"label of another issuer": {chain(actor("svc"), actor("cluster|admin")), `{"sub":"corp|svc","act":{"sub":"corp|cluster|admin"}}`},
		"other claims of actors":  {chain(actor("svc", "client_id", "root"), actor("a", "client_id", "root", "scope", "all")), `{"sub":"corp|svc","act":{"sub":"corp|a"}}`},
		"the same issuer":         {chain(actor("svc", "iss", corpURL), actor("a", "iss", corpURL)), `{"sub":"corp|svc","act":{"sub":"corp|a"}}`},
		"as many as may be":       {chain(many(4)...), strings.Repeat(`{"sub":"corp|a","act":`, 3) + `{"sub":"corp|a"}` + strings.Repeat("}", 3)},
	} {
		payload := payloadText(t, u.granted(exchanged(userToken(row.act))).body.AccessToken)
		if !strings.Contains(payload, `,"act":`+row.want+`,`) {
			t.Errorf("%s: %s", name, payload)
		}
	}
	mayAct := map[string]any{"iss": clusterURL, "sub": "agent"}
	agent := cluster().sign(map[string]any{"kid": "c1"}, map[string]any{"iss": clusterURL, "sub": "agent", "aud": issuerURL, "exp": noon.Unix() + 60})
	for name, row := range map[string]struct {
		act    map[string]any
		reason string
	}{
		"another issuer, second": {chain(actor("svc"), actor("admin", "iss", clusterURL)), "act-of-another-issuer"},
		"another issuer, third":  {chain(actor("svc"), actor("a"), actor("admin", "iss", "https://evil.example")), "act-of-another-issuer"},
		"iss that is no text":    {chain(actor("svc"), actor("a", "iss", nil), actor("admin", "iss", 1)), "act-of-another-issuer"},
		"no sub":                 {chain(actor("svc"), map[string]any{"client_id": "root"}), "malformed-act"},
		"sub that is no text":    {chain(actor("svc"), map[string]any{"sub": 1}), "malformed-act"},
		"sub with an override":   {chain(actor("svc"), actor("a\u202e")), "malformed-act"},
		"text for an actor":      {chain(actor("svc", "act", "root")), "malformed-act"},
		"a list of actors":       {chain(actor("svc", "act", []any{actor("a")})), "malformed-act"},
		"too many":               {chain(many(5)...), "malformed-act"},
		"too long":               {chain(actor(strings.Repeat("x", 255)), actor(strings.Repeat("x", 255)), actor(strings.Repeat("x", 255)), actor(strings.Repeat("x", 255))), "malformed-act"},
	} {
		u.refused(name, exchanged(userToken(row.act)), 400, "invalid_request", row.reason)
		again := changed(row.act, map[string]any{"may_act": mayAct})
		u.refused(name+", and an actor", exchanged(userToken(again), "actor_token", agent, "actor_token_type", jwtToken), 400, "invalid_request", row.reason)
	}
}
