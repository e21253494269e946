package compiler

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// clockSkew is how many seconds a verifier's clock may be behind ours: it then accepts a
// token that much longer.
const clockSkew = 5 * 60

// announceWindow is how many seconds a key is published before it signs:
// verifiers that cached the key set must have fetched it again by then.
const announceWindow = 24 * 3600

// checkKeySchedules proves for each algorithm in use that at every moment
// exactly one declared key signs, and that no key goes unpublished while a token
// that it signed may still be presented.
//
// The keys of an algorithm take over from one another: each signs from its
// activates_at until the next one's. So its last token is signed when the next
// takes over, and expires the longest token lifetime later. An algorithm without
// declared keys is the server's to manage.
func (c *compilation) checkKeySchedules() {
	c.checkSameKeys()
	longest := c.longestTokens()
	byAlg := c.keysByAlg()
	for _, alg := range slices.Sorted(maps.Keys(byAlg)) {
		if l, inUse := longest[alg]; inUse {
			c.checkSchedule(byAlg[alg], l)
		}
	}
}

// A longestToken is the API whose tokens of an algorithm live longest.
type longestToken struct {
	api     string // address
	seconds int64
}

// LastKey returns the declared key that signs last of those of an algorithm, nil when
// none is declared.
func (m *Model) LastKey(alg schema.SigningAlg) (last *config.SigningKey) {
	for _, key := range m.Config.SigningKeys {
		if key.Alg == alg && (last == nil || key.ActivatesAt > last.ActivatesAt) {
			last = key
		}
	}
	return last
}

// KeyNeeded is until when, in Unix seconds, a key has to be published if another one of
// its algorithm takes over at that time: the last token that it signs may still be
// presented then, by the lifetimes that the configuration has now.
func (m *Model) KeyNeeded(alg schema.SigningAlg, takesOver int64) int64 {
	longest := int64(0)
	for i := range m.Document.APIs {
		if api := &m.Document.APIs[i]; api.Alg == alg {
			longest = max(longest, api.TokenLifetime)
		}
	}
	return takesOver + longest + clockSkew
}

// longestTokens returns, for each algorithm in use, the API with the longest lifetime. A
// key must stay published that long after its last signature.
func (c *compilation) longestTokens() map[schema.SigningAlg]longestToken {
	longest := make(map[schema.SigningAlg]longestToken)
	for i := range c.Document.APIs {
		api := &c.Document.APIs[i]
		if api.TokenLifetime > longest[api.Alg].seconds {
			longest[api.Alg] = longestToken{c.apis[i].Address, api.TokenLifetime}
		}
	}
	return longest
}

// keysByAlg groups the declared keys by algorithm, each group in the order in which they
// sign. A group is left out if a refused key may belong to it.
func (c *compilation) keysByAlg() map[schema.SigningAlg][]*config.SigningKey {
	groups := make(map[schema.SigningAlg][]*config.SigningKey)
	for _, k := range c.signingKeys {
		groups[k.Alg] = append(groups[k.Alg], k)
	}
	for _, k := range c.signingKeys {
		switch refused := c.refused.has(&k.Decl); {
		case refused && k.Alg == "":
			return nil
		case refused:
			delete(groups, k.Alg)
		}
	}
	for _, keys := range groups {
		slices.SortStableFunc(keys, func(a, b *config.SigningKey) int {
			return cmp.Compare(a.ActivatesAt, b.ActivatesAt)
		})
	}
	return groups
}

// checkSchedule checks the keys of one algorithm, which are in the order in which they
// sign, each against its successor.
func (c *compilation) checkSchedule(keys []*config.SigningKey, longest longestToken) {
	c.checkFirstKey(keys[0])
	for i, key := range keys {
		if i+1 == len(keys) {
			c.checkLastKey(key)
			return
		}
		next := keys[i+1]
		needed := next.ActivatesAt + longest.seconds + clockSkew
		switch {
		case next.ActivatesAt == key.ActivatesAt:
			c.reportOverlappingKeys(next, key)
		case key.RetiresAt == 0 || key.RetiresAt >= needed:
		case key.RetiresAt < next.ActivatesAt:
			c.reportKeyGap(key, next, needed)
		default:
			c.reportUnpublishedEarly(key, next, longest, needed)
		}
	}
}

// reportOverlappingKeys is about two keys that begin to sign at one time.
func (c *compilation) reportOverlappingKeys(key, other *config.SigningKey) {
	c.reportTitled(key.AttrRange("activates_at"), "unsafe-key-schedule", "Two keys sign together",
		fmt.Sprintf("%s and %s are both %s keys that sign from %s, so which one signs is undecided. "+
			"Let one of them activate later.", key.Address, other.Address, key.Alg, activation(key)),
		declaredHere(&other.Decl))
}

// reportKeyGap is about a key that retires before the next one signs.
func (c *compilation) reportKeyGap(key, next *config.SigningKey, needed int64) {
	c.reportTitled(key.AttrRange("retires_at"), "unsafe-key-schedule", "Gap between keys",
		fmt.Sprintf("%s signs %s tokens from %s and retires at %s, but %s takes over only at %s: in between no key signs. "+
			"Let %s activate earlier, and keep %s published until %s or later.",
			key.Address, key.Alg, activation(key), schema.FormatTime(key.RetiresAt), next.Address, schema.FormatTime(next.ActivatesAt),
			next.Address, key.Address, schema.FormatTime(needed)),
		relatedSuccessor(next))
}

// reportUnpublishedEarly is about a key that retires while tokens signed by it are valid.
func (c *compilation) reportUnpublishedEarly(key, next *config.SigningKey, longest longestToken, needed int64) {
	c.reportTitled(key.AttrRange("retires_at"), "unsafe-key-schedule", "Key unpublished early",
		fmt.Sprintf("%s signs from %s until %s takes over at %s. The last token that it signs then lives up to %s (%s), "+
			"and a verifier's clock may be %s behind, so the key must stay published until %s; it retires at %s. "+
			"Set retires_at to %[8]q or later.",
			key.Address, activation(key), next.Address, schema.FormatTime(next.ActivatesAt), schema.FormatDuration(longest.seconds), longest.api,
			schema.FormatDuration(clockSkew), schema.FormatTime(needed), schema.FormatTime(key.RetiresAt)),
		relatedSuccessor(next))
}

// checkLastKey refuses an end without a successor: it signs to the end, so its
// last tokens could not be verified, and after it nothing signs.
func (c *compilation) checkLastKey(key *config.SigningKey) {
	if key.RetiresAt == 0 {
		return
	}
	c.reportTitled(key.AttrRange("retires_at"), "unsafe-key-schedule", "Last key retires",
		fmt.Sprintf("%s signs from %s and retires at %s, and no other %s key takes over before: its last tokens could not be verified "+
			"and then nothing signs. Declare the key that follows, or leave retires_at out until there is one.",
			key.Address, activation(key), schema.FormatTime(key.RetiresAt), key.Alg))
}

// checkFirstKey warns that no key signs yet, if the options have a clock.
func (c *compilation) checkFirstKey(key *config.SigningKey) {
	if c.opts.Now.IsZero() || key.ActivatesAt <= c.opts.Now.Unix() {
		return
	}
	c.diags.Add(diag.Newf("unsafe-key-schedule", key.AttrRange("activates_at"),
		"%s is the first declared %s key and signs from %s; until then no %s token can be signed. "+
			"Let it activate earlier, or declare the key that signs now.",
		key.Address, key.Alg, schema.FormatTime(key.ActivatesAt), key.Alg).Titled("No key signs yet").WithSeverity(diag.Warning))
}

// checkSameKeys refuses one private key under two labels: as a successor it
// changes nothing, and with two algorithms it breaks RFC 8725 section 3.1.
func (c *compilation) checkSameKeys() {
	first := make(map[schema.SecretRef]*config.SigningKey)
	for _, k := range c.signingKeys {
		other, taken := first[k.PrivateKey]
		if !taken || k.PrivateKey == "" {
			first[k.PrivateKey] = k
			continue
		}
		c.reportTitled(k.AttrRange("private_key"), "invalid-key", "Signing key used twice",
			fmt.Sprintf("%s and %s name the same private key. One key has one algorithm and one time to sign: "+
				"make a new key (writ keys new).", k.Address, other.Address),
			diag.Related{Message: other.Address + " names it too", Range: other.AttrRange("private_key")})
	}
}

// activation is when a key begins to sign, in words.
func activation(k *config.SigningKey) string {
	if k.ActivatesAt == 0 {
		return "the beginning"
	}
	return schema.FormatTime(k.ActivatesAt)
}

// relatedSuccessor points a diagnostic at the key that signs next, by the attribute that says
// from when on.
func relatedSuccessor(k *config.SigningKey) diag.Related {
	return diag.Related{Message: k.Address + " takes over here", Range: k.AttrRange("activates_at")}
}

// checkSigningSecrets requires a signing secret of exactly the APIs that sign with HS256,
// and warns where two APIs share one.
func (c *compilation) checkSigningSecrets() {
	first := make(map[schema.SecretRef]int32)
	for i := range c.Document.APIs {
		api := &c.Document.APIs[i]
		declared := c.apis[i]
		switch there := api.SigningSecret != ""; {
		case c.refused.has(&declared.Decl):
		case api.Alg == schema.HS256 && !there:
			c.reportMissingSigningSecret(int32(i))
		case api.Alg != schema.HS256 && there:
			c.reportUnusedSigningSecret(int32(i))
		case there:
			if j, shared := first[api.SigningSecret]; shared {
				c.reportSharedSigningSecret(int32(i), j)
			} else {
				first[api.SigningSecret] = int32(i)
			}
		}
	}
}

// reportMissingSigningSecret is about an API with HS256 and no secret.
func (c *compilation) reportMissingSigningSecret(i int32) {
	a := c.apis[i]
	c.report(c.algRange(i), "missing-signing-secret",
		fmt.Sprintf(`%s signs with HS256, which needs a secret that the API's verifiers hold too. `+
			`Set signing_secret = "env:NAME" or "file:NAME", or choose an asymmetric signing_alg such as %q.`, a.Address, schema.RS256),
		c.algElsewhere(i)...)
}

// reportUnusedSigningSecret is about an API with a secret and an asymmetric algorithm.
func (c *compilation) reportUnusedSigningSecret(i int32) {
	a := c.apis[i]
	c.report(a.AttrRange("signing_secret"), "unused-signing-secret",
		fmt.Sprintf("%s signs with %s, which uses no shared secret. Remove signing_secret, or set signing_alg = %q.",
			a.Address, c.Document.APIs[i].Alg, schema.HS256),
		c.algElsewhere(i)...)
}

// reportSharedSigningSecret is about two APIs with one secret.
func (c *compilation) reportSharedSigningSecret(i, j int32) {
	a, b := c.apis[i], c.apis[j]
	c.report(a.AttrRange("signing_secret"), "hs256-shared-key",
		fmt.Sprintf("%s and %s are signed with the same HS256 secret, so whoever verifies tokens for one can forge tokens for the other. "+
			"Give each API a secret of its own.", a.Address, b.Address),
		diag.Related{Message: b.Address + " uses it too", Range: b.AttrRange("signing_secret")})
}

// algRange is where the API's algorithm was written, else its header.
func (c *compilation) algRange(i int32) hcl.Range { return c.apis[i].AttrRange("signing_alg") }

// algElsewhere points at the issuer's default where the algorithm comes from there.
func (c *compilation) algElsewhere(i int32) []diag.Related {
	if c.apis[i].Has("signing_alg") || c.issuer.Defaults.Alg == "" {
		return nil
	}
	return []diag.Related{{Message: "the algorithm is the issuer's default", Range: c.defaultRange("signing_alg")}}
}
