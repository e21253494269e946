//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/location/locationtest"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
)

// followers is how many follow one location.
const followers = 1000

// A traffic is what has passed between the followers and their location.
type traffic struct{ requests, bytes int64 }

// countingProxy forwards connections to an address and counts what passes. A request is
// one of HTTP/1.1.
func countingProxy(b *testing.B, to string) (address string, count func() traffic) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	var requests, total atomic.Int64
	forward := func(to, from net.Conn, upwards bool) {
		defer to.Close()
		buffer := make([]byte, 16<<10)
		for {
			n, err := from.Read(buffer)
			total.Add(int64(n))
			if upwards {
				requests.Add(int64(bytes.Count(buffer[:n], []byte(" HTTP/1.1\r\n"))))
			}
			if _, wrong := to.Write(buffer[:n]); err != nil || wrong != nil {
				return
			}
		}
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go forward(out, in, true)
			go forward(in, out, false)
		}
	}()
	return l.Addr().String(), func() traffic { return traffic{requests.Load(), total.Load()} }
}

// embeddedNATS starts a server in this process.
func embeddedNATS(b *testing.B) (address string, count func() traffic) {
	b.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: testenv.Port(b), JetStream: true, StoreDir: b.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		b.Fatal(err)
	}
	s.Start()
	b.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		b.Fatal("NATS does not start")
	}
	return s.Addr().String(), func() traffic {
		v, err := s.Varz(nil)
		if err != nil {
			b.Fatal(err)
		}
		return traffic{v.InMsgs, v.InBytes + v.OutBytes}
	}
}

// BenchmarkFollowers has 1,000 followers in this process, each with a server and a
// connection of its own, at a real registry and a real NATS server, which share the
// processors with them. It reports what a quiet half minute costs the location, and the
// time from the beginning of a put until a snapshot is in force: of the median, of 99 in
// 100 and of the last.
func BenchmarkFollowers(b *testing.B) {
	b.Run("nats", func(b *testing.B) {
		host, count := embeddedNATS(b)
		address := "nats://" + host + "/writ/prod?replicas=1"
		benchmarkFollowers(b, address, address, count)
	})
	b.Run("oci", func(b *testing.B) {
		registry := locationtest.StartRegistry(b)
		proxy, count := countingProxy(b, registry.Address)
		benchmarkFollowers(b, "oci://"+registry.Address+"/writ:prod", "oci://"+proxy+"/writ:prod", count)
	})
}

func benchmarkFollowers(b *testing.B, put, follow string, count func() traffic) {
	key, _ := newKey(b)
	docker := b.TempDir()
	if err := os.WriteFile(filepath.Join(docker, "config.json"), []byte("{}"), 0o600); err != nil {
		b.Fatal(err)
	}
	l := openLocation(b, put, location.Options{AllowUnsafe: true, DockerConfig: docker})
	putAfter(b, l, signed(b, 1, "s1", key))
	ctx, cancel := context.WithCancel(b.Context())
	inForce := make(chan time.Time, followers)
	var following sync.WaitGroup
	for range followers {
		flags := snapshotFlags{dockerConfig: docker}
		var err error
		if flags.address, err = location.Parse(follow); err != nil {
			b.Fatal(err)
		}
		f, err := newFollower(flags, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		s, err := server.New(server.Options{Trust: []ed25519.PublicKey{key.Public().(ed25519.PublicKey)}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		following.Go(func() {
			defer f.close()
			f.run(ctx, location.Head{}, nil, func(file []byte) {
				if err := s.Activate(file); err != nil {
					b.Error(err)
				}
				inForce <- time.Now()
			})
		})
	}
	b.Cleanup(func() {
		cancel()
		following.Wait()
	})
	for range followers {
		<-inForce
	}
	before, began := count(), time.Now()
	time.Sleep(30 * time.Second)
	after, quiet := count(), time.Since(began).Seconds()
	var took []float64
	serial := uint64(1)
	for b.Loop() {
		serial++
		file := signed(b, serial, fmt.Sprint("s", serial), key)
		runtime.GC() // of the heap that all followers share here, and nowhere else
		began := time.Now()
		putAfter(b, l, file)
		for range followers {
			took = append(took, float64((<-inForce).Sub(began).Microseconds())/1000)
		}
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(after.requests-before.requests)/quiet, "requests/s")
	b.ReportMetric(float64(after.bytes-before.bytes)/max(1, float64(after.requests-before.requests)), "bytes/request")
	b.ReportMetric(took[len(took)/2], "p50-ms")
	b.ReportMetric(took[len(took)*99/100], "p99-ms")
	b.ReportMetric(took[len(took)-1], "last-ms")
}

// million is an unsigned snapshot of 100,000 APIs with ten scopes, 100,000 clients and
// 1,000,000 authorizations.
var million = sync.OnceValue(func() []byte {
	const n = 100_000
	doc := &schema.Document{Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix}}
	for i := range n {
		label := fmt.Sprintf("client_%06d", i)
		doc.Clients = append(doc.Clients, schema.Client{
			Label: label, Name: label, ClientID: label, GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{{Label: "a", Hash: hashOf(label)}},
		})
	}
	for i := range n {
		api := schema.API{
			Label: fmt.Sprintf("api_%06d", i), Name: fmt.Sprintf("API api_%06d", i), Identifier: fmt.Sprintf("https://api-%06d.example.com/v1/", i),
			Profile: schema.ProfileRFC9068, Alg: schema.EdDSA, TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow,
		}
		var names []string
		for s := range 10 {
			names = append(names, fmt.Sprintf("verb%d:res%d", s, i%7))
			api.Scopes = append(api.Scopes, schema.Scope{Name: names[s], Description: "May " + names[s]})
		}
		doc.APIs = append(doc.APIs, api)
		for g := range 10 {
			client := doc.Clients[(i*31+g*7919)%n].Label
			doc.Authorizations = append(doc.Authorizations, schema.Authorization{
				Label: client + "-" + api.Label, Client: client, API: api.Label, SubjectType: schema.SubjectClient, Scopes: names[:1+(i+g)%10],
			})
		}
	}
	slices.SortFunc(doc.Authorizations, func(a, b schema.Authorization) int { return strings.Compare(a.Label, b.Label) })
	body, err := snapshot.Encode(doc)
	if err != nil {
		panic(err)
	}
	file, err := snapshot.Marshal(snapshot.Envelope{Serial: 1, Created: time.Unix(1_790_000_000, 0)}, body, nil)
	if err != nil {
		panic(err)
	}
	return file
})

// A largeBench is a location that holds the million, and how to move its bytes with
// nothing else done to them.
type largeBench struct {
	location location.Location
	move     func(b *testing.B, to *bytes.Buffer)
}

func moveHTTP(address string, c *http.Client) func(b *testing.B, to *bytes.Buffer) {
	return func(b *testing.B, to *bytes.Buffer) {
		res, err := c.Get(address)
		if err != nil {
			b.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := to.ReadFrom(res.Body); err != nil || res.StatusCode != http.StatusOK {
			b.Fatal(res.Status, err)
		}
	}
}

var largeBenches = map[string]func(b *testing.B) largeBench{
	"https": func(b *testing.B) largeBench {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "s", time.Time{}, bytes.NewReader(million()))
		}))
		b.Cleanup(s.Close)
		ca := filepath.Join(b.TempDir(), "ca.pem")
		if err := os.WriteFile(ca, certificatePEM(s.Certificate().Raw), 0o600); err != nil {
			b.Fatal(err)
		}
		flags := snapshotFlags{ca: ca}
		var err error
		if flags.address, err = location.Parse(s.URL + "/s"); err != nil {
			b.Fatal(err)
		}
		l, err := flags.open()
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { l.Close() })
		return largeBench{l, moveHTTP(s.URL+"/s", s.Client())}
	},
	"oci": func(b *testing.B) largeBench {
		registry := locationtest.StartRegistry(b)
		l := openLocation(b, "oci://"+registry.Address+"/writ:prod", location.Options{})
		putAfter(b, l, million())
		return largeBench{l, moveHTTP(fmt.Sprintf("http://%s/v2/writ/blobs/sha256:%x", registry.Address, sha256.Sum256(million())), http.DefaultClient)}
	},
	"nats": func(b *testing.B) largeBench {
		host, _ := embeddedNATS(b)
		l := openLocation(b, "nats://"+host+"/writ/prod?replicas=1", location.Options{AllowUnsafe: true})
		putAfter(b, l, million())
		conn, err := nats.Connect(host)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(conn.Close)
		js, err := jetstream.New(conn)
		if err != nil {
			b.Fatal(err)
		}
		objects, err := js.ObjectStore(b.Context(), "writ")
		if err != nil {
			b.Fatal(err)
		}
		return largeBench{l, func(b *testing.B, to *bytes.Buffer) {
			object, err := objects.Get(b.Context(), fmt.Sprintf("sha256:%x", sha256.Sum256(million())))
			if err != nil {
				b.Fatal(err)
			}
			defer object.Close()
			if _, err := io.Copy(to, object); err != nil {
				b.Fatal(err)
			}
		}}
	},
}

// BenchmarkFetch puts 1,000,000 authorizations in force from a location. It reports the
// best of the times to fetch and check it and to have it in force, the first over moving
// the bytes by the same means and reading and hashing a file of them, the second over
// moving them and having that file in force.
func BenchmarkFetch(b *testing.B) {
	for _, kind := range []string{"https", "oci", "nats"} {
		b.Run(kind, func(b *testing.B) {
			bench := largeBenches[kind](b)
			path := filepath.Join(b.TempDir(), "s")
			if err := os.WriteFile(path, million(), 0o600); err != nil {
				b.Fatal(err)
			}
			fresh := func() *server.Server {
				s, err := server.New(server.Options{Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					b.Fatal(err)
				}
				return s
			}
			activate := func(file []byte) {
				if err := fresh().Activate(file); err != nil {
					b.Fatal(err)
				}
			}
			read := func() []byte {
				file, err := os.ReadFile(path)
				if err != nil {
					b.Fatal(err)
				}
				return file
			}
			buffer := bytes.NewBuffer(make([]byte, 0, len(million())+bytes.MinRead))
			best := map[string]time.Duration{}
			timed := func(what string, f func()) {
				began := time.Now()
				f()
				if took := time.Since(began); best[what] == 0 || took < best[what] {
					best[what] = took
				}
			}
			for b.Loop() {
				var file []byte
				timed("move", func() { buffer.Reset(); bench.move(b, buffer) })
				timed("hash", func() { sha256.Sum256(read()) })
				timed("file", func() { activate(read()) })
				began := time.Now()
				timed("fetch", func() {
					head, err := bench.location.Head(b.Context(), location.Head{})
					if err == nil {
						file, err = bench.location.Fetch(b.Context(), head)
					}
					if err != nil {
						b.Fatal(err)
					}
				})
				activate(file)
				if took := time.Since(began); best["in force"] == 0 || took < best["in force"] {
					best["in force"] = took
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(best["fetch"].Milliseconds()), "fetch-ms")
			b.ReportMetric(float64(best["in force"].Milliseconds()), "in-force-ms")
			b.ReportMetric(float64(best["fetch"])/float64(best["move"]+best["hash"]), "fetch/bare")
			b.ReportMetric(float64(best["in force"])/float64(best["move"]+best["file"]), "in-force/file")
		})
	}
}

// BenchmarkFetchMemory reports the most memory that writd takes, over the snapshot's size
// and beside what it takes without one, until 1,000,000 authorizations from a registry
// are in force, until another snapshot of the size has taken their place, and until a
// third has, for which the first must have been given back.
func BenchmarkFetchMemory(b *testing.B) {
	path, err := built()
	if err != nil {
		b.Fatal(err)
	}
	registry := locationtest.StartRegistry(b)
	l := openLocation(b, "oci://"+registry.Address+"/writ:prod", location.Options{})
	key, public := newKey(b)
	for b.Loop() {
		dir := b.TempDir()
		admin := overSocket(filepath.Join(dir, "admin.sock"))
		cmd := exec.Command(path, "--snapshot", "oci://"+registry.Address+"/writ:prod", "--trust", public, "--state", dir, "--poll", "1s",
			"--listen", "unix:"+filepath.Join(dir, "p.sock"), "--admin", "unix:"+filepath.Join(dir, "admin.sock"))
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		peak := func() float64 {
			time.Sleep(3 * time.Second)
			content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			if err != nil {
				b.Fatal(err)
			}
			_, rest, _ := strings.Cut(string(content), "VmHWM:")
			var kib float64
			fmt.Sscan(rest, &kib)
			return kib * 1024
		}
		empty := peak()
		size := float64(len(million()))
		for n, name := range []string{"first/size", "reload/size", "again/size"} {
			prior, _ := l.Head(b.Context(), location.Head{})
			putAfter(b, l, resigned(b, million(), prior, key))
			eventually(b, func() error {
				p := &program{admin: admin}
				if s := p.status(b); s.Serial != prior.Serial+1 {
					return fmt.Errorf("serial %d after put %d: %+v", s.Serial, n, s.Location)
				}
				return nil
			})
			b.ReportMetric((peak()-empty)/size, name)
		}
		admin.CloseIdleConnections()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	b.ReportMetric(0, "ns/op")
}

// resigned is a snapshot with the body of another, as the next one of a location.
func resigned(b *testing.B, file []byte, prior location.Head, key ed25519.PrivateKey) []byte {
	b.Helper()
	snap, err := snapshot.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	envelope := snap.Envelope()
	envelope.Serial, envelope.Previous = prior.Serial+1, prior.Digest
	envelope.Bind(snap.Body(), nil)
	snapshot.Sign(&envelope, key)
	if file, err = snapshot.Marshal(envelope, snap.Body(), nil); err != nil {
		b.Fatal(err)
	}
	return file
}
