package active

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/metrics"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/token"
)

// newActivator makes an activator with keys in memory.
func newActivator(t *testing.T) *Activator {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	a, err := New(Options{
		Managed: token.NewManaged(token.ManagedOptions{Cache: MaxAge, Logger: log}), Gate: token.NewGate(1, 0),
		Store: store.NewMemory(store.MemoryOptions{}), IssuerKeys: clientauth.NewFetcher(clientauth.FetchOptions{}),
		SlowHashes: clientauth.NewSlowHashes(clientauth.SlowOptions{}), Metrics: metrics.New(func() metrics.State { return metrics.State{} }),
		Logger: log, Now: time.Now, Rand: rand.Reader, Activated: func(*State) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// keySetOf is a set of so many keys that no other set has.
func keySetOf(t *testing.T, n int) string {
	t.Helper()
	var keys []string
	for i := range n {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, fmt.Sprintf(`{"crv":"Ed25519","kid":"%d","kty":"OKP","x":"%s"}`, i, base64.RawURLEncoding.EncodeToString(public)))
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}

// keyedFile is a snapshot in which each set of keys is that of so many clients.
func keyedFile(t *testing.T, serial uint64, clients int, sets ...string) []byte {
	t.Helper()
	doc := &schema.Document{
		Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix},
		APIs: []schema.API{{
			Label: "orders", Name: "Orders", Identifier: "https://api.example.com/orders", Profile: schema.ProfileRFC9068, Alg: schema.EdDSA,
			TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow, Scopes: []schema.Scope{{Name: "read"}},
		}},
	}
	if len(sets) == 0 { // each client has a secret instead
		for i := range clients {
			id := fmt.Sprintf("c%05d", i)
			doc.Clients = append(doc.Clients, schema.Client{
				Label: id, Name: id, ClientID: id, GrantTypes: []string{schema.GrantClientCredentials},
				Secrets: []schema.Secret{{Label: "a", Hash: "sha256:shKULOV9Znj5HQnb8f63NlqWZ1Y2GxG22T-vCg1suCQ"}},
			})
		}
	}
	for i := range clients {
		for j, set := range sets {
			id := fmt.Sprintf("c%05d-%d", i, j)
			doc.Clients = append(doc.Clients, schema.Client{
				Label: id, Name: id, ClientID: id, GrantTypes: []string{schema.GrantClientCredentials},
				PublicKeys: []schema.PublicKey{{Label: "a", JWKS: set}},
			})
		}
	}
	body, err := snapshot.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	file, err := snapshot.Marshal(snapshot.Envelope{Serial: serial}, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// What a reload allocates does not grow with the clients that have secrets: it comes on
// top of two snapshots that are in memory just then.
func TestActivationAllocatesNothingForEachClient(t *testing.T) {
	const clients = 20_000
	file := keyedFile(t, 1, clients)
	a := newActivator(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := a.Activate(file); err != nil {
		t.Fatal(err)
	}
	if runtime.ReadMemStats(&after); after.Mallocs-before.Mallocs > clients/2 {
		t.Errorf("%d allocations for %d clients", after.Mallocs-before.Mallocs, clients)
	}
}

// However many clients have a key set, and however often a snapshot with it is put in
// force, it is parsed and held once.
func TestEqualKeySetsAreParsedOnce(t *testing.T) {
	a := newActivator(t)
	shared := keySetOf(t, 100)
	if err := a.Activate(keyedFile(t, 1, 1000, shared)); err != nil {
		t.Fatal(err)
	}
	first := a.Current().Credentials
	if err := a.Activate(keyedFile(t, 2, 1000, shared, keySetOf(t, 1))); err != nil {
		t.Fatal(err)
	}
	second := a.Current().Credentials
	if len(first.sets) != 1 || first.numKeys != 100 || len(second.sets) != 2 || second.numKeys != 101 {
		t.Errorf("%d sets of %d keys, then %d of %d", len(first.sets), first.numKeys, len(second.sets), second.numKeys)
	}
	keys := first.keys["c00000-0"][0].Keys
	if keys != first.keys["c00999-0"][0].Keys || keys != second.keys["c00500-0"][0].Keys {
		t.Error("equal sets were parsed more than once")
	}
}

// A snapshot with more keys than the bound is refused before it takes the memory, and
// the one in force goes on.
func TestTooManyKeysAreRefused(t *testing.T) {
	a := newActivator(t)
	a.maxKeys = 250
	sets := []string{keySetOf(t, 100), keySetOf(t, 100), keySetOf(t, 50)}
	if err := a.Activate(keyedFile(t, 1, 3, sets...)); err != nil {
		t.Fatalf("as many as may be: %v", err)
	}
	digest := a.Current().Digest
	err := a.Activate(keyedFile(t, 2, 3, append(sets, keySetOf(t, 1), keySetOf(t, 100))...))
	if err == nil || !strings.Contains(err.Error(), "more than 250 public keys") {
		t.Errorf("one more: %v", err)
	}
	var all Credentials // no more of it is parsed
	all.sets, all.maxKeys = map[keySet]parsedKeys{}, 150
	for i, set := range append(sets, keySetOf(t, 100)) {
		if keys, err := all.parse(nil, set, clientauth.AssertionAlgorithms()); err != nil || (keys == nil) != (i >= 2) || all.numKeys > 200 {
			t.Errorf("set %d: %v, %v, %d keys in all", i, keys, err, all.numKeys)
		}
	}
	if rejected := a.Rejected(); a.Current().Digest != digest || rejected == nil || !strings.Contains(rejected.Reason, "public keys") {
		t.Errorf("serving %s, rejected %+v", a.Current().Digest, rejected)
	}
}
