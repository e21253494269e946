package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// ProtectedResource describes one API for those who want a token for it (RFC
// 9728 section 2), for the API's owner to serve or to link.
type ProtectedResource struct {
	Resource             string   `json:"resource"` // the identifier, byte for byte
	AuthorizationServers []string `json:"authorization_servers"`
	Scopes               []string `json:"scopes_supported,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	Name                 string   `json:"resource_name,omitempty"`
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
