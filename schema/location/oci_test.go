package location_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/location/locationtest"
	"github.com/writ-auth/writ/schema/testenv"
)

// startRegistry starts Debian's registry, which is the reference implementation, and
// returns its address.
func startRegistry(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("docker-registry is not installed: apt-get install docker-registry")
		}
		t.Skip("docker-registry is not installed: apt-get install docker-registry")
	}
	dir, address := t.TempDir(), testenv.Address(t)
	config := filepath.Join(dir, "config.yml")
	writeFile(t, config, fmt.Appendf(nil, `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %q}, delete: {enabled: true}}
http: {addr: %q}
`, filepath.Join(dir, "data"), address))
	cmd := exec.Command(program, "serve", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	eventually(t, "the registry does not start", func() bool {
		res, err := client.Get("http://" + address + "/v2/")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
	return address
}

// repository makes the suite's backends in one registry.
func repository(t *testing.T, address string, settle time.Duration) func(t *testing.T) locationtest.Backend {
	var repositories atomic.Int64
	return func(t *testing.T) locationtest.Backend {
		l := open(t, fmt.Sprintf("oci://%s/acme/writ%d:prod", address, repositories.Add(1)), location.Options{DockerConfig: emptyConfig(t)})
		location.SetSettle(l, settle)
		return locationtest.Backend{Location: l, Keeps: true, Patient: func() { location.SetSettle(l, 25*settle) }}
	}
}

// emptyConfig is a folder with a config.json that knows nobody.
func emptyConfig(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.json"), []byte("{}"))
	return dir
}

func TestOCI(t *testing.T) {
	t.Parallel()
	locationtest.Run(t, repository(t, startRegistry(t), 200*time.Millisecond))
}
