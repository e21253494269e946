package server

import (
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/metrics"
	"github.com/writ-auth/writ/server/token"
)

// Active is everything that one snapshot puts in force. It is immutable: a
// request takes the pointer once and sees one configuration to its end.
type Active struct {
	snapshot   *snapshot.Snapshot
	decider    *decide.Decider
	digest     string
	serial     uint64
	revision   string
	style      schema.ErrorStyle
	secrets    *clientauth.Secrets
	registered *registered
	issuer     *token.Issuer
	routes     map[string]route
	counted    []*metrics.API // by API index
	problems   []Problem
	since      time.Time
}

// Snapshot returns the configuration in force.
func (a *Active) Snapshot() *snapshot.Snapshot { return a.snapshot }

// Digest names the configuration in force.
func (a *Active) Digest() string { return a.digest }

// Since returns when it was put in force.
func (a *Active) Since() time.Time { return a.since }

// Keys returns what the configuration signs with.
func (a *Active) Keys() *token.Keys { return a.issuer.Keys() }

// Problems returns what of the configuration cannot be served, and why.
func (a *Active) Problems() []Problem { return a.problems }

// A Problem is one object that cannot be served, because a secret or a key
// that it needs cannot be had. Everything else is served.
type Problem struct {
	Address string `json:"address"` // client.billing
	Reason  string `json:"reason"`
}
