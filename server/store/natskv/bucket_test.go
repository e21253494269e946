package natskv_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/natskv"
)

type logBuffer struct{ testenv.Buffer }

func (b *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func (b *logBuffer) want(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		eventually(t, fmt.Sprintf("the log lacks %q", text), func(context.Context) bool { return strings.Contains(b.String(), text) })
	}
}

func quiet(unsafe bool) natskv.Options {
	return natskv.Options{AllowUnsafe: unsafe, Logger: slog.New(slog.DiscardHandler)}
}

func TestOpenNATSCreatesASafeBucket(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, false)
	js := c.client(t)
	var opened sync.WaitGroup
	for range 5 {
		opened.Go(func() {
			n, err := natskv.Open(t.Context(), c.hosts()+"?bucket=state", quiet(false))
			if err != nil {
				t.Errorf("one of several that create the bucket: %v", err)
				return
			}
			n.Close()
		})
	}
	opened.Wait()
	stream, err := js.Stream(t.Context(), "KV_state")
	if err != nil {
		t.Fatal(err)
	}
	got := stream.CachedInfo().Config
	if got.Replicas != 3 || got.Storage != jetstream.FileStorage || got.AllowDirect || !got.AllowMsgTTL || got.MaxMsgsPerSubject != 1 || got.Discard != jetstream.DiscardNew {
		t.Errorf("created %+v", got)
	}
	if _, err := js.KeyValue(t.Context(), "state"); err != nil {
		t.Errorf("other clients do not take it for a bucket: %v", err)
	}
}

func TestOpenNATSRefusesBuckets(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, false)
	js := c.client(t)
	safe := func(name string) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name: "KV_" + name, Subjects: []string{"$KV." + name + ".>"}, Replicas: 3, MaxMsgsPerSubject: 1, AllowMsgTTL: true,
			Discard: jetstream.DiscardNew, AllowDirect: true, AllowRollup: true, DenyDelete: true, SubjectDeleteMarkerTTL: time.Minute,
		}
	}
	for name, test := range map[string]struct {
		change func(c *jetstream.StreamConfig)
		want   string
		unfit  bool
	}{
		"good":     {func(*jetstream.StreamConfig) {}, "", false},
		"single":   {func(c *jetstream.StreamConfig) { c.Replicas = 1 }, "1 replica instead of 3", false},
		"memory":   {func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "memory storage", false},
		"aged":     {func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "drops what is older than 1h0m0s", false},
		"dropping": {func(c *jetstream.StreamConfig) { c.Discard, c.MaxBytes = jetstream.DiscardOld, 1<<20 }, "dropping what is oldest", false},
		"history":  {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 }, "history of 5", true},
		"eternal":  {func(c *jetstream.StreamConfig) { c.AllowMsgTTL, c.SubjectDeleteMarkerTTL = false, 0 }, "per-message TTL is off", true},
		"small":    {func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 }, "limited to 1000 bytes", true},
		"silent":   {func(c *jetstream.StreamConfig) { c.NoAck = true }, "without acknowledgements", true},
		"foreign":  {func(c *jetstream.StreamConfig) { c.Subjects = []string{"orders.>"} }, "does not take $KV.foreign.>", true},
	} {
		config := safe(name)
		test.change(&config)
		if _, err := js.CreateStream(t.Context(), config); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, allow := range []bool{false, true} {
			log := new(logBuffer)
			n, err := natskv.Open(t.Context(), c.hosts()+"?bucket="+name, natskv.Options{AllowUnsafe: allow, Logger: log.logger()})
			if err == nil {
				n.Close()
			}
			switch refuse := test.want != "" && (test.unfit || !allow); {
			case refuse && (err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), name)):
				t.Errorf("%s, unsafe allowed %v: %v", name, allow, err)
			case !refuse && err != nil:
				t.Errorf("%s, unsafe allowed %v: %v", name, allow, err)
			case !refuse && strings.Contains(log.String(), "UNSAFE STORE") != (test.want != ""):
				t.Errorf("%s, unsafe allowed %v: log %s", name, allow, log)
			}
		}
	}
}

// One server cannot hold three copies, and what cannot is not made smaller.
func TestOpenNATSOnOneServer(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, false)
	for query, allow := range map[string]bool{"?replicas=3": true, "?replicas=1": false, "": false} {
		n, err := natskv.Open(t.Context(), c.hosts()+query, quiet(allow))
		if err == nil {
			n.Close()
			t.Errorf("%q, unsafe allowed %v: opened", query, allow)
		}
	}
	n, err := natskv.Open(t.Context(), c.hosts()+"?replicas=1", quiet(true))
	if err != nil {
		t.Fatal(err)
	}
	n.Close()
}

// A bucket that is deleted under a running server has forgotten everything: it
// is not made anew in silence.
func TestNATSBucketDeleted(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, false)
	js := c.client(t)
	s := c.open(t, "writ", "", natskv.Options{})
	key := store.NewKey("a")
	if err := s.PutOnce(t.Context(), key, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "KV_writ"); err != nil {
		t.Fatal(err)
	}
	if err := s.PutOnce(t.Context(), key, time.Hour); err == nil || errors.Is(err, store.ErrExists) {
		t.Errorf("PutOnce without a bucket: %v", err)
	}
	if _, err := s.Get(t.Context(), key); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get without a bucket: %v", err)
	}
}

// The server removes what has expired, later than it expires.
func TestNATSServerRemovesExpired(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, false)
	js := c.client(t)
	s := c.open(t, "writ", "", natskv.Options{})
	stream, err := js.Stream(t.Context(), "KV_writ")
	if err != nil {
		t.Fatal(err)
	}
	key := store.NewKey("a")
	if err := s.PutOnce(t.Context(), key, 1500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	msg, err := stream.GetLastMsgForSubject(t.Context(), "$KV.writ."+key.String())
	if err != nil || msg.Header.Get("Nats-TTL") != "1m2s" {
		t.Errorf("time to live on the server %q, %v", msg.Header.Get("Nats-TTL"), err)
	}
	natskv.SetMargin(s, 0)
	short := store.NewKey("short")
	if _, err := s.CompareAndSwap(t.Context(), short, 0, []byte("x"), time.Second); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server keeps what has expired", func(ctx context.Context) bool {
		_, err := stream.GetLastMsgForSubject(ctx, "$KV.writ."+short.String())
		return errors.Is(err, jetstream.ErrMsgNotFound)
	})
	if _, err := s.CompareAndSwap(t.Context(), short, 0, []byte("again"), time.Second); err != nil {
		t.Errorf("after the server removed it: %v", err)
	}
	if msg, err := stream.GetLastMsgForSubject(t.Context(), "$KV.writ."+key.String()); err != nil || msg.Header.Get("Nats-TTL") != "10m0s" {
		t.Errorf("marker of a deleted key: %v, %v", msg, err)
	}
}

func TestNATSForeignMessage(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, false)
	js := c.client(t)
	s := c.open(t, "writ", "", natskv.Options{})
	key := store.NewKey("a")
	if _, err := js.Publish(t.Context(), "$KV.writ."+key.String(), []byte("what is this")); err != nil {
		t.Fatal(err)
	}
	_, getErr := s.Get(t.Context(), key)
	_, swapErr := s.CompareAndSwap(t.Context(), key, 1, nil, time.Hour)
	for _, err := range []error{s.PutOnce(t.Context(), key, time.Hour), getErr, swapErr} {
		if err == nil || !strings.Contains(err.Error(), "did not write") {
			t.Errorf("a message of somebody else: %v", err)
		}
	}
}
