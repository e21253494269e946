package compiler_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/schema"
)

// TestKeySchedulesAgainstTime draws schedules and lets the time pass: a schedule
// is refused exactly when at some moment no key or two keys sign, or a token can
// be presented whose key is no longer published.
func TestKeySchedulesAgainstTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lifetime := int64(rapid.IntRange(1, 5).Draw(t, "lifetime")) * minute
		var keys []schema.SigningKey
		for i := range rapid.IntRange(1, 4).Draw(t, "keys") {
			k := schema.SigningKey{Label: fmt.Sprintf("k%d", i), Alg: schema.RS256, PrivateKey: schema.SecretRef(fmt.Sprintf("file:%d", i))}
			k.ActivatesAt = int64(rapid.IntRange(0, 12).Draw(t, "activates")) * minute
			if rapid.Bool().Draw(t, "retires at all") {
				k.RetiresAt = k.ActivatesAt + int64(rapid.IntRange(1, 24).Draw(t, "retires"))*minute
			}
			keys = append(keys, k)
		}
		refused := scheduleRefused(keys, lifetime)
		if why := brokenMoment(keys, lifetime); refused != (why != "") {
			t.Fatalf("refused %v, but in time: %q\n%+v lifetime %ds", refused, why, keys, lifetime)
		}
	})
}

const minute = 60

func scheduleRefused(keys []schema.SigningKey, lifetime int64) bool {
	cfg := declaredConfig(1)
	cfg.Clients, cfg.Authorizations = nil, nil
	cfg.APIs[0].TokenLifetime = lifetime
	for _, k := range keys {
		cfg.SigningKeys = append(cfg.SigningKeys, &config.SigningKey{Decl: decl("signing_key", k.Label, 1), SigningKey: k})
	}
	_, diags := compiler.Compile(cfg, compiler.CompileOptions{})
	return diags.HasErrors()
}

// brokenMoment goes through the minutes from the first activation to well after
// everything has retired, and says what is wrong at the first bad one.
func brokenMoment(keys []schema.SigningKey, lifetime int64) string {
	const skew = 5 * minute
	start := keys[0].ActivatesAt
	for _, k := range keys {
		start = min(start, k.ActivatesAt)
	}
	for now := start; now < 100*minute; now += minute {
		signer, twins := -1, 0
		for i, k := range keys {
			switch {
			case k.ActivatesAt > now:
			case signer < 0 || k.ActivatesAt > keys[signer].ActivatesAt:
				signer, twins = i, 0
			case k.ActivatesAt == keys[signer].ActivatesAt:
				twins++
			}
		}
		switch end := keys[signer].RetiresAt; {
		case twins > 0:
			return fmt.Sprintf("%d keys sign at %d", twins+1, now)
		case end != 0 && end <= now:
			return fmt.Sprintf("nothing signs at %d", now)
		// A token of the last second of this minute is presented until it expires.
		case end != 0 && end < now+minute+lifetime+skew:
			return fmt.Sprintf("a token of %d outlives its key", now)
		}
	}
	return ""
}
