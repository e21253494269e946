package main

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/writ-auth/writ/schema/location/locationtest"
)

// sharedPlaces are real servers that hold snapshots, started when a script first asks
// for them.
type sharedPlaces struct {
	*testing.T
	once           sync.Once
	registry, nats string // host:port
}

func (s *sharedPlaces) script(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: places")
	}
	s.once.Do(s.start)
	ts.Setenv("REGISTRY", s.registry)
	ts.Setenv("NATS", s.nats)
	web := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs("."))))
	ts.Defer(web.Close)
	ts.Setenv("WEB", web.URL)
}

func (s *sharedPlaces) start() {
	if there, _ := installed("docker-registry"); there {
		s.registry = locationtest.StartRegistry(s.T).Address
	}
	s.nats = startNATS(s.T)
}

// startNATS starts a server with JetStream in this process, until the test ends.
func startNATS(t *testing.T) string {
	t.Helper()
	running, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(),
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 30, NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	running.Start()
	t.Cleanup(func() {
		running.Shutdown()
		running.WaitForShutdown()
	})
	if !running.ReadyForConnections(time.Minute) {
		t.Fatal("NATS does not start")
	}
	return running.Addr().String()
}

// scriptDuring runs two commands at once, of which one wins.
func scriptDuring(ts *testscript.TestScript, neg bool, args []string) {
	at := slices.Index(args, "--")
	if neg || at < 1 || at == len(args)-1 {
		ts.Fatalf("usage: during COMMAND... -- COMMAND...")
	}
	path := ts.Getenv("PATH")
	var both [2]*exec.Cmd
	var output [2]lockedBuffer
	for i, words := range [][]string{args[:at], args[at+1:]} {
		both[i] = exec.Command("/usr/bin/env", words...)
		both[i].Dir, both[i].Stdout, both[i].Stderr = ts.MkAbs("."), &output[i], &output[i]
		both[i].Env = []string{"PATH=" + path, "HOME=/no-home"}
		ts.Check(both[i].Start())
	}
	var codes []int
	for _, cmd := range both {
		_ = cmd.Wait() // the code says it
		codes = append(codes, cmd.ProcessState.ExitCode())
	}
	ts.Logf("%d:\n%s\n%d:\n%s", codes[0], &output[0], codes[1], &output[1])
	if slices.Sort(codes); codes[0] != 0 || codes[1] != 3 {
		ts.Fatalf("exit codes %v, want 0 and 3", codes)
	}
}
