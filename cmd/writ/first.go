package main

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/snapshot"
)

// An origin says where the serials of an apply go on from when the snapshot in
// force is not at hand. Without one a lockfile that has records and no snapshot
// beside it is refused: a snapshot made from nothing gets serial 1, which servers
// that have a newer one never take.
type origin struct {
	first       bool   // nothing was applied before
	afterSerial string // the serial that servers have; "" when it was not given
	after       uint64 // afterSerial; 0 when it was not given
}

// maxAfter bounds --after-serial: it leaves a serial for this apply and one to mend it.
const maxAfter = snapshot.MaxSerial - 2

func (o *origin) flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "first", Usage: "nothing was applied before: begin with serial 1", Destination: &o.first},
		&cli.StringFlag{Name: "after-serial", Usage: "the snapshot in force is lost and servers have `SERIAL`: go on after it", Destination: &o.afterSerial},
	}
}

// check reads the flags and refuses what cannot be meant.
func (o *origin) check() error {
	if o.afterSerial == "" {
		return nil
	}
	if o.first {
		return usagef("--first says that no server has a serial, and --after-serial which one: leave one out")
	}
	serial, err := strconv.ParseUint(o.afterSerial, 10, 64)
	if err != nil || serial == 0 || serial > maxAfter {
		return usagef("--after-serial takes a serial, a number from 1 to %d, not %q", uint64(maxAfter), o.afterSerial)
	}
	o.after = serial
	return nil
}

// serial is the one that the next snapshot gets.
func (o *origin) serial(w *workspace, p *proposal, snapshotPath string) (uint64, error) {
	name := filepath.ToSlash(snapshotPath)
	switch {
	case o.first && p.prior.snap != nil:
		return 0, failf("snapshot-exists", "Leave --first out.",
			"--first says that nothing was applied before, but the snapshot in force at %q has serial %d", name, p.prior.Serial)
	case o.after > 0 && o.after < p.prior.Serial:
		return 0, failf("snapshot-exists", "Leave --after-serial out.",
			"--after-serial says that servers have serial %d, but the snapshot in force at %q has serial %d", o.after, name, p.prior.Serial)
	case p.fromNothing() && !o.first && o.after == 0:
		return 0, &diagnosed{list: diag.List{snapshotMissing(diag.Error, p.missing(w, name)+
			" What is made from nothing gets serial 1, and servers that have a newer one refuse it.")}}
	}
	return max(p.prior.Serial, o.after) + 1, nil
}

// checkSerial refuses what would come after the highest serial.
func (r *release) checkSerial() error {
	if r.envelope.Serial <= snapshot.MaxSerial {
		return nil
	}
	return failf("serials-used-up",
		"To begin anew, move that snapshot away, run writ apply --first, and start each writd without the served.json of its --state folder.",
		"the snapshot in force at %q has serial %d, the highest there is, so nothing was written", filepath.ToSlash(r.request.Snapshot), r.prior.Serial)
}

// fromNothing reports whether a plan compares with no snapshot, although the
// lockfile tells of something that was applied.
func (p *proposal) fromNothing() bool { return p.prior.snap == nil && records(p.lock.before) > 0 }

func records(lock *lockfile.File) int {
	if lock == nil {
		return 0
	}
	return len(lock.APIs) + len(lock.Clients) + len(lock.RetiredAPIs) + len(lock.RetiredClients)
}

// missing says what is known where there is no snapshot.
func (p *proposal) missing(w *workspace, snapshotName string) string {
	return fmt.Sprintf("There is no snapshot in force at %q, but %s has %s, so something was applied before.",
		snapshotName, w.lockName, plural(records(p.lock.before), "record"))
}

// snapshotMissing tells whoever has no snapshot how to get one, and how to go on without.
func snapshotMissing(severity diag.Severity, text string) diag.Diagnostic {
	d := diag.New("snapshot-missing", hcl.Range{}, text+`

Fetch the snapshot in force to that path, or name it with --snapshot. Every writd has it: its --snapshot file or, where that is an address, last.snapshot in its --state folder.
If nothing was ever applied: writ apply --first.
If it is lost: writ apply --after-serial SERIAL, the highest serial that a writd tells at /status of its admin listener.`)
	return d.WithSeverity(severity)
}
