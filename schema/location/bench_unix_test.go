//go:build unix

package location_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/location/locationtest"
)

// A look that finds nothing new costs the same for a small snapshot and a large one.
// The processor time is that of client and server together, as they are one process.
func BenchmarkLook(b *testing.B) {
	for _, apis := range []int{1, 100_000} {
		content := locationtest.File(b, location.Head{}, apis)
		for _, kind := range []struct {
			name string
			open func(b *testing.B) location.Location
		}{
			{"file", func(b *testing.B) location.Location {
				path := filepath.Join(b.TempDir(), "s")
				writeFile(b, path, content)
				return open(b, path, location.Options{})
			}},
			{"https", func(b *testing.B) location.Location {
				s := newWebServer(b, true)
				s.put(b, content)
				return s.open(b)
			}},
			{"oci", func(b *testing.B) location.Location {
				l := open(b, "oci://"+locationtest.StartRegistry(b).Address+"/writ:prod", location.Options{DockerConfig: emptyConfig(b)})
				location.SetSettle(l, time.Millisecond)
				return l
			}},
			{"nats", func(b *testing.B) location.Location {
				return open(b, "nats://"+startNATS(b, 1, nil).hosts()+"/writ/prod?replicas=1", location.Options{AllowUnsafe: true})
			}},
		} {
			b.Run(fmt.Sprintf("%s/%dkB", kind.name, len(content)/1000), func(b *testing.B) {
				l := kind.open(b)
				head, err := l.Head(b.Context(), location.Head{})
				if err != nil {
					head, err = l.Put(b.Context(), content, location.Head{})
				}
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				began := processorTime()
				for b.Loop() {
					if head, err = l.Head(b.Context(), head); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(processorTime()-began)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
