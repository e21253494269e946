package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/token"
)

// newPages makes the console of "writ dev". It may write into the folder, unless --no-key
// is given for whoever has opened the printed address, and it has the throw-away secret, so
// that a token is on the Test page when it opens.
func (d *devServer) newPages() {
	d.editor, d.usage = &treeEditor{w: d.w, reload: d.reload}, usageIn(d.w.Dir)
	d.pages = console.New(console.Options{
		State: func() console.State { return d.usage.show(d.consoleState()) }, Tokens: withCertificate(d.server.Public()), Certificates: d.certificates, Editor: d.editor, Writable: true, Locked: !d.noKey, Live: &d.live,
		Secret: d.throw.secret, NewSecret: secretMaker(d.env.Rand),
		Declared: d.editor.Declaration, Changes: newFolderComparer(d.env, d.w, d.editor),
		Announce: func() { _ = d.printEvent("console", "The console again, for another browser: "+d.consoleAddress()) },
	})
}

// certificates says why the Test page cannot show the server a client's certificate, ""
// where it can. One that is known by its digest proves itself; a name counts only where a
// CA was given that vouches for it.
func (d *devServer) certificates(byName bool) (obstacle string) {
	if byName && d.clients.Roots() == nil {
		return "it is known by its name, and no CA vouches for names: start writ dev with --tls-client-ca FILE"
	}
	return ""
}

// withCertificate shows the server the certificate of a request of the Test view as that of
// its connection. There is no handshake in which the caller proves to have its key: the key
// itself was read with it, and fits.
func withCertificate(server http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Only the chain is passed on. The server parses and checks it as that of any
		// connection.
		if certificate := console.ClientCertificate(r.Context()); certificate != nil {
			r.TLS = &tls.ConnectionState{HandshakeComplete: true}
			for _, der := range certificate.Certificate {
				parsed, err := x509.ParseCertificate(der)
				if err != nil {
					http.Error(w, "the certificate's chain is malformed", http.StatusBadRequest)
					return
				}
				r.TLS.PeerCertificates = append(r.TLS.PeerCertificates, parsed)
			}
		}
		server.ServeHTTP(w, r)
	})
}

// handler puts the console beside the server's own endpoints, on the one port there is. The
// root leads to the console: people open the issuer in a browser.
func (d *devServer) handler() http.Handler {
	return withRoot(d.pages, d.server.Public()) // the root: who opens the issuer in a browser
}

// consoleState describes what the server in this process serves, for one page. Snapshot and
// status are read one after the other, so it reads again when another snapshot was put in
// force in between.
func (d *devServer) consoleState() console.State {
	now := d.env.Now()
	for {
		inForce, status := d.server.Active(), d.server.Status()
		if inForce != d.server.Active() {
			continue // another one was put in force meanwhile, and a page shows one
		}
		if status.LastRejected == nil {
			status.LastRejected = d.broken.Load()
		}
		if inForce == nil {
			state := servedState(now, nil, status, nil)
			state.Blank = d.blank.Load()
			return state
		}
		state := servedState(now, inForce.Snapshot, status, inForce.Keys().JWKS(now.Unix()))
		state.Explain = refusalFunc(inForce.Decider, now)
		state.Verify = func(compact string) (kid string, err error) {
			verified, err := inForce.Read(compact, now.Unix())
			if err != nil {
				return "", err
			}
			return verified.KID, nil
		}
		return state
	}
}

// servedState turns what a server reports of itself into the state of a page. jwks is the
// JWK Set that it publishes, nil where it is not known. A retired key is listed without its
// JWK: verifiers must not use it any more. Explain and Verify are left to the caller.
func servedState(now time.Time, snap *snapshot.Snapshot, status server.Status, jwks []byte) console.State {
	state := console.State{
		Now: now, Snapshot: snap, Digest: status.Digest, Serial: status.Serial, Revision: status.Revision,
		Since: status.Since, Stale: status.Stale, NextRotation: status.NextRotation,
	}
	if r := status.LastRejected; r != nil {
		state.Rejected = &console.Rejection{Digest: r.Digest, Reason: r.Reason, At: r.At}
	}
	for _, problem := range status.Problems {
		state.Problems = append(state.Problems, console.Problem{Address: problem.Address, Reason: problem.Reason})
	}
	// The status names keys by their kid; their public halves are in the JWK Set.
	var set struct{ Keys []json.RawMessage }
	_ = json.Unmarshal(jwks, &set) // a server's own
	published := map[string]json.RawMessage{}
	for _, jwk := range set.Keys {
		var named struct{ KID string }
		_ = json.Unmarshal(jwk, &named)
		published[named.KID] = jwk
	}
	for _, key := range status.Keys {
		shown := console.Key{
			KID: key.KID, Alg: string(key.Algorithm), State: string(key.State), ActivatesAt: key.ActivatesAt, RetiresAt: key.RetiresAt,
		}
		if key.State != token.Retired {
			shown.JWK = published[key.KID]
		}
		state.Keys = append(state.Keys, shown)
	}
	return state
}

// refusalFunc answers for a page why a client's request on its own behalf is refused; reason is
// "granted" for one that is not. It is asked as of now, which is when the page was asked for.
func refusalFunc(decider *decide.Decider, now time.Time) func(clientID, audience, scope string) (reason, detail string) {
	return func(clientID, audience, scope string) (string, string) {
		_, refusal := decider.Decide(decide.Request{
			ClientID: clientID, GrantType: schema.GrantClientCredentials, Audience: audience, Scope: scope,
		}, now)
		if refusal == nil {
			return string(server.ReasonGranted), ""
		}
		return string(refusal.Reason), refusal.Detail
	}
}

// rejection is an error of the folder as the console shows it, nil for no error. The text
// is that of the terminal, without colours and at the width of the page. Warnings are left
// out.
func rejection(err error, now time.Time) *server.Rejection {
	if err == nil {
		return nil
	}
	problems := diag.ProblemsOf(err)
	var text strings.Builder
	diag.WriteText(&text, problems.List.Errors().Sorted(), problems.Sources, consoleWidth, false)
	return &server.Rejection{Reason: strings.TrimSpace(text.String()), At: now}
}

// consoleWidth is how wide diagnostics are on a page, in characters. A page scrolls what
// does not fit.
const consoleWidth = 96
