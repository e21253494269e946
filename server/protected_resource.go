package server

import (
	"encoding/json"
	"github.com/writ-auth/writ/schema/jose"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
)

// ProtectedResource describes one API for those who want a token for it (RFC
// 9728 section 2), for the API's owner to serve or to link.
type ProtectedResource struct {
	Resource             string   `json:"resource"` // the identifier, byte for byte
	AuthorizationServers []string `json:"authorization_servers"`
	Scopes               []string `json:"scopes_supported,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	Name                 string   `json:"resource_name,omitempty"`

	// CertificateBound is there when tokens may be bound to certificates (RFC
	// 8705), ProofAlgorithms are those of the proofs that they may be bound with
	// (RFC 9449), and ProofRequired is there when no client gets a token for the
	// API without a proof.
	CertificateBound bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	ProofAlgorithms  []string `json:"dpop_signing_alg_values_supported"`
	ProofRequired    bool     `json:"dpop_bound_access_tokens_required,omitempty"`
}

// A protectedResourceEndpoint serves the description of the API whose label is
// the last segment of the path, percent-encoded as labels with a for_each key
// need: worker%5B%22eu%22%5D.
type protectedResourceEndpoint struct {
	bound []bool // by API index: no client gets a token for it without a proof; nil for none
}

// newProtectedResource finds out once what to ask of a request would be a walk
// over all authorizations.
func newProtectedResource(a *Active) protectedResourceEndpoint {
	if a.bindsToCertificates() {
		return protectedResourceEndpoint{} // that will do instead of a proof
	}
	return protectedResourceEndpoint{onlyBound(a.snapshot)}
}

func (e protectedResourceEndpoint) serve(a *Active, w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	label, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	api, ok := a.snapshot.APIByLabel(label)
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	document := ProtectedResource{
		Resource: api.Identifier(), AuthorizationServers: []string{a.snapshot.Issuer().URL},
		BearerMethods: []string{"header"}, Name: api.Name(),
		CertificateBound: a.bindsToCertificates(), ProofAlgorithms: namesOf(jose.Proofs),
		ProofRequired: e.bound != nil && e.bound[api.Index()],
	}
	for i := range api.NumScopes() {
		document.Scopes = append(document.Scopes, api.Scope(i).Name)
	}
	body, err := json.Marshal(document)
	if err != nil {
		panic(err) // strings
	}
	newCached(body).write(w, r)
}

// bindsToCertificates reports whether some client gets tokens that are bound to
// its certificate.
func (a *Active) bindsToCertificates() bool {
	return slices.Contains(a.registered.methods, clientauth.TLSClientAuth) || slices.Contains(a.registered.methods, clientauth.SelfSignedTLSClientAuth)
}

// onlyBound tells of each API whether there are clients that get tokens for it,
// and all of them only such as are bound to a key. It is nil when no client has to
// bind its tokens.
func onlyBound(snap *snapshot.Snapshot) []bool {
	if !anyBound(snap) {
		return nil
	}
	bound, bearer := make([]bool, snap.NumAPIs()), make([]bool, snap.NumAPIs())
	for i := range snap.NumAuthorizations() {
		authorization := snap.AuthorizationAt(i)
		api := authorization.API().Index()
		bearer[api] = bearer[api] || !authorization.Client().RequireSenderConstrained()
		bound[api] = !bearer[api]
	}
	return bound
}

func anyBound(snap *snapshot.Snapshot) bool {
	for i := range snap.NumClients() {
		if snap.Client(i).RequireSenderConstrained() {
			return true
		}
	}
	return false
}
