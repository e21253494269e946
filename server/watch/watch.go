// Package watch calls back when the content at a path has changed.
//
// It owns noticing: events of the folder through fsnotify, debounced, and a
// look every few seconds besides, for file systems without events and for
// events that were lost. What decides is the content's digest, never which
// event came, so every way of updating a file looks the same: written in
// place, renamed over, a link swapped as Kubernetes does, the folder replaced,
// the time of modification set back. It refuses to interpret what it reads.
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

	// Changed is called with the content when it is first seen and whenever it
	// has changed since, and owns the slice; and once with the error when it
	// cannot be read any more. Nil: the change is only taken note of.
	Changed func(content []byte, err error)

	look looker
}

// Look reads once, now. It must not run beside Run.
func (w *Watcher) Look() {
	if w.Read == nil {
		w.Read = File(w.Path)
	}
	w.look.now(w.Read, w.Changed)
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
	quiet := newQuiet(w.Debounce)
	defer quiet.stop()
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-f.events():
			f.stale = f.stale || f.leadsOver(event.Name)
			quiet.disturb()
			continue
		case err := <-f.errors():
			// An overflow has lost events; whatever else it is, a look tells.
			w.Logger.Warn("watch", "path", w.Path, "error", err)
			f.stale = true
			quiet.disturb()
			continue
		case <-quiet.over():
			quiet.settle()
		case <-tick.C:
		}
		f = w.rearm(f)
		w.Look()
	}
}

// A quiet waits for the end of a burst of events, though not for ever.
type quiet struct {
	debounce time.Duration
	timer    *time.Timer
	latest   time.Time // when the burst is cut short; zero outside a burst
}

func newQuiet(debounce time.Duration) *quiet {
	timer := time.NewTimer(debounce)
	timer.Stop()
	return &quiet{debounce: debounce, timer: timer}
}

func (q *quiet) disturb() {
	now := time.Now()
	if q.latest.IsZero() {
		q.latest = now.Add(maxBurst * q.debounce)
	}
	q.timer.Reset(min(q.debounce, q.latest.Sub(now)))
}

func (q *quiet) settle()                { q.latest = time.Time{} }
func (q *quiet) over() <-chan time.Time { return q.timer.C }
func (q *quiet) stop()                  { q.timer.Stop() }
