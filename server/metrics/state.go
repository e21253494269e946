package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxKeys is how many signing keys are listed.
const maxKeys = 64

// A State is what the server is at the moment of a scrape. Zero values are
// absent: their metrics are not there.
type State struct {
	Now                 time.Time
	Ready               bool
	Digest              string // of the snapshot in force, "" for none
	Serial              uint64
	Created             time.Time // when the snapshot was made
	NotAfter            time.Time // it is not to be served after
	Problems            int       // objects that cannot be served
	Keys                []Key
	CertificateNotAfter time.Time // of the server's own certificate
	Location            Location
}

// A Location is how the looks at the snapshot's location went; the zero one stands for
// no look.
type Location struct {
	LastLook, LastSuccess time.Time
	Failed                bool // the last look
	Stale                 bool // it has been silent for longer than allowed
}

// A Key is a key that signs, or is published.
type Key struct{ KID, Alg, State string }

var (
	ready               = prometheus.NewDesc("writ_ready", "Whether tokens are issued.", nil, nil)
	certificateNotAfter = prometheus.NewDesc("writ_tls_cert_not_after_timestamp_seconds", "When the server's TLS certificate expires.", nil, nil)
	snapshotInfo        = prometheus.NewDesc("writ_snapshot_info", "The snapshot in force.", []string{"digest", "serial"}, nil)
	snapshotProblems    = prometheus.NewDesc("writ_snapshot_problems",
		"What cannot be served for want of a secret or a key, and keys that cannot be read or rotated.", nil, nil)
	snapshotAge      = prometheus.NewDesc("writ_snapshot_age_seconds", "Time since the snapshot in force was made.", nil, nil)
	snapshotNotAfter = prometheus.NewDesc("writ_snapshot_not_after_timestamp_seconds", "When the snapshot in force ceases to be acceptable.", nil, nil)
	locationSuccess  = prometheus.NewDesc("writ_location_last_success_timestamp_seconds", "When the snapshot's location was last looked at with success; 0 for never.", nil, nil)
	locationGood     = prometheus.NewDesc("writ_location_last_look_successful", "Whether the last look at the snapshot's location succeeded.", nil, nil)
	locationStale    = prometheus.NewDesc("writ_location_stale", "Whether the snapshot's location has been silent for longer than --stale-after allows.", nil, nil)
	signingKey       = prometheus.NewDesc("writ_signing_key_info", "The signing keys; at most 64 are listed.", []string{"alg", "kid", "state"}, nil)
)

// A stateCollector exposes what it returns.
type stateCollector func() State

// Describe is of prometheus.Collector.
func (c stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		ready, certificateNotAfter, snapshotInfo, snapshotProblems, snapshotAge, snapshotNotAfter, locationSuccess, locationGood, locationStale, signingKey,
	} {
		ch <- d
	}
}

// Collect is of prometheus.Collector.
func (c stateCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	s := c()
	gauge(ready, one(s.Ready))
	if !s.CertificateNotAfter.IsZero() {
		gauge(certificateNotAfter, float64(s.CertificateNotAfter.Unix()))
	}
	if !s.Location.LastLook.IsZero() {
		success := 0.0
		if at := s.Location.LastSuccess; !at.IsZero() {
			success = float64(at.Unix())
		}
		gauge(locationSuccess, success)
		gauge(locationGood, one(!s.Location.Failed))
		gauge(locationStale, one(s.Location.Stale))
	}
	if s.Digest == "" {
		return
	}
	gauge(snapshotInfo, 1, s.Digest, strconv.FormatUint(s.Serial, 10))
	gauge(snapshotProblems, float64(s.Problems))
	if !s.Created.IsZero() {
		gauge(snapshotAge, s.Now.Sub(s.Created).Seconds())
	}
	if !s.NotAfter.IsZero() {
		gauge(snapshotNotAfter, float64(s.NotAfter.Unix()))
	}
	seen := map[Key]bool{}
	for _, key := range s.Keys[:min(len(s.Keys), maxKeys)] {
		if !seen[key] { // a series twice would fail the whole scrape
			seen[key] = true
			gauge(signingKey, 1, key.Alg, key.KID, key.State)
		}
	}
}
