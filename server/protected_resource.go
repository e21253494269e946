package server

import (
	"encoding/json"
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
type protectedResourceEndpoint struct{}

func (protectedResourceEndpoint) serve(a *Active, w http.ResponseWriter, r *http.Request) {
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
		CertificateBound: a.bindsToCertificates(), ProofAlgorithms: assertionAlgorithms(),
	}
	document.ProofRequired = !document.CertificateBound && onlyBound(api)
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

// onlyBound reports whether there are clients that get tokens for the API, and
// all of them only such as are bound to a key.
func onlyBound(api snapshot.API) bool {
	any := false
	for authorization := range api.Authorizations() {
		if any = true; !authorization.Client().RequireSenderConstrained() {
			return false
		}
	}
	return any
}
