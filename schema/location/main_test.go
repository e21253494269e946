package location_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/testenv"
)

func TestMain(m *testing.M) {
	testenv.Isolate()
	if runLimited() {
		return
	}
	// The client's goroutine that begins after its connection was closed reads a channel
	// that is nil by then.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"))
}

// open parses an address and opens it until the test ends.
func open(t testing.TB, address string, opts location.Options) location.Location {
	t.Helper()
	a, err := location.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := location.Open(a, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
