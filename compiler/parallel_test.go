package compiler

import (
	"fmt"
	"strings"
	"testing"

	"github.com/writ-auth/writ/config/diag"
)

// A panic in a goroutine that nobody waits for ends the process with the exit
// code of a usage error of Go's; the caller of findings has to be able to catch it.
func TestFindingsPanic(t *testing.T) {
	t.Parallel()
	defer func() {
		got := fmt.Sprint(recover())
		if !strings.HasPrefix(got, "out of cheese") || !strings.Contains(got, "TestFindingsPanic") {
			t.Errorf("recovered %q, want the cause and the worker's stack", got)
		}
	}()
	checkInParallel(3*chunk, func(i int) diag.List {
		if i == 2*chunk+1 {
			panic("out of cheese")
		}
		return nil
	})
	t.Error("findings returned")
}
