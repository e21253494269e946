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
	Created             time.Time       // when the snapshot was made
	NotAfter            time.Time       // it is not to be served after
	Problems            int             // what cannot be served, read or rotated
	NotServed           map[string]int  // objects that are not served, or not in full, by kind
	Algorithms          map[string]bool // those in use, and whether a key signs with each
	Keys                []Key
	NextRotation        time.Time
	StoreUp             *bool     // nil: there is no store beside memory
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
	objectsNotServed = prometheus.NewDesc("writ_objects_not_served",
		"Objects of the snapshot in force that are not served, or not in full, for want of a secret or a key.", []string{"kind"}, nil)
	algorithmUsable = prometheus.NewDesc("writ_signing_algorithm_usable",
		"Whether a key signs with an algorithm that APIs use. Their tokens are refused without one.", []string{"alg"}, nil)
	nextRotation = prometheus.NewDesc("writ_signing_key_next_rotation_timestamp_seconds", "When another key begins to sign.", nil, nil)
	storeUp      = prometheus.NewDesc("writ_store_up", "Whether the store of used assertions and refresh tokens works, as far as is known.", nil, nil)
	signingKey   = prometheus.NewDesc("writ_signing_key_info", "The signing keys; at most 64 are listed.", []string{"alg", "kid", "state"}, nil)
)

// A stateCollector exposes what it returns.
type stateCollector func() State

// Describe is of prometheus.Collector.
func (c stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		ready, certificateNotAfter, storeUp, locationSuccess, locationGood, locationStale, snapshotInfo, snapshotProblems, objectsNotServed, algorithmUsable, snapshotAge, snapshotNotAfter, signingKey, nextRotation,
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
	if s.StoreUp != nil {
		gauge(storeUp, one(*s.StoreUp))
	}
	if s.Digest == "" {
		return
	}
	gauge(snapshotInfo, 1, s.Digest, strconv.FormatUint(s.Serial, 10))
	gauge(snapshotProblems, float64(s.Problems))
	for kind, n := range s.NotServed {
		gauge(objectsNotServed, float64(n), kind)
	}
	for alg, usable := range s.Algorithms {
		gauge(algorithmUsable, one(usable), alg)
	}
	if !s.NextRotation.IsZero() {
		gauge(nextRotation, float64(s.NextRotation.Unix()))
	}
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
