package server_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/writ-auth/writ/schema/testenv"
)

// sharedKeys is a folder in which the tests that need RSA keys find those of
// the test before.
var sharedKeys string

func TestMain(m *testing.M) {
	testenv.Isolate()
	var err error
	if sharedKeys, err = os.MkdirTemp("", "writd-keys-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(sharedKeys)
		os.Exit(code)
	}))
}
