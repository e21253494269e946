package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// bounds are the upper bounds of the buckets of durations: OpenTelemetry's for
// requests, with finer ones below, because an HS256 token takes microseconds.
var bounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// A histogram counts durations by bucket. Each token is observed twice, and
// client_golang's histogram takes four times as long for it: it adds floating-point
// numbers and keeps two sets of counters, so that the sum of a scrape is that of its
// buckets. Here the sum may be ahead of the buckets by what is being observed.
type histogram struct {
	desc    *prometheus.Desc
	labels  []string
	created time.Time
	counts  [len(bounds) + 1]atomic.Uint64 // the last is for what is above all bounds
	sum     atomic.Int64                   // nanoseconds
}

// observe counts one duration. It takes no lock and allocates nothing.
func (h *histogram) observe(took time.Duration) {
	i := 0
	for i < len(bounds) && took > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(took))
}

// histograms are those of one family. They have the same description.
type histograms []*histogram

// newHistograms makes one histogram for each value of the label, and one alone for
// the label "".
func newHistograms(name, help, label string, values ...string) (all histograms) {
	if label == "" {
		return histograms{{desc: prometheus.NewDesc(name, help, nil, nil), created: time.Now()}}
	}
	desc := prometheus.NewDesc(name, help, []string{label}, nil)
	for _, value := range values {
		all = append(all, &histogram{desc: desc, labels: []string{value}, created: time.Now()})
	}
	return all
}

// Describe is of prometheus.Collector.
func (all histograms) Describe(ch chan<- *prometheus.Desc) { ch <- all[0].desc }

// Collect is of prometheus.Collector.
func (all histograms) Collect(ch chan<- prometheus.Metric) {
	for _, h := range all {
		cumulative, count := make(map[float64]uint64, len(bounds)), uint64(0)
		for i := range bounds {
			count += h.counts[i].Load()
			cumulative[bounds[i].Seconds()] = count
		}
		count += h.counts[len(bounds)].Load()
		sum := time.Duration(h.sum.Load()).Seconds()
		ch <- prometheus.MustNewConstHistogramWithCreatedTimestamp(h.desc, count, sum, cumulative, h.created, h.labels...)
	}
}
