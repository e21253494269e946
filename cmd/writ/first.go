package main

import (
	"strconv"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
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

func (o *origin) flags() []cli.Flag {
	return []cli.Flag{
		{Name: "first", Usage: "nothing was applied before: begin with serial 1", Value: &o.first},
		{Name: "after-serial", Usage: "the snapshot in force is lost and servers have `SERIAL`: go on after it", Value: &o.afterSerial},
	}
}

// check reads the flags and refuses what cannot be meant.
func (o *origin) check() error {
	if o.afterSerial == "" {
		return nil
	}
	if o.first {
		return diag.Usagef("--first says that no server has a serial, and --after-serial which one: leave one out")
	}
	serial, err := strconv.ParseUint(o.afterSerial, 10, 64)
	if err != nil || serial == 0 || serial > workspace.MaxAfterSerial {
		return diag.Usagef("--after-serial takes a serial, a number from 1 to %d, not %q", uint64(workspace.MaxAfterSerial), o.afterSerial)
	}
	o.after = serial
	return nil
}
