// Package storagetest tests what a token.Storage must do, and what managed keys are
// when many processes share one.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server/token"
)

// A Backend is a storage under test, empty at first.
type Backend struct {
	// Spec names the storage to Open, in this process and in others.
	Spec string
	// Open opens the storage as another process does. Its Close, if it has one, is called
	// at the end.
	Open func(spec string) (token.Storage, error)

	// Plant puts an entry there as somebody else would.
	Plant func(t *testing.T, name string, content []byte)
	// Empty removes everything.
	Empty func(t *testing.T)
	// Stop takes the storage away, and Start brings it back as it was.
	Stop, Start func(t *testing.T)
}

// processes is how many share a storage: what the race detector watches is in one of
// them.
func processes() int {
	if testenv.RaceDetector {
		return 10
	}
	return 100
}

// start is when the tests begin.
var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// lead is how long before its time a key is made at the latest: as long as it is announced,
// and an hour for those that look late.
const lead = token.DefaultAnnounce + time.Hour

// Run tests a storage that make makes anew for each test.
func Run(t *testing.T, make func(t *testing.T) Backend) {
	for name, test := range map[string]func(*testing.T, Backend){
		"Entries": entries, "CreatedOnce": createdOnce, "OneKeyAGeneration": oneKeyAGeneration,
		"Away": away, "Emptied": emptied, "Garbage": garbage, "Damaged": damaged, "ContextEnded": contextEnded,
	} {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

// open opens the storage until the test ends.
func (b Backend) open(t *testing.T) token.Storage {
	t.Helper()
	s, err := b.Open(b.Spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStorage(s) })
	return s
}

// closeStorage closes a storage that has something to close, such as a connection.
func closeStorage(s token.Storage) {
	if c, ok := s.(interface{ Close() error }); ok {
		_ = c.Close() // of a test that is over
	}
}

// names returns the names of the entries, in the order in which the storage returns them.
func names(t *testing.T, s token.Storage) (all []string) {
	t.Helper()
	entries, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		all = append(all, entry.Name)
	}
	return all
}

// keyOf returns the content of an entry that is a key: one that a member has made for itself,
// in a folder of its own.
func keyOf(t *testing.T) []byte {
	t.Helper()
	s := newMember(token.NewFolder(t.TempDir(), slog.New(slog.DiscardHandler)))
	if a := s.Maintain(t.Context(), start); a.Failed != "" {
		t.Fatal(a.Failed)
	}
	entries, err := s.storage.Read(t.Context())
	if err != nil || len(entries) == 0 {
		t.Fatal(err)
	}
	return entries[0].Content
}

// An entry is created once, is read by everybody with its content, sorted by name, and can be
// removed by anybody, also twice. All who open one storage name it alike.
func entries(t *testing.T, b Backend) {
	s, other := b.open(t), b.open(t)
	key, first, marker := keyOf(t), "managed-ES256-000001.pem", "managed-ES256-000001.lifetime-60"
	if got, err := s.Read(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("at first: %v, %v", got, err)
	}
	if err := s.Remove(t.Context(), first); err != nil {
		t.Errorf("remove what is not there: %v", err)
	}
	for range 2 { // the second time after it was removed
		for name, content := range map[string][]byte{first: key, marker: nil} {
			if err := s.Create(t.Context(), name, content); err != nil {
				t.Fatal(err)
			}
			if err := other.Create(t.Context(), name, content); !errors.Is(err, fs.ErrExist) {
				t.Errorf("%s again: %v", name, err)
			}
		}
		got, err := other.Read(t.Context())
		if err != nil || len(got) != 2 || got[0].Name != marker || got[1].Name != first || string(got[1].Content) != string(key) {
			t.Fatalf("%+v, %v", got, err)
		}
		for _, name := range []string{first, marker, marker} {
			if err := other.Remove(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		if left := names(t, s); len(left) != 0 {
			t.Errorf("left: %q", left)
		}
	}
	if s.String() == "" || s.String() != other.String() {
		t.Errorf("named %q and %q", s, other)
	}
}

// Of any number of processes that create an entry at once one does, and everybody
// reads what that one wrote.
func createdOnce(t *testing.T, b Backend) {
	const creators = 20
	keys, storages := make([][]byte, creators), make([]token.Storage, creators)
	for i := range creators {
		keys[i], storages[i] = keyOf(t), b.open(t)
	}
	for generation := range 5 {
		name := fmt.Sprintf("managed-ES256-%06d.pem", generation+1)
		errs := make([]error, creators)
		var all sync.WaitGroup
		for i, s := range storages {
			all.Go(func() { errs[i] = s.Create(t.Context(), name, keys[i]) })
		}
		all.Wait()
		winner := slices.Index(errs, nil)
		for i, err := range errs {
			if i != winner && !errors.Is(err, fs.ErrExist) {
				t.Errorf("creator %d: %v", i, err)
			}
		}
		for _, s := range storages {
			got, err := s.Read(t.Context())
			if err != nil || len(got) != generation+1 || winner < 0 || string(got[generation].Content) != string(keys[winner]) {
				t.Fatalf("generation %d, created by %d: %d entries, %v", generation+1, winner, len(got), err)
			}
		}
	}
}

// members starts processes that share the storage. With -short they are goroutines, with
// a connection each.
func members(t *testing.T, b Backend, n int) []Member {
	t.Helper()
	all := make([]Member, n)
	for i := range all {
		if !testing.Short() {
			all[i] = startProcess(t, b.Spec)
		} else {
			all[i] = newMember(b.open(t))
		}
	}
	return all
}

// together calls Maintain of all members at once, and returns what each answers.
func together(t *testing.T, all []Member, at time.Time) []Answer {
	t.Helper()
	answers := make([]Answer, len(all))
	var wg sync.WaitGroup
	for i, m := range all {
		wg.Go(func() { answers[i] = m.Maintain(t.Context(), at) })
	}
	wg.Wait()
	return answers
}

// agreed returns what all members answer once each has looked after its keys twice, which
// happens within token.Rescan: the first time a member may not see yet what another is
// making, the second time it must.
func agreed(t *testing.T, all []Member, at time.Time) Answer {
	t.Helper()
	together(t, all, at)
	answers := together(t, all, at)
	for i, a := range answers {
		if a.Failed != "" || a != answers[0] {
			t.Fatalf("%s: process %d has %+v, and the first %+v", at, i, a, answers[0])
		}
	}
	return answers[0]
}

// A hundred processes that start at once, and rotate at once, make one key a generation.
func oneKeyAGeneration(t *testing.T, b Backend) {
	all := members(t, b, processes())
	for i, a := range together(t, all, start) {
		if a.KID == "" {
			t.Fatalf("process %d does not sign at once: %s", i, a.Failed)
		}
	}
	kids := map[string]bool{}
	at := start
	for range 3 {
		kids[agreed(t, all, at).KID] = true
		// Well before the next key has to be made, nothing but the present one is published: a
		// process that makes keys too early would fill the key set.
		before := at.Add(token.DefaultRotate - 3*lead)
		if a := agreed(t, all, before); strings.Count(a.JWKS, `"kid"`) != 1 {
			t.Errorf("before the announcement: %s", a.JWKS)
		}
		at = at.Add(token.DefaultRotate)
		if a := agreed(t, all, at.Add(-time.Hour)); strings.Count(a.JWKS, `"kid"`) != 2 {
			t.Errorf("announced: %s", a.JWKS)
		}
		at = at.Add(lead) // a process that was late moves what follows
	}
	keys := slices.DeleteFunc(names(t, b.open(t)), func(name string) bool { return !strings.HasSuffix(name, ".pem") })
	if len(kids) != 3 || !slices.Contains(keys, "managed-ES256-000004.pem") || slices.Contains(keys, "managed-ES256-000005.pem") {
		t.Errorf("%d keys have signed, and %q are kept", len(kids), keys)
	}
}

// While the storage is away those that run sign on and publish what they did, and who
// starts waits for no longer than it is away.
func away(t *testing.T, b Backend) {
	running := []Member{newMember(b.open(t)), newMember(b.open(t))}
	before := agreed(t, running, start)
	b.Stop(t)
	newcomer := newMember(b.open(t))
	for _, at := range []time.Time{start, start.Add(time.Hour), start.Add(token.DefaultRotate)} {
		began := time.Now()
		for _, a := range together(t, running, at) {
			if a.KID != before.KID || a.JWKS != before.JWKS {
				t.Errorf("running, without the storage: %+v", a)
			}
		}
		if a := newcomer.Maintain(t.Context(), at); a.KID != "" || a.Failed == "" {
			t.Errorf("starting, without the storage: %+v", a)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("nobody should wait for %s", took)
		}
	}
	b.Start(t)
	eventually(t, func() bool { return newcomer.Maintain(t.Context(), start.Add(time.Hour)).KID == before.KID })
	for _, m := range running { // each connects again by itself
		eventually(t, func() bool {
			return strings.Count(m.Maintain(t.Context(), start.Add(token.DefaultRotate)).JWKS, `"kid"`) == 2
		})
	}
	all := append(running, newcomer)
	if a := agreed(t, all, start.Add(token.DefaultRotate)); a.KID != before.KID || strings.Count(a.JWKS, `"kid"`) != 2 {
		t.Errorf("rotation after it: %+v", a)
	}
}

// eventually waits until something holds. Two minutes are for a hang, and not for how long a
// recovery should take: that depends on the machine.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not recover")
		}
	}
}

// Who empties the storage withdraws every key; the processes agree on a new one.
func emptied(t *testing.T, b Backend) {
	all := []Member{newMember(b.open(t)), newMember(b.open(t)), newMember(b.open(t))}
	before := agreed(t, all, start)
	b.Empty(t)
	// Absence withdraws a key: an operator who deletes the keys after a theft must not find
	// them in use by a process that remembers them.
	after := agreed(t, all, start.Add(time.Hour))
	if after.KID == before.KID || strings.Contains(after.JWKS, before.KID) || strings.Count(after.JWKS, `"kid"`) != 1 {
		t.Errorf("%+v after %+v", after, before)
	}
}

// What somebody else has put there is left alone, and a key is made beside it.
func garbage(t *testing.T, b Backend) {
	// None is what its name says, or its name is none that writd gives.
	planted := map[string][]byte{
		"managed-ES256-000001.pem":         []byte("garbage"),
		"managed-ES256-000002.pem":         {1},
		"managed-ES256-000003.pem":         slices.Repeat([]byte("x"), 2*token.MaxEntry),
		"managed-ES256-1.pem":              []byte("x"),
		"managed-HS256-000001.pem":         []byte("x"),
		"managed-ES256-000001.lifetime-60": []byte("x"),
	}
	for name, content := range planted {
		b.Plant(t, name, content)
	}
	if a := agreed(t, []Member{newMember(b.open(t)), newMember(b.open(t))}, start); a.KID == "" {
		t.Error("no key")
	}
	left := names(t, b.open(t))
	for name := range planted {
		if !slices.Contains(left, name) {
			t.Errorf("%s is gone", name)
		}
	}
	if !slices.Contains(left, "managed-ES256-000004.pem") {
		t.Errorf("kept: %q", left)
	}
}

// A key that is overwritten with garbage is the key that it was to those that have it.
func damaged(t *testing.T, b Backend) {
	running := []Member{newMember(b.open(t)), newMember(b.open(t))}
	before := agreed(t, running, start)
	// Its tokens must still verify, and it goes on signing.
	b.Plant(t, "managed-ES256-000001.pem", []byte("garbage"))
	if a := agreed(t, running, start.Add(time.Hour)); a != before {
		t.Errorf("%+v", a)
	}
}

// When the context has ended, a process goes on to sign with the keys that it has.
func contextEnded(t *testing.T, b Backend) {
	ctx, cancel := context.WithCancel(t.Context())
	m := newMember(b.open(t))
	before := m.Maintain(ctx, start)
	cancel()
	if a := m.Maintain(ctx, start.Add(time.Hour)); a.KID != before.KID {
		t.Errorf("%+v, then %+v", before, a)
	}
}

// alg is what the members sign with: its keys are made at once.
const alg = schema.ES256

// newKeys returns the keys of a process that keeps them in the storage, for one algorithm and
// tokens of up to an hour.
func newKeys(s token.Storage) *token.Keys {
	m := token.NewManaged(token.ManagedOptions{Storage: s, Cache: 5 * time.Minute})
	return token.NewKeys(nil, nil).WithManaged(m, token.Need{Algs: []schema.SigningAlg{alg}, Longest: 3600})
}
