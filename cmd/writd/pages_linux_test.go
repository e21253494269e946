package main

import (
	"bufio"
	"slices"
	"strings"
	"testing"
)

// Only what holds the file and nothing else is given back.
func TestOwnPages(t *testing.T) {
	const smaps = `00400000-00939000 r-xp 00000000 fe:00 10002574                           /usr/bin/writd
Size:               5348 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00939000-00f01000 r--p 00539000 fe:00 10002574                           /usr/bin/writd
Anonymous:             0 kB
00f01000-00f02000 r--p 00b01000 fe:00 10002574                           /usr/bin/writd
Anonymous:             4 kB
00f02000-00f70000 rw-p 00b02000 fe:00 10002574                           /usr/bin/writd
Anonymous:             0 kB
7f0000000000-7f0000001000 r-xp 00000000 fe:00 42                         /usr/lib/libc.so.6
Anonymous:             0 kB
7f0000002000-7f0000003000 r-xp 00000000 fe:00 10002574                   /usr/bin/writd (deleted)
Anonymous:             0 kB
7f0000004000-7f0000005000 r--p 00000000 00:00 0
Anonymous:             0 kB
zz-00500000 r-xp 00000000 fe:00 10002574                                 /usr/bin/writd
Anonymous:             0 kB
`
	want := []mapping{{0x400000, 0x939000}, {0x939000, 0xf01000}}
	if got := ownPages(bufio.NewScanner(strings.NewReader(smaps)), "/usr/bin/writd"); !slices.Equal(got, want) {
		t.Errorf("%x", got)
	}
}
