package locationtest

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/testenv"
)

// A Registry is Debian's docker-registry, which is the reference implementation, in a
// process of its own. It keeps address and content when it is stopped and started.
type Registry struct {
	Address string
	config  string
	cmd     *exec.Cmd // nil when it is stopped
}

// StartRegistry starts a registry that runs until the test ends. Without the program the
// test is skipped, and in CI it fails.
func StartRegistry(t testing.TB) *Registry {
	t.Helper()
	if _, err := exec.LookPath("docker-registry"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("docker-registry is not installed: apt-get install docker-registry")
		}
		t.Skip("docker-registry is not installed: apt-get install docker-registry")
	}
	dir := t.TempDir()
	r := &Registry{Address: testenv.Address(t), config: filepath.Join(dir, "config.yml")}
	if err := os.WriteFile(r.config, fmt.Appendf(nil, `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %q}, delete: {enabled: true}}
http: {addr: %q}
`, filepath.Join(dir, "data"), r.Address), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Start(t)
	t.Cleanup(r.Stop)
	return r
}

// Start starts it, again or for the first time, and waits until it answers.
func (r *Registry) Start(t testing.TB) {
	t.Helper()
	r.cmd = exec.Command("docker-registry", "serve", r.config)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Without keep-alive, since a kept connection would be one of the process before.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for end := time.Now().Add(deadline); ; time.Sleep(20 * time.Millisecond) {
		res, err := client.Get("http://" + r.Address + "/v2/")
		if err == nil {
			res.Body.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the registry does not start: %v", err)
		}
	}
}

// Stop ends the process.
func (r *Registry) Stop() {
	if r.cmd == nil {
		return
	}
	// Killed and not asked to end: what it has acknowledged must be on the disk.
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
}
