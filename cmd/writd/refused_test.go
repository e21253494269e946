//go:build linux

package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/snapshot"
)

// An attempt is one to have a snapshot served.
type attempt struct {
	name    string
	refused string // in the reason; "": it is accepted
	file    func(h *history) []byte
}

// A history is what was served so far and by whom.
type history struct {
	t       *testing.T
	serial  uint64 // in force
	tries   uint64
	key     ed25519.PrivateKey
	another ed25519.PrivateKey
}

// make signs a snapshot of the serial, with the content of the given one.
func (h *history) make(envelope snapshot.Envelope, content uint64, key ed25519.PrivateKey) []byte {
	h.tries++ // no two files are the same: writd would not look at the second
	envelope.Revision = strconv.FormatUint(h.tries, 10)
	if envelope.Environment == "" {
		envelope.Environment = "production"
	}
	return marshal(h.t, envelope, generation(content), func(e *snapshot.Envelope) { snapshot.Sign(e, key) })
}

var attempts = []attempt{
	{"the next", "", func(h *history) []byte {
		h.serial++
		return h.make(snapshot.Envelope{Serial: h.serial}, h.serial, h.key)
	}},
	{"rollback", "is a rollback", func(h *history) []byte {
		return h.make(snapshot.Envelope{Serial: h.serial - 1}, h.serial-1, h.key)
	}},
	{"far rollback", "is a rollback", func(h *history) []byte { return h.make(snapshot.Envelope{Serial: 1}, 1, h.key) }},
	{"fork", "is a fork", func(h *history) []byte {
		return h.make(snapshot.Envelope{Serial: h.serial}, h.serial+1, h.key)
	}},
	{"another environment", "environment \"staging\"", func(h *history) []byte {
		return h.make(snapshot.Envelope{Serial: h.serial + 1, Environment: "staging"}, h.serial+1, h.key)
	}},
	{"signed by somebody else", "trust", func(h *history) []byte {
		return h.make(snapshot.Envelope{Serial: h.serial + 1}, h.serial+1, h.another)
	}},
	{"unsigned", "not signed", func(h *history) []byte {
		h.tries++
		return marshal(h.t, snapshot.Envelope{Serial: h.serial + 1, Environment: "production", Revision: strconv.FormatUint(h.tries, 10)}, generation(h.serial+1), nil)
	}},
	{"too late", "is not to be served after", func(h *history) []byte {
		return h.make(snapshot.Envelope{Serial: h.serial + 1, NotAfter: time.Now().Add(-time.Hour)}, h.serial+1, h.key)
	}},
	{"damaged", "", nil}, // see damaged
	{"cut off", "", nil},
}

// damaged is a good next snapshot with one bit turned over or the end missing.
func damaged(h *history, cut bool) []byte {
	file := h.make(snapshot.Envelope{Serial: h.serial + 1}, h.serial+1, h.key)
	at := mathrand.IntN(len(file))
	if cut {
		return file[:at]
	}
	file[at] ^= 1 << mathrand.IntN(8)
	return file
}

// Whatever history of good and bad snapshots: the bad ones are refused with
// their reason in /status, the last good one is served on without a failed
// request, and a restart forgets nothing.
func TestRefusedHistories(t *testing.T) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	_, another, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	h := &history{t: t, serial: 1000, key: key, another: another}
	s := newSite(t)
	must(t, os.Mkdir(s.path("state"), 0o700))
	s.args = []string{"--environment", "production", "--state", s.path("state"), "--trust", base64.StdEncoding.EncodeToString(public)}
	put(t, s.snapshot, attempts[0].file(h))
	p := s.start()
	inForce(t, p.serial, h.serial)
	refused := 0
	for range rounds(4, 2) {
		l := s.load(p)
		for range rounds(250, 20) {
			refused += s.try(p, l, h)
		}
		l.stop()
		t.Logf("%d requests", l.requests.Load())
		p.stop()
		put(t, s.snapshot, attempts[1].file(h)) // while nobody watches
		p = s.start()
		s.wantRefused(p, time.Time{}, attempts[1].refused)
		if status, err := p.status(); err != nil || status.Ready || status.Serial != 0 {
			t.Errorf("a rollback is served after a restart: %+v, %v", status, err)
		}
		put(t, s.snapshot, attempts[0].file(h))
		inForce(t, p.serial, h.serial)
	}
	t.Logf("%d of %d snapshots refused", refused, h.tries)
}

// try makes one attempt and says how many were refused.
func (s *site) try(p *process, l *load, h *history) int {
	s.t.Helper()
	a := attempts[mathrand.IntN(len(attempts))]
	before, err := p.status()
	must(s.t, err)
	var since time.Time
	if before.LastRejected != nil {
		since = before.LastRejected.At
	}
	var file []byte
	if a.file == nil {
		file = damaged(h, a.name == "cut off")
	} else {
		file = a.file(h)
	}
	renameOver(s.t, s.snapshot, file)
	if a.file != nil && a.refused == "" {
		inForce(s.t, p.serial, h.serial)
		l.acknowledged.Store(h.serial)
		return 0
	}
	s.wantRefused(p, since, a.refused)
	if status, err := p.status(); err != nil || status.Serial != h.serial || !status.Ready {
		s.t.Errorf("after %s: %+v, %v", a.name, status, err)
	}
	return 1
}

// wantRefused waits for a rejection after the given time, for the reason.
func (s *site) wantRefused(p *process, since time.Time, reason string) {
	s.t.Helper()
	eventually(s.t, func() error {
		status, err := p.status()
		if err != nil {
			return err
		}
		if r := status.LastRejected; r == nil || !r.At.After(since) || !strings.Contains(r.Reason, reason) {
			return fmt.Errorf("the last rejection is %+v, want one after %v for %q", r, since, reason)
		}
		return nil
	})
}

// What was refused stays in /status when only secrets and keys are read anew.
func TestRefusalStays(t *testing.T) {
	s := newSite(t)
	put(t, s.snapshot, marshal(t, snapshot.Envelope{Serial: 2}, generation(2), nil))
	p := s.start()
	inForce(t, p.serial, 2)
	put(t, s.snapshot, marshal(t, snapshot.Envelope{Serial: 1}, generation(1), nil))
	s.wantRefused(p, time.Time{}, "is a rollback")
	for range 3 {
		kid := s.rotateKey("ed.pem")
		eventually(t, func() error {
			status, err := p.status()
			if err == nil && !strings.Contains(fmt.Sprint(status.Keys), kid) {
				err = fmt.Errorf("key %q is not in use: %v", kid, status.Keys)
			}
			return err
		})
		s.wantRefused(p, time.Time{}, "is a rollback")
		if status, err := p.status(); err != nil || status.LastRejected == nil {
			t.Errorf("a key was replaced, and the snapshot that is refused is forgotten: %+v, %v", status, err)
		}
	}
	put(t, s.snapshot, marshal(t, snapshot.Envelope{Serial: 3}, generation(3), nil))
	inForce(t, p.serial, 3)
	if status, err := p.status(); err != nil || status.LastRejected != nil {
		t.Errorf("after a good snapshot: %+v, %v", status, err)
	}
}
