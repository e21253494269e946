package watch

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime is when the file's content or status last changed. Unlike the
// modification time nobody can set it.
func changeTime(info fs.FileInfo) (time.Time, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(stat.Ctim.Unix()), true
}
