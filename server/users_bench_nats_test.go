package server_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/natskv"
)

// natsStore is a bucket on one real server of this process, which synchronizes
// every write: what it allocates counts with what the client does.
func natsStore(b *testing.B) store.Store {
	b.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: b.TempDir(), SyncAlways: true, NoLog: true, NoSigs: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	s.Start()
	b.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		b.Fatal("the NATS server does not start")
	}
	address := s.Addr().(*net.TCPAddr)
	kept, err := natskv.Open(b.Context(), fmt.Sprintf("nats://127.0.0.1:%d?replicas=1&timeout=10s", address.Port), natskv.Options{AllowUnsafe: true, Logger: quietJSON()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { kept.Close() })
	return kept
}
