// Package graph draws who may call what: clients at the left, APIs at the right, and a line
// with its scopes for each authorization. "writ graph" and the console show the same
// drawing. It knows the vocabulary and SVG, and neither files nor HTTP.
package graph

import (
	"cmp"
	"slices"
	"time"

	"github.com/writ-auth/writ/schema"
)

// MaxObjects is how many objects a drawing can hold and still be read, of all kinds together.
const MaxObjects = 200

// MaxNodes and MaxEdges are how many clients, APIs and authorizations a page draws: what a
// reader takes in without looking for the ends of a line. Beyond, a table says more.
const (
	MaxNodes = 24 // of each kind
	MaxEdges = 60
)

// A Picture is a configuration as three lists of boxes, each in the order of the document.
type Picture struct{ Clients, Authorizations, APIs []Box }

// A Box is one object. Of an authorization, Client and API are the places of
// the boxes that it connects, in the lists of the picture.
type Box struct {
	Label       string
	Name        string   // for people
	Owner       string   // whom to ask: metadata.owner or team, "" for nobody
	Detail      []string // client id, identifier, scopes
	Client, API int
	User        bool   // on behalf of users
	Expired     bool   // it gives no more tokens
	Link        string // where the drawing leads to, "" for nowhere
}

// Title is the first line of a box.
func (b Box) Title() string {
	switch {
	case b.User && b.Expired:
		return b.Label + " (users, expired)"
	case b.User:
		return b.Label + " (users)"
	case b.Expired:
		return b.Label + " (expired)"
	}
	return b.Label
}

// Of makes the picture of a document at a time. The document is one that compiled: a label
// to which an authorization refers is taken to exist.
func Of(doc *schema.Document, now time.Time) *Picture {
	p := &Picture{Clients: []Box{}, Authorizations: []Box{}, APIs: []Box{}}
	clients, apis := map[string]int{}, map[string]int{}
	for i, c := range doc.Clients {
		clients[c.Label] = i
		p.Clients = append(p.Clients, Box{Label: c.Label, Name: cmp.Or(c.Name, c.Label), Owner: OwnerOf(c.Metadata), Detail: []string{c.ClientID}})
	}
	for i, api := range doc.APIs {
		apis[api.Label] = i
		p.APIs = append(p.APIs, Box{Label: api.Label, Name: cmp.Or(api.Name, api.Label), Owner: OwnerOf(api.Metadata), Detail: []string{api.Identifier}})
	}
	for _, auth := range doc.Authorizations {
		p.Authorizations = append(p.Authorizations, Box{
			Label: auth.Label, Detail: slices.Clone(auth.Scopes), User: auth.SubjectType == schema.SubjectUser,
			Client: clients[auth.Client], API: apis[auth.API], Expired: auth.ExpiresAt != 0 && auth.ExpiresAt <= now.Unix(),
		})
	}
	return p
}

// Objects is how many objects the picture holds, for MaxObjects.
func (p *Picture) Objects() int { return len(p.Clients) + len(p.Authorizations) + len(p.APIs) }

// Only is the part of a document that has to do with one of the APIs and with one of the
// clients, by label; none of a kind stands for all of it. An object that is named stays
// even if nothing leads to it, which is an answer too. doc does not change.
func Only(doc *schema.Document, apis, clients []string) *schema.Document {
	part := *doc
	wanted := func(list []string, label string) bool { return len(list) == 0 || slices.Contains(list, label) }
	part.Authorizations = slices.DeleteFunc(slices.Clone(doc.Authorizations), func(a schema.Authorization) bool {
		return !wanted(apis, a.API) || !wanted(clients, a.Client)
	})
	heldBy, holds := map[string]bool{}, map[string]bool{}
	for _, a := range part.Authorizations {
		heldBy[a.API], holds[a.Client] = true, true
	}
	part.APIs = slices.DeleteFunc(slices.Clone(doc.APIs), func(a schema.API) bool {
		return !slices.Contains(apis, a.Label) && !heldBy[a.Label] && len(apis)+len(clients) > 0
	})
	part.Clients = slices.DeleteFunc(slices.Clone(doc.Clients), func(c schema.Client) bool {
		return !slices.Contains(clients, c.Label) && !holds[c.Label] && len(apis)+len(clients) > 0
	})
	return &part
}

// OwnerOf is whom to ask about an object: its metadata.owner, or else its team; "" where
// neither is written. It is the one place that knows these two keys.
func OwnerOf(metadata map[string]string) string { return cmp.Or(metadata["owner"], metadata["team"]) }
