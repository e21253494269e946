package main

import (
	"fmt"
	"sync"
	"time"
)

// progressDelay is how long a step may take before it is announced.
const progressDelay = 500 * time.Millisecond

// progress announces a step on a terminal once it has taken a while. The
// returned function ends the step and takes the announcement away.
func (a *app) progress(step string) (done func()) {
	if !a.errTTY || a.json {
		return func() {}
	}
	var mu sync.Mutex
	shown := false
	timer := time.AfterFunc(progressDelay, func() {
		mu.Lock()
		defer mu.Unlock()
		shown = true
		fmt.Fprintf(a.err, "%s...", step)
	})
	return func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		if shown {
			fmt.Fprint(a.err, "\r\x1b[K")
			shown = false
		}
	}
}
