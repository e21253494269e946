package main

import (
	"flag"
	"fmt"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/token"
)

// A keyFlags is when the keys that writd makes for itself take over, and the
// library through which it signs with keys of PKCS #11 tokens.
type keyFlags struct {
	announce, rotate time.Duration
	module           string
}

// Bounds of both, in seconds.
const (
	minKeyTime = 60
	maxKeyTime = 10 * 366 * 24 * 3600
)

func (k *keyFlags) register(f *flag.FlagSet) {
	f.Var(newDuration(&k.announce, token.DefaultAnnounce), "key-announce",
		"publish a key that writd makes for this `DURATION` before it signs: as long as a verifier may keep the key set")
	f.Var(newDuration(&k.rotate, token.DefaultRotate), "key-rotate",
		"sign with a key that writd makes for this `DURATION`, then with the next one")
	registerModule(f, &k.module)
}

func (k *keyFlags) check() error {
	if k.rotate <= k.announce {
		return fmt.Errorf("--key-rotate %s is not longer than --key-announce %s", duration{&k.rotate}, duration{&k.announce})
	}
	return nil
}

// A duration is a flag's value as the configuration writes it: "90m", "24h",
// "30d" or seconds.
type duration struct{ to *time.Duration }

func newDuration(to *time.Duration, otherwise time.Duration) duration {
	*to = otherwise
	return duration{to}
}

// Set is of flag.Value.
func (d duration) Set(text string) error {
	seconds, err := schema.ParseDuration(text)
	if err != nil {
		return err
	}
	if seconds < minKeyTime || seconds > maxKeyTime {
		return fmt.Errorf("duration %q is not between %s and %s", text, schema.FormatDuration(minKeyTime), schema.FormatDuration(maxKeyTime))
	}
	*d.to = time.Duration(seconds) * time.Second
	return nil
}

// String is of flag.Value.
func (d duration) String() string {
	if d.to == nil {
		return ""
	}
	return schema.FormatDuration(int64(*d.to / time.Second))
}
