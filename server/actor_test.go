package server_test

import (
	"net/url"
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
		"second": {map[string]any{"may_act": mayAct, "act": map[string]any{"sub": "helpdesk"}}, `{"sub":"cluster|system:serviceaccount:a:agent","act":{"sub":"helpdesk"}}`},
		"third": {map[string]any{"may_act": mayAct, "act": map[string]any{"sub": "b", "act": map[string]any{"sub": "a"}}},
			`{"sub":"cluster|system:serviceaccount:a:agent","act":{"act":{"sub":"a"},"sub":"b"}}`},
	} {
		if payload := payloadText(t, u.granted(ask(row.subject, agent(nil))).body.AccessToken); !strings.Contains(payload, `,"act":`+row.act+`,`) {
			t.Errorf("%s: %s", name, payload)
		}
	}
	// Nobody new: who acted still does, named in the space of who says so.
	payload := payloadText(t, u.granted(exchanged(userToken(map[string]any{"act": map[string]any{"sub": "billing@clients", "act": map[string]any{"sub": "a"}}}))).body.AccessToken)
	if !strings.Contains(payload, `"act":{"sub":"corp|billing@clients","act":{"sub":"a"}}`) {
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
