package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/console"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/internal/endpoint"
	"github.com/writ-auth/writ/server/token"
)

// ConsoleOptions say what the console may do beyond showing what is served.
type ConsoleOptions struct {
	// Create writes a new file with an API's block into the configuration, and
	// fails with fs.ErrExist rather than change one. Nil: nothing is written.
	Create func(name string, content []byte) error
	// SecretHint says which secret to type into the Test view.
	SecretHint string
	// Rejected is what keeps a newer configuration from being served, beside what
	// the server itself has rejected. Nil: nothing else does.
	Rejected func() *Rejection
}

// Console is the handler of the pages below console.Path. Like Admin it answers
// only requests whose Host and Origin show that no page of another site sent
// them.
func (s *Server) Console(opts ConsoleOptions) http.Handler {
	pages := console.New(console.Options{
		State: func() console.State { return s.consoleState(opts) }, Tokens: s.Public(),
		Create: opts.Create, SecretHint: opts.SecretHint,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !endpoint.SameSite(r, s.opts.Admin.Hosts) {
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// adminWithConsole is the admin handler with the console beside it, to which its root
// leads.
func (s *Server) adminWithConsole() http.Handler {
	pages := s.Console(ConsoleOptions{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		isGet := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case console.Holds(r.URL):
			pages.ServeHTTP(w, r)
		case r.URL.EscapedPath() == "/" && isGet && endpoint.SameSite(r, s.opts.Admin.Hosts):
			http.Redirect(w, r, console.Path, http.StatusSeeOther)
		default:
			s.admin.ServeHTTP(w, r)
		}
	})
}

// consoleState describes the server for one page. It takes the active pointer
// once, so that a page shows one configuration.
func (s *Server) consoleState(opts ConsoleOptions) console.State {
	state := console.State{Now: s.opts.Now()}
	rejected := s.activator.Rejected()
	if rejected == nil && opts.Rejected != nil {
		rejected = opts.Rejected()
	}
	if rejected != nil {
		state.Rejected = &console.Rejection{Digest: rejected.Digest, Reason: rejected.Reason, At: rejected.At}
	}
	a := s.Active()
	if a == nil {
		return state
	}
	state.Snapshot, state.Digest, state.Serial, state.Revision, state.Since = a.Snapshot, a.Digest, a.Serial, a.Revision, a.Since
	state.Stale = a.Stale(state.Now)
	for _, problem := range s.activator.Problems(a) {
		if len(state.Problems) < endpoint.MaxProblems {
			state.Problems = append(state.Problems, console.Problem(problem))
		}
	}
	state.Keys = consoleKeys(a.Keys(), state.Now)
	state.Verify = func(compact string) (kid string, err error) {
		verified, err := a.Read(compact, state.Now.Unix())
		if err != nil {
			return "", err
		}
		return verified.KID, nil
	}
	state.Explain = func(clientID, audience, scope string) (string, string) {
		_, refusal := a.Decider.Decide(decide.Request{
			ClientID: clientID, GrantType: schema.GrantClientCredentials, Audience: audience, Scope: scope,
		}, state.Now)
		if refusal == nil {
			return string(ReasonGranted), ""
		}
		return string(refusal.Reason), refusal.Detail
	}
	return state
}

// consoleKeys are the keys with what is published of them.
func consoleKeys(keys *token.Keys, now time.Time) []console.Key {
	var set struct{ Keys []json.RawMessage }
	_ = json.Unmarshal(keys.JWKS(now.Unix()), &set) // it is valid
	published := map[string]json.RawMessage{}
	for _, jwk := range set.Keys {
		var named struct{ KID string }
		_ = json.Unmarshal(jwk, &named)
		published[named.KID] = jwk
	}
	var all []console.Key
	for _, key := range keys.All(now.Unix()) {
		shown := console.Key{
			KID: key.KID(), Alg: string(key.Alg()), State: string(key.State),
			ActivatesAt: endpoint.UnixTime(key.ActivatesAt), RetiresAt: endpoint.UnixTime(key.RetiresAt),
		}
		if key.State != token.Retired {
			shown.JWK = published[shown.KID]
		}
		all = append(all, shown)
	}
	return all
}
