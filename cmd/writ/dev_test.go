package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A noticing is a stream that calls back once, when a text has been written to it,
// and before the writer goes on.
type noticing struct {
	text string
	then func()

	mu      sync.Mutex
	written bytes.Buffer
}

func (n *noticing) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.written.Write(p)
	if n.then != nil && bytes.Contains(n.written.Bytes(), []byte(n.text)) {
		n.then()
		n.then = nil
	}
	return len(p), nil
}

func (n *noticing) has(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return bytes.Contains(n.written.Bytes(), []byte(text))
}

// An edit is served however soon it follows the line that says so.
func TestDevServesAnEditRightAfterItsFirstLine(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Error(err)
		}
	}
	write("issuer.hcl", "issuer { url = \"https://auth.example.com/\" }\n")
	out := &noticing{text: "Ctrl-C stops", then: func() {
		write("orders.hcl", "api \"orders\" { identifier = \"https://api.example.com/orders\" }\n")
	}}
	streams, _, _ := testStdio()
	streams.Out, streams.Now = out, time.Now
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- run(ctx, []string{"dev", dir, "--listen", "127.0.0.1:0"}, streams) }()
	for hang := time.Now().Add(time.Minute); !out.has("Reloaded: "); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(hang) {
			t.Error("the edit is not served")
			break
		}
	}
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// What was told is not told again for a file that has nothing to do with it. The lines may
// go to a file in the folder itself, and each would lead to the next.
func TestDevTellsAStateOnce(t *testing.T) {
	s := newDevSite(t, "issuer {")
	told := func(text string) {
		t.Helper()
		s.reload()
		s.reload()
		if n := strings.Count(s.log.String(), text); n != 1 {
			t.Errorf("%q is told %d times:\n%s", text, n, s.log)
		}
		s.log.Reset()
	}
	s.log.Reset()
	s.write(t, "")
	told("No issuer declared")
	if err := os.Remove(s.file); err != nil {
		t.Fatal(err)
	}
	told("Nothing is declared in ")
	s.write(t, "")
	told("No issuer declared")
}
