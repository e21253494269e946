package server_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
)

// A modelFamily is what the model knows of a family: every token of it, in order.
type modelFamily struct {
	tokens                 []string
	started, used, rotated time.Time
	kept                   time.Time // until when the store has its record
	revoked                bool
}

func (f *modelFamily) end(policy schema.RefreshToken) time.Time {
	byLife, byIdle := f.started.Add(time.Duration(policy.Lifetime)*time.Second), f.used.Add(time.Duration(policy.IdleLifetime)*time.Second)
	if byIdle.Before(byLife) {
		return byIdle
	}
	return byLife
}

// A model is refresh tokens as the documents tell of them, without a store, a hash
// or a salt.
type model struct {
	*users
	families []*modelFamily

	policy        schema.RefreshToken
	forbidden     bool // the API does not allow offline access
	withdrawn     bool // a scope is not granted any more
	revokedBefore int64
}

// over reports whether no token of the family is taken whatever else is the case.
func (m *model) over(f *modelFamily) bool {
	return f.revoked || !m.now.Before(f.kept) || !m.now.Before(f.end(m.policy)) || f.started.Before(time.Unix(m.revokedBefore, 0))
}

func (m *model) document() *schema.Document {
	doc := refreshing(m.policy)
	doc.Clients[1].RevokedBefore = m.revokedBefore
	doc.APIs[0].AllowOfflineAccess = !m.forbidden
	if m.withdrawn {
		for i := range doc.Authorizations {
			doc.Authorizations[i].Scopes = []string{"read:orders"}
		}
	}
	return doc
}

// pick draws a token that was issued, old ones included.
func (m *model) pick(r *rapid.T) (*modelFamily, int) {
	if len(m.families) == 0 {
		r.Skip("no family")
	}
	f := m.families[len(m.families)-1-rapid.IntRange(0, min(3, len(m.families)-1)).Draw(r, "family")]
	back := min(rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2, 5}).Draw(r, "back"), len(f.tokens)-1)
	return f, len(f.tokens) - 1 - back
}

func (m *model) begin(r *rapid.T) {
	res, line := m.do(exchanged(userToken(map[string]any{"iat": m.now.Unix(), "exp": m.now.Unix() + 300}), "scope", map[bool]string{
		false: "read:orders write:orders offline_access", true: "read:orders offline_access"}[m.withdrawn]))
	if res.status != 200 || (res.body.Refresh == "") != m.forbidden {
		r.Fatalf("%d %s %s", res.status, res.raw, line)
	}
	if !m.forbidden && !m.withdrawn { // a family without the scope to withdraw is another story
		f := &modelFamily{tokens: []string{res.body.Refresh}, started: m.now, used: m.now}
		f.kept = f.end(m.policy)
		m.families = append(m.families, f)
	}
}

// want is what using the token comes to: the next token, "-" for none, "" for a
// refusal.
func (m *model) want(f *modelFamily, i int) string {
	last := len(f.tokens) - 1
	inLeeway := m.policy.Leeway > 0 && m.now.Before(f.rotated.Add(time.Duration(m.policy.Leeway)*time.Second))
	switch {
	case m.over(f):
		return ""
	case i != last && (i != last-1 || !inLeeway):
		f.revoked = true
		return ""
	case m.forbidden || m.withdrawn:
		return ""
	case i == last-1:
		return f.tokens[last]
	case m.policy.Rotation == schema.RotationNonRotating:
		if m.now.Sub(f.used) >= time.Second {
			f.used = m.now
			f.kept = f.end(m.policy)
		}
		return "-"
	}
	f.used, f.rotated = m.now, m.now
	f.kept = f.end(m.policy)
	return "new"
}

func (m *model) use(r *rapid.T) {
	f, i := m.pick(r)
	client := rapid.SampledFrom([]string{"web", "web", "web", "web", "other"}).Draw(r, "client")
	want := ""
	if client == "web" {
		want = m.want(f, i)
	}
	res, line := m.do(refreshed(f.tokens[i], "client_id", client))
	got := res.body.Refresh
	if res.status == 200 && got == "" {
		got = "-"
	}
	if want == "new" && len(got) == 64 {
		for _, known := range m.families {
			for _, token := range known.tokens {
				if token == got {
					r.Fatalf("a token that was issued before: %s", got)
				}
			}
		}
		f.tokens = append(f.tokens, got)
		want = got
	}
	if got != want || res.status != 200 && (res.status != 400 || res.body.Error != "invalid_grant") {
		r.Fatalf("token %d of %d: %q, want %q: %d %s %s", i+1, len(f.tokens), got, want, res.status, res.raw, line)
	}
}

func (m *model) revoke(r *rapid.T) {
	f, i := m.pick(r)
	client := rapid.SampledFrom([]string{"web", "other"}).Draw(r, "client")
	if res := present(m.t, m.server, "/oauth/revoke", client, f.tokens[i]); res.status != 200 {
		r.Fatalf("%d %s", res.status, res.raw)
	}
	if client == "web" && !m.over(f) {
		f.revoked = true
	}
}

func (m *model) introspect(r *rapid.T) {
	f, i := m.pick(r)
	want := !m.over(f) && i == len(f.tokens)-1 && !m.forbidden && !m.withdrawn
	if res := present(m.t, m.server, "/oauth/introspect", "web", f.tokens[i]); (res.raw != inactive) != want {
		r.Fatalf("token %d of %d: %s, want %v", i+1, len(f.tokens), res.raw, want)
	}
}

func (m *model) wait(r *rapid.T) {
	unit := rapid.SampledFrom([]time.Duration{time.Millisecond, 300 * time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(r, "unit")
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 12).Draw(r, "units")) * unit)
}

func (m *model) reconfigure(r *rapid.T) {
	day := int64(86400)
	m.policy = schema.RefreshToken{
		Rotation: rapid.SampledFrom([]schema.Rotation{schema.RotationRotating, schema.RotationRotating, schema.RotationNonRotating}).Draw(r, "rotation"),
		Lifetime: rapid.SampledFrom([]int64{3600, 5 * day, 30 * day}).Draw(r, "lifetime"), Leeway: rapid.SampledFrom([]int64{0, 1, 10, 60}).Draw(r, "leeway"),
	}
	m.policy.IdleLifetime = min(m.policy.Lifetime, rapid.SampledFrom([]int64{60, 3600, 15 * day}).Draw(r, "idle"))
	one := rapid.SampledFrom([]string{"", "", "", "", "forbid", "withdraw", "revoke"}).Draw(r, "beside")
	m.forbidden, m.withdrawn = one == "forbid", one == "withdraw"
	if one == "revoke" {
		m.revokedBefore = m.now.Unix() - int64(rapid.IntRange(0, 100).Draw(r, "ago"))
	}
	m.activate(m.document())
}

// The server does what the model does, whatever clients, thieves, operators and
// the clock do.
func TestRefreshTokensFollowTheModel(t *testing.T) {
	testenv.OneByOne(t)
	rapid.Check(t, func(r *rapid.T) {
		m := &model{policy: rotating}
		m.users = newUsers(t, m.document(), server.Options{Logger: quiet()})
		m.begin(r)
		r.Repeat(map[string]func(*rapid.T){
			"begin": m.begin, "use": m.use, "use again": m.use, "use once more": m.use, "wait": m.wait, "revoke": m.revoke, "introspect": m.introspect, "reconfigure": m.reconfigure,
			"": func(r *rapid.T) {
				if len(m.families) > 50 {
					m.families = m.families[len(m.families)-10:]
				}
			},
		})
	})
}
