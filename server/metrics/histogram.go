package metrics

import (
	"strconv"
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of the buckets: OpenTelemetry's for requests, with
// finer ones below, because an HS256 token takes microseconds.
var bounds = [...]time.Duration{
	500 * time.Microsecond, 1 * time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, 1 * time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// A histogram counts durations by bucket. The zero value is ready.
type histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64 // the last is what is beyond all bounds
	sum     atomic.Int64                   // nanoseconds
}

func (h *histogram) observe(took time.Duration) {
	i := 0
	for i < len(bounds) && took > bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(took))
}

// write appends the series of the histogram. The count is what the buckets add
// up to, so that they agree while others observe.
func (h *histogram) write(p *page, labels string) {
	if labels != "" {
		labels += ","
	}
	var count uint64
	for i := range h.buckets {
		count += h.buckets[i].Load()
		le := "+Inf"
		if i < len(bounds) {
			le = strconv.FormatFloat(bounds[i].Seconds(), 'g', -1, 64)
		}
		p.count("_bucket", labels+label("le", le), count)
	}
	labels = labels[:max(len(labels)-1, 0)]
	p.number("_sum", labels, time.Duration(h.sum.Load()).Seconds())
	p.count("_count", labels, count)
}
