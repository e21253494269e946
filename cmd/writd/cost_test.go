//go:build linux

package main

import (
	"bufio"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A round is how long each server is loaded before the other has its turn: the
// machine's speed drifts, and neighbours in time compare.
const (
	costConnections = 64
	costRound       = 400 * time.Millisecond
)

// BenchmarkCost loads writd and a bare net/http handler in turn, each in a
// process of its own, over 64 keep-alive connections, and reports medians of the
// rounds: cpu/bare is the processor time of a token over the bare handler's,
// cpu/sig (RS256) over that of one RSA-2048 signature made meanwhile, bare/sig the
// same of the bare handler, p99/p50 and MiB (resident, under load) are writd's,
// bare-p99/p50 is the bare handler's, rate/bare is tokens a second over the bare
// handler's. Use -benchtime 20x: an iteration is a round.
func BenchmarkCost(b *testing.B) {
	for _, alg := range []schema.SigningAlg{schema.RS256, schema.ES256, schema.EdDSA, schema.HS256} {
		b.Run(string(alg), func(b *testing.B) {
			ours, bare := loadWritd(b, alg), loadBare(b, alg)
			var cpu, sig, floor, rate, tail, bareTail, micros []float64
			for b.Loop() {
				mine, signature := ours.round(b)
				plain, plainSignature := bare.round(b)
				cpu = append(cpu, mine.cpu()/plain.cpu())
				sig = append(sig, mine.cpu()/signature)
				floor = append(floor, plain.cpu()/plainSignature)
				rate = append(rate, float64(mine.tokens())/float64(plain.tokens()))
				micros = append(micros, mine.cpu())
				tail = append(tail, mine.percentile(99)/mine.percentile(50))
				bareTail = append(bareTail, plain.percentile(99)/plain.percentile(50))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(cpu), "cpu/bare")
			b.ReportMetric(median(rate), "rate/bare")
			b.ReportMetric(median(micros), "us/token")
			b.ReportMetric(median(tail), "p99/p50")
			b.ReportMetric(median(bareTail), "bare-p99/p50")
			b.ReportMetric(ours.resident(b), "MiB")
			if alg == schema.RS256 {
				b.ReportMetric(median(sig), "cpu/sig")
				b.ReportMetric(median(floor), "bare/sig")
			}
		})
	}
}

// A loaded is a server process and the connections to it.
type loaded struct {
	pid     int
	request []byte
	conns   []net.Conn
}

// What came of a round.
type costs struct {
	used      time.Duration   // processor time of the server
	latencies []time.Duration // sorted
}

func (c costs) tokens() int { return len(c.latencies) }

// cpu is microseconds a token.
func (c costs) cpu() float64 { return float64(c.used.Nanoseconds()) / 1000 / float64(c.tokens()) }

func (c costs) percentile(p int) float64 { return c.latencies[len(c.latencies)*p/100].Seconds() }

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// BenchmarkStart starts writd on a folder that has its keys and asks for one token.
// first-ms is from the start of the process to the token, the best of the iterations
// because a busy machine only ever makes it longer; idle-MiB is the memory then.
func BenchmarkStart(b *testing.B) {
	args, address := costed(b, schema.ES256)
	best, idle := time.Hour, 0.0
	start := func() {
		cmd := exec.Command(args[0], args[1:]...)
		begin := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		conn := dial(b, address)
		if err := exchange(conn, bufio.NewReader(conn), tokenRequest()); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(begin))
		idle = max(idle, (&loaded{pid: cmd.Process.Pid}).resident(b))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	start() // which makes the keys
	best = time.Hour
	for b.Loop() {
		start()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(best.Microseconds())/1000, "first-ms")
	b.ReportMetric(idle, "idle-MiB")
}

// loadWritd starts writd with one API of the algorithm.
func loadWritd(b *testing.B, alg schema.SigningAlg) *loaded {
	b.Helper()
	args, address := costed(b, alg)
	return startLoad(b, exec.Command(args[0], args[1:]...), address)
}

// costed is the command line of writd with one API of the algorithm, and where it
// listens.
func costed(b *testing.B, alg schema.SigningAlg) (args []string, address string) {
	b.Helper()
	dir := b.TempDir()
	for _, folder := range []string{"keys", "secrets"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "secrets", "hmac"), []byte(clientSecret), 0o600); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(dir, "writ.snapshot")
	writeCosted(b, path, alg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	writd, err := built()
	if err != nil {
		b.Fatal(err)
	}
	return []string{writd, "--snapshot", path, "--listen", address, "--admin", "off",
		"--keys", filepath.Join(dir, "keys"), "--secrets", filepath.Join(dir, "secrets")}, address
}

func writeCosted(b *testing.B, path string, alg schema.SigningAlg) {
	b.Helper()
	api := schema.API{
		Label: "orders", Name: "Orders", Identifier: ordersURL, Profile: schema.ProfileRFC9068, Alg: alg,
		TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow, Scopes: []schema.Scope{{Name: "read"}},
	}
	if alg == schema.HS256 {
		api.SigningSecret = "file:hmac"
	}
	body, err := snapshot.Encode(&schema.Document{
		Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix},
		APIs:   []schema.API{api},
		Clients: []schema.Client{{
			Label: "billing", Name: "Billing", ClientID: "billing", GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}},
		}},
		Authorizations: []schema.Authorization{{Label: "a", Client: "billing", API: "orders", SubjectType: schema.SubjectClient, Scopes: []string{"read"}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	file, err := snapshot.Marshal(snapshot.Envelope{Serial: 1}, body, nil)
	if err == nil {
		err = os.WriteFile(path, file, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
}

func loadBare(b *testing.B, alg schema.SigningAlg) *loaded {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asBare+"="+string(alg))
	return startLoad(b, cmd, "")
}

// startLoad starts the process, whose address is on its output when it is not
// given, and connects to it. What it logs goes nowhere.
func startLoad(b *testing.B, cmd *exec.Cmd, address string) *loaded {
	b.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	if address == "" {
		if address, err = bufio.NewReader(out).ReadString('\n'); err != nil {
			b.Fatal(err)
		}
		address = strings.TrimSpace(address)
	}
	l := &loaded{pid: cmd.Process.Pid, request: tokenRequest()}
	for range costConnections {
		l.conns = append(l.conns, dial(b, address))
	}
	l.round(b) // warm
	return l
}

func dial(b *testing.B, address string) net.Conn {
	b.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			b.Cleanup(func() { conn.Close() })
			return conn
		}
		if time.Now().After(deadline) {
			b.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

// tokenRequest is the bytes of a request with client_secret_basic.
func tokenRequest() []byte {
	body := url.Values{"grant_type": {"client_credentials"}, "audience": {ordersURL}}.Encode()
	basic := base64.StdEncoding.EncodeToString([]byte("billing:" + clientSecret))
	return fmt.Appendf(nil, "POST /oauth/token HTTP/1.1\r\nHost: auth.example.com\r\nUser-Agent: cost\r\nAccept: */*\r\n"+
		"Authorization: Basic %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", basic, len(body), body)
}

// round keeps all connections busy for a while. signature is the processor time of
// one RSA-2048 signature meanwhile, in microseconds.
func (l *loaded) round(b *testing.B) (c costs, signature float64) {
	b.Helper()
	stop := sampleSignature(&signature)
	before := l.used(b)
	until := time.Now().Add(costRound)
	latencies := make([][]time.Duration, len(l.conns))
	var group sync.WaitGroup
	for i, conn := range l.conns {
		group.Go(func() {
			reader := bufio.NewReader(conn)
			for time.Now().Before(until) {
				begin := time.Now()
				if err := exchange(conn, reader, l.request); err != nil {
					b.Error(err)
					return
				}
				latencies[i] = append(latencies[i], time.Since(begin))
			}
		})
	}
	group.Wait()
	stop()
	if b.Failed() {
		b.FailNow()
	}
	c = costs{used: l.used(b) - before, latencies: slices.Concat(latencies...)}
	slices.Sort(c.latencies)
	return c, signature
}

func exchange(conn net.Conn, reader *bufio.Reader, request []byte) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	res, err := http.ReadResponse(reader, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %w", res.Status, err)
	}
	return nil
}

// used is the processor time that the process has used, thread by thread.
func (l *loaded) used(b *testing.B) (sum time.Duration) {
	b.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", l.pid))
	if err != nil || len(files) == 0 {
		b.Skip("the processor time of threads is not to be had here")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(n)
	}
	return sum
}

// resident is the memory of the process, in MiB.
func (l *loaded) resident(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", l.pid))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		b.Fatal(err)
	}
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		b.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

// sampleSignature makes a bare RSA-2048 signature every now and then until it is
// stopped, and leaves the median of their processor time in microseconds.
func sampleSignature(into *float64) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		key, digest := signatureKey(), make([]byte, 32)
		var samples []float64
		for {
			before := threadTime()
			_, _ = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest)
			samples = append(samples, float64(threadTime()-before)/1000)
			select {
			case <-done:
				*into = median(samples)
				return
			case <-time.After(costRound / 20):
			}
		}
	}()
	return func() { close(done); <-ended }
}

var signatureKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// threadTime is the processor time of the calling thread. /proc would not count
// what a running thread has used since the last tick.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
