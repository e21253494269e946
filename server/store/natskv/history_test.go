package natskv_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/natskv"
)

// A rotation is one CompareAndSwap of a key whose value names the rotation that
// wrote it and the one that it replaced.
type rotation struct {
	id, parent  string
	named, next uint64
	outcome     outcome
}

type outcome int

const (
	acknowledged outcome = iota
	refused
	unknown
)

const root = "root"

func (r rotation) value() []byte { return []byte(r.id + " " + r.parent) }

// checkHistory walks from the last value to the first and reports what breaks
// the promises of CompareAndSwap: what was acknowledged is there exactly once,
// what was refused is not, and no revision was replaced twice.
func checkHistory(rotations []rotation, first, last store.Entry) error {
	byID := map[string]rotation{}
	replaced := map[uint64]string{}
	for _, r := range rotations {
		byID[r.id] = r
		if r.outcome != acknowledged {
			continue
		}
		if other, ok := replaced[r.named]; ok {
			return fmt.Errorf("revision %d was replaced by %s and by %s", r.named, other, r.id)
		}
		replaced[r.named] = r.id
	}
	seen := map[string]bool{}
	id, revision := strings.Fields(string(last.Value))[0], last.Revision
	for id != root {
		r, ok := byID[id]
		switch {
		case !ok || seen[id]:
			return fmt.Errorf("rotation %s is in the chain and was never made, or twice", id)
		case r.outcome == refused:
			return fmt.Errorf("rotation %s is in the chain and was refused", id)
		case r.outcome == acknowledged && r.next != revision:
			return fmt.Errorf("rotation %s was acknowledged at revision %d and is in the chain at %d", id, r.next, revision)
		case r.named >= revision:
			return fmt.Errorf("rotation %s made revision %d of %d", id, revision, r.named)
		}
		seen[id], id, revision = true, r.parent, r.named
	}
	if revision != first.Revision {
		return fmt.Errorf("the chain begins at revision %d instead of %d", revision, first.Revision)
	}
	for _, r := range rotations {
		if r.outcome == acknowledged && !seen[r.id] {
			return fmt.Errorf("rotation %s was acknowledged at revision %d and is lost", r.id, r.next)
		}
	}
	return nil
}

func TestCheckHistory(t *testing.T) {
	first := store.Entry{Value: []byte("root"), Revision: 1}
	end := func(id string, revision uint64) store.Entry {
		return store.Entry{Value: []byte(id + " x"), Revision: revision}
	}
	good := []rotation{
		{"a", root, 1, 2, acknowledged}, {"b", "a", 2, 0, refused}, {"c", "a", 2, 3, acknowledged}, {"d", "c", 3, 0, unknown}, {"e", "d", 4, 5, acknowledged},
		{"f", "d", 4, 0, unknown},
	}
	if err := checkHistory(good, first, end("e", 5)); err != nil {
		t.Errorf("a good history: %v", err)
	}
	for want, bad := range map[string]struct {
		rotations []rotation
		last      store.Entry
	}{
		"is lost":          {[]rotation{{"a", root, 1, 2, acknowledged}, {"b", root, 1, 0, unknown}}, end("b", 3)},
		"and by":           {[]rotation{{"a", root, 1, 2, acknowledged}, {"b", root, 1, 3, acknowledged}}, end("b", 3)},
		"was refused":      {[]rotation{{"a", root, 1, 0, refused}}, end("a", 2)},
		"never made":       {nil, end("a", 2)},
		"in the chain at":  {[]rotation{{"a", root, 1, 2, acknowledged}}, end("a", 3)},
		"begins at":        {[]rotation{{"a", root, 2, 3, acknowledged}}, end("a", 3)},
		"made revision":    {[]rotation{{"a", root, 3, 0, unknown}}, end("a", 2)},
		"lost at the root": {[]rotation{{"a", root, 1, 2, acknowledged}}, store.Entry{Value: []byte("root"), Revision: 1}},
	} {
		if err := checkHistory(bad.rotations, first, bad.last); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(want, " at the root")) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A family is one key that several clients rotate.
type family struct {
	key   store.Key
	first store.Entry

	mu        sync.Mutex
	rotations []rotation
}

// rotate makes one rotation after what is there now, if it can be read.
func (f *family) rotate(ctx context.Context, s store.Store, id string) outcome {
	entry, err := s.Get(ctx, f.key)
	if err != nil {
		return unknown
	}
	r := rotation{id: id, parent: strings.Fields(string(entry.Value))[0], named: entry.Revision}
	r.next, err = s.CompareAndSwap(ctx, f.key, entry.Revision, r.value(), time.Hour)
	switch {
	case errors.Is(err, store.ErrConflict):
		r.outcome = refused
	case err != nil:
		r.outcome = unknown
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rotations = append(f.rotations, r)
	return r.outcome
}

// Refresh families are rotated while the leader of the bucket is killed. With
// WRIT_SOAK=1 it is 10,000 rotations and three leaders.
func TestNATSLeaderKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	target, kills := int64(2_000), int64(1)
	if os.Getenv("WRIT_SOAK") == "1" {
		target, kills = 10_000, 3
	}
	const families, clients = 4, 8
	c := startCluster(t, 3, true)
	js := c.client(t)
	var chains []*family
	opened := c.open(t, "writ", "", natskv.Options{})
	for i := range families {
		f := &family{key: store.NewKey("family", fmt.Sprint(i))}
		revision, err := opened.CompareAndSwap(t.Context(), f.key, 0, []byte(root), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		f.first = store.Entry{Value: []byte(root), Revision: revision}
		chains = append(chains, f)
	}
	var counts [3]atomic.Int64
	var killed atomic.Bool // as often as shall be
	var work sync.WaitGroup
	for i := range clients {
		s := c.open(t, "writ", "", natskv.Options{})
		work.Go(func() {
			for n := 0; counts[acknowledged].Load() < target || !killed.Load(); n++ {
				if t.Context().Err() != nil {
					return
				}
				counts[chains[(i+n)%families].rotate(t.Context(), s, fmt.Sprint(i, "-", n))].Add(1)
			}
		})
	}
	for kill := range kills {
		eventually(t, "the rotations stand still", func(context.Context) bool {
			return counts[acknowledged].Load() >= target*(1+kill)/(kills+1)
		})
		leader := c.leader(t, js, "writ")
		leader.stop()
		t.Logf("%s killed after %d rotations", leader.Name, counts[acknowledged].Load())
		time.Sleep(100 * time.Millisecond) // what it still acknowledged is counted
		before := counts[acknowledged].Load()
		eventually(t, "no rotation without the killed leader", func(context.Context) bool { return counts[acknowledged].Load() > before+20 })
		leader.start(t, true)
	}
	killed.Store(true)
	work.Wait()
	t.Logf("%d acknowledged, %d refused, %d unknown", counts[acknowledged].Load(), counts[refused].Load(), counts[unknown].Load())
	c.leader(t, js, "writ")
	for i, f := range chains {
		last, err := opened.Get(t.Context(), f.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkHistory(f.rotations, f.first, last); err != nil {
			t.Errorf("family %d: %v", i, err)
		}
	}
}
