package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/natsbucket"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store/natskv"
)

// instanceFile is the name, in the state folder, of the random part of the instance's
// name.
const instanceFile = "instance"

// maxHost is how many bytes of the host's name are in the instance's name. With the random
// part the name stays within location.MaxInstance.
const maxHost = 100

// nameInstance settles the name of this process in its fleet, before the server and the
// roster use it.
func (d *daemon) nameInstance(opts *server.Options) (err error) {
	d.set.instance, err = instanceName(d.set.instance, d.set.state)
	opts.Instance = d.set.instance
	return err
}

// instanceName returns the given name, or else one made of the host's name and a random part
// that the state folder keeps, so that a restart does not look like another instance. The
// host's name alone would not do, since several hosts may have the same one, and neither
// would the random part, since a host may be a copy of another with its state folder.
func instanceName(given, state string) (string, error) {
	if given != "" {
		return given, nil
	}
	random, err := randomPart(state)
	if err != nil {
		return "", fmt.Errorf("name of the instance: %w", err)
	}
	host, _ := os.Hostname() // without a host name, the random part is the name
	name := strings.Map(func(r rune) rune {
		if r == '.' || r < 0x80 && location.ValidInstance(string(r)) {
			return r
		}
		return '-'
	}, host[:min(len(host), maxHost)]) + "-" + random
	if !location.ValidInstance(name) {
		name = strings.ReplaceAll(name, ".", "-")
	}
	return strings.TrimLeft(name, "-"), nil
}

// randomPart returns eight hexadecimal digits: those in the state folder's instanceFile, or
// new ones, written there, when the file is absent or holds something else. Without a state
// folder they are new at each start.
func randomPart(state string) (string, error) {
	path := filepath.Join(state, instanceFile)
	if state != "" {
		content, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		text := strings.TrimSpace(string(content))
		if raw, err := hex.DecodeString(text); err == nil && len(raw) == 4 {
			return text, nil
		}
	}
	var raw [4]byte
	_, _ = rand.Read(raw[:]) // which never fails
	text := hex.EncodeToString(raw[:])
	if state == "" {
		return text, nil
	}
	return text, durable.Replace(path, []byte(text+"\n"), 0o600)
}

// A fleetRecord is what an instance keeps on its fleet's roster, as JSON: the content of
// /status with at most maxRecordedProblems problems. writ fleet reads it.
type fleetRecord struct {
	server.Status
	At time.Time `json:"at"` // when the record was made, in UTC
}

// maxRecordedProblems keeps a record small: a roster refuses one of more than 64 KiB.
const maxRecordedProblems = 20

// stateCheckEvery is how often keepRecord compares the server's state with the record. A
// change is thus on the roster within a second, for "writ apply --wait".
const stateCheckEvery = 500 * time.Millisecond

// roster returns where this instance keeps its record: in the bucket beside the snapshot's
// if the snapshot is in NATS, else in the one beside the shared store's, else nil. The
// caller calls close, which ends the connection that was made for the roster alone.
func (d *daemon) roster() (r *location.Roster, close func() error, err error) {
	if r := location.RosterOf(d.follower.from); r != nil {
		return r, func() error { return nil }, nil // the follower closes its location
	}
	store := d.set.store
	if store.url == "" {
		return nil, nil, nil
	}
	address, err := natsbucket.Parse(store.url, natskv.DefaultBucket)
	if err == nil {
		r, err = location.OpenRoster(address, location.Options{
			NATSCredentials: store.login.Credentials, NATSRoots: store.login.CA, NATSCertificate: store.login.Certificate, NATSKey: store.login.PrivateKey,
			Program: "writd",
		})
	}
	if err != nil {
		return nil, nil, err
	}
	return r, r.Close, nil
}

// keepRecord keeps this instance's record on the roster of its fleet until ctx ends, and
// removes it then. It writes the record at the start, within a second of each change and
// before the record expires; after a failure it tries again every second. A series of
// failures is logged once: the record is for operators, and tokens are issued without it.
func (d *daemon) keepRecord(ctx context.Context) {
	roster, closing, err := d.roster()
	if err != nil {
		d.log.Warn("no record for writ fleet is kept", "reason", err.Error())
	}
	if roster == nil {
		return
	}
	defer closing()
	var written string // the state that the last attempt was about
	var next time.Time // of the attempt after it, if the state stays the same
	failing := false
	tick := time.NewTicker(stateCheckEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		record, state := d.record()
		if now := time.Now(); state != written || !now.Before(next) {
			err := roster.Keep(ctx, d.set.instance, record)
			if ctx.Err() != nil {
				break
			}
			written, next = state, now.Add(location.RecordEvery)
			if err != nil {
				next = now.Add(time.Second)
			}
			switch {
			case err == nil && failing:
				d.log.Info("record for writ fleet kept again", "roster", roster.String())
			case err != nil && !failing:
				d.log.Warn("no record for writ fleet is kept", "roster", roster.String(), "reason", err.Error())
			}
			failing = err != nil
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = roster.Remove(ending, d.set.instance) // if this fails, the record expires
}

// record returns the record of this moment, and a summary of it without the members that
// change all the time: a new record is due when the summary differs from the last one.
func (d *daemon) record() (record []byte, state string) {
	r := fleetRecord{Status: d.server.Status()}
	r.Problems = r.Problems[:min(len(r.Problems), maxRecordedProblems)]
	brief := r
	brief.Uptime = 0
	// The times of the last looks change every few seconds. What others wait for is whether
	// the location is stale.
	if l := brief.Location; l != nil {
		brief.Location = &server.LocationStatus{Address: l.Address, Stale: l.Stale}
	}
	summary, err := json.Marshal(brief)
	if err == nil {
		r.At = time.Now().UTC()
		record, err = json.Marshal(r)
	}
	if err != nil {
		panic(err) // numbers, texts and times always have a JSON form
	}
	return record, string(summary)
}
