package server

import (
	"time"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/token"
)

// Active is everything that one snapshot puts in force. It is immutable: a
// request takes the pointer once and sees one configuration to its end.
type Active struct {
	snapshot *snapshot.Snapshot
	issuer   *token.Issuer
	since    time.Time
}

// Snapshot returns the configuration in force.
func (a *Active) Snapshot() *snapshot.Snapshot { return a.snapshot }

// Since returns when it was put in force.
func (a *Active) Since() time.Time { return a.since }
