package location_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/location/locationtest"
	"github.com/writ-auth/writ/schema/testenv"
)

// A natsCluster is one real server or several that form a cluster.
type natsCluster struct {
	nodes   []*server.Options
	running []*server.Server
}

func startNATS(t testing.TB, size int, change func(*server.Options)) *natsCluster {
	t.Helper()
	c := new(natsCluster)
	var routes []string
	for i := range size {
		opts := &server.Options{
			ServerName: fmt.Sprint("node", i), Host: "127.0.0.1", Port: testenv.Port(t),
			JetStream: true, StoreDir: t.TempDir(), JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 4 << 30, NoLog: true, NoSigs: true,
		}
		if size > 1 {
			opts.Cluster = server.ClusterOpts{Name: "writ", Host: "127.0.0.1", Port: testenv.Port(t), PoolSize: -1}
			routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", opts.Cluster.Port))
		}
		if change != nil {
			change(opts)
		}
		c.nodes = append(c.nodes, opts)
	}
	for _, opts := range c.nodes {
		opts.Routes = server.RoutesFromStr(strings.Join(routes, ","))
	}
	c.start(t)
	t.Cleanup(c.stop)
	return c
}

func (c *natsCluster) start(t testing.TB) {
	t.Helper()
	for _, opts := range c.nodes {
		s, err := server.NewServer(opts)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		c.running = append(c.running, s)
	}
	for _, s := range c.running {
		if !s.ReadyForConnections(time.Minute) {
			t.Fatal("a server does not start")
		}
	}
}

func (c *natsCluster) stop() {
	for _, s := range c.running {
		s.Shutdown()
		s.WaitForShutdown()
	}
	c.running = nil
}

func (c *natsCluster) hosts() string {
	var hosts []string
	for _, opts := range c.nodes {
		hosts = append(hosts, fmt.Sprintf("127.0.0.1:%d", opts.Port))
	}
	return strings.Join(hosts, ",")
}

// client is a connection beside the location's.
func (c *natsCluster) client(t testing.TB) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(c.hosts())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the servers have no common JetStream", func() bool {
		_, err := js.AccountInfo(t.Context())
		return err == nil
	})
	return js
}

func eventually(t testing.TB, otherwise string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(otherwise)
		}
	}
}

func TestNATS(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 3} {
		t.Run(fmt.Sprint(size, " servers"), func(t *testing.T) {
			t.Parallel()
			c := startNATS(t, size, nil)
			c.client(t)
			var buckets atomic.Int64
			locationtest.Run(t, func(t *testing.T) locationtest.Backend {
				address := fmt.Sprintf("nats://%s/b%d/prod?replicas=%d", c.hosts(), buckets.Add(1), size)
				return locationtest.Backend{Location: open(t, address, location.Options{AllowUnsafe: size < 3}), Keeps: true}
			})
		})
	}
}

// Two names in one bucket are two locations.
func TestNATSNames(t *testing.T) {
	t.Parallel()
	c := startNATS(t, 1, nil)
	opts := location.Options{AllowUnsafe: true}
	dev, prod := open(t, "nats://"+c.hosts()+"/writ/dev?replicas=1", opts), open(t, "nats://"+c.hosts()+"/writ/prod?replicas=1", opts)
	content := locationtest.File(t, location.Head{}, 1)
	if _, err := dev.Put(t.Context(), content, location.Head{}); err != nil {
		t.Fatal(err)
	}
	if _, err := prod.Head(t.Context(), location.Head{}); !errors.Is(err, location.ErrAbsent) {
		t.Errorf("the other: %v", err)
	}
	if _, err := prod.Put(t.Context(), content, location.Head{}); err != nil {
		t.Errorf("the same file there: %v", err)
	}
}

// What can forget what it acknowledged is not written to unless that was asked for;
// it is read all the same.
func TestNATSUnsafe(t *testing.T) {
	t.Parallel()
	c := startNATS(t, 1, nil)
	js := c.client(t)
	content := locationtest.File(t, location.Head{}, 1)
	careful := open(t, "nats://"+c.hosts()+"/writ/prod?replicas=1", location.Options{})
	if _, err := careful.Put(t.Context(), content, location.Head{}); err == nil || !strings.Contains(err.Error(), "1 replica instead of 3; --store-allow-unsafe") {
		t.Errorf("to a new bucket: %v", err)
	}
	if _, err := js.Stream(t.Context(), "KV_writ"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the bucket was made: %v", err)
	}
	head, err := open(t, "nats://"+c.hosts()+"/writ/prod?replicas=1", location.Options{AllowUnsafe: true}).Put(t.Context(), content, location.Head{})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := careful.Head(t.Context(), location.Head{}); err != nil || !found.Same(head) {
		t.Errorf("read: %+v, %v", found, err)
	}
	if _, err := careful.Put(t.Context(), locationtest.File(t, head, 1), head); err == nil || !strings.Contains(err.Error(), "1 replica instead of 3") {
		t.Errorf("to the bucket that is there: %v", err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KV_lossy", Subjects: []string{"$KV.lossy.>"}, MaxMsgsPerSubject: 1, MaxAge: time.Hour, Storage: jetstream.MemoryStorage, MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	lossy := open(t, "nats://"+c.hosts()+"/lossy/prod", location.Options{})
	if _, err := lossy.Put(t.Context(), content, location.Head{}); err == nil ||
		!strings.Contains(err.Error(), "memory storage; it drops what is older than 1h0m0s; it makes room by dropping") {
		t.Errorf("to a bucket that drops: %v", err)
	}
}

// A follower is told, and asks hardly ever.
func TestNATSPushes(t *testing.T) {
	t.Parallel()
	c := startNATS(t, 1, nil)
	l := open(t, "nats://"+c.hosts()+"/writ/prod?replicas=1", location.Options{AllowUnsafe: true})
	follower := open(t, "nats://"+c.hosts()+"/writ/prod", location.Options{})
	head, err := l.Put(t.Context(), locationtest.File(t, location.Head{}, 1), location.Head{})
	if err != nil {
		t.Fatal(err)
	}
	news, restarted := 0, false
	for look := range location.Follow(t.Context(), follower, location.Schedule{Poll: time.Hour}) {
		if look.Err != nil && !restarted {
			t.Fatal(look.Err)
		}
		if look.File == nil {
			continue
		}
		if news++; news == 5 {
			break
		}
		if news == 3 { // a server that was away is no reason to wait for the next look
			c.stop()
			c.start(t)
			restarted = true
		}
		eventually(t, "nothing can be put", func() bool {
			next, err := l.Put(t.Context(), locationtest.File(t, head, 1), head)
			if err == nil {
				head = next
			}
			return err == nil
		})
	}
}

// What anybody else has written to the bucket is refused, each with a reason.
func TestNATSHostile(t *testing.T) {
	t.Parallel()
	c := startNATS(t, 1, nil)
	js := c.client(t)
	l := open(t, "nats://"+c.hosts()+"/writ/prod?replicas=1", location.Options{AllowUnsafe: true})
	content := locationtest.File(t, location.Head{}, 300) // too large to be in the pointer
	head, err := l.Put(t.Context(), content, location.Head{})
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), "writ")
	if err != nil {
		t.Fatal(err)
	}
	objects, err := js.ObjectStore(t.Context(), "writ")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(t.Context(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	changed := func(name string, value any, without ...string) []byte {
		var members map[string]any
		if err := json.Unmarshal(entry.Value(), &members); err != nil {
			t.Fatal(err)
		}
		members[name] = value
		for _, name := range without {
			delete(members, name)
		}
		b, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for says, pointer := range map[string][]byte{
		"no pointer":                       []byte("hello"),
		"no pointer to a snapshot":         changed("object", strings.Repeat("x", 70<<10)),
		`of format "2"`:                    changed("format_version", "2"),
		"which no snapshot has":            changed("size", 2<<30),
		"serial 9007199254740993 of":       changed("serial", uint64(1)<<53+1),
		"has not the object":               changed("object", "sha256:00", "chunk"),
		"another digest than its name":     changed("object", "sha256:00"),
		"snapshot: ":                       changed("file", []byte("hello")),
		"its stage: what is there is no p": changed("staged", map[string]any{}),
		"its stage is for 0 percent":       changed("staged", json.RawMessage(entry.Value())),
		"its header says":                  changed("size", len(content)-1),
		"the pointer says serial 7":        changed("serial", 7),
		"the pointer says serial 1 (sha25": changed("digest", "sha256:00"),
	} {
		if _, err := kv.Put(t.Context(), "prod", pointer); err != nil {
			t.Fatal(err)
		}
		found, err := l.Head(t.Context(), head)
		if err == nil {
			_, err = l.Fetch(t.Context(), found)
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q: %v", says, err)
		}
	}
	// The chunk that a pointer names saves a question. Where it is not there, or is no name
	// of one, the object tells it.
	for _, chunk := range []string{"gone", "*", "a.b >", ""} {
		if _, err := kv.Put(t.Context(), "prod", changed("chunk", chunk)); err != nil {
			t.Fatal(err)
		}
		found, err := l.Head(t.Context(), head)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := l.Fetch(t.Context(), found); err != nil || len(got) != len(content) {
			t.Errorf("chunk %q: %d bytes, %v", chunk, len(got), err)
		}
	}
	for name, object := range map[string][]byte{"another": locationtest.File(t, location.Head{}, 299), "cut": content[:1000], "none": {}} {
		if _, err := objects.PutBytes(t.Context(), head.Version, object); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Fetch(t.Context(), head); err == nil {
			t.Errorf("%s: fetched", name)
		}
	}
	if err := kv.Delete(t.Context(), "prod"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Head(t.Context(), head); !errors.Is(err, location.ErrAbsent) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := l.Put(t.Context(), content, location.Head{}); err != nil {
		t.Errorf("over what was deleted: %v", err)
	}
	if got, err := l.Fetch(t.Context(), head); err != nil || len(got) != len(content) {
		t.Errorf("the object was not mended: %v", err)
	}
}

// A consumer may be at a server that is behind and has fewer chunks than the leader, or none.
// Here it gets none, because of what its user may ask for.
func TestNATSChunksOfTheLeader(t *testing.T) {
	t.Parallel()
	for _, denied := range []string{"$JS.API.CONSUMER.MSG.NEXT.>", "$JS.API.CONSUMER.CREATE.>"} {
		t.Run(denied, func(t *testing.T) {
			t.Parallel()
			c := startNATS(t, 1, func(o *server.Options) {
				o.NoAuthUser = "writer"
				o.Users = []*server.User{{Username: "writer"}, {Username: "reader", Password: "p", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{denied}}}}}
			})
			writer := open(t, "nats://"+c.hosts()+"/writ/prod?replicas=1", location.Options{AllowUnsafe: true})
			content := locationtest.File(t, location.Head{}, 20_000)
			head, err := writer.Put(t.Context(), content, location.Head{})
			if err != nil {
				t.Fatal(err)
			}
			reader := open(t, "nats://reader:p@"+c.hosts()+"/writ/prod", location.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			if file, err := reader.Fetch(ctx, head); err != nil || !bytes.Equal(file, content) {
				t.Errorf("%d bytes, %v", len(file), err)
			}
		})
	}
}

func TestNATSChunkIsGone(t *testing.T) {
	t.Parallel()
	c := startNATS(t, 1, nil)
	l := open(t, "nats://"+c.hosts()+"/writ/prod?replicas=1", location.Options{AllowUnsafe: true})
	head, err := l.Put(t.Context(), locationtest.File(t, location.Head{}, 20_000), location.Head{})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := c.client(t).Stream(t.Context(), "OBJ_writ")
	if err != nil {
		t.Fatal(err)
	}
	last, err := stream.GetLastMsgForSubject(t.Context(), "$O.writ.C.*")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), last.Sequence); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Fetch(t.Context(), head); err == nil || !strings.Contains(err.Error(), "of the object's chunks the bucket lacks 1") {
		t.Errorf("without its last chunk: %v", err)
	}
}

// A small snapshot, and a small one beside it, come with the pointer: the objects are asked
// for nothing. Earlier ones are found among them.
func TestNATSSmall(t *testing.T) {
	t.Parallel()
	c := startNATS(t, 1, nil)
	l := open(t, "nats://"+c.hosts()+"/writ/prod?replicas=1", location.Options{AllowUnsafe: true})
	var head location.Head
	var files []string
	for range 2 {
		file := locationtest.File(t, head, 1)
		next, err := l.Put(t.Context(), file, head)
		if err != nil {
			t.Fatal(err)
		}
		head, files = next, append(files, string(file))
	}
	staged := locationtest.File(t, head, 20)
	if _, err := l.(location.Stager).Stage(t.Context(), staged, head, 10); err != nil {
		t.Fatal(err)
	}
	fetch := func(head location.Head, want string) {
		t.Helper()
		if file, err := l.Fetch(t.Context(), head); err != nil || string(file) != want {
			t.Errorf("%s: %d bytes, %v", head, len(file), err)
		}
	}
	for head, err := range l.History(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		fetch(head, files[head.Serial-1])
	}
	if err := c.client(t).DeleteStream(t.Context(), "OBJ_writ"); err != nil {
		t.Fatal(err)
	}
	found, err := l.Head(t.Context(), location.Head{})
	if err != nil || found.Staged == nil {
		t.Fatal(found, err)
	}
	fetch(found, files[1])
	fetch(found.Staged.Head, string(staged))
}

// Servers may take smaller messages than usual.
func TestNATSSmallPayload(t *testing.T) {
	t.Parallel()
	c := startNATS(t, 1, func(o *server.Options) { o.MaxPayload = 8 << 10 })
	l := open(t, "nats://"+c.hosts()+"/writ/prod?replicas=1", location.Options{AllowUnsafe: true})
	content := locationtest.File(t, location.Head{}, 80)
	head, err := l.Put(t.Context(), content, location.Head{})
	if err != nil {
		t.Fatal(err)
	}
	if file, err := l.Fetch(t.Context(), head); err != nil || !bytes.Equal(file, content) {
		t.Errorf("%d bytes, %v", len(file), err)
	}
}

// Servers that are away, refuse the login or do not answer are errors in time, which
// name no credential.
func TestNATSAway(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := startNATS(t, 1, func(o *server.Options) { o.Username, o.Password = "u", "right" })
	for name, host := range map[string]string{"away": testenv.Address(t), "silent": silent.Addr().String(), "refused": c.hosts()} {
		l := open(t, "nats://u:s3cr3t@"+host+"/writ/prod", location.Options{})
		if _, err := l.Head(t.Context(), location.Head{}); err == nil || !strings.Contains(err.Error(), "no server is connected") || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := open(t, "nats://u:right@"+c.hosts()+"/writ/prod", location.Options{})
	if _, err := l.Head(t.Context(), location.Head{}); !errors.Is(err, location.ErrAbsent) {
		t.Errorf("with the right password: %v", err)
	}
	a, err := location.Parse("nats://host/writ/prod")
	if err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	for _, opts := range []location.Options{{NATSCredentials: missing}, {NATSRoots: missing}, {NATSCertificate: missing, NATSKey: missing}, {NATSKey: os.DevNull}} {
		if _, err := location.Open(a, opts); err == nil {
			t.Errorf("%+v: opened", opts)
		}
	}
}
