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

// maxHost is how much of the host's name is in the instance's.
const maxHost = 100

// nameInstance returns the name of this process in its fleet: the one that was given, or
// the host's and a random part, which the state folder keeps. Hosts may have the same
// name, and hosts of which one was copied from the other the same folder.
func nameInstance(given, state string) (string, error) {
	if given != "" {
		return given, nil
	}
	random, err := randomPart(state)
	if err != nil {
		return "", fmt.Errorf("name of the instance: %w", err)
	}
	host, _ := os.Hostname() // one without a name has the random part
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

// randomPart reads the file that holds it, and makes it where there is none of use.
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

// A fleetRecord is what an instance keeps on its fleet's roster: what /status says, in
// short.
type fleetRecord struct {
	server.Status
	At time.Time `json:"at"` // of the record
}

// maxRecorded is how many problems a record lists.
const maxRecorded = 20

// recordLook is how often the state is looked at for a change.
const recordLook = 500 * time.Millisecond

// roster is where this instance keeps its record: beside the snapshot where that is in
// NATS, else beside the store that instances share; nil where neither is. close ends what
// was opened for it.
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

// keepRecord keeps this instance's record on the roster of its fleet until ctx ends,
// and takes it away then. It is written at the start, within a second of each change
// and before it expires. That it cannot be is in the log once, and no reason to serve no
// tokens.
func (d *daemon) keepRecord(ctx context.Context) {
	roster, closing, err := d.roster()
	if err != nil {
		d.log.Warn("no record for writ fleet is kept", "reason", err.Error())
	}
	if roster == nil {
		return
	}
	defer closing()
	var last string
	var next time.Time
	failing := ""
	tick := time.NewTicker(recordLook)
	defer tick.Stop()
	for {
		record, state := d.record()
		if now := time.Now(); state != last || !now.Before(next) {
			err := roster.Keep(ctx, d.set.instance, record)
			if ctx.Err() != nil {
				break
			}
			switch {
			case err == nil:
				last, next = state, now.Add(location.RecordEvery)
				if failing != "" {
					d.log.Info("record for writ fleet kept again", "roster", roster.String())
				}
				failing = ""
			default:
				last, next = state, now.Add(time.Second)
				if failing == "" {
					d.log.Warn("no record for writ fleet is kept", "roster", roster.String(), "reason", err.Error())
				}
				failing = err.Error()
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
			continue
		}
		break
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = roster.Remove(ending, d.set.instance) // else it expires
}

// record is what the instance is now: as the roster has it, and without what changes
// from look to look.
func (d *daemon) record() (record []byte, state string) {
	r := fleetRecord{Status: d.server.Status()}
	r.Problems = r.Problems[:min(len(r.Problems), maxRecorded)]
	brief := r
	brief.Uptime = 0
	if l := brief.Location; l != nil {
		brief.Location = &server.LocationStatus{Address: l.Address, Stale: l.Stale}
	}
	summary, err := json.Marshal(brief)
	if err == nil {
		r.At = time.Now().UTC()
		record, err = json.Marshal(r)
	}
	if err != nil {
		panic(err) // every member is plain
	}
	return record, string(summary)
}
