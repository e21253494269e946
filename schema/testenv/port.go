package testenv

import (
	"strconv"
	"testing"
)

// Port is a TCP port of 127.0.0.1 that nobody else gets until the test ends, for
// a program that has to be told where to listen. Who can listen on port 0 and say
// where needs none.
func Port(t testing.TB) int {
	t.Helper()
	port, release, err := reserve()
	if err != nil {
		t.Fatalf("reserve a port: %v", err)
	}
	t.Cleanup(release)
	return port
}

// Address is 127.0.0.1 and a Port.
func Address(t testing.TB) string {
	t.Helper()
	return "127.0.0.1:" + strconv.Itoa(Port(t))
}
