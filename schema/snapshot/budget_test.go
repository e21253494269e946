package snapshot

import (
	"runtime"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
)

func timeLookups(s *Snapshot, clients []schema.Client) time.Duration {
	best := time.Duration(1<<63 - 1)
	for range 5 {
		start := time.Now()
		for i := range 4000 {
			s.ClientByID(clients[i%len(clients)].ClientID)
		}
		best = min(best, time.Since(start))
	}
	return best
}

// A tenth of the largest configuration takes a tenth of its budget of 64 MB,
// and twice as much takes twice as much.
func TestSizeBudget(t *testing.T) {
	testenv.OneByOne(t)
	sizes := map[int]int{}
	for _, n := range []int{5_000, 10_000} {
		body, err := Encode(generated(n))
		if err != nil {
			t.Fatal(err)
		}
		sizes[n] = len(body)
	}
	if sizes[10_000] > 6_400_000 {
		t.Errorf("10,000 APIs, 10,000 clients and 100,000 authorizations take %d bytes", sizes[10_000])
	}
	if growth := float64(sizes[10_000]) / float64(sizes[5_000]); growth < 1.9 || growth > 2.1 {
		t.Errorf("twice the configuration takes %.2f times the bytes", growth)
	}
}

// An opened snapshot keeps nothing but its slice, however large.
func TestHeapBudget(t *testing.T) {
	file, err := marshalDocument(generated(5_000))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 64<<10 {
		t.Errorf("opening %d bytes allocated %d", len(file), allocated)
	}
	runtime.KeepAlive(s)
}

// OpenPaced lets others run after every step of hashing.
func TestOpenPaced(t *testing.T) {
	file, err := marshalDocument(generated(2_000))
	if err != nil {
		t.Fatal(err)
	}
	rests := 0
	if _, err := OpenPaced(file, func() { rests++ }); err != nil {
		t.Fatal(err)
	}
	if want := len(file) / (64 << 10); rests < want {
		t.Errorf("%d rests in %d bytes, want %d", rests, len(file), want)
	}
}
