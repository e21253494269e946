package main

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server/token"
)

// A schedule is declared keys that sign one after the other, in Unix seconds.
type schedule struct {
	lifetime int64
	keys     []schema.SigningKey
}

// randomSchedule makes schedules of which the compiler accepts about a half:
// most ends are about as early as they may be.
func randomSchedule(rng *rand.Rand) schedule {
	s := schedule{lifetime: 60 * (1 + rng.Int64N(3*24*60))}
	at := int64(1795435200)
	for i := range 2 + rng.IntN(4) {
		s.keys = append(s.keys, schema.SigningKey{Label: fmt.Sprintf("k%d", i), ActivatesAt: at})
		at += 1 + rng.Int64N(20*24*3600)
	}
	for i := range s.keys[:len(s.keys)-1] {
		needed := s.keys[i+1].ActivatesAt + s.lifetime + 300
		switch rng.IntN(8) {
		case 0:
		case 1:
			s.keys[i].RetiresAt = needed - 1 - rng.Int64N(needed-s.keys[i].ActivatesAt-1)
		default:
			s.keys[i].RetiresAt = needed + rng.Int64N(3600)
		}
	}
	return s
}

func (s schedule) source() string {
	var text strings.Builder
	fmt.Fprintf(&text, `issuer { url = "https://auth.example.com/" }
api "orders" {
  name = "Orders"
  identifier = "https://api.example.com/orders"
  signing_alg = "EdDSA"
  token_lifetime = %d
  scope "read" {}
}
`, s.lifetime)
	for _, key := range s.keys {
		fmt.Fprintf(&text, "signing_key %q {\n  algorithm = \"EdDSA\"\n  private_key = \"file:%s.pem\"\n  activates_at = %q\n", key.Label, key.Label, schema.FormatTime(key.ActivatesAt))
		if key.RetiresAt != 0 {
			fmt.Fprintf(&text, "  retires_at = %q\n", schema.FormatTime(key.RetiresAt))
		}
		text.WriteString("}\n")
	}
	return text.String()
}

// compiled is the declared keys of the source as the server gets them; ok says
// whether the compiler accepts them.
func (s schedule) compiled(t *testing.T) (doc *schema.Document, ok bool) {
	t.Helper()
	cfg, diags := config.LoadFS(fstest.MapFS{"writ.hcl": {Data: []byte(s.source())}}, config.Options{})
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, s.source())
	}
	model, diags := compiler.Compile(cfg, compiler.CompileOptions{})
	for _, d := range diags {
		if d.Severity == diag.Error && d.Code != "unsafe-key-schedule" {
			t.Fatalf("%v\n%s", d, s.source())
		}
	}
	if diags.HasErrors() {
		return nil, false
	}
	return model.Document, true
}

// serve signs and verifies through the whole schedule in virtual time: with
// verifiers that keep a key set for up to a day, never look for a key that they
// do not know, and whose clocks are up to five minutes behind.
func serve(rng *rand.Rand, declared []schema.SigningKey, lifetime int64) error {
	var scheduled []token.Scheduled
	moments := []int64{}
	for _, key := range declared {
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			return err
		}
		made, err := token.NewKey(schema.EdDSA, private)
		if err != nil {
			return err
		}
		scheduled = append(scheduled, token.Scheduled{Key: made, ActivatesAt: key.ActivatesAt, RetiresAt: key.RetiresAt})
		for _, at := range []int64{key.ActivatesAt, key.RetiresAt} {
			for _, after := range []int64{-lifetime - 300, -1, 0, 1, lifetime, lifetime + 299, lifetime + 300} {
				moments = append(moments, at+after)
			}
		}
	}
	first, last := declared[0].ActivatesAt, declared[len(declared)-1].ActivatesAt+2*lifetime
	for at := first; at < last; at += 1 + rng.Int64N(12*3600) {
		moments = append(moments, at)
	}
	slices.Sort(moments)
	keys := token.NewKeys(scheduled, nil)
	sets, until, valid := make([][]byte, 4), make([]int64, 4), map[string]int64{}
	for _, now := range moments {
		if now < first {
			continue
		}
		signer := keys.Signer(schema.EdDSA, "orders", now)
		if signer == nil {
			return fmt.Errorf("%s: nothing signs", schema.FormatTime(now))
		}
		valid[signer.KID()] = now + lifetime + 300
		for i := range sets {
			if now > until[i] {
				sets[i], until[i] = keys.JWKS(now), now+int64(i)*rng.Int64N(8*3600)
			}
			for kid, expires := range valid {
				if now < expires && !bytes.Contains(sets[i], []byte(kid)) {
					return fmt.Errorf("%s: a token that expires at %s cannot be verified", schema.FormatTime(now), schema.FormatTime(expires))
				}
			}
		}
	}
	return nil
}

// What the compiler accepts, the server serves without a moment in which nothing
// signs or a valid token is refused; what it refuses would have had one.
func TestAcceptedSchedulesAreSafe(t *testing.T) {
	t.Parallel()
	testenv.OneByOne(t)
	rng := rand.New(rand.NewPCG(7, 7))
	accepted, refused, unsafe := 0, 0, 0
	for accepted < 300 || refused < 100 {
		s := randomSchedule(rng)
		doc, ok := s.compiled(t)
		if !ok {
			refused++
			if serve(rng, s.keys, s.lifetime) != nil {
				unsafe++
			}
			continue
		}
		accepted++
		if err := serve(rng, doc.SigningKeys, doc.APIs[0].TokenLifetime); err != nil {
			t.Fatalf("%v\n%s", err, s.source())
		}
	}
	if unsafe < refused*9/10 {
		t.Errorf("of %d refused schedules only %d fail when they are served", refused, unsafe)
	}
	t.Logf("%d schedules accepted; %d refused, of which %d fail when they are served", accepted, refused, unsafe)
}
