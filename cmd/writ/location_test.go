package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/schema/location/locationtest"
	"github.com/writ-auth/writ/schema/testenv"
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

// scriptOvertaken runs a command that asks before it applies, at a terminal of its own.
// When it has asked, and so has read what is in force, the other command runs to its end.
// Then the question is answered with yes: too late.
func scriptOvertaken(ts *testscript.TestScript, neg bool, args []string) {
	at := slices.Index(args, "--")
	if neg || at < 1 || at == len(args)-1 {
		ts.Fatalf("usage: overtaken COMMAND... -- COMMAND...")
	}
	person, program, err := openTerminal()
	ts.Check(err)
	defer person.Close()
	var output testenv.Buffer
	command := func(words []string) *exec.Cmd {
		cmd := exec.Command("/usr/bin/env", words...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), &output, &output
		cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=/no-home"}
		return cmd
	}
	asking := command(args[:at])
	asking.Stdin, asking.Stderr = program, program
	err = asking.Start()
	program.Close()
	ts.Check(err)
	var asked strings.Builder
	for buf := make([]byte, 1024); !strings.Contains(asked.String(), "Apply this?"); {
		n, err := person.Read(buf)
		if asked.Write(buf[:n]); err != nil { // it has ended: on Linux that is EIO
			_ = asking.Wait()
			ts.Fatalf("it ended and asked nothing: %v\n%s\n%s", err, &asked, &output)
		}
	}
	winner := command(args[at+1:])
	if err := winner.Run(); err != nil {
		ts.Logf("%s", &output)
		_, _ = io.WriteString(person, "no\n")
		_ = asking.Wait()
		ts.Fatalf("%v: %v", args[at+1:], err)
	}
	_, err = io.WriteString(person, "yes\n")
	ts.Check(err)
	complaint := make(chan string)
	go func() {
		text, _ := io.ReadAll(person) // ends with EIO
		complaint <- string(text)
	}()
	_ = asking.Wait() // the code says it
	said := <-complaint
	ts.Logf("%s\n%s%s", &output, &asked, said)
	if code := asking.ProcessState.ExitCode(); code != cli.ExitStale || !strings.Contains(said, "plan-stale") {
		ts.Fatalf("exit code %d, want %d, and plan-stale", code, cli.ExitStale)
	}
}
