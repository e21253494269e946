package location_test

import (
	"fmt"
	"testing"

	"github.com/writ-auth/writ/schema/location"
)

// A share is as large as it says, within what chance allows, and one that grows keeps
// whom it had.
func TestStageIncludes(t *testing.T) {
	const instances = 20_000
	in := make([]bool, instances)
	for _, percent := range []int{1, 10, 50, 99} {
		s := location.Stage{Head: location.Head{Digest: "sha256:00"}, Percent: percent}
		n := 0
		for i := range instances {
			now := s.Includes(fmt.Sprintf("host-%d-3f9a", i))
			if in[i] && !now {
				t.Fatalf("at %d %% instance %d is out again", percent, i)
			}
			if in[i] = now; now {
				n++
			}
		}
		if want := instances * percent / 100; n < want-400 || n > want+400 { // over five standard deviations
			t.Errorf("%d of %d instances are in %d %%", n, instances, percent)
		}
	}
	one, two := location.Stage{Head: location.Head{Digest: "sha256:00"}, Percent: 50}, location.Stage{Head: location.Head{Digest: "sha256:01"}, Percent: 50}
	both := 0
	for i := range instances {
		if name := fmt.Sprint("host", i); one.Includes(name) && two.Includes(name) {
			both++
		}
	}
	if both < instances/4-400 || both > instances/4+400 {
		t.Errorf("%d of %d instances are in the halves of two snapshots", both, instances)
	}
}

func TestHeadFor(t *testing.T) {
	staged := location.Head{Serial: 6, Digest: "sha256:06"}
	plain := location.Head{Serial: 5, Digest: "sha256:05"}
	beside := plain
	beside.Staged = &location.Stage{Head: staged, Percent: 10}
	var in, out string
	for i := 0; in == "" || out == ""; i++ {
		if name := fmt.Sprint("host", i); beside.Staged.Includes(name) {
			in = name
		} else {
			out = name
		}
	}
	for _, test := range []struct {
		head     location.Head
		instance string
		highest  uint64
		want     uint64
	}{
		{plain, in, 5, 5}, {beside, in, 5, 6}, {beside, in, 0, 6}, {beside, out, 5, 5}, {beside, out, 0, 5},
		{beside, out, 6, 6}, // it took the stage under another id
		{beside, out, 7, 6}, // which its server then refuses: there is none as new here
	} {
		if got := test.head.For(test.instance, test.highest); got.Serial != test.want {
			t.Errorf("%+v of %s: serial %d", test, test.instance, got.Serial)
		}
	}
}
