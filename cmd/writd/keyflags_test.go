package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

func TestKeyFlags(t *testing.T) {
	none := func(string) string { return "" }
	parse := func(getenv func(string) string, args ...string) (keyFlags, error) {
		set, err := parseFlags(append([]string{"--snapshot", "x"}, args...), getenv, io.Discard)
		return set.keyFlags, err
	}
	const day = 24 * time.Hour
	for args, want := range map[string]keyFlags{
		"": {announce: day, rotate: 90 * day}, "--key-announce 1h": {announce: time.Hour, rotate: 90 * day}, "--key-rotate 30d": {announce: day, rotate: 30 * day}, "--key-announce 3600 --key-rotate 2h": {announce: time.Hour, rotate: 2 * time.Hour},
	} {
		if got, err := parse(none, strings.Fields(args)...); err != nil || got != want {
			t.Errorf("%q: %+v, %v", args, got, err)
		}
	}
	env := func(name string) string {
		return map[string]string{"WRITD_KEY_ROTATE": "7d", "WRITD_KEY_ANNOUNCE": "2d"}[name]
	}
	if got, err := parse(env); err != nil || got != (keyFlags{announce: 2 * day, rotate: 7 * day}) {
		t.Errorf("from the environment: %+v, %v", got, err)
	}
	for _, args := range []string{
		"--key-announce 90d", "--key-rotate 24h", "--key-rotate 0", "--key-announce 59s", "--key-rotate 99999d", "--key-rotate soon", "--key-announce -1h",
	} {
		if _, err := parse(none, strings.Fields(args)...); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}
