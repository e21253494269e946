package metrics

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// writeProcess tells what the process takes of the machine. What cannot be had,
// where /proc is not mounted, is left out.
func writeProcess(p *page, started time.Time) {
	p.gauge("process_start_time_seconds", "When the process was started.", float64(started.UnixMilli())/1000)
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) == nil {
		p.family("process_cpu_seconds_total", counterType, "Processor time, of the program and of the system for it.")
		p.number("", "", time.Duration(used.Utime.Nano()+used.Stime.Nano()).Seconds())
	}
	if open, ok := openFiles(); ok {
		p.gauge("process_open_fds", "Files that are open.", float64(open))
	}
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) == nil {
		p.gauge("process_max_fds", "Files that may be open.", float64(files.Cur))
	}
	if virtual, resident, ok := memory(); ok {
		p.gauge("process_virtual_memory_bytes", "Size of the address space.", virtual)
		p.gauge("process_resident_memory_bytes", "Memory in use.", resident)
	}
}

// openFiles counts the open files without the folder that it reads.
func openFiles() (n int, ok bool) {
	folder, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0, false
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	return len(names) - 1, err == nil
}

// memory reads /proc/self/statm: pages in all, pages in memory.
func memory() (virtual, resident float64, ok bool) {
	text, err := os.ReadFile("/proc/self/statm")
	fields := bytes.Fields(text)
	if err != nil || len(fields) < 2 {
		return 0, 0, false
	}
	virtual, err = strconv.ParseFloat(string(fields[0]), 64)
	if err != nil {
		return 0, 0, false
	}
	resident, err = strconv.ParseFloat(string(fields[1]), 64)
	page := float64(os.Getpagesize())
	return virtual * page, resident * page, err == nil
}
