package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
)

// An embeddedServer serves one configuration on a loopback port, with throw-away secrets.
type embeddedServer struct {
	origin string
	throw  *throwAway
	web    *http.Server
}

// embed starts a server for one tree on a free port. The server's log is discarded: the
// answer to the one request says the same. The port is opened first, since the issuer is
// its address.
func embed(env *cli.Env, t *workspace.Tree) (*embeddedServer, error) {
	throw, err := newThrowAway(env.Rand, env.Getenv)
	if err != nil {
		return nil, err
	}
	issuer, err := server.New(server.Options{
		Getenv: throw.getenv, Now: env.Now, Rand: env.Rand, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	origin := "http://" + listener.Addr().String()
	file, err := workspace.Snapshot(throw.localDocument(t.Model.Document, origin), t.Model, snapshot.Envelope{Serial: 1, Created: env.Now()})
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

// stop ends the server. Its one request has been answered, so a second is long.
func (e *embeddedServer) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	e.web.Shutdown(ctx)
}
