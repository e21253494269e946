//go:build !linux

package metrics

import "time"

func writeProcess(p *page, started time.Time) {
	p.gauge("process_start_time_seconds", "When the process was started.", float64(started.UnixMilli())/1000)
}
