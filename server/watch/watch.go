// Package watch calls back when the content at a path has changed.
//
// It notices changes by two means: events of the folder through fsnotify,
// debounced, and a look every few seconds, for file systems without events and
// for events that were lost. An event only causes a look; the content's digest
// decides whether something changed. So every way of updating a file works:
// written in place, renamed over, a link swapped as Kubernetes does, the folder
// replaced, the modification time set back. The package does not interpret what
// it reads.
package watch

import (
	"context"
	"log/slog"
	"time"
)

// Defaults of a Watcher.
const (
	DefaultDebounce = 50 * time.Millisecond
	DefaultPoll     = 5 * time.Second
)

// maxBurst is how many debounces a burst of events may last before the look.
const maxBurst = 10

// A Watcher watches the content at a path. Its fields are not to be changed
// once Look or Run was called.
type Watcher struct {
	Path     string
	Debounce time.Duration // quiet time after an event; 0: DefaultDebounce
	Poll     time.Duration // how often to look without an event; 0: DefaultPoll
	NoEvents bool          // poll only
	Logger   *slog.Logger  // nil: slog.Default()

	// Read returns the content that is watched. Nil: File(Path).
	Read Reader

	// Changed is called with the content when it is first read and whenever it
	// has changed since, and may keep the slice. When the content becomes
	// unreadable, it is called once with the error. Nil: changes are only recorded.
	Changed func(content []byte, err error)

	last observation
}

// Look reads once, now. It must not be called while Run is running.
func (w *Watcher) Look() {
	if w.Read == nil {
		w.Read = File(w.Path)
	}
	w.last.update(w.Read, w.Changed)
}

// Run looks, and looks again after every burst of events and at every poll,
// until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	if w.Debounce == 0 {
		w.Debounce = DefaultDebounce
	}
	if w.Poll == 0 {
		w.Poll = DefaultPoll
	}
	if w.Logger == nil {
		w.Logger = slog.Default()
	}
	f := w.arm()
	defer func() { f.close() }()
	w.Look()
	tick := time.NewTicker(w.Poll)
	defer tick.Stop()
	burst := debouncer{debounce: w.Debounce, timer: time.NewTimer(w.Debounce)}
	burst.timer.Stop()
	defer burst.timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-f.events():
			f.stale = f.stale || f.leadsOver(event.Name)
			burst.event()
			continue
		case err := <-f.errors():
			// An overflow has lost events. After any other error, a look is right too.
			w.Logger.Warn("watch", "path", w.Path, "error", err)
			f.stale = true
			burst.event()
			continue
		case <-burst.timer.C:
			burst.latest = time.Time{}
		case <-tick.C:
		}
		f = w.rearm(f)
		w.Look()
	}
}

// A debouncer waits for the end of a burst of events, but at most maxBurst
// debounce times: content that changes all the time is still read.
type debouncer struct {
	debounce time.Duration
	timer    *time.Timer
	latest   time.Time // when the burst ends in any case; zero outside a burst
}

// event starts or extends a burst.
func (q *debouncer) event() {
	now := time.Now()
	if q.latest.IsZero() {
		q.latest = now.Add(maxBurst * q.debounce)
	}
	q.timer.Reset(min(q.debounce, q.latest.Sub(now)))
}
