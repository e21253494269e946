package server_test

import (
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
)

// A snapshot that makes the server panic is a snapshot that is refused.
func TestPanicInActivation(t *testing.T) {
	doc := fast()
	s, log := serving(t, doc, server.Options{Getenv: func(string) string { panic("no such luck") }})
	first := s.Active()
	doc.Clients[0].Secrets = append(doc.Clients[0].Secrets, schema.Secret{Label: "b", Hash: "env:HASH"})
	err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 2}))
	if _, ok := errors.AsType[*server.Defect](err); !ok {
		t.Fatalf("error %v", err)
	}
	if rejected := s.Status().LastRejected; rejected == nil || rejected.Reason != "a defect: no such luck" {
		t.Errorf("rejected: %+v", rejected)
	}
	if res := do(t, s.Public(), post(form())); res.status != 200 || s.Active() != first {
		t.Errorf("%d %s", res.status, res.raw)
	}
	if !strings.Contains(log.String(), `"reason":"a defect: no such luck"`) || !strings.Contains(log.String(), "resolve") {
		t.Errorf("the log does not say where:\n%s", log)
	}
	if err := s.Activate(file(t, fast(), snapshot.Envelope{Serial: 3})); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

// A panic in the background ends Serve in order, and says so.
func TestPanicInTheBackground(t *testing.T) {
	var broken atomic.Bool
	s, _ := serving(t, fast(), server.Options{Now: func() time.Time {
		if broken.Load() {
			panic("the clock has stopped")
		}
		return noon
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	defect, ok := errors.AsType[*server.Defect](s.Serve(t.Context(), server.Listeners{Public: l}))
	if !ok || defect.Panic != "the clock has stopped" || !strings.Contains(string(defect.Stack), "remoteKeys") {
		t.Errorf("%+v", defect)
	}
}
