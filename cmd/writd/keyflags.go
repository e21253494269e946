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

// The bounds of both.
const (
	minKeyTime = time.Minute
	maxKeyTime = 10 * 366 * 24 * time.Hour
)

func (k *keyFlags) register(f *flag.FlagSet) {
	k.announce, k.rotate = token.DefaultAnnounce, token.DefaultRotate
	f.Var(duration{&k.announce, minKeyTime, maxKeyTime}, "key-announce",
		"publish a key that writd makes for this `DURATION` before it signs: as long as a verifier may keep the key set")
	f.Var(duration{&k.rotate, minKeyTime, maxKeyTime}, "key-rotate",
		"sign with a key that writd makes for this `DURATION`, then with the next one")
	registerModule(f, &k.module)
}

func (k *keyFlags) check() error {
	if k.rotate <= k.announce {
		return fmt.Errorf("--key-rotate %s is not longer than --key-announce %s", duration{to: &k.rotate}, duration{to: &k.announce})
	}
	return nil
}

// A duration is a flag's value as the configuration writes it: "90m", "24h",
// "30d" or seconds. 0 is one that was not given.
type duration struct {
	to       *time.Duration
	min, max time.Duration
}

// Set is of flag.Value.
func (d duration) Set(text string) error {
	seconds, err := schema.ParseDuration(text)
	if err != nil {
		return err
	}
	if seconds < int64(d.min/time.Second) || seconds > int64(d.max/time.Second) {
		return fmt.Errorf("duration %q is not between %s and %s", text, duration{to: &d.min}, duration{to: &d.max})
	}
	*d.to = time.Duration(seconds) * time.Second
	return nil
}

// String is of flag.Value.
func (d duration) String() string {
	if d.to == nil || *d.to == 0 {
		return ""
	}
	return schema.FormatDuration(int64(*d.to / time.Second))
}
