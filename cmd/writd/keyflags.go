package main

import (
	"flag"
	"fmt"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/token"
	"github.com/writ-auth/writ/server/token/pkcs11"
)

// keyFlags say when the keys that writd makes for itself rotate, and which library it
// uses for keys in PKCS #11 tokens.
type keyFlags struct {
	announce, rotate time.Duration // published before it signs; signs
	module           string        // path; "" without PKCS #11
}

// The bounds of --key-announce and --key-rotate, both included.
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
	if pkcs11.Built {
		f.StringVar(&k.module, "pkcs11-module", "", "library `FILE` for keys that the configuration names as pkcs11:token=LABEL;object=LABEL")
	}
}

// check refuses a rotation in which the next key would have to be published before the one
// that signs has begun to sign.
func (k *keyFlags) check() error {
	if k.rotate <= k.announce {
		return fmt.Errorf("--key-rotate %s is not longer than --key-announce %s", duration{to: &k.rotate}, duration{to: &k.announce})
	}
	return nil
}

// A duration is a flag.Value written as durations are in the configuration: "90m", "24h",
// "30d" or seconds. The flag package's own durations know no days. A value of 0 means that
// the flag was not given, and is shown as "".
type duration struct {
	to       *time.Duration
	min, max time.Duration // inclusive
}

// Set implements flag.Value.
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

// String implements flag.Value. The flag package calls it on the zero value too, where to is
// nil.
func (d duration) String() string {
	if d.to == nil || *d.to == 0 {
		return ""
	}
	return schema.FormatDuration(int64(*d.to / time.Second))
}
