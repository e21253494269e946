package clientauth

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
)

func fastHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return fastPrefix + base64.RawURLEncoding.EncodeToString(sum[:])
}

func bcryptHash(t testing.TB, secret string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), 10)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

func argonHash(secret string) string {
	salt := []byte("sixteen bytesalt")
	key := argon2.IDKey([]byte(secret), salt, 4, 7168, 1, 32)
	return fmt.Sprintf("$argon2id$v=19$m=7168,t=4,p=1$%s$%s", base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

func open(t testing.TB, clients ...schema.Client) *snapshot.Snapshot {
	t.Helper()
	for i := range clients {
		clients[i].ClientID = clients[i].Label
		clients[i].Name = clients[i].Label
		clients[i].GrantTypes = []string{schema.GrantClientCredentials}
	}
	body, err := snapshot.Encode(&schema.Document{
		Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientID}, Clients: clients,
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := snapshot.Marshal(snapshot.Envelope{Serial: 1}, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func secrets(hashes ...string) []schema.Secret {
	var all []schema.Secret
	for i, hash := range hashes {
		all = append(all, schema.Secret{Label: string(rune('a' + i)), Hash: hash})
	}
	return all
}

func TestVerify(t *testing.T) {
	testenv.OneByOne(t)
	const now = 1000
	long := strings.Repeat("x", 72)
	snap := open(t,
		schema.Client{Label: "argon", Secrets: secrets(argonHash("argon secret"))},
		schema.Client{Label: "bcrypt", Secrets: secrets(bcryptHash(t, long))},
		schema.Client{Label: "none"},
		schema.Client{Label: "referring", Secrets: secrets("env:FAST", "env:SLOW", "env:ABSENT")},
		schema.Client{Label: "unreadable", Secrets: secrets("env:ABSENT", "env:PLAIN")},
		schema.Client{Label: "windows", Secrets: []schema.Secret{
			{Label: "a", Hash: fastHash("old"), Window: schema.Window{ExpiresAt: now}},
			{Label: "b", Hash: fastHash("now"), Window: schema.Window{NotBefore: now, ExpiresAt: now + 1}},
			{Label: "c", Hash: fastHash("new"), Window: schema.Window{NotBefore: now + 1}},
			{Label: "d", Hash: bcryptHash(t, "slow and old"), Window: schema.Window{ExpiresAt: now}},
		}},
	)
	values := map[schema.SecretRef]string{"env:FAST": fastHash("fast"), "env:SLOW": bcryptHash(t, "slow"), "env:PLAIN": "a plain secret"}
	checker, unusable := NewSecrets(snap, func(ref schema.SecretRef) (string, error) {
		if hash, ok := values[ref]; ok {
			return hash, nil
		}
		return "", fmt.Errorf("%q is absent", ref)
	}, NewSlowHashes(SlowOptions{}), nil)
	if len(unusable) != 3 || !checker.Usable() {
		t.Errorf("unusable %v", unusable)
	}
	for _, u := range unusable {
		if strings.Contains(u.Err.Error(), "a plain secret") {
			t.Errorf("the error repeats the secret: %v", u.Err)
		}
	}
	for _, c := range []struct {
		client, secret string
		want           error
	}{
		{"argon", "argon secret", nil}, {"argon", "argon secre", ErrWrongSecret}, {"argon", "", ErrWrongSecret},
		{"bcrypt", long, nil}, {"bcrypt", long + "x", ErrWrongSecret}, {"bcrypt", long[1:], ErrWrongSecret},
		{"none", "x", ErrNoSecrets}, {"nobody", "x", ErrUnknownClient}, {"", "x", ErrUnknownClient},
		{"referring", "fast", nil}, {"referring", "slow", nil}, {"referring", "env:FAST", ErrWrongSecret}, {"referring", values["env:FAST"], ErrWrongSecret},
		{"unreadable", "a plain secret", ErrUnreadableSecret},
		{"windows", "old", ErrExpiredSecret}, {"windows", "now", nil}, {"windows", "new", ErrEarlySecret}, {"windows", "slow and old", ErrWrongSecret},
	} {
		for range 2 { // the second time from the cache
			client, _, err := checker.Verify(t.Context(), netip.Addr{}, Credential{Method: SecretPost, ClientID: c.client, Secret: c.secret}, now)
			if !errors.Is(err, c.want) || err == nil && client.Label() != c.client {
				t.Errorf("%s with %q: %v, want %v", c.client, c.secret, err, c.want)
			}
		}
	}
}

func TestNoClients(t *testing.T) {
	checker, unusable := NewSecrets(open(t), nil, NewSlowHashes(SlowOptions{}), nil)
	if len(unusable) != 0 || checker.Usable() {
		t.Error("a snapshot without clients has a usable secret")
	}
	if _, _, err := checker.Verify(t.Context(), netip.Addr{}, Credential{Method: SecretPost, ClientID: "x", Secret: "y"}, 0); !errors.Is(err, ErrUnknownClient) {
		t.Error(err)
	}
}

func TestCheckHash(t *testing.T) {
	testenv.OneByOne(t)
	salt, key := base64.RawStdEncoding.EncodeToString(make([]byte, 16)), base64.RawStdEncoding.EncodeToString(make([]byte, 32))
	argon := func(version, params string) string {
		return "$argon2id$v=" + version + "$" + params + "$" + salt + "$" + key
	}
	for hash, ok := range map[string]bool{
		fastHash("x"):       true,
		fastHash("x") + "=": false,
		"sha256:" + strings.Repeat("A", 42) + "B": false, // stray bits
		"md5:abc":                           false,
		"":                                  false,
		"plain":                             false,
		bcryptHash(t, "x"):                  true,
		"$2b$31$" + strings.Repeat("a", 53): false,
		"$1$abc$def":                        false,
		argon("19", "m=65536,t=3,p=4"):      true,
		argon("16", "m=65536,t=3,p=4"):      false,
		argon("19", "m=4194304,t=3,p=4"):    false,
		argon("19", "m=65536,t=99,p=4"):     false,
		argon("19", "m=65536,t=3,p=0"):      false,
		argon("19", "m=65536,t=3,p=256"):    false,
		argon("19", "t=3,m=65536,p=4"):      false,
		"$argon2id$v=19$m=64,t=1,p=1$$":     false,
		"$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + key: false,
	} {
		if err := checkHash(hash); (err == nil) != ok {
			t.Errorf("%q: %v", hash, err)
		}
	}
}

// Whatever the secrets of the client are, and if it does not exist, a refusal costs the
// same: the same look-ups and comparisons, and of each kind of slow hash as many
// computations as the client with the most of that kind needs.
func TestRefusedSecretsCostTheSame(t *testing.T) {
	const now = 1000
	argon := func(params, salt string) string {
		return "$argon2id$v=19$" + params + "$" + base64.RawStdEncoding.EncodeToString([]byte("sixteen bytes "+salt)) + "$" + strings.Repeat("A", 43)
	}
	bcrypt := func(salt string) string { return "$2b$10$" + strings.Repeat(salt, 53) }
	small, large := "m=7168,t=5,p=1", "m=65536,t=3,p=4"
	window := func(hash string, w schema.Window) []schema.Secret {
		return []schema.Secret{{Label: "a", Hash: hash, Window: w}}
	}
	fast := []schema.Client{
		{Label: "fast", Secrets: secrets(fastHash("right"))},
		{Label: "five", Secrets: secrets(fastHash("1"), fastHash("2"), fastHash("3"), fastHash("4"), fastHash("right"))},
		{Label: "expired", Secrets: window(fastHash("expired"), schema.Window{ExpiresAt: now})},
		{Label: "early", Secrets: window(fastHash("early"), schema.Window{NotBefore: now + 1})},
		{Label: "keys"},
		{Label: "unreadable", Secrets: secrets("env:ABSENT")},
	}
	slow := append(slices.Clone(fast),
		schema.Client{Label: "bcrypt", Secrets: secrets(bcrypt("a"))},
		schema.Client{Label: "large", Secrets: secrets(argon(large, "-a"))},
		schema.Client{Label: "small", Secrets: secrets(argon(small, "-a"))},
		schema.Client{Label: "small_twice", Secrets: secrets(argon(small, "-b"), argon(small, "-c"), argon(small, "-c"))},
		schema.Client{Label: "slow_and_expired", Secrets: window(argon(large, "-b"), schema.Window{ExpiresAt: now})},
		schema.Client{Label: "migrating", Secrets: secrets(argon(small, "-d"), fastHash("right"))},
		schema.Client{Label: "referring", Secrets: secrets("env:SLOW")},
	)
	kinds := []string{"argon2id " + large, "argon2id " + small, "argon2id " + small, "bcrypt 10"}
	for name, row := range map[string]struct {
		clients []schema.Client
		want    []string
	}{
		"fast":   {fast, append(slices.Repeat([]string{"comparison"}, 5), "look-up", "look-up")},
		"slow":   {slow, append(slices.Concat(kinds, slices.Repeat([]string{"comparison"}, 5)), "look-up", "look-up")},
		"nobody": {nil, []string{"look-up"}},
	} {
		clients := slices.SortedFunc(slices.Values(row.clients), func(a, b schema.Client) int { return strings.Compare(a.Label, b.Label) })
		snap := open(t, clients...)
		ids := []string{"nobody", "nobody-1", "nobody-2", "fasT"}
		for _, c := range clients {
			ids = append(ids, c.Label)
		}
		for range 3 { // as after a reload, or at another server
			work := new(Work)
			hashes := NewSlowHashes(SlowOptions{Compute: func(hash, _ string) bool { work.Did(slowKind(hash)); return false }})
			checker, _ := NewSecrets(snap, func(ref schema.SecretRef) (string, error) {
				if ref == "env:SLOW" {
					return bcrypt("b"), nil
				}
				return "", errors.New("absent")
			}, hashes, work)
			for _, presented := range []string{"wrong", "Wrong", "expired", "early"} {
				for _, id := range ids {
					cred := Credential{Method: SecretPost, ClientID: id, Secret: presented}
					work.Done = nil
					_, _, err := checker.Verify(t.Context(), here, cred, now)
					if err == nil {
						t.Fatalf("%s with %q got in", id, presented)
					}
					if slices.Sort(work.Done); !slices.Equal(work.Done, row.want) {
						t.Errorf("%s: %s with %q (%v): %q, want %q", name, id, presented, err, work.Done, row.want)
					}
					work.Done = nil // again, from the cache, whoever it is
					_, _, _ = checker.Verify(t.Context(), here, cred, now)
					if i := slices.IndexFunc(work.Done, func(s string) bool { return slices.Contains(kinds, s) }); i >= 0 {
						t.Errorf("%s: %s computes %s again", name, id, work.Done[i])
					}
				}
			}
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	snap := open(b, schema.Client{Label: "billing", Secrets: secrets(fastHash("secret"), fastHash("other"))})
	checker, _ := NewSecrets(snap, nil, NewSlowHashes(SlowOptions{}), nil)
	for name, cred := range map[string]Credential{
		"right":   {Method: SecretPost, ClientID: "billing", Secret: "secret"},
		"wrong":   {Method: SecretPost, ClientID: "billing", Secret: "secreT"},
		"unknown": {Method: SecretPost, ClientID: "billinG", Secret: "secret"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				checker.Verify(b.Context(), netip.Addr{}, cred, 0)
			}
		})
	}
}
