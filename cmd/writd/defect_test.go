package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/writ-auth/writ/schema/testenv"
)

// A trap is a log that panics, once, at a line with the text.
type trap struct {
	*testenv.Buffer
	text   string
	sprung bool
}

func (w *trap) Write(p []byte) (int, error) {
	if !w.sprung && strings.Contains(string(p), w.text) {
		w.sprung = true
		panic("sprung")
	}
	return w.Buffer.Write(p)
}

// A panic in the background is one line of the log, and the exit code of a defect.
func TestDefectInTheBackground(t *testing.T) {
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	log := &trap{Buffer: new(testenv.Buffer), text: "reload on SIGHUP"}
	code := make(chan int, 1)
	go func() {
		code <- run(context.Background(), []string{
			"--snapshot", filepath.Join(dir, "writ.snapshot"), "--listen", "unix:" + filepath.Join(dir, "public.sock"), "--admin", "off",
		}, stdio{out: io.Discard, err: log, getenv: func(string) string { return "" }})
	}()
	p := &program{client: overSocket(filepath.Join(dir, "public.sock")), log: log.Buffer}
	eventually(t, p.wantScope("read"))
	p.client.CloseIdleConnections()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != exitDefect {
		t.Errorf("exit code %d, want %d", got, exitDefect)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	var last struct{ Level, Msg, Reason, Stack string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if last.Level != "ERROR" || !strings.Contains(last.Msg, "this is a defect") || last.Reason != "a defect: sprung" || !strings.Contains(last.Stack, "reloadOn") {
		t.Errorf("the log ends with %+v", last)
	}
}
