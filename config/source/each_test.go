package source

import (
	"fmt"
	"strings"
	"testing"
)

// A panic in a goroutine of its own would end the process before anybody could
// say that it is a defect.
func TestEachPanic(t *testing.T) {
	t.Parallel()
	defer func() {
		got := fmt.Sprint(recover())
		if !strings.HasPrefix(got, "out of cheese") || !strings.Contains(got, "TestEachPanic") {
			t.Errorf("recovered %q, want the cause and the worker's stack", got)
		}
	}()
	each(2, 10, func(i int) {
		if i == 7 {
			panic("out of cheese")
		}
	})
	t.Error("each returned")
}
