package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// forgetPages gives back the pages of the program itself that only a start or an
// activation needed: the kernel maps sixteen around each one that is touched, and
// in the end nearly all. They stay in its cache, shared by all processes of this program,
// and what is needed again is mapped again in a microsecond. Where that cannot be
// done, nothing happens.
func forgetPages() {
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer smaps.Close()
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for _, m := range ownPages(bufio.NewScanner(smaps), exe) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
	}
}

// A mapping is a range of addresses.
type mapping struct{ start, end uintptr }

// ownPages finds the mappings of the program's file that hold what the file holds and
// nothing else (proc(5)): those that are writable, or were while the program was
// loaded, hold what would be lost.
func ownPages(smaps *bufio.Scanner, exe string) (own []mapping) {
	var candidate mapping
	for smaps.Scan() {
		fields := strings.Fields(smaps.Text())
		if len(fields) >= 6 && len(fields[1]) == len("r-xp") {
			candidate = mapping{}
			if fields[5] == exe && len(fields) == 6 && fields[1][1] == '-' {
				candidate = parseRange(fields[0])
			}
		}
		if len(fields) == 3 && fields[0] == "Anonymous:" && fields[1] == "0" && candidate.end > candidate.start {
			own = append(own, candidate)
		}
	}
	return own
}

// parseRange reads "start-end" in hexadecimal digits; what it cannot read is empty.
func parseRange(s string) (m mapping) {
	first, last, _ := strings.Cut(s, "-")
	start, err1 := strconv.ParseUint(first, 16, strconv.IntSize)
	end, err2 := strconv.ParseUint(last, 16, strconv.IntSize)
	if err1 != nil || err2 != nil || start > end {
		return mapping{}
	}
	return mapping{uintptr(start), uintptr(end)}
}
