// Command app is a web application that works for its user while the user is
// away. It tells what it does, step by step, and ends when the configuration
// takes the access away.
//
//	go run ./examples/webapp-offline/app
//
// webapp.go is what a web application needs, notes.go what an API needs. login.go
// stands in for the OpenID provider of the users, story.go for the users.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

func main() {
	issuer := flag.String("issuer", "http://127.0.0.1:8080/", "the token server")
	provider := flag.String("login", "http://127.0.0.1:8090/", "where users sign in: this program listens there")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *issuer, *provider); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, issuer, provider string) error {
	where, err := url.Parse(provider)
	if err != nil {
		return err
	}
	users, err := newLogin(provider)
	if err != nil {
		return err
	}
	if _, err := serve(where.Host, users); err != nil {
		return err
	}
	server, err := discover(ctx, issuer)
	if err != nil {
		return err
	}
	app, err := newWebapp(server)
	if err != nil {
		return err
	}
	api, err := serve("127.0.0.1:0", newNotes(server))
	if err != nil {
		return err
	}
	return (&story{app: app, users: users, api: api}).tell(ctx)
}

// serve listens until the program ends, and returns where.
func serve(address string, handler http.Handler) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	go http.Serve(listener, handler)
	return "http://" + listener.Addr().String() + "/", nil
}

// discover waits for the token server and reads its metadata.
func discover(ctx context.Context, issuer string) (*oidc.Provider, error) {
	for waited := false; ; waited = true {
		res, err := http.Get(issuer + ".well-known/openid-configuration")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return oidc.NewProvider(ctx, issuer)
			}
		}
		if !waited {
			fmt.Printf("Waiting for the token server at %s\n\n", issuer)
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}
