package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// audience is what the configuration calls api.notes.identifier.
const audience = "https://notes.example.com/"

// A notes is the API: it knows the token server's public keys, and asks nobody.
type notes struct{ verifier *oidc.IDTokenVerifier }

// newNotes fetches the keys by discovery. The verifier holds a token to its
// issuer, its audience, its time and its signature; go-oidc's is made for ID
// tokens, which are checked in the same way.
func newNotes(server *oidc.Provider) *notes {
	return &notes{verifier: server.Verifier(&oidc.Config{ClientID: audience})}
}

func (n *notes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	token, err := n.verifier.Verify(r.Context(), bearer)
	if err != nil {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		http.Error(w, "the token is not valid, or not any more", http.StatusUnauthorized)
		return
	}
	var claims struct{ Scope, Email string }
	if err := token.Claims(&claims); err != nil || !slices.Contains(strings.Fields(claims.Scope), "read:notes") {
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="read:notes"`)
		http.Error(w, "the token is not for reading", http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "the notes of %s", claims.Email)
}
