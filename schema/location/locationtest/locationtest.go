// Package locationtest holds what every location of a snapshot promises, as one
// suite of tests: each implementation's own tests call Run. It knows none of them.
package locationtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A Backend is one fresh location without a snapshot. A location that cannot do something,
// such as keeping earlier snapshots, says so, and the tests of that are left out.
type Backend struct {
	Location location.Location

	// Write replaces what is there by whatever means, also by what is no
	// snapshot. Nil where nothing but Put writes.
	Write func(t testing.TB, content []byte)

	// Keeps says that earlier snapshots are kept.
	Keeps bool

	// Patient makes Put wait for others as long as it must on a machine that is
	// busy with other tests. Nil where it does not wait.
	Patient func()
}

// put makes a file the newest, by Put where that works.
func (b Backend) put(t testing.TB, file []byte, prior location.Head) location.Head {
	t.Helper()
	head, err := b.Location.Put(t.Context(), file, prior)
	if errors.Is(err, location.ErrReadOnly) {
		b.Write(t, file)
		head, err = b.Location.Head(t.Context(), location.Head{})
	}
	if err != nil {
		t.Fatalf("put: %v", err)
	}
	return head
}

// readOnly reports whether Put is refused whatever it is given, as by a web server.
func (b Backend) readOnly(t testing.TB) bool {
	t.Helper()
	_, err := b.Location.Put(t.Context(), nil, location.Head{})
	return errors.Is(err, location.ErrReadOnly)
}

// File makes a snapshot that follows prior, with a number of APIs of 200 bytes each.
func File(t testing.TB, prior location.Head, apis int) []byte {
	t.Helper()
	return file(t, prior, apis, "")
}

// file is File with a mark in the issuer's URL, for another snapshot of the same serial.
func file(t testing.TB, prior location.Head, apis int, mark string) []byte {
	t.Helper()
	doc := &schema.Document{Issuer: schema.Issuer{URL: fmt.Sprintf("https://issuer.example/%d%s", prior.Serial+1, mark)}}
	for i := range apis {
		doc.APIs = append(doc.APIs, schema.API{Label: fmt.Sprintf("api%07d", i), Name: strings.Repeat("n", 100), Identifier: fmt.Sprintf("https://api.example/%d", i)})
	}
	body, err := snapshot.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	env := snapshot.Envelope{Serial: prior.Serial + 1, Previous: prior.Digest, Revision: "c0ffee", Created: time.Date(2026, 11, 29, 6, 0, 0, 0, time.UTC)}
	content, err := snapshot.Marshal(env, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Run runs the suite, each test on a backend of its own that open makes.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	// Each test has a backend of its own, so that they run at the same time: most of them wait.
	for _, test := range []struct {
		name string
		run  func(t *testing.T, b Backend)
	}{
		{"absent", absent},
		{"put, head and fetch", putHeadFetch},
		{"a look without news", nothingNew},
		{"a head from nowhere", headFromNowhere},
		{"put moved", putMoved},
		{"put refuses", putRefuses},
		{"put race", putRace},
		{"history", history},
		{"stage and promote", stagePromote},
		{"stage and give up", stageAbort},
		{"stage refuses", stageRefuses},
		{"another file in its place", replaced},
		{"no snapshot in its place", garbage},
		{"follow", follow},
		{"follow from held", followHeld},
		{"cancelled", cancelled},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
}

// Where nothing was put there is ErrAbsent, which a follower tells from a failure, and
// nothing can be put after a snapshot that is not there.
func absent(t *testing.T, b Backend) {
	if head, err := b.Location.Head(t.Context(), location.Head{}); !errors.Is(err, location.ErrAbsent) {
		t.Errorf("Head: %v, %v", head, err)
	}
	for head, err := range b.Location.History(t.Context()) {
		if !errors.Is(err, location.ErrAbsent) {
			t.Errorf("History: %v, %v", head, err)
		}
	}
	// A prior that was never there, as after the location was emptied by mistake: to begin anew
	// has to be asked for, by the zero Head.
	missing, err := location.HeadOf(File(t, location.Head{}, 1))
	if err != nil {
		t.Fatal(err)
	}
	next := File(t, missing, 1)
	if _, err := b.Location.Put(t.Context(), next, missing); !errors.Is(err, location.ErrMoved) && !errors.Is(err, location.ErrReadOnly) {
		t.Errorf("Put after a snapshot that is not there: %v", err)
	}
}

// What was put is found and fetched byte for byte, and its head says what the file says of
// itself.
func putHeadFetch(t *testing.T, b Backend) {
	// The second file has several MiB: more than one chunk of NATS, and more than receive makes
	// room for at first. The others are smaller, so that nothing of the second is left: one
	// chunk, and so little that the pointer of NATS holds it.
	var head location.Head
	for i, apis := range []int{1, 20_000, 300, 1} {
		content := File(t, head, apis)
		want, err := location.HeadOf(content)
		if err != nil {
			t.Fatal(err)
		}
		before := head
		head = b.put(t, content, head)
		if !head.Same(want) || head.Previous != before.Digest || head.Revision != "c0ffee" || head.Created != want.Created || head.Size != int64(len(content)) || head.Version == "" {
			t.Errorf("put %d: %+v, want %+v", i, head, want)
		}
		found, err := b.Location.Head(t.Context(), before)
		if err != nil || !found.Same(head) || found.Version != head.Version {
			t.Errorf("Head %d: %+v, %v, want %+v", i, found, err, head)
		}
		got, err := b.Location.Fetch(t.Context(), found)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("Fetch %d: %d bytes, %v", i, len(got), err)
		}
	}
}

// A look that finds nothing new returns the head that was known, and not the zero one: a
// follower passes it on to the next look.
func nothingNew(t *testing.T, b Backend) {
	// Three looks, each with the answer of the one before, as a follower makes them.
	head := b.put(t, File(t, location.Head{}, 1), location.Head{})
	for range 3 {
		found, err := b.Location.Head(t.Context(), head)
		if err != nil || !found.Same(head) || found.IsZero() {
			t.Fatalf("%+v, %v", found, err)
		}
		head = found
	}
}

// A follower that starts with what it has kept knows the snapshot by serial and digest.
func headFromNowhere(t *testing.T, b Backend) {
	content := File(t, location.Head{}, 1)
	b.put(t, content, location.Head{})
	kept, err := location.HeadOf(content)
	if err != nil {
		t.Fatal(err)
	}
	if head, err := b.Location.Head(t.Context(), kept); err != nil || !head.Same(kept) {
		t.Errorf("Head: %+v, %v", head, err)
	}
	if b.readOnly(t) {
		return
	}
	// So does a plan that was made against a copy of the snapshot, as with --prior.
	if _, err := b.Location.Put(t.Context(), File(t, kept, 2), kept); err != nil {
		t.Errorf("Put after it: %v", err)
	}
}

// A snapshot is put only after the one that it was made from. Otherwise nothing is written,
// and the error says what is there now.
func putMoved(t *testing.T, b Backend) {
	if b.readOnly(t) {
		t.Skip("read only")
	}
	first := b.put(t, File(t, location.Head{}, 1), location.Head{})
	second := b.put(t, File(t, first, 1), first)
	for name, prior := range map[string]location.Head{"none": {}, "the first": first} {
		// The file itself would fit: it is refused for what its author believed to be there.
		_, err := b.Location.Put(t.Context(), file(t, second, 1, "loser"), prior)
		var moved *location.MovedError
		if !errors.As(err, &moved) || !errors.Is(err, location.ErrMoved) || !moved.Now.Same(second) {
			t.Errorf("after %s: %v", name, err)
		}
		if head, err := b.Location.Head(t.Context(), location.Head{}); err != nil || !head.Same(second) {
			t.Errorf("after %s something was written: %+v, %v", name, head, err)
		}
	}
}

// What is no whole snapshot is not put, and neither is one whose serial is not the next:
// every server would refuse it.
func putRefuses(t *testing.T, b Backend) {
	if b.readOnly(t) {
		t.Skip("read only")
	}
	head := b.put(t, File(t, location.Head{}, 1), location.Head{})
	next := File(t, head, 1)
	damaged := bytes.Clone(next)
	damaged[len(damaged)-1] ^= 1
	for name, content := range map[string][]byte{
		"nothing": nil, "no snapshot": []byte("<html>"), "damaged": damaged, "cut": next[:len(next)-1], "a serial again": file(t, location.Head{}, 1, "again"),
	} {
		if _, err := b.Location.Put(t.Context(), content, head); !errors.Is(err, location.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if found, err := b.Location.Head(t.Context(), location.Head{}); err != nil || !found.Same(head) {
		t.Errorf("something was written: %+v, %v", found, err)
	}
}

// Of several that put after the same snapshot one succeeds, and the others are told.
func putRace(t *testing.T, b Backend) {
	if b.readOnly(t) {
		t.Skip("read only")
	}
	if b.Patient != nil {
		b.Patient()
	}
	// Two rounds: the first snapshot of a location is put by another request than those after
	// it, in most backends.
	var head location.Head
	for round := range 2 {
		var mu sync.Mutex
		var winners []location.Head
		var race sync.WaitGroup
		for i := range 4 {
			content := file(t, head, 1, fmt.Sprint("runner", i))
			race.Go(func() {
				won, err := b.Location.Put(t.Context(), content, head)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					winners = append(winners, won)
				} else if !errors.Is(err, location.ErrMoved) {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		race.Wait()
		found, err := b.Location.Head(t.Context(), location.Head{})
		if err != nil || len(winners) != 1 || !found.Same(winners[0]) {
			t.Fatalf("round %d: winners %v, there is %v, %v", round, winners, found, err)
		}
		head = found
	}
	// No loser is in the history, whatever it had written before it knew that it had lost.
	if b.Keeps {
		wantHistory(t, b, 2, 1)
	}
}

// wantHistory checks the serials of the history, newest first, and that each head names the
// digest of the one before it.
func wantHistory(t *testing.T, b Backend, serials ...uint64) (heads []location.Head) {
	t.Helper()
	var got []uint64
	for head, err := range b.Location.History(t.Context()) {
		if err != nil {
			t.Fatalf("history after %v: %v", got, err)
		}
		if n := len(heads); n > 0 && heads[n-1].Previous != head.Digest {
			t.Errorf("%v follows %v", heads[n-1], head)
		}
		heads, got = append(heads, head), append(got, head.Serial)
	}
	if fmt.Sprint(got) != fmt.Sprint(serials) {
		t.Errorf("history %v, want %v", got, serials)
	}
	return heads
}

// Each snapshot of the history can be fetched, where earlier ones are kept; elsewhere the
// history is the newest alone.
func history(t *testing.T, b Backend) {
	var head location.Head
	contents := map[uint64][]byte{}
	for range 3 {
		content := File(t, head, 1)
		head = b.put(t, content, head)
		contents[head.Serial] = content
	}
	serials := []uint64{3}
	if b.Keeps {
		serials = []uint64{3, 2, 1}
	}
	for _, head := range wantHistory(t, b, serials...) {
		got, err := b.Location.Fetch(t.Context(), head)
		if err != nil || !bytes.Equal(got, contents[head.Serial]) {
			t.Errorf("fetch %v: %d bytes, %v", head, len(got), err)
		}
	}
	for range b.Location.History(t.Context()) {
		break // a reader may leave early
	}
}

// stager skips where a location holds one snapshot only.
func (b Backend) stager(t *testing.T) location.Stager {
	t.Helper()
	l, ok := b.Location.(location.Stager)
	if !ok {
		t.Skip("holds one snapshot only")
	}
	return l
}

// A stage stands beside the newest snapshot, changes its share, keeps everybody else
// from putting, and becomes the newest.
func stagePromote(t *testing.T, b Backend) {
	l := b.stager(t)
	first := b.put(t, File(t, location.Head{}, 1), location.Head{})
	content := File(t, first, 2)
	head, err := l.Stage(t.Context(), content, first, 10)
	if err != nil {
		t.Fatal(err)
	}
	for name, known := range map[string]location.Head{"from nothing": {}, "from the first": first, "from the stage": head} {
		found, err := l.Head(t.Context(), known)
		if err != nil || !found.Same(first) || found.Staged == nil || found.Staged.Percent != 10 || found.Staged.Head.Serial != 2 || found.Staged.Head.Previous != first.Digest {
			t.Fatalf("%s: %+v, %v", name, found, err)
		}
		got, err := l.Fetch(t.Context(), found.Staged.Head)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: fetch the stage: %d bytes, %v", name, len(got), err)
		}
		if got, err := l.Fetch(t.Context(), found); err != nil || bytes.Equal(got, content) {
			t.Errorf("%s: fetch the newest: %d bytes, %v", name, len(got), err)
		}
	}
	// A stage is not in the history until it becomes the newest.
	wantHistory(t, b, 1)
	// Who has not seen the stage would replace what some instances serve already.
	if _, err := l.Put(t.Context(), file(t, first, 1, "other"), first); !errors.Is(err, location.ErrMoved) || !strings.Contains(err.Error(), "with serial 2 staged for 10 %") {
		t.Errorf("put by who has not seen the stage: %v", err)
	}
	if _, err := l.Stage(t.Context(), content, first, 50); !errors.Is(err, location.ErrMoved) {
		t.Errorf("staged again by who has not seen the stage: %v", err)
	}
	if head, err = l.Stage(t.Context(), content, head, 50); err != nil || head.Staged.Percent != 50 {
		t.Fatalf("half of all: %+v, %v", head, err)
	}
	if head, err = l.Head(t.Context(), location.Head{}); err != nil || head.Staged == nil || head.Staged.Percent != 50 {
		t.Fatalf("half of all: %+v, %v", head, err)
	}
	// For all: the staged file itself is put.
	if head, err = l.Put(t.Context(), content, head); err != nil || head.Staged != nil {
		t.Fatalf("for all: %+v, %v", head, err)
	}
	if head, err = l.Head(t.Context(), location.Head{}); err != nil || head.Serial != 2 || head.Staged != nil {
		t.Errorf("for all: %+v, %v", head, err)
	}
	wantHistory(t, b, 2, 1)
	b.put(t, File(t, head, 1), head)
	wantHistory(t, b, 3, 2, 1)
}

// What ends a stage follows it, so that who served it is not asked to go back, and it
// is in the history.
func stageAbort(t *testing.T, b Backend) {
	l := b.stager(t)
	first := b.put(t, File(t, location.Head{}, 1), location.Head{})
	head, err := l.Stage(t.Context(), File(t, first, 2), first, 10)
	if err != nil {
		t.Fatal(err)
	}
	// Serial 3, and not 2 again: instances that served the stage would refuse another serial 2.
	after, err := l.Put(t.Context(), File(t, head.Staged.Head, 1), head)
	if err != nil || after.Serial != 3 || after.Staged != nil {
		t.Fatalf("%+v, %v", after, err)
	}
	wantHistory(t, b, 3, 2, 1)
}

// A stage is for more than none and fewer than all, follows the newest, and there is one at a
// time.
func stageRefuses(t *testing.T, b Backend) {
	l := b.stager(t)
	none := File(t, location.Head{}, 1)
	if _, err := l.Stage(t.Context(), none, location.Head{}, 10); err == nil {
		t.Error("staged beside nothing")
	}
	first := b.put(t, none, location.Head{})
	next := File(t, first, 1)
	for name, try := range map[string]struct {
		content []byte
		percent int
	}{"nobody": {next, 0}, "all": {next, 100}, "no snapshot": {[]byte("<html>"), 10}, "the newest again": {none, 10}, "of another line": {file(t, location.Head{Serial: 4, Digest: first.Digest + "0"}, 1, ""), 10}} {
		if _, err := l.Stage(t.Context(), try.content, first, try.percent); !errors.Is(err, location.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	head, err := l.Stage(t.Context(), next, first, 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Stage(t.Context(), file(t, first, 1, "other"), head, 10); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a second stage: %v", err)
	}
	if found, err := l.Head(t.Context(), location.Head{}); err != nil || found.Staged == nil || !found.Staged.Head.Same(head.Staged.Head) {
		t.Errorf("something was written: %+v, %v", found, err)
	}
}

// What was seen is fetched, or the caller learns that it is no longer there.
func replaced(t *testing.T, b Backend) {
	content := File(t, location.Head{}, 1)
	first := b.put(t, content, location.Head{})
	second := b.put(t, File(t, first, 3), first)
	got, err := b.Location.Fetch(t.Context(), first)
	switch {
	case b.Keeps && (err != nil || !bytes.Equal(got, content)):
		t.Errorf("an earlier one: %d bytes, %v", len(got), err)
	case !b.Keeps && !errors.Is(err, location.ErrMoved):
		t.Errorf("one that is gone: %d bytes, %v", len(got), err)
	}
	if head, err := b.Location.Head(t.Context(), first); err != nil || !head.Same(second) {
		t.Errorf("Head: %+v, %v", head, err)
	}
}

// What is no snapshot is an error for as long as it is there, and nothing is put over
// it.
func garbage(t *testing.T, b Backend) {
	if b.Write == nil {
		t.Skip("nothing else writes there")
	}
	content := File(t, location.Head{}, 100)
	first := b.put(t, content, location.Head{})
	damaged := bytes.Clone(content)
	damaged[len(damaged)-1] ^= 1
	for name, wrong := range map[string][]byte{"empty": {}, "a page": []byte("<!doctype html><title>Sign in</title>"), "cut": content[:len(content)/2], "longer": append(bytes.Clone(content), '\n')} {
		b.Write(t, wrong)
		if head, err := b.Location.Head(t.Context(), first); err == nil || errors.Is(err, location.ErrAbsent) {
			t.Errorf("%s: Head %+v, %v", name, head, err)
		}
		if _, err := b.Location.Fetch(t.Context(), first); err == nil {
			t.Errorf("%s: fetched", name)
		}
		if _, err := b.Location.Put(t.Context(), File(t, location.Head{}, 1), location.Head{}); err == nil {
			t.Errorf("%s: put over it", name)
		}
	}
	// A byte is wrong after the header. Head reads the header alone and cannot know; Fetch must.
	b.Write(t, damaged)
	if _, err := b.Location.Fetch(t.Context(), first); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("damaged: %v", err)
	}
	b.Write(t, content)
	if got, err := b.Location.Fetch(t.Context(), first); err != nil || !bytes.Equal(got, content) {
		t.Errorf("whole again: %v", err)
	}
}

// deadline is for a hang, not for speed.
const deadline = 2 * time.Minute

// A follower sees each new snapshot once, with its file, in the order in which they were
// put; looks between them have no file.
func follow(t *testing.T, b Backend) {
	first := b.put(t, File(t, location.Head{}, 1), location.Head{})
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	// The next snapshot is put from inside the loop, after the one before was seen: so none can
	// be missed for being replaced too soon.
	var head location.Head
	news := 0
	for look := range location.Follow(ctx, b.Location, location.Schedule{Poll: 50 * time.Millisecond}) {
		switch {
		case look.Err != nil:
			t.Fatal(look.Err)
		case look.File == nil && !look.Head.Same(head):
			t.Fatalf("%+v is new and has no file", look.Head)
		case look.File == nil:
			continue
		}
		news++
		if got, err := location.HeadOf(look.File); err != nil || !got.Same(look.Head) || look.Head.Serial != first.Serial+uint64(news-1) {
			t.Fatalf("news %d: %+v, %v", news, got, err)
		}
		if head = look.Head; news == 3 {
			break
		}
		b.put(t, File(t, head, 1), head)
	}
	if news != 3 {
		t.Errorf("%d snapshots were seen", news)
	}
}

// A follower that holds the newest snapshot already does not fetch it again, only the next.
func followHeld(t *testing.T, b Backend) {
	content := File(t, location.Head{}, 1)
	first := b.put(t, content, location.Head{})
	held, err := location.HeadOf(content)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	looks := 0 // the first is at a random moment of the first 50 milliseconds
	for look := range location.Follow(ctx, b.Location, location.Schedule{Poll: 50 * time.Millisecond, Held: held}) {
		if look.Err != nil {
			t.Fatal(look.Err)
		}
		if looks++; looks == 1 {
			if look.File != nil {
				t.Errorf("what was held is fetched again")
			}
			b.put(t, File(t, first, 1), first)
		}
		if look.File != nil {
			break
		}
	}
	if ctx.Err() != nil {
		t.Error("the next snapshot was not seen")
	}
}

// When the context has ended, every method returns its error, nothing is written, and Follow
// ends.
func cancelled(t *testing.T, b Backend) {
	head := b.put(t, File(t, location.Head{}, 1), location.Head{})
	// The error must be the context's own: callers tell by it that nobody wants the answer, and
	// that nothing is wrong with the location.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Location.Head(ctx, location.Head{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Head: %v", err)
	}
	if _, err := b.Location.Fetch(ctx, head); !errors.Is(err, context.Canceled) {
		t.Errorf("Fetch: %v", err)
	}
	if _, err := b.Location.Put(ctx, File(t, head, 1), head); !errors.Is(err, context.Canceled) && !errors.Is(err, location.ErrReadOnly) {
		t.Errorf("Put: %v", err)
	}
	for range location.Follow(ctx, b.Location, location.Schedule{}) {
		t.Error("Follow looks after its end")
	}
	if found, err := b.Location.Head(t.Context(), location.Head{}); err != nil || !found.Same(head) {
		t.Errorf("something was written: %+v, %v", found, err)
	}
}

// Endless is the beginning of a file whose header says that it is longer than any
// snapshot may be. A location must give up on it by the header, and not read on.
func Endless() []byte {
	b := append([]byte("WRITSNAP\x02\x00\x00\x00\x10\x00\x00\x00"), bytes.Repeat([]byte{0x3f}, 1<<20)...)
	return b
}
