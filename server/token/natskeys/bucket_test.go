package natskeys_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server/token"
	"github.com/writ-auth/writ/server/token/natskeys"
	"github.com/writ-auth/writ/server/token/storagetest"
)

// sealOf is a seal that a test names.
func sealOf(name string) natskeys.Seal {
	s, err := natskeys.ParseSeal([]byte(fmt.Sprintf("%-32s", "a seal for tests: "+name)))
	if err != nil {
		panic(err)
	}
	return s
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// openBucket opens the bucket of an address, with the first seal.
func openBucket(url string) (token.Storage, error) {
	return natskeys.Open(context.Background(), url, natskeys.Options{Seals: []natskeys.Seal{sealOf("first")}, AllowUnsafe: true, Logger: quiet()})
}

func TestMain(m *testing.M) {
	if !storagetest.RunProcess(openBucket) {
		goleak.VerifyTestMain(m)
	}
}

// A node is a real server, which keeps its folder and its port when it is stopped.
type node struct {
	port  int
	dir   string
	users []*server.User // nil: everybody may do everything
	s     *server.Server
}

func startNode(t *testing.T) *node {
	t.Helper()
	n := &node{port: testenv.Port(t), dir: t.TempDir()}
	n.start(t)
	t.Cleanup(n.stop)
	return n
}

func (n *node) start(t *testing.T) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: n.port, JetStream: true, StoreDir: n.dir, SyncAlways: true, Users: n.users, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if n.s = s; !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
}

func (n *node) stop() {
	n.s.Shutdown()
	n.s.WaitForShutdown()
}

func (n *node) url() string { return fmt.Sprintf("nats://127.0.0.1:%d?replicas=1", n.port) }

// client is a connection beside the bucket's.
func (n *node) client(t *testing.T) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", n.port), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func subject(name string) string { return "$KV.writ-keys." + name }

// plant puts a message into the bucket.
func plant(t *testing.T, js jetstream.JetStream, name string, content []byte) {
	t.Helper()
	if _, err := js.Publish(t.Context(), subject(name), content); err != nil {
		t.Fatal(err)
	}
}

// stored is the message of an entry.
func stored(t *testing.T, js jetstream.JetStream, name string) []byte {
	t.Helper()
	stream, err := js.Stream(t.Context(), "KV_writ-keys")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := stream.GetLastMsgForSubject(t.Context(), subject(name))
	if err != nil {
		t.Fatal(err)
	}
	return msg.Data
}

func TestBucket(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Backend {
		n := startNode(t)
		if s, err := openBucket(n.url()); err != nil { // which makes the bucket
			t.Fatal(err)
		} else {
			s.(*natskeys.Bucket).Close()
		}
		return storagetest.Backend{
			Spec: n.url() + "&timeout=20s", Open: openBucket,
			Plant: func(t *testing.T, name string, content []byte) { plant(t, n.client(t), name, content) },
			Empty: func(t *testing.T) {
				stream, err := n.client(t).Stream(t.Context(), "KV_writ-keys")
				if err == nil {
					err = stream.Purge(t.Context())
				}
				if err != nil {
					t.Fatal(err)
				}
			},
			Stop: func(*testing.T) { n.stop() }, Start: n.start,
		}
	})
}

// A process is a bucket with its keys and its log.
type process struct {
	*natskeys.Bucket
	keys *token.Keys
	log  *bytes.Buffer
}

func start(t *testing.T, url, environment string, seals ...natskeys.Seal) *process {
	t.Helper()
	p := &process{log: new(bytes.Buffer)}
	log := slog.New(slog.NewTextHandler(&locked{to: p.log}, nil))
	var err error
	p.Bucket, err = natskeys.Open(t.Context(), url, natskeys.Options{Seals: seals, Environment: environment, AllowUnsafe: true, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	m := token.NewManaged(token.ManagedOptions{Storage: p.Bucket, Logger: log})
	p.keys = token.NewKeys(nil, nil).WithManaged(m, token.Need{Algs: []schema.SigningAlg{schema.ES256}, Longest: 60})
	return p
}

// A locked writer is written to by several goroutines.
type locked struct {
	mu sync.Mutex
	to *bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// kid is what signs after the keys were looked after, "" for nothing.
func (p *process) kid(t *testing.T, at time.Time) (kid, failed string) {
	t.Helper()
	if err := p.keys.Maintain(t.Context(), at)[schema.ES256]; err != nil {
		failed = err.Error()
	}
	if key := p.keys.Signer(schema.ES256, "", at.Unix()); key != nil {
		kid = key.KID()
	}
	return kid, failed
}

// Neither the servers' files nor a backup of the bucket holds a private key, or a part
// of one, in clear; nor does the log.
func TestNoKeyInClear(t *testing.T) {
	n := startNode(t)
	p := start(t, n.url(), "prod", sealOf("first"))
	if kid, failed := p.kid(t, noon); kid == "" {
		t.Fatal(failed)
	}
	entries, err := p.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var canaries [][]byte
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name, ".pem") {
			continue
		}
		private, err := jose.ParsePrivateKey(entry.Content)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := jose.EncodePrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(raw), "\n")
		der, err := base64.StdEncoding.DecodeString(strings.Join(lines[1:len(lines)-2], ""))
		if err != nil || len(der) < 100 {
			t.Fatal(err)
		}
		secret := der[36:68] // the 32 bytes of a P-256 key in PKCS #8
		canaries = append(canaries, secret[:12], secret[20:], []byte(lines[1][:20]), []byte("PRIVATE KEY"), []byte("Activates"))
	}
	if len(canaries) != 5 {
		t.Fatalf("%d entries, and not one key", len(entries))
	}
	seen := 0
	search := func(where string, content []byte) {
		for _, canary := range canaries {
			for _, form := range [][]byte{canary, []byte(base64.StdEncoding.EncodeToString(canary[:len(canary)/3*3])), fmt.Appendf(nil, "%x", canary)} {
				if bytes.Contains(content, form) {
					t.Errorf("%s holds a part of the key", where)
				}
			}
		}
		if bytes.Contains(content, []byte("managed-ES256-000001.pem")) {
			seen++
		}
	}
	backup, err := n.client(t).Stream(t.Context(), "KV_writ-keys")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := backup.GetLastMsgForSubject(t.Context(), subject("managed-ES256-000001.pem"))
	if err != nil {
		t.Fatal(err)
	}
	search("a message", append([]byte(msg.Subject), msg.Data...))
	search("the log", p.log.Bytes())
	n.stop() // so that all is on the disk
	if err := filepath.WalkDir(n.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		search(path, content)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if seen < 2 {
		t.Errorf("the test has not seen the entry where it looked: %d", seen)
	}
	n.start(t)
}

// With another seal no key is used and none is made beside it, and the error says which
// seal is missing. Who has the key already signs on.
func TestWrongSeal(t *testing.T) {
	n := startNode(t)
	first, second := sealOf("first"), sealOf("second")
	running := start(t, n.url(), "", first)
	kid, _ := running.kid(t, noon)
	wrong := start(t, n.url(), "", second)
	got, failed := wrong.kid(t, noon)
	if got != "" || !strings.Contains(failed, "is sealed with "+first.String()+", and --keys-seal has "+second.String()) {
		t.Errorf("signs with %q, %q", got, failed)
	}
	if entries, err := running.Read(t.Context()); err != nil || len(entries) != 2 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	moved := start(t, n.url(), "", second, first)
	if got, failed := moved.kid(t, noon); got != kid {
		t.Errorf("with both seals: %q, %s", got, failed)
	}
	if got, _ := moved.kid(t, noon); got != kid || strings.Count(moved.log.String(), "key sealed anew") != 2 {
		t.Errorf("not sealed anew:\n%s", moved.log)
	}
	if got, failed := wrong.kid(t, noon); got != kid {
		t.Errorf("the new seal alone: %q, %s", got, failed)
	}
	if got, _ := running.kid(t, noon.Add(time.Hour)); got != kid || !strings.Contains(running.log.String(), "is sealed with "+second.String()) {
		t.Errorf("with the old seal alone: %q\n%s", got, running.log)
	}
	if got, _ := start(t, n.url(), "", first).kid(t, noon); got != "" {
		t.Error("the old seal opens what was sealed anew")
	}
}

// What is sealed opens where it was sealed for and nowhere else.
func TestMovedKeysAreRefused(t *testing.T) {
	n := startNode(t)
	seal := sealOf("first")
	js := n.client(t)
	prod := start(t, n.url(), "prod", seal)
	kid, _ := prod.kid(t, noon)
	message := stored(t, js, "managed-ES256-000001.pem")

	// From one generation to another, and to another algorithm.
	for _, name := range []string{"managed-ES256-000007.pem", "managed-EdDSA-000001.pem"} {
		plant(t, js, name, message)
		entries, err := prod.Read(t.Context())
		i := slices.IndexFunc(entries, func(e token.Entry) bool { return e.Name == name })
		if err != nil || i < 0 || entries[i].Err == nil || entries[i].Blocks || len(entries[i].Content) > 0 {
			t.Errorf("%s: %+v, %v", name, entries, err)
		}
	}
	if got, _ := prod.kid(t, noon.Add(time.Hour)); got != kid || !strings.Contains(prod.log.String(), "sealed for another generation") {
		t.Errorf("%q\n%s", got, prod.log)
	}

	// From one environment to another: none is made beside what may be in use.
	if got, failed := start(t, n.url(), "dev", seal).kid(t, noon); got != "" || !strings.Contains(failed, `sealed for environment "prod", and this server is for "dev"`) {
		t.Errorf("%q, %q", got, failed)
	}

	// From one bucket to another.
	elsewhere := start(t, n.url()+"&bucket=others", "prod", seal)
	if _, err := js.Publish(t.Context(), "$KV.others.managed-ES256-000001.pem", message); err != nil {
		t.Fatal(err)
	}
	if got, _ := elsewhere.kid(t, noon); got == kid || got == "" || !strings.Contains(elsewhere.log.String(), "left alone") {
		t.Errorf("signs with %q\n%s", got, elsewhere.log)
	}

	// Any changed byte.
	for i := range message {
		changed := bytes.Clone(message)
		changed[i] ^= 1
		plant(t, js, "managed-ES256-000001.pem", changed)
		entries, err := prod.Read(t.Context())
		if err != nil || entries[slices.IndexFunc(entries, func(e token.Entry) bool { return e.Name == "managed-ES256-000001.pem" })].Err == nil {
			t.Fatalf("byte %d of %d is changed, and it opens (%v)", i, len(message), err)
		}
	}
}

// A newer version's key is not for us to judge: none is made beside it.
func TestNewerVersion(t *testing.T) {
	n := startNode(t)
	p := start(t, n.url(), "", sealOf("first"))
	plant(t, n.client(t), "managed-ES256-000001.pem", append([]byte("writ\x02"), make([]byte, 100)...))
	if kid, failed := p.kid(t, noon); kid != "" || !strings.Contains(failed, "version 2") {
		t.Errorf("%q, %q", kid, failed)
	}
}

// A bucket that is gone is none that was emptied: the last keys sign on, and it is not
// made anew under those that run.
func TestBucketDeleted(t *testing.T) {
	n := startNode(t)
	p := start(t, n.url(), "", sealOf("first"))
	kid, _ := p.kid(t, noon)
	if err := n.client(t).DeleteStream(t.Context(), "KV_writ-keys"); err != nil {
		t.Fatal(err)
	}
	if got, _ := p.kid(t, noon.Add(time.Hour)); got != kid || !strings.Contains(p.log.String(), "signing keys cannot be read") {
		t.Errorf("%q\n%s", got, p.log)
	}
	if _, err := n.client(t).Stream(t.Context(), "KV_writ-keys"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the bucket: %v", err)
	}
}

// Connections that are cut time and again keep nobody from one key a generation.
func TestConnectionsCut(t *testing.T) {
	n := startNode(t)
	var all []*process
	for range 8 {
		all = append(all, start(t, n.url()+"&timeout=5s", "", sealOf("first")))
	}
	done := make(chan struct{})
	var cutter sync.WaitGroup
	cutter.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(30 * time.Millisecond):
				connections, err := n.s.Connz(nil)
				for i := 0; err == nil && i < len(connections.Conns); i++ {
					_ = n.s.DisconnectClientByID(connections.Conns[i].Cid) // or it has gone by itself
				}
			}
		}
	})
	at := noon
	for range 6 {
		var wg sync.WaitGroup
		for _, p := range all {
			wg.Go(func() { p.keys.Maintain(t.Context(), at) })
		}
		wg.Wait()
		at = at.Add(token.DefaultRotate / 2)
	}
	close(done)
	cutter.Wait()
	agree := func() bool { // as they do within token.Rescan
		seen := map[string]bool{}
		for _, p := range all {
			kid, _ := p.kid(t, at)
			seen[kid+string(p.keys.JWKS(at.Unix()))] = true
		}
		return len(seen) == 1 && all[0].keys.Signer(schema.ES256, "", at.Unix()) != nil
	}
	for end := time.Now().Add(2 * time.Minute); !agree(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the processes disagree")
		}
	}
	entries, err := all[0].Read(t.Context())
	for _, entry := range entries {
		if err != nil || entry.Err != nil {
			t.Errorf("%s: %v, %v", entry.Name, entry.Err, err)
		}
	}
}

// What can lose keys is refused unless that was asked for, and so is what is no bucket
// for keys alone.
func TestOpenRefuses(t *testing.T) {
	n := startNode(t)
	opts := natskeys.Options{Seals: []natskeys.Seal{sealOf("first")}, Logger: quiet()}
	if _, err := natskeys.Open(t.Context(), n.url(), opts); err == nil || !strings.Contains(err.Error(), "1 replica asked for instead of 3") ||
		!strings.Contains(err.Error(), "--store-allow-unsafe") || !strings.Contains(err.Error(), "withdrawn while its tokens are valid") {
		t.Errorf("%v", err)
	}
	if _, err := natskeys.Open(t.Context(), n.url(), natskeys.Options{AllowUnsafe: true, Logger: quiet()}); err == nil {
		t.Error("opened without a seal")
	}
	js := n.client(t)
	p := start(t, n.url(), "", sealOf("first"))
	for i := range 1100 {
		if _, err := js.PublishAsync(subject(fmt.Sprint("x", i)), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	if _, err := p.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "not for signing keys alone") {
		t.Errorf("a bucket of something else: %v", err)
	}
}

// No more than the documented permissions are needed, and a password is nowhere shown.
func TestPermissions(t *testing.T) {
	n := &node{port: testenv.Port(t), dir: t.TempDir(), users: []*server.User{{Username: "writd", Password: "s3cr3t", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			"$KV.writ-keys.>", "$JS.API.STREAM.INFO.KV_writ-keys", "$JS.API.STREAM.CREATE.KV_writ-keys", "$JS.API.STREAM.MSG.GET.KV_writ-keys",
		}},
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
	}}}}
	n.start(t)
	t.Cleanup(n.stop)
	url := strings.Replace(n.url(), "//", "//writd:s3cr3t@", 1)
	p := start(t, url, "", sealOf("first"))
	kid, failed := p.kid(t, noon)
	if again, _ := start(t, url, "", sealOf("second"), sealOf("first")).kid(t, noon); kid == "" || again != kid {
		t.Errorf("%q, then %q: %s", kid, again, failed)
	}
	for _, name := range []string{"managed-ES256-000001.pem", "managed-ES256-000001.lifetime-60"} {
		if err := p.Remove(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if _, err := natskeys.Open(t.Context(), strings.Replace(url, "s3cr3t", "wr0ng", 1)+"&timeout=x", natskeys.Options{Seals: []natskeys.Seal{sealOf("first")}}); err == nil || strings.Contains(err.Error(), "wr0ng") {
		t.Error(err)
	}
	if strings.Contains(p.log.String()+p.String(), "s3cr3t") {
		t.Errorf("%s\n%s", p, p.log)
	}
}

// While nothing changes, a look is one request.
func TestQuietReads(t *testing.T) {
	n := startNode(t)
	p := start(t, n.url(), "", sealOf("first"))
	p.kid(t, noon)
	p.kid(t, noon)
	before := apiRequests(t, n)
	for range 10 {
		p.kid(t, noon)
	}
	if asked := apiRequests(t, n) - before; asked != 10 {
		t.Errorf("10 looks at what has not changed took %d requests", asked)
	}
}

func apiRequests(t *testing.T, n *node) uint64 {
	t.Helper()
	info, err := n.s.Jsz(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(info.JetStreamStats.API)
	if info.JetStreamStats.API.Total == 0 {
		t.Fatalf("%s", text)
	}
	return info.JetStreamStats.API.Total
}
