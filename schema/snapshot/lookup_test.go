package snapshot

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
)

func TestNearIdentifier(t *testing.T) {
	doc := &schema.Document{}
	for i, identifier := range []string{
		"https://api.example.com/orders", "https://api.example.com/invoices/", "https://Shop.example.com:443/a%7Eb", "urn:example:hr",
		"https://twin.example.com/", "https://twin.example.com",
	} {
		doc.APIs = append(doc.APIs, schema.API{Label: fmt.Sprintf("api%d", i), Identifier: identifier})
	}
	s := mustOpen(t, doc)
	for _, test := range []struct{ asked, label, how string }{
		{"https://api.example.com/orders/", "api0", "by a trailing slash"},
		{"https://api.example.com/invoices", "api1", "by a trailing slash"},
		{"https://API.example.com/orders", "api0", "by upper and lower case"},
		{"HTTPS://api.example.com/orders", "api0", "by upper and lower case"},
		{"https://api.example.com:443/orders", "api0", "by the default port"},
		{"https://api.example.com/order%73", "api0", "by percent-encoding"},
		{"https://api.example.com/x/../orders", "api0", "in how the URL is spelled"},
		{"https://shop.example.com/a~b/", "api2", "in how the URL is spelled"}, // a slash, too
		{"https://twin.example.com", "api4", "by a trailing slash"},            // the other twin
		{"https://twin.example.com/", "api5", "by a trailing slash"},
		{"https://api.example.com/orders", "", ""}, // is one
		{"https://api.example.com/Orders", "", ""}, // a path has a case
		{"https://api.example.com/order", "", ""},
		{"urn:example:hr2", "", ""},
		{"", "", ""},
		{"https://api.example.com/orders" + strings.Repeat("/.", 400), "", ""}, // too long to be one
	} {
		api, how, ok := s.NearIdentifier(test.asked)
		if ok != (test.label != "") || ok && (api.Label() != test.label || how != test.how) {
			label := ""
			if ok {
				label = api.Label()
			}
			t.Errorf("%q: %q %q, want %q %q", test.asked, label, how, test.label, test.how)
		}
	}
}

// Identifiers with the same hash are not near for that.
func TestNearIdentifierComparesKeys(t *testing.T) {
	var twins []string
	for i := uint64(0); len(twins) < 2; i++ {
		if key := collidingKey(i); schema.NearKey(key) == key {
			twins = append(twins, key)
		}
	}
	s := mustOpen(t, &schema.Document{APIs: []schema.API{{Label: "a", Identifier: twins[0]}}})
	if _, _, ok := s.NearIdentifier(twins[0] + "/"); !ok {
		t.Error("a trailing slash is not near")
	}
	if _, how, ok := s.NearIdentifier(twins[1]); ok {
		t.Errorf("another identifier with the same hash is near: %q", how)
	}
}

func TestSources(t *testing.T) {
	s, err := Open(smallFile(t))
	if err != nil {
		t.Fatal(err)
	}
	check := func(kind Kind, label string, file string, line int, ok bool) {
		t.Helper()
		wantFile, wantLine, want := smallPlace(kind, label)
		if !want {
			wantFile, wantLine = "", 0
		}
		if file != wantFile || line != wantLine || ok != want {
			t.Errorf("%s %q: %s:%d %v, want %s:%d %v", kind, label, file, line, ok, wantFile, wantLine, want)
		}
	}
	visited := 0
	for _, k := range kinds {
		for i := range k.count(s) {
			visited++
			label := k.label(s, i)
			file, line, ok := s.Source(k.kind, label)
			check(k.kind, label, file, line, ok)
		}
	}
	if want := 1 + 2 + 3 + 4 + 1 + 1; visited != want {
		t.Errorf("%d objects have a source, want %d", visited, want)
	}
	for i := range s.NumAPIs() {
		file, line, ok := s.API(i).Source()
		check(KindAPI, s.API(i).Label(), file, line, ok)
	}
	for i := range s.NumClients() {
		file, line, ok := s.Client(i).Source()
		check(KindClient, s.Client(i).Label(), file, line, ok)
	}
	for a := range s.Authorizations() {
		file, line, ok := a.Source()
		check(KindAuthorization, a.Label(), file, line, ok)
	}
	for _, kind := range []Kind{KindIssuer, KindAPI, KindAuthorization, KindSigningKey, "policy", ""} {
		if file, _, ok := s.Source(kind, "nothing"); ok {
			t.Errorf("%s %q: found in %q", kind, "nothing", file)
		}
	}
}

// Moving a block changes the file and not the snapshot's digest; a snapshot
// without sources knows none.
func TestSourcesAreNotTheDigest(t *testing.T) {
	with, err := Open(smallFile(t))
	if err != nil {
		t.Fatal(err)
	}
	moved, err := NewSources(with.Body(), func(Kind, string) (string, int, bool) { return "moved.hcl", 1, true })
	if err != nil {
		t.Fatal(err)
	}
	for name, sources := range map[string]*Sources{"moved": moved, "none": nil} {
		file, err := Marshal(testEnvelope(), with.Body(), sources)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(file)
		if err != nil {
			t.Fatal(err)
		}
		if s.Digest() != with.Digest() {
			t.Errorf("%s: the digest changed", name)
		}
		if at, line, ok := s.Source(KindClient, "billing"); ok != (sources != nil) || ok && (at != "moved.hcl" || line != 1) {
			t.Errorf("%s: client billing is at %s:%d %v", name, at, line, ok)
		}
	}
}

// A section for another body, or that refers outside itself, is refused even
// when its digest fits.
func TestSourcesMustFit(t *testing.T) {
	s, err := Open(smallFile(t))
	if err != nil {
		t.Fatal(err)
	}
	good := s.Sources().section
	empty, err := Encode(&schema.Document{})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ body, section []byte }{
		"of another body": {empty, good},
		"cut":             {s.Body(), good[:len(good)-200]},
		"no header":       {s.Body(), good[:4]},
		"empty":           {s.Body(), []byte{}},
		"many files":      {s.Body(), patched(good, 0, 0xff, 4)},
		"a file too far":  {s.Body(), patched(good, sourcesHeader, 0x7f, 4)},
	} {
		file, err := Marshal(testEnvelope(), test.body, &Sources{section: test.section})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "sources") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Keys that all have the same hash make lookups no slower than a binary search.
func TestIndexOfCollidingKeys(t *testing.T) {
	const n = 20_000
	doc := &schema.Document{}
	for i := range n {
		doc.Clients = append(doc.Clients, schema.Client{Label: fmt.Sprintf("c%05d", i), ClientID: collidingKey(uint64(i))})
	}
	if hash32(doc.Clients[0].ClientID) != hash32(doc.Clients[n-1].ClientID) {
		t.Fatal("the keys do not collide")
	}
	s := mustOpen(t, doc)
	for i, c := range doc.Clients {
		if found, ok := s.ClientByID(c.ClientID); !ok || found.Index() != i {
			t.Fatalf("client %d is not found", i)
		}
		if _, ok := s.ClientByID(collidingKey(uint64(n + i))); ok {
			t.Fatalf("key %d is found", n+i)
		}
	}
	one := mustOpen(t, &schema.Document{Clients: doc.Clients[:8]})
	slow, fast := timeLookups(s, doc.Clients), timeLookups(one, doc.Clients[:8])
	for more := 0; more < 50 && slow > 100*fast; more++ { // the machine may have been busy
		slow = min(slow, timeLookups(s, doc.Clients))
	}
	if slow > 100*fast {
		t.Errorf("a lookup among %d colliding keys takes %v, among 8 %v", n, slow, fast)
	}
}

// collidingKey makes a key whose second word cancels the state after the first.
func collidingKey(i uint64) string {
	const seed, factor = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	state := uint64(seed) ^ 16
	key := binary.LittleEndian.AppendUint64(nil, i)
	return string(binary.LittleEndian.AppendUint64(key, fold(state^i, factor)))
}

// Hashes of ordinary keys fill the buckets evenly.
func TestIndexIsEven(t *testing.T) {
	for name, key := range map[string]func(i int) string{
		"numbered ids": func(i int) string { return fmt.Sprintf("client_%06d", i) },
		"short":        func(i int) string { return fmt.Sprint(i) },
		"urls":         func(i int) string { return fmt.Sprintf("https://api.example.com/v1/team-%d/", i) },
		"same length":  func(i int) string { return fmt.Sprintf("%08d", i) },
		"random": func(i int) string {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			return fmt.Sprintf("%x", r.Uint64())
		},
	} {
		const n = 100_000
		keys := make([]string, n)
		for i := range keys {
			keys[i] = key(i)
		}
		e := &encoder{}
		clientIndex.build(e, keys)
		buckets, longest := secClientBuckets.all(&e.sections), uint32(0)
		for b := range len(buckets) - 1 {
			longest = max(longest, buckets[b+1].get()-buckets[b].get())
		}
		// A Poisson distribution of mean 8 over 12,500 buckets rarely reaches 28.
		if longest > 32 {
			t.Errorf("%s: a bucket of %d entries", name, longest)
		}
	}
}

// The token path reads a snapshot without allocating.
func TestAccessorsDoNotAllocate(t *testing.T) {
	file := smallFile(t, testKey(1))
	s, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	ids, identifiers := []string{"billing", "portal.v2", "nobody"}, []string{"https://api.example.com/orders", "https://api.example.com/nothing"}
	var sink int
	allocs := testing.AllocsPerRun(100, func() {
		for _, id := range ids {
			client, ok := s.ClientByID(id)
			if !ok {
				continue
			}
			for secret := range client.Secrets() {
				sum, window := secret.SHA256(), secret.Window()
				sink += len(secret.Label()) + len(secret.Text()) + int(sum[0]) + int(window.ExpiresAt) + int(secret.Kind())
			}
			for key := range client.PublicKeys() {
				sink += len(key.JWKS)
			}
			for certificate := range client.Certificates() {
				sink += len(certificate.SubjectDN)
			}
			for federated := range client.Federated() {
				sink += len(federated.Subject)
			}
			policy, _ := client.RefreshToken()
			fallback, _ := client.DefaultAPI()
			sink += len(client.Label()) + int(client.RateLimit()) + int(policy.Lifetime) + fallback.Index()
			if client.HasGrantType(schema.GrantClientCredentials) {
				sink++
			}
			for _, identifier := range identifiers {
				api, ok := s.APIByIdentifier(identifier)
				if !ok {
					continue
				}
				a, ok := s.Authorization(client, api, schema.SubjectClient)
				if !ok {
					continue
				}
				_, line, _ := a.Source()
				sink += len(a.ScopeString()) + len(a.Claims()) + len(a.SubjectClaims()) + int(a.Lifetime()+a.ExpiresAt()) + line
				sink += len(api.Profile()) + len(api.Alg()) + len(api.ScopeMode()) + len(api.SigningSecret()) + len(s.Issuer().URL) + len(s.Digest())
				if a.HasScope("read:orders") && api.HasScope("write:orders") && !client.MayIntrospect(api) {
					sink++
				}
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	_ = sink
}

// A handle can be a map key and be compared: that is how tests and servers tell objects apart.
func TestHandlesCompare(t *testing.T) {
	s := mustOpen(t, smallDocument())
	seen := map[Authorization]bool{}
	for i := range s.NumAPIs() {
		for a := range s.API(i).Authorizations() {
			seen[a] = true
		}
	}
	if all := slices.Collect(s.Authorizations()); len(seen) != len(all) || !seen[all[0]] {
		t.Errorf("by API %d authorizations, in all %d", len(seen), len(all))
	}
	for a := range s.Authorizations() {
		if s.AuthorizationAt(a.Index()) != a {
			t.Errorf("authorization %q is not at its index", a.Label())
		}
	}
}
