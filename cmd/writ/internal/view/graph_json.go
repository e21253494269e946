package view

import (
	"time"

	"github.com/writ-auth/writ/schema"
)

// A GraphJSON is what "writ graph --format json" prints. Authorizations refer to clients and
// APIs by label.
type GraphJSON struct {
	Clients        []graphClient        `json:"clients"`
	Authorizations []graphAuthorization `json:"authorizations"`
	APIs           []graphAPI           `json:"apis"`
}

type graphClient struct {
	Label    string `json:"label"`
	ClientID string `json:"client_id"`
}

type graphAuthorization struct {
	Label       string             `json:"label"`
	Client      string             `json:"client"`
	API         string             `json:"api"`
	Scopes      []string           `json:"scopes"`
	SubjectType schema.SubjectType `json:"subject_type"`
	ExpiresAt   string             `json:"expires_at,omitempty"` // RFC 3339
	Expired     bool               `json:"expired,omitempty"`    // that is past
}

type graphAPI struct {
	Label      string `json:"label"`
	Identifier string `json:"identifier"`
}

// GraphOf is the picture of a document. now decides which authorizations have expired.
func GraphOf(doc *schema.Document, now time.Time) GraphJSON {
	g := GraphJSON{Clients: []graphClient{}, Authorizations: []graphAuthorization{}, APIs: []graphAPI{}}
	for _, c := range doc.Clients {
		g.Clients = append(g.Clients, graphClient{c.Label, c.ClientID})
	}
	for _, auth := range doc.Authorizations {
		g.Authorizations = append(g.Authorizations, graphAuthorization{
			auth.Label, auth.Client, auth.API, emptyList(auth.Scopes), auth.SubjectType,
			rfc3339(auth.ExpiresAt), auth.ExpiresAt != 0 && auth.ExpiresAt <= now.Unix(),
		})
	}
	for _, api := range doc.APIs {
		g.APIs = append(g.APIs, graphAPI{api.Label, api.Identifier})
	}
	return g
}
