package metrics

import (
	"strconv"
	"time"
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

func (s State) write(p *page) {
	p.gauge("writ_ready", "Whether tokens are issued.", one(s.Ready))
	if !s.CertificateNotAfter.IsZero() {
		p.gauge("writ_tls_cert_not_after_timestamp_seconds", "When the server's TLS certificate expires.", float64(s.CertificateNotAfter.Unix()))
	}
	if s.Digest == "" {
		return
	}
	p.family("writ_snapshot_info", gaugeType, "The snapshot in force.")
	p.count("", label("digest", s.Digest)+","+label("serial", strconv.FormatUint(s.Serial, 10)), 1)
	p.gauge("writ_snapshot_problems", "What cannot be served for want of a secret or a key, and keys that cannot be read or rotated.", float64(s.Problems))
	if !s.Created.IsZero() {
		p.gauge("writ_snapshot_age_seconds", "Time since the snapshot in force was made.", s.Now.Sub(s.Created).Seconds())
	}
	if !s.NotAfter.IsZero() {
		p.gauge("writ_snapshot_not_after_timestamp_seconds", "When the snapshot in force ceases to be acceptable.", float64(s.NotAfter.Unix()))
	}
	s.writeKeys(p)
}

func (s State) writeKeys(p *page) {
	p.family("writ_signing_key_info", gaugeType, "The signing keys; at most 64 are listed.")
	seen := map[Key]bool{}
	for _, key := range s.Keys[:min(len(s.Keys), maxKeys)] {
		if !seen[key] { // a series twice would fail the whole scrape
			seen[key] = true
			p.count("", label("alg", key.Alg)+","+label("kid", key.KID)+","+label("state", key.State), 1)
		}
	}
}
