package natskv_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server/store/natskv"
)

// A node is a real server that synchronizes every write. It keeps its folder
// and its ports when it is stopped and started again.
type node struct {
	Name         string
	Port         int
	Dir          string
	ClusterPort  int // 0 alone
	ClusterPorts []int

	here  *server.Server // in this process
	child *exec.Cmd      // or in one of its own, which can be killed
	leash io.Closer      // the child ends with it
}

func (n *node) options() *server.Options {
	opts := &server.Options{
		ServerName: n.Name, Host: "127.0.0.1", Port: n.Port,
		JetStream: true, StoreDir: n.Dir, SyncAlways: true, JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 4 << 30,
		NoLog: true, NoSigs: true,
	}
	if n.ClusterPort == 0 {
		return opts
	}
	opts.Cluster = server.ClusterOpts{Name: "writ", Host: "127.0.0.1", Port: n.ClusterPort, PoolSize: -1}
	var routes []string
	for _, port := range n.ClusterPorts {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	opts.Routes = server.RoutesFromStr(strings.Join(routes, ","))
	return opts
}

// serve starts the server.
func (n *node) serve() (*server.Server, error) {
	s, err := server.NewServer(n.options())
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(time.Minute) {
		return nil, fmt.Errorf("server %s does not start", n.Name)
	}
	return s, nil
}

// nodeVariable makes the test binary be the node that it describes.
const nodeVariable = "STORE_TEST_NODE"

func runNode() bool {
	text := os.Getenv(nodeVariable)
	if text == "" {
		return false
	}
	n := new(node)
	err := json.Unmarshal([]byte(text), n)
	if err == nil {
		_, err = n.serve()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	io.Copy(io.Discard, os.Stdin)
	return true
}

func (n *node) start(t testing.TB, child bool) {
	t.Helper()
	if !child {
		s, err := n.serve()
		if err != nil {
			t.Fatal(err)
		}
		n.here = s
		return
	}
	text, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	n.child = exec.Command(os.Args[0])
	n.child.Env = append(os.Environ(), nodeVariable+"="+string(text))
	n.child.Stderr = os.Stderr
	if n.leash, err = n.child.StdinPipe(); err == nil {
		err = n.child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// stop ends the server: one of its own process without a last word.
func (n *node) stop() {
	if n.here != nil {
		n.here.Shutdown()
		n.here.WaitForShutdown()
	}
	if n.child != nil {
		n.child.Process.Kill()
		n.child.Wait()
		n.leash.Close()
	}
	n.here, n.child = nil, nil
}

// A cluster is one node or several that form a cluster.
type cluster struct {
	nodes    []*node
	children bool
}

func startCluster(t testing.TB, size int, children bool) *cluster {
	t.Helper()
	c := &cluster{children: children}
	var ports []int
	for range 2 * size {
		ports = append(ports, testenv.Port(t))
	}
	dir := t.TempDir()
	for i := range size {
		n := &node{Name: fmt.Sprint("node", i), Port: ports[i], Dir: filepath.Join(dir, fmt.Sprint(i))}
		if size > 1 {
			n.ClusterPort, n.ClusterPorts = ports[size+i], ports[size:]
		}
		c.nodes = append(c.nodes, n)
	}
	t.Cleanup(c.stop)
	c.start(t)
	return c
}

func (c *cluster) start(t testing.TB) {
	t.Helper()
	for _, n := range c.nodes {
		n.start(t, c.children)
	}
	js := c.client(t)
	eventually(t, "the servers have no common JetStream", func(ctx context.Context) bool {
		_, err := js.AccountInfo(ctx)
		return err == nil
	})
}

func (c *cluster) stop() {
	for _, n := range c.nodes {
		n.stop()
	}
}

// client is a connection beside the store's.
func (c *cluster) client(t testing.TB) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(c.hosts(), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
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

// leader returns the node that leads the bucket's stream when all nodes are
// level with it.
func (c *cluster) leader(t testing.TB, js jetstream.JetStream, bucket string) (leader *node) {
	t.Helper()
	eventually(t, "the bucket's servers do not become level", func(ctx context.Context) bool {
		stream, err := js.Stream(ctx, "KV_"+bucket)
		if err != nil {
			return false
		}
		info := stream.CachedInfo().Cluster
		level := len(info.Replicas) == len(c.nodes)-1
		for _, peer := range info.Replicas {
			level = level && peer.Current && !peer.Offline
		}
		for _, n := range c.nodes {
			if level && n.Name == info.Leader {
				leader = n
			}
		}
		return leader != nil
	})
	return leader
}

func eventually(t testing.TB, otherwise string, is func(ctx context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for {
		attempt, done := context.WithTimeout(ctx, 10*time.Second)
		ok := is(attempt)
		done()
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(otherwise)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *cluster) hosts() string {
	var hosts []string
	for _, n := range c.nodes {
		hosts = append(hosts, fmt.Sprintf("nats://127.0.0.1:%d", n.Port))
	}
	return strings.Join(hosts, ",")
}

// open opens a bucket and closes it with the test. One server is unsafe.
func (c *cluster) open(t testing.TB, bucket, more string, opts natskv.Options) *natskv.Store {
	t.Helper()
	replicas := 3
	if len(c.nodes) < 3 {
		replicas, opts.AllowUnsafe = 1, true
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	n, err := natskv.Open(t.Context(), fmt.Sprintf("%s?bucket=%s&replicas=%d%s", c.hosts(), bucket, replicas, more), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}
