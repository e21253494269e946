package location_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/location/locationtest"
)

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
	locationtest.Run(t, repository(t, locationtest.StartRegistry(t).Address, 200*time.Millisecond))
}
