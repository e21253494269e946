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
}

// A Key is a key that signs, or is published.
type Key struct{ KID, Alg, State string }

var (
	ready               = prometheus.NewDesc("writ_ready", "Whether tokens are issued.", nil, nil)
	snapshotInfo        = prometheus.NewDesc("writ_snapshot_info", "The snapshot in force.", []string{"digest", "serial"}, nil)
	snapshotAge         = prometheus.NewDesc("writ_snapshot_age_seconds", "Time since the snapshot in force was made.", nil, nil)
	snapshotNotAfter    = prometheus.NewDesc("writ_snapshot_not_after_timestamp_seconds", "When the snapshot in force ceases to be acceptable.", nil, nil)
	snapshotProblems    = prometheus.NewDesc("writ_snapshot_problems", "Objects of the snapshot that cannot be served, for want of a secret or a key.", nil, nil)
	signingKeyInfo      = prometheus.NewDesc("writ_signing_key_info", "The signing keys; at most 64 are listed.", []string{"kid", "alg", "state"}, nil)
	certificateNotAfter = prometheus.NewDesc("writ_tls_cert_not_after_timestamp_seconds", "When the server's TLS certificate expires.", nil, nil)
)

// A collector makes metrics of the state at each scrape.
type collector struct{ state func() State }

// Describe implements prometheus.Collector.
func (collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{ready, snapshotInfo, snapshotAge, snapshotNotAfter, snapshotProblems, signingKeyInfo, certificateNotAfter} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(metrics chan<- prometheus.Metric) {
	s := c.state()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	isReady := 0.0
	if s.Ready {
		isReady = 1
	}
	gauge(ready, isReady)
	if !s.CertificateNotAfter.IsZero() {
		gauge(certificateNotAfter, float64(s.CertificateNotAfter.Unix()))
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
		if !seen[key] { // a key twice would fail the whole scrape
			seen[key] = true
			gauge(signingKeyInfo, 1, key.KID, key.Alg, key.State)
		}
	}
}
