package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/explain"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/decide"
)

// inMemory makes a snapshot file of a document that no file holds.
func inMemory(doc *schema.Document, model *compiler.Model, serial uint64, created time.Time) ([]byte, error) {
	body, err := snapshot.Encode(doc)
	if err != nil {
		return nil, err
	}
	sources, err := sourcesOf(body, model)
	if err != nil {
		return nil, err
	}
	envelope := snapshot.Envelope{Serial: serial, Created: created.UTC().Truncate(time.Second), Environment: doc.Issuer.Environment}
	envelope.Bind(body, sources)
	return snapshot.Marshal(envelope, body, sources)
}

// explainer compiles the tree to a snapshot, as apply does, and opens it, as the
// server does. The server is taken for one that keeps refresh tokens.
func (a *app) explainer(t *tree) (*snapshot.Snapshot, *explain.Explainer, error) {
	file, err := inMemory(t.model.Document, t.model, 1, a.now())
	if err != nil {
		return nil, nil, err
	}
	snap, err := snapshot.Open(file)
	if err != nil {
		return nil, nil, err
	}
	return snap, &explain.Explainer{Model: t.model, Decider: decide.New(snap, decide.Facts{RefreshTokens: true})}, nil
}

// An embeddedServer serves one configuration on a loopback port.
type embeddedServer struct {
	origin string
	throw  *throwAway
	web    *http.Server
}

// embed starts one. What the server logs is of no interest: the answers say it.
func (a *app) embed(t *tree) (*embeddedServer, error) {
	throw, err := newThrowAway(a.rand, a.getenv)
	if err != nil {
		return nil, err
	}
	issuer, err := server.New(server.Options{
		Getenv: throw.getenv, Now: a.now, Rand: a.rand, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	origin := "http://" + listener.Addr().String()
	file, err := inMemory(throw.dress(t.model.Document, origin), t.model, 1, a.now())
	if err == nil {
		err = issuer.Activate(file)
	}
	if err != nil {
		listener.Close()
		return nil, err
	}
	web := &http.Server{Handler: issuer.Public(), ReadHeaderTimeout: 10 * time.Second}
	go web.Serve(listener)
	return &embeddedServer{origin: origin, throw: throw, web: web}, nil
}

func (e *embeddedServer) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	e.web.Shutdown(ctx)
}
