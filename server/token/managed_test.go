package token

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// start is when the tests of managed keys begin.
var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// managedIn is what a process has that keeps its keys in dir, with its log.
func managedIn(dir string, algs ...schema.SigningAlg) (*Keys, *bytes.Buffer) {
	log := new(bytes.Buffer)
	m := NewManaged(ManagedOptions{Storage: storageIn(dir, slog.New(slog.NewTextHandler(log, nil))), Cache: 5 * time.Minute, Logger: slog.New(slog.NewTextHandler(log, nil))})
	return NewKeys(nil, nil).WithManaged(m, Need{Algs: algs, Longest: day}), log
}

// storageIn is the folder, or memory for "".
func storageIn(dir string, log *slog.Logger) Storage {
	if dir == "" {
		return nil
	}
	return NewFolder(dir, log)
}

// maintained looks after the keys at a time that must go well.
func maintained(t *testing.T, keys *Keys, at time.Time) {
	t.Helper()
	if failed := keys.Maintain(t.Context(), at); len(failed) != 0 {
		t.Fatal(failed)
	}
}

func states(keys *Keys, at time.Time) string {
	var all []string
	for _, state := range keys.All(at.Unix()) {
		all = append(all, fmt.Sprintf("%s:%s", state.KID()[:4], state.State))
	}
	return strings.Join(all, " ")
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}

// The life of a key, by the defaults: 90 days, 24 hours of announcement and what
// caches, other processes and clocks add, a day of tokens afterwards.
func TestLifeOfAManagedKey(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		keys, _ := managedIn(dir, schema.EdDSA)
		if keys.Signer(schema.EdDSA, "", start.Unix()) != nil || string(keys.JWKS(start.Unix())) != `{"keys":[]}` {
			t.Error("a key before any was made")
		}
		maintained(t, keys, start)
		first := keys.Signer(schema.EdDSA, "", start.Unix())
		const lead = 24*time.Hour + 11*time.Minute
		over := start.Add(DefaultRotate)
		end := over.Add(24*time.Hour + 10*time.Minute)
		sec := time.Second
		for _, step := range []struct {
			at        time.Time
			published int
			first     State
		}{
			{start, 1, Signing}, {over.Add(-lead - sec), 1, Signing}, {over.Add(-lead), 2, Signing}, {over.Add(-sec), 2, Signing},
			{over, 2, Retiring}, {end.Add(-sec), 2, Retiring}, {end, 1, Retired},
		} {
			maintained(t, keys, step.at)
			published := strings.Count(string(keys.JWKS(step.at.Unix())), `"kid"`)
			all := keys.All(step.at.Unix())
			if state := all[len(all)-1]; published != step.published || state.Key != first && state.kid != first.kid || state.State != step.first {
				t.Errorf("%v: %d keys published, %s", step.at, published, states(keys, step.at))
			}
		}
		maintained(t, keys, end.Add(removalGrace*sec))
		maintained(t, keys, end.Add(removalGrace*sec))
		if all := keys.All(end.Unix()); len(all) != 1 || all[0].kid == first.kid {
			t.Errorf("the first key was not removed: %s", states(keys, end))
		}
		if dir != "" && !slices.Equal(names(t, dir), []string{"managed-EdDSA-000002.lifetime-86400", "managed-EdDSA-000002.pem"}) {
			t.Errorf("the folder holds %q", names(t, dir))
		}
	}
}

// Between two looks the clock alone announces, activates and retires.
func TestManagedKeysFollowTheClock(t *testing.T) {
	keys, _ := managedIn("", schema.EdDSA)
	maintained(t, keys, start)
	maintained(t, keys, start.Add(DefaultRotate))
	takeover := start.Add(DefaultRotate + 24*time.Hour + 11*time.Minute) // looked after late: it moves
	first, second := keys.Signer(schema.EdDSA, "", takeover.Unix()-1), keys.Signer(schema.EdDSA, "", takeover.Unix())
	if first == nil || second == nil || first == second {
		t.Error("the second key did not take over at its time")
	}
	if end := takeover.Add(24*time.Hour + 10*time.Minute); strings.Contains(string(keys.JWKS(end.Unix())), first.kid) {
		t.Error("the first key is published after its end")
	}
}

// A clock that is set back, or was far ahead when a key was made, leaves no
// moment without a key, and rotation goes on.
func TestManagedKeysWithBadClocks(t *testing.T) {
	keys, _ := managedIn(t.TempDir(), schema.EdDSA)
	maintained(t, keys, start.AddDate(70, 0, 0))
	for _, at := range []time.Time{start, start.Add(48 * time.Hour), start.AddDate(1, 0, 0)} {
		maintained(t, keys, at)
		if keys.Signer(schema.EdDSA, "", at.Unix()) == nil {
			t.Errorf("nothing signs at %v", at)
		}
	}
	if got := len(keys.All(start.Unix())); got != 3 {
		t.Errorf("%d keys: %s", got, states(keys, start))
	}
}

// Tokens of a real key of every algorithm verify through a rotation.
func TestRotationWithRealKeys(t *testing.T) {
	for _, alg := range []schema.SigningAlg{schema.RS256, schema.PS256, schema.ES256, schema.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			keys, _ := managedIn(t.TempDir(), alg)
			issuer, kids := NewIssuer(keys, NewGate(1, 1), rand.Reader), map[string]bool{}
			for at := start; len(kids) < 3; at = at.Add(23 * time.Hour) {
				maintained(t, keys, at)
				g := testGrant(alg)
				g.IssuedAt, g.ExpiresAt = at.Unix(), at.Unix()+day
				_, signed, err := issuer.Issue(t.Context(), nil, g)
				if err != nil {
					t.Fatal(err)
				}
				kids[signed.KID] = true
				if key := keys.Signer(alg, "", at.Unix()); key.kid != signed.KID || key.SelfTest() != nil {
					t.Error("signed by another key, or not verifiable")
				}
				if !bytes.Contains(keys.JWKS(at.Unix()+day), []byte(signed.KID)) {
					t.Error("the key is gone before the token expires")
				}
			}
		})
	}
}

// Processes that start at once in an empty folder end up with one key, and so
// they do at every rotation after; readers are not disturbed meanwhile.
func TestProcessesAgree(t *testing.T) {
	dir := t.TempDir()
	processes := make([]*Keys, 6)
	for i := range processes {
		processes[i], _ = managedIn(dir, schema.ES256)
	}
	var now atomic.Int64
	var done atomic.Bool
	var readers sync.WaitGroup
	now.Store(start.Unix())
	for _, keys := range processes {
		maintained(t, keys, start)
		readers.Go(func() {
			for !done.Load() {
				at := now.Load()
				if key := keys.Signer(schema.ES256, "", at); key == nil || len(keys.JWKS(at)) < 50 {
					t.Error("nothing signs")
					return
				}
			}
		})
	}
	for range 12 {
		now.Add(int64(DefaultRotate/time.Second) / 3)
		var wg sync.WaitGroup
		for _, keys := range processes {
			wg.Go(func() { keys.Maintain(t.Context(), time.Unix(now.Load(), 0)) })
		}
		wg.Wait()
	}
	done.Store(true)
	readers.Wait()
	at := time.Unix(now.Load(), 0)
	for _, keys := range processes {
		maintained(t, keys, at)
		if got, want := states(keys, at), states(processes[0], at); got != want {
			t.Errorf("one process has %s, another %s", got, want)
		}
	}
	for _, name := range names(t, dir) {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 || strings.HasPrefix(name, ".") {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}

// Many processes make the very first key at once.
func TestFirstKeyIsOne(t *testing.T) {
	dir := t.TempDir()
	kids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range kids {
		wg.Go(func() {
			keys, _ := managedIn(dir, schema.ES256)
			if failed := keys.Maintain(t.Context(), start); len(failed) != 0 {
				t.Error(failed)
				return
			}
			kids[i] = keys.Signer(schema.ES256, "", start.Unix()).KID()
		})
	}
	wg.Wait()
	if distinct := slices.Compact(slices.Clone(kids)); len(distinct) != 1 {
		t.Errorf("kids %v", kids)
	}
}

// What lies in the folder and is no managed key is left where it is.
func TestStrangeFiles(t *testing.T) {
	dir := t.TempDir()
	strange := map[string]string{
		"managed-EdDSA-000001.pem":            "damaged",
		"managed-EdDSA-000002.pem":            "Activates: 2026-11-23T12:00:00Z\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"managed-EdDSA-000003.pem":            "",
		"managed-EdDSA-1.pem":                 "x",
		"managed-FOO-000001.pem":              "x",
		"managed-HS256-000001.pem":            "x",
		"managed-EdDSA-000009.lifetime-86400": "",
		"managed-keys.txt":                    "x",
		"rs256-2026-q4.pem":                   "declared",
		".managed-EdDSA-9999999999-1":         "being written",
	}
	for name, content := range strange {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "managed-EdDSA-000004.pem"), 0o700); err != nil {
		t.Fatal(err)
	}
	staged := ".managed-EdDSA-1700000000-77" // of a process that ended long ago
	if err := os.WriteFile(filepath.Join(dir, staged), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	keys, log := managedIn(dir, schema.EdDSA)
	for at := start; at.Before(start.AddDate(1, 0, 0)); at = at.Add(20 * 24 * time.Hour) {
		maintained(t, keys, at)
	}
	have := names(t, dir)
	for name := range strange {
		if !slices.Contains(have, name) {
			t.Errorf("%s is gone", name)
		}
		if said := strings.Count(log.String(), `file=`+name+" "); strings.HasPrefix(name, "managed-") && !strings.Contains(name, "lifetime") && said != 1 {
			t.Errorf("%d lines about %s", said, name)
		}
	}
	if slices.Contains(have, staged) {
		t.Error("a key that nobody has seen is left")
	}
	if !slices.ContainsFunc(have, func(name string) bool { return name > "managed-EdDSA-000005" && strings.HasSuffix(name, ".pem") }) {
		t.Errorf("no key was made: %q\n%s", have, log)
	}
}

// A key file that becomes unreadable is the key that it was; one that is deleted
// withdraws its key at once.
func TestDamagedAndDeletedKeys(t *testing.T) {
	dir := t.TempDir()
	keys, log := managedIn(dir, schema.EdDSA)
	maintained(t, keys, start)
	first := keys.Signer(schema.EdDSA, "", start.Unix())
	path := filepath.Join(dir, "managed-EdDSA-000001.pem")
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	maintained(t, keys, start)
	if keys.Signer(schema.EdDSA, "", start.Unix()) != first || !strings.Contains(log.String(), "key file left alone") {
		t.Errorf("a damaged file has changed the key\n%s", log)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	maintained(t, keys, start)
	if second := keys.Signer(schema.EdDSA, "", start.Unix()); second == nil || second.kid == first.kid || strings.Contains(string(keys.JWKS(start.Unix())), first.kid) {
		t.Error("a deleted key still signs or is published")
	}
	if !strings.Contains(log.String(), "withdrawn") {
		t.Errorf("nothing was said of it:\n%s", log)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	maintained(t, keys, start)
	if keys.Signer(schema.EdDSA, "", start.Unix()) == nil || strings.Count(log.String(), "signing keys cannot be read") != 1 {
		t.Errorf("without its folder the server has no key, or does not say so\n%s", log)
	}
}

// A readOnly storage is a folder that cannot be written.
type readOnly struct{ Storage }

func (readOnly) Create(context.Context, string, []byte) error { return fs.ErrPermission }
func (readOnly) Remove(context.Context, string) error         { return fs.ErrPermission }

func TestReadOnlyFolder(t *testing.T) {
	keys, log := managedIn(t.TempDir(), schema.EdDSA)
	writable := keys.managed.reader.storage
	keys.managed.reader.storage = readOnly{writable}
	if failed := keys.Maintain(t.Context(), start); failed[schema.EdDSA] == nil || keys.Signer(schema.EdDSA, "", start.Unix()) != nil {
		t.Errorf("a key in a folder that cannot be written: %v", failed)
	}
	keys.managed.reader.storage = writable
	maintained(t, keys, start)
	keys.managed.reader.storage = readOnly{writable}
	for at := start; at.Before(start.AddDate(1, 0, 0)); at = at.Add(7 * 24 * time.Hour) {
		maintained(t, keys, at)
		if got := states(keys, at); !strings.HasSuffix(got, ":signing") || strings.Contains(got, " ") {
			t.Errorf("%v: %s", at, got)
		}
	}
	if strings.Count(log.String(), "do not rotate") != 2 {
		t.Errorf("it was not said once each time:\n%s", log)
	}
	if _, err := os.Stat("/proc/self"); os.Getuid() != 0 && err == nil {
		keys, _ := managedIn("/proc/self", schema.EdDSA)
		if failed := keys.Maintain(t.Context(), start); failed[schema.EdDSA] == nil {
			t.Error("a key in /proc")
		}
	}
	absent, _ := managedIn(filepath.Join(t.TempDir(), "absent"), schema.EdDSA)
	if failed := absent.Maintain(t.Context(), start); failed[schema.EdDSA] == nil {
		t.Error("a key in a folder that does not exist")
	}
}

// A key that cannot be read may be the one that others sign with: no second one
// is put beside it.
func TestUnreadableKeyBlocks(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "nowhere", "x"), filepath.Join(dir, "managed-EdDSA-000001.pem")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("managed-EdDSA-000002.pem", filepath.Join(dir, "managed-EdDSA-000002.pem")); err != nil { // ELOOP
		t.Fatal(err)
	}
	keys, _ := managedIn(dir, schema.EdDSA)
	if failed := keys.Maintain(t.Context(), start); failed[schema.EdDSA] == nil || len(names(t, dir)) != 2 {
		t.Errorf("%v, %q", failed, names(t, dir))
	}
}

// A private key that others may read is said so, loudly.
func TestExposedKeyFile(t *testing.T) {
	dir := t.TempDir()
	keys, _ := managedIn(dir, schema.EdDSA)
	maintained(t, keys, start)
	path := filepath.Join(dir, "managed-EdDSA-000001.pem")
	for mode, warned := range map[fs.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o644: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		again, log := managedIn(dir, schema.EdDSA)
		maintained(t, again, start)
		if strings.Contains(log.String(), "READABLE BY OTHERS") != warned {
			t.Errorf("mode %v: %s", mode, log)
		}
	}
}

// When a configuration declares keys, or no longer uses an algorithm, what the
// server signed before stays verifiable until it has expired, and no longer.
func TestManagedKeysAreSucceeded(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		keys, _ := managedIn(dir, schema.EdDSA, schema.ES256)
		maintained(t, keys, start)
		was := keys.Signer(schema.EdDSA, "", start.Unix())
		declared := testKey(t, schema.EdDSA)
		next := NewKeys([]Scheduled{{Key: declared}}, nil).WithManaged(keys.managed, Need{Longest: 60})
		maintained(t, next, start)
		if next.Signer(schema.EdDSA, "", start.Unix()) != declared || next.Signer(schema.ES256, "", start.Unix()) != nil {
			t.Error("a managed key still signs")
		}
		end := start.Add(24*time.Hour + 10*time.Minute)
		if !strings.Contains(string(next.JWKS(end.Unix()-1)), was.kid) || strings.Contains(string(next.JWKS(end.Unix())), was.kid) {
			t.Error("the key that signed before is not published for the lifetime of its tokens")
		}
		if got := strings.Count(string(next.JWKS(end.Unix())), `"kid"`); got != 1 {
			t.Errorf("%d keys are published", got)
		}
		maintained(t, keys, end.AddDate(0, 1, 0)) // a rollback
		if back := keys.Signer(schema.EdDSA, "", end.Unix()); back == nil || back.kid != was.kid {
			t.Error("another key signs after the rollback")
		}
	}
}

// Any tool reads the file, and nothing but the key's own bytes is secret in it.
func TestManagedFile(t *testing.T) {
	private, err := schema.ES256.Generate(rand.Reader, jose.MinRSABits)
	if err != nil {
		t.Fatal(err)
	}
	content, err := encodeManaged(private, schema.ES256, start.Unix(), start.Unix()+day)
	if err != nil {
		t.Fatal(err)
	}
	if block, rest := pem.Decode(content); block == nil || block.Type != "PRIVATE KEY" || len(block.Headers) != 0 || len(rest) != 0 {
		t.Errorf("not one PEM block:\n%s", content)
	}
	key, err := parseManaged(schema.ES256, 7, content)
	if err != nil || key.activatesAt != start.Unix()+day || key.generation != 7 {
		t.Errorf("%+v, %v", key, err)
	}
	block := content[bytes.Index(content, []byte("-----BEGIN")):]
	for name, text := range map[string]string{
		"no time": "", "a bad time": "Activates: soon\n", "two times": "Activates: 2026-11-23T12:00:00Z\nActivates: 2026-11-24T12:00:00Z\n",
	} {
		if _, err := parseManaged(schema.ES256, 1, append([]byte(text), block...)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := parseManaged(schema.EdDSA, 1, content); err == nil {
		t.Error("accepted for another algorithm")
	}
}

// No file, error or log line holds more of a key than its id.
func TestKeysStayPrivate(t *testing.T) {
	dir := t.TempDir()
	keys, log := managedIn(dir, schema.RS256, schema.ES256, schema.EdDSA)
	maintained(t, keys, start)
	var secrets []string
	for _, name := range names(t, dir) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(content)
		if block == nil {
			continue
		}
		lines := strings.Split(string(content), "\n")
		i := slices.Index(lines, "-----BEGIN PRIVATE KEY-----")
		secrets = append(secrets, lines[i+1:len(lines)-2]...)
		damaged := append([]byte("Activates: 2026-11-23T12:00:00Z\n"), bytes.Replace(content, []byte("A"), []byte("B"), 1)...)
		if err := os.WriteFile(filepath.Join(dir, strings.Replace(name, "000001", "000002", 1)), damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, strings.Replace(name, "000001", "000003", 1)), []byte(lines[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	maintained(t, keys, start)
	fresh, more := managedIn(dir, schema.RS256, schema.ES256, schema.EdDSA)
	maintained(t, fresh, start)
	everything := log.String() + more.String() + string(fresh.JWKS(start.Unix()))
	for _, secret := range secrets {
		if len(secret) > 20 && strings.Contains(everything, secret[:20]) {
			t.Errorf("%q came out in:\n%s", secret, everything)
		}
	}
	if len(secrets) < 20 || !strings.Contains(everything, "left alone") {
		t.Errorf("the test has not seen what it looks for:\n%s", everything)
	}
}
