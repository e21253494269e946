package token

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
)

const (
	hour = int64(3600)
	day  = 24 * hour
)

// A world is some processes that share keys, resource servers that verify with
// cached key sets, and the tokens that are about, in virtual time.
type world struct {
	rng       *rand.Rand
	now       int64
	alg       schema.SigningAlg
	processes []*process
	verifiers []verifier
	tokens    []issued
	longest   int64
	keepFor   int64  // seconds: the longest that a verifier keeps a key set
	spoil     func() // called when the configuration has changed; nil for none
	checks    int
	err       error // the first thing that went wrong
}

type process struct {
	keys   *Keys
	ahead  int64 // seconds by which its clock is ahead
	looked int64 // when it has last looked after its keys
}

// A verifier keeps a key set and never asks anew for a kid that it does not know.
type verifier struct {
	set   []byte
	until int64
}

// An issued is, of the tokens that one key signed, the one that expires last.
type issued struct {
	kid     string
	expires int64
}

func (w *world) failf(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("%s: "+format, append([]any{schema.FormatTime(w.now)}, args...)...)
	}
}

// step lets time pass and everything happen that may: keys are looked after,
// tokens are signed and verified.
func (w *world) step(seconds int64) {
	w.now += seconds
	for i, p := range w.processes {
		if w.now-p.looked > hour {
			w.maintain(i)
		}
	}
	p := w.processes[w.rng.IntN(len(w.processes))]
	signer := p.keys.Signer(w.alg, "", w.now+p.ahead)
	if signer == nil {
		w.failf("nothing signs")
		return
	}
	lifetime := w.longest
	if w.rng.IntN(2) == 0 {
		lifetime = 1 + w.rng.Int64N(w.longest)
	}
	w.issue(signer.KID(), w.now+lifetime)
	w.verify()
}

func (w *world) issue(kid string, expires int64) {
	for i, token := range w.tokens {
		if token.kid == kid {
			w.tokens[i].expires = max(token.expires, expires)
			return
		}
	}
	w.tokens = append(w.tokens, issued{kid, expires})
}

// maintain looks after the keys of one process. The others look within Rescan,
// and until then they publish what they know.
func (w *world) maintain(i int) {
	began := w.now
	for j := range w.processes {
		p := w.processes[(i+j)%len(w.processes)]
		if j > 0 {
			w.now = began + w.rng.Int64N(int64(Rescan/time.Second))
			w.verify()
		}
		if failed := p.keys.Maintain(context.Background(), time.Unix(w.now+p.ahead, 0)); len(failed) != 0 {
			w.failf("%v", failed)
		}
		p.looked = w.now
	}
}

// verify has every resource server check every token that is not expired. Their
// clocks may be behind: a token counts for as long as the skew allows.
func (w *world) verify() {
	w.tokens = slices.DeleteFunc(w.tokens, func(t issued) bool { return w.now >= t.expires+clockSkew })
	for i := range w.verifiers {
		v := &w.verifiers[i]
		if w.now > v.until {
			p := w.processes[w.rng.IntN(len(w.processes))]
			v.set = p.keys.JWKS(w.now + p.ahead)
			v.until = w.now // some verifiers keep nothing
			if w.rng.IntN(3) != 0 {
				v.until += w.rng.Int64N(w.keepFor + 1)
			}
		}
		for _, token := range w.tokens {
			w.checks++
			if !bytes.Contains(v.set, []byte(`"kid":"`+token.kid+`"`)) {
				w.failf("a token of %s that expires at %s cannot be verified with %s", token.kid, schema.FormatTime(token.expires), v.set)
			}
		}
	}
}

// newWorld starts processes with a storage each, or one for all in dir.
func newWorld(seed uint64, alg schema.SigningAlg, dir string, processes int) *world {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := &world{rng: rng, now: 1795435200 + rng.Int64N(day), alg: alg, keepFor: day, verifiers: make([]verifier, 5)}
	w.longest = 1 + rng.Int64N(30*day)
	every := time.Duration(2+rng.IntN(120)) * 24 * time.Hour
	for range processes {
		p := &process{ahead: rng.Int64N(clockSkew) - clockSkew/2}
		managed := NewManaged(ManagedOptions{Storage: storageIn(dir, slog.New(slog.DiscardHandler)), Rotate: every, Cache: 5 * time.Minute})
		p.keys = NewKeys(nil, nil).WithManaged(managed, Need{Algs: []schema.SigningAlg{alg}, Longest: w.longest})
		p.keys.Maintain(context.Background(), time.Unix(w.now+p.ahead, 0)) // before it answers
		p.looked = w.now
		w.processes = append(w.processes, p)
	}
	return w
}

// reconfigure changes how long tokens live, in every process one after the other.
func (w *world) reconfigure() {
	longest := 1 + w.rng.Int64N(30*day)
	for _, p := range w.processes {
		p.keys = NewKeys(nil, nil).WithManaged(p.keys.managed, Need{Algs: p.keys.need.Algs, Longest: longest})
		p.keys.Maintain(context.Background(), time.Unix(w.now+p.ahead, 0))
		p.looked = w.now
	}
	w.longest = longest
	if w.spoil != nil {
		w.spoil()
	}
}

// generation is the number of the newest key, which counts the rotations.
func (w *world) generation() int {
	keys := w.processes[0].keys.managed.table.Load().keys[w.alg]
	return keys[len(keys)-1].generation
}

// run lets time pass until so many keys were made, or something goes wrong.
// Steps are random, and short around the moments in which a key takes over or its last token expires.
func (w *world) run(keys int) error {
	for w.err == nil && w.generation() < keys {
		length := w.rng.Int64N(day)
		have := w.processes[0].keys.managed.table.Load().keys[w.alg]
		switch at := have[len(have)-1].activatesAt; w.rng.IntN(4) {
		case 0:
			if at > w.now {
				length = max(at-w.now+w.rng.Int64N(5)-2, 0)
			}
		case 1:
			if len(w.tokens) > 1 {
				length = max(w.tokens[0].expires+clockSkew-1-w.now-w.rng.Int64N(3), 0)
			}
		}
		if w.rng.IntN(300) == 0 {
			w.reconfigure()
		}
		w.step(length)
	}
	return w.err
}

// Ten thousand rotations in virtual time, over random periods, token lifetimes
// that change on the way, and verifiers that keep a key set for up to a day and
// never ask for a key that they do not know: every moment has a key that signs,
// and no valid token is ever refused.
func TestTenThousandRotations(t *testing.T) {
	const rotations = 50
	worlds := 200
	if testenv.RaceDetector { // there is one goroutine
		worlds = 4
	}
	checks := 0
	for seed := range uint64(worlds) {
		w := newWorld(seed, schema.EdDSA, "", 1)
		if err := w.run(rotations + 1); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		checks += w.checks
	}
	t.Logf("%d rotations, %d verifications", worlds*rotations, checks)
}

// The same with processes that share a folder, whose clocks are apart, and that
// are started anew half way, when nothing is left of what only they knew.
func TestSharedRotations(t *testing.T) {
	const worlds, rotations = 3, 5
	for seed := range uint64(worlds) {
		w := newWorld(seed, schema.EdDSA, t.TempDir(), 3)
		if err := w.run(rotations); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		w.longest = 1
		for _, p := range w.processes {
			was := p.keys.managed
			p.keys = NewKeys(nil, nil).WithManaged(NewManaged(ManagedOptions{
				Storage: NewFolder(was.reader.storage.(*Folder).dir, slog.New(slog.DiscardHandler)), Rotate: time.Duration(was.rotation.every) * time.Second, Cache: 5 * time.Minute,
			}), Need{Algs: p.keys.need.Algs, Longest: w.longest})
			p.keys.Maintain(context.Background(), time.Unix(w.now+p.ahead, 0)) // before it answers
			p.looked = w.now
		}
		if err := w.run(2 * rotations); err != nil {
			t.Fatalf("seed %d, after a restart: %v", seed, err)
		}
	}
}

// The simulation sees when the time table is wrong.
func TestSimulationCanFail(t *testing.T) {
	testenv.OneByOne(t)
	for name, spoil := range map[string]func(*world, *Managed){
		"announced too late":  func(_ *world, m *Managed) { m.rotation.announce = 18 * hour },
		"withdrawn too early": func(_ *world, m *Managed) { m.rotation.cache -= hour },
		"lifetimes forgotten": func(w *world, m *Managed) {
			m.reader.storage = forgetful{m.reader.storage}
			w.spoil = func() { clear(m.longest) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(40) {
				w := newWorld(seed, schema.EdDSA, "", 1)
				spoil(w, w.processes[0].keys.managed)
				if w.run(50) != nil {
					return
				}
			}
			t.Error("nothing was refused")
		})
	}
}

// A forgetful storage does not remember how long tokens live.
type forgetful struct{ Storage }

func (f forgetful) Create(ctx context.Context, name string, content []byte) error {
	if n, _ := parseName(name); n.lifetime != 0 {
		return nil
	}
	return f.Storage.Create(ctx, name, content)
}
