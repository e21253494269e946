package location

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"time"
)

// A Schedule says when a follower looks. The zero value works.
type Schedule struct {
	// Poll is the time between two looks: 0 is 30 seconds for https and oci, five
	// minutes for nats, where changes are pushed, and five seconds for a file. Each
	// wait is up to a fifth shorter or longer, so that a fleet does not ask at once.
	Poll time.Duration

	// Held is the snapshot that the follower has already. With one, the first look
	// is at a random moment of the first Poll; without, it is now.
	Held Head

	// Now requests a look at once. The Head that is sent replaces Held: a snapshot other
	// than that one is given although it was given before. nil never requests one.
	Now <-chan Head

	// Choose says which of the snapshots that the location holds is for the follower:
	// see Head.For. nil is the newest.
	Choose func(Head) Head
}

// A Look is what a follower found.
type Look struct {
	Head Head          // what the location holds for the follower; zero when Err is set
	File []byte        // the file, when it is another than at the last look; nil otherwise
	Err  error         // why the location, or what it holds, was not of use
	Next time.Duration // until the next look, unless something is pushed or requested before
}

// The longest waits that a location can cause, so that a mistake of its
// operator's does not cut the followers off.
const (
	maxBackOff    = 5 * time.Minute // also of Cache-Control
	maxRetryAfter = time.Hour
)

// maxRefetches is how often Head and Fetch are tried in a row, because the snapshot was
// replaced between the two.
const maxRefetches = 3

// A pace is how often a location is asked: the times between two looks.
type pace struct {
	poll  time.Duration // without a failure
	retry time.Duration // after the first failure; it doubles with each further one
	most  time.Duration // after any number of failures
}

// A paced location has another pace than defaultPace.
type paced interface{ pace() pace }

// defaultPace is that of web servers and registries.
var defaultPace = pace{poll: 30 * time.Second, retry: 30 * time.Second, most: maxBackOff}

// A pusher is a location that announces changes. The channel receives whenever the location
// may hold something new, until ctx ends.
type pusher interface {
	changes(ctx context.Context) <-chan struct{}
}

// Follow looks at a location until ctx ends or the loop over it is left, and yields
// each look: what is new, that nothing is, or what is wrong. It yields a snapshot's file
// once, even if the caller refuses it; Schedule.Now is how the caller asks for it again. A
// location that pushes is asked when it announces a change, and every Poll besides, since an
// announcement may be lost.
//
// After each failure the wait doubles, up to five minutes; a file is looked at as often as
// ever. An absent snapshot is no failure. Retry-After (RFC 9110 section 10.2.3) makes a
// wait longer, up to an hour, and max-age of Cache-Control (RFC 9111 section 5.2.2.1) up to
// five minutes.
//
// Everything runs in the caller's goroutine: there is no look while the caller handles the
// one before.
func Follow(ctx context.Context, l Location, s Schedule) iter.Seq[Look] {
	return func(yield func(Look) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		f := &follower{location: l, choose: s.Choose, held: s.Held, pace: defaultPace}
		if own, ok := l.(paced); ok {
			f.pace = own.pace()
		}
		if s.Poll > 0 {
			f.pace.poll, f.pace.retry = s.Poll, min(s.Poll, f.pace.retry)
		}
		f.pace.most = max(f.pace.most, f.pace.poll)
		var pushed <-chan struct{}
		if p, ok := l.(pusher); ok {
			pushed = p.changes(ctx)
		}
		var first time.Duration
		if !s.Held.IsZero() { // nothing is urgent, and a fleet may have restarted all at once
			first = rand.N(f.pace.poll)
		}
		timer := time.NewTimer(first)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case f.held = <-s.Now:
			case <-pushed:
			case <-timer.C:
			}
			look := f.look(ctx)
			if ctx.Err() != nil || !yield(look) {
				return
			}
			timer.Reset(look.Next)
		}
	}
}

// A follower is the state of one call of Follow from look to look.
type follower struct {
	location Location
	choose   func(Head) Head
	known    Head // the location's last answer, for its next Head
	held     Head // the snapshot that the caller was given, or said that it holds
	pace     pace
	failures int // in a row
}

// look makes one look, and decides when the next one is due.
func (f *follower) look(ctx context.Context) Look {
	var hint cacheHint
	head, file, err := f.ask(ctx, &hint)
	if errors.Is(err, ErrAbsent) { // it answers, and the first snapshot may come soon
		f.failures = 0
		return Look{Err: err, Next: jitter(f.pace.poll)}
	}
	if err != nil {
		f.failures++
		return Look{Err: err, Next: max(jitter(f.backOff()), min(retryAfter(err), maxRetryAfter))}
	}
	f.failures, f.held = 0, head
	return Look{Head: head, File: file, Next: max(jitter(f.pace.poll), min(hint.fresh, maxBackOff))}
}

// ask asks the location for its Head, and fetches the chosen snapshot unless it is held.
// known is kept even if the fetch fails; held changes in look, and only after success.
func (f *follower) ask(ctx context.Context, hint *cacheHint) (head Head, file []byte, err error) {
	for range maxRefetches {
		if head, err = f.location.Head(context.WithValue(ctx, cacheHintKey{}, hint), f.known); err != nil {
			return head, nil, err
		}
		f.known = head
		if f.choose != nil {
			head = f.choose(head)
		}
		if head.Same(f.held) {
			return head, nil, nil
		}
		file, err = f.location.Fetch(ctx, head)
		if !errors.Is(err, ErrMoved) {
			break
		}
	}
	return head, file, err
}

// backOff returns the wait after the present number of failures.
func (f *follower) backOff() time.Duration {
	wait := f.pace.retry
	for range min(f.failures-1, 32) {
		wait = min(2*wait, f.pace.most)
	}
	return min(wait, f.pace.most)
}

// jitter returns a random time up to a fifth shorter or longer than d.
func jitter(d time.Duration) time.Duration { return d*4/5 + rand.N(d*2/5+1) }

// retryAfter returns the server's Retry-After in an error, 0 without one.
func retryAfter(err error) time.Duration {
	if status, ok := errors.AsType[*StatusError](err); ok {
		return status.RetryAfter
	}
	return 0
}
