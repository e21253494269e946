package testenv

import (
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
)

// What git's hooks, service managers and shells set reaches no program under
// test, and what asks the tests for something stays.
func TestIsolate(t *testing.T) {
	for _, name := range []string{"GIT_DIR", "GIT_CONFIG_COUNT", "GITHUB_ACTIONS", "WRITD_SNAPSHOT", "WRIT_CLIENT_SECRET", "NO_COLOR", "NOTIFY_SOCKET", "OTEL_SDK_DISABLED", "WRIT_SOAK", "WRITD_TEST_ARGS", "CI"} {
		t.Setenv(name, "1")
	}
	for _, name := range []string{"GIT_CEILING_DIRECTORIES", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"} {
		t.Setenv(name, "/somebody's")
	}
	t.Setenv("NO_PROXY", "internal.example")
	t.Setenv("no_proxy", "")
	t.Setenv("TMPDIR", "/"+strings.Repeat("long ", 30))
	Isolate()
	for name, want := range map[string]string{
		"GIT_DIR": "", "GIT_CONFIG_COUNT": "", "GITHUB_ACTIONS": "", "WRITD_SNAPSHOT": "", "WRIT_CLIENT_SECRET": "", "NO_COLOR": "", "NOTIFY_SOCKET": "", "OTEL_SDK_DISABLED": "",
		"WRIT_SOAK": "1", "WRITD_TEST_ARGS": "1", "CI": "1", "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CEILING_DIRECTORIES": "/tmp", "GIT_CONFIG_NOSYSTEM": "1",
		"NO_PROXY": "localhost,127.0.0.1,::1,internal.example", "no_proxy": "localhost,127.0.0.1,::1", "TMPDIR": "/tmp",
	} {
		if got := os.Getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// A reserved port can be listened on, again and again, and is given to nobody else.
func TestPort(t *testing.T) {
	address := Address(t)
	for range 2 {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	if runtime.GOOS != "linux" {
		t.Skip("a port is reserved on Linux only")
	}
	for range 200 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if l.Addr().String() == address {
			t.Fatalf("%s was given away", address)
		}
	}
}
