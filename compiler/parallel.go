package compiler

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/writ-auth/writ/config/diag"
)

// chunk is how many objects a worker takes at a time.
const chunk = 1024

// findings calls check for every index below n, on all processors, and returns
// what was found in the order of the indexes. It is for the checks that evaluate
// expressions; the others are too quick to be worth it. A panic of check is one
// of findings: in a goroutine of its own nobody could catch it.
func findings(n int, check func(i int) diag.List) diag.List {
	found := make([]diag.List, (n+chunk-1)/chunk)
	var next atomic.Int64
	var crashed atomic.Pointer[crash]
	work := func() {
		defer func() {
			if cause := recover(); cause != nil {
				crashed.CompareAndSwap(nil, &crash{cause, debug.Stack()})
			}
		}()
		for {
			at := int(next.Add(1)) - 1
			if at >= len(found) {
				return
			}
			for i := at * chunk; i < min(n, (at+1)*chunk); i++ {
				found[at] = append(found[at], check(i)...)
			}
		}
	}
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(found)) {
		workers.Go(work)
	}
	workers.Wait()
	if c := crashed.Load(); c != nil {
		panic(c)
	}

	var all diag.List
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}

// A crash is the panic of a worker, with the stack that it had.
type crash struct {
	cause any
	stack []byte
}

func (c *crash) String() string { return fmt.Sprintf("%v\n\nin a worker:\n%s", c.cause, c.stack) }
