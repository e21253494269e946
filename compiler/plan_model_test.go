package compiler

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// A powers is a second opinion on what anybody can get or do under a document,
// kept apart from the comparison that it judges. A fact is something that
// exists or does not; a setting is a size of something that exists, where more
// is wider.
type powers struct {
	facts       map[string]bool
	settings    map[string]float64
	identifiers map[string]string // of APIs, by label
}

// end is an end of time as a size: none is the latest.
func end(unix int64) float64 {
	if unix == 0 {
		return math.Inf(1)
	}
	return float64(unix)
}

func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// powersOf lists everything that one could gain.
func powersOf(d *schema.Document) powers {
	p := powers{map[string]bool{}, map[string]float64{}, map[string]string{}}
	ids, clientIDs := map[string]*schema.API{}, map[string]*schema.Client{}
	for i := range d.APIs {
		a := &d.APIs[i]
		ids[a.Label] = a
		p.identifiers[a.Label] = a.Identifier
		p.settings["lifetime "+a.Identifier] = float64(a.TokenLifetime)
		p.settings["offline "+a.Identifier] = yes(a.AllowOfflineAccess)
		p.settings["all scopes "+a.Identifier] = yes(a.ScopeMode == schema.ScopeAllGranted)
	}
	for i := range d.Clients {
		p.client(&d.Clients[i], d)
		clientIDs[d.Clients[i].Label] = &d.Clients[i]
	}
	for _, a := range d.Authorizations {
		api := ids[a.API]
		key := fmt.Sprint("token ", clientIDs[a.Client].ClientID, " ", api.Identifier, " ", a.SubjectType)
		p.facts[key] = true
		for _, s := range a.Scopes {
			p.facts[key+" "+s] = true
		}
		lifetime := api.TokenLifetime
		if a.TokenLifetime != 0 {
			lifetime = min(lifetime, a.TokenLifetime)
		}
		p.settings["lifetime of "+key] = float64(lifetime)
		p.settings["until of "+key] = end(a.ExpiresAt)
		p.requirements("users of "+key, a.SubjectClaims)
		var claims map[string]json.RawMessage
		_ = json.Unmarshal([]byte(a.Claims), &claims)
		for name, value := range claims {
			p.facts[fmt.Sprint("claim of ", key, " ", name, " ", string(value))] = true
		}
	}
	for _, t := range d.TrustedIssuers {
		p.trusted(t)
	}
	for _, k := range d.SigningKeys {
		p.facts["key "+k.Label] = true
		p.facts[fmt.Sprint("key ", k.Label, " ", k.PrivateKey)] = true
		p.settings["key "+k.Label] = end(k.RetiresAt)
	}
	return p
}

func (p powers) client(c *schema.Client, d *schema.Document) {
	p.facts["client "+c.ClientID] = true
	for _, g := range c.GrantTypes {
		p.facts["grant "+c.ClientID+" "+g] = true
	}
	for _, label := range c.Introspects {
		for _, a := range d.APIs {
			if a.Label == label {
				p.facts["introspect "+c.ClientID+" "+a.Identifier] = true
			}
		}
	}
	rate := c.RateLimit
	if rate == 0 {
		rate = math.Inf(1)
	}
	p.settings["rate "+c.ClientID] = rate
	p.settings["unrevoked "+c.ClientID] = -float64(c.RevokedBefore)
	p.settings["bearer "+c.ClientID] = yes(!c.RequireSenderConstrained)
	for _, s := range c.Secrets {
		p.credential(c.ClientID+" secret "+s.Label, s.Hash, s.Window)
	}
	for _, f := range c.Federated {
		key := c.ClientID + " federated " + f.Label
		p.credential(key, fmt.Sprint(f.TrustedIssuer, f.Subject, " ", f.SubjectPattern), f.Window)
		p.requirements(key, f.Claims)
	}
	r := schema.RefreshToken{Rotation: schema.RotationRotating, Lifetime: 30 * 86400, IdleLifetime: 15 * 86400}
	if c.RefreshToken != nil {
		r = *c.RefreshToken
	}
	p.settings["refresh reuse "+c.ClientID] = yes(r.Rotation != schema.RotationRotating)
	p.settings["refresh life "+c.ClientID] = float64(r.Lifetime)
	p.settings["refresh idle "+c.ClientID] = float64(r.IdleLifetime)
	p.settings["refresh leeway "+c.ClientID] = float64(r.Leeway)
}

func (p powers) credential(key, value string, w schema.Window) {
	p.facts[key+" "+value] = true
	p.settings["from "+key] = -float64(w.NotBefore)
	p.settings["until "+key] = end(w.ExpiresAt)
}

func (p powers) trusted(t schema.TrustedIssuer) {
	p.facts["trust "+t.Label+" "+t.Issuer] = true
	for _, list := range [][]string{t.Audiences, textsOf(t.Algorithms), textsOf(t.VouchesFor), keysOf(t.JWKS), {t.JWKSURI}} {
		for _, v := range list {
			p.facts["trust "+t.Label+" "+v] = true
		}
	}
}

// requirements are the other way round: to have fewer is wider. So the absence
// of each requirement that anybody could have made is a setting.
func (p powers) requirements(key, object string) {
	var m map[string]json.RawMessage
	_ = json.Unmarshal([]byte(object), &m)
	for _, name := range []string{"group", "team"} {
		for _, value := range []string{`"a"`, `"b"`} {
			p.settings[fmt.Sprint("free of ", name, value, " ", key)] = yes(string(m[name]) != value)
		}
	}
}

// grew reports whether anybody gained anything: a new fact, more of a setting of
// something that is there before and after, or another API behind a label.
func grew(before, after powers) bool {
	for fact := range after.facts {
		if !before.facts[fact] {
			return true
		}
	}
	for name, size := range after.settings {
		if was, there := before.settings[name]; there && size > was {
			return true
		}
	}
	known := slices.Collect(maps.Values(before.identifiers))
	kept := slices.Collect(maps.Values(after.identifiers))
	for label, now := range after.identifiers {
		if was, there := before.identifiers[label]; there && !slices.Contains(known, now) && !slices.Contains(kept, was) {
			return true
		}
	}
	return false
}
