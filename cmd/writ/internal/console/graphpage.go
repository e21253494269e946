package console

import (
	"html/template"
	"net/http"

	"github.com/writ-auth/writ/cmd/writ/internal/console/graph"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// graphPage is the drawing, of everything or of one API or client.
type graphPage struct {
	API, Client   string // labels; "" for all
	APIs, Clients []string
	Objects       int
	TooLarge      bool
	Unknown       bool          // the filter names nothing
	Drawing       template.HTML // by package graph, which escapes what it is given
}

// maxOffered is how many labels a field of the form offers. Any other can be typed.
const maxOffered = 500

// graph shows the drawing. Past graph.MaxObjects it shows a form to choose one API or client.
func (p *page) graph() {
	snap := p.state.Snapshot
	body := graphPage{API: p.r.URL.Query().Get("api"), Client: p.r.URL.Query().Get("client")}
	for i := range min(snap.NumAPIs(), maxOffered) {
		body.APIs = append(body.APIs, snap.API(i).Label())
	}
	for i := range min(snap.NumClients(), maxOffered) {
		body.Clients = append(body.Clients, snap.Client(i).Label())
	}
	doc, ok := documentPart(snap, body.API, body.Client)
	body.Unknown = !ok
	body.Objects = len(doc.APIs) + len(doc.Clients) + len(doc.Authorizations)
	if body.API+body.Client == "" {
		body.Objects = snap.NumAPIs() + snap.NumClients() + snap.NumAuthorizations()
	}
	body.TooLarge = body.Objects > graph.MaxObjects
	if !body.TooLarge && body.Objects > 0 {
		picture := graph.Of(doc, p.state.Now)
		for i := range picture.APIs {
			picture.APIs[i].Link = apiURL(picture.APIs[i].Label, "")
		}
		for i := range picture.Clients {
			picture.Clients[i].Link = clientURL(picture.Clients[i].Label)
		}
		body.Drawing = template.HTML(picture.SVG(false))
	}
	p.show(http.StatusOK, "graph", "graph", "Graph", body)
}

// documentPart returns the part of a snapshot that concerns an API and a client, "" for any.
// It stops when there is too much to draw. ok is false for a label that does not exist.
func documentPart(snap *snapshot.Snapshot, apiLabel, clientLabel string) (doc *schema.Document, ok bool) {
	c := collection{apis: map[int]bool{}, clients: map[int]bool{}}
	candidates := snap.Authorizations()
	switch {
	case apiLabel+clientLabel == "":
		for i := range min(snap.NumAPIs(), graph.MaxObjects) {
			c.addAPI(snap.API(i))
		}
		for i := range min(snap.NumClients(), graph.MaxObjects) {
			c.addClient(snap.Client(i))
		}
	case clientLabel != "":
		client, ok := snap.ClientByLabel(clientLabel)
		if !ok {
			return &c.doc, false
		}
		c.addClient(client)
		candidates = client.Authorizations()
	}
	if apiLabel != "" {
		api, ok := snap.APIByLabel(apiLabel)
		if !ok {
			return &c.doc, false
		}
		c.addAPI(api)
		if clientLabel == "" {
			candidates = api.Authorizations()
		}
	}
	for auth := range candidates {
		if len(c.doc.Authorizations) > graph.MaxObjects {
			break
		}
		if apiLabel == "" || auth.API().Label() == apiLabel {
			c.add(auth)
		}
	}
	return &c.doc, true
}

// A collection is a document that grows by one object after another, with no
// more of each than a drawing shows.
type collection struct {
	doc           schema.Document
	apis, clients map[int]bool // by index: those that are in it
}

// addAPI adds an API once.
func (c *collection) addAPI(a snapshot.API) {
	if !c.apis[a.Index()] {
		c.apis[a.Index()] = true
		c.doc.APIs = append(c.doc.APIs, schema.API{Label: a.Label(), Identifier: a.Identifier()})
	}
}

// addClient adds a client once.
func (c *collection) addClient(client snapshot.Client) {
	if !c.clients[client.Index()] {
		c.clients[client.Index()] = true
		c.doc.Clients = append(c.doc.Clients, schema.Client{Label: client.Label(), ClientID: client.ClientID()})
	}
}

// add adds an authorization with what it connects.
func (c *collection) add(auth snapshot.Authorization) {
	c.addAPI(auth.API())
	c.addClient(auth.Client())
	c.doc.Authorizations = append(c.doc.Authorizations, schema.Authorization{
		Label: auth.Label(), Client: auth.Client().Label(), API: auth.API().Label(), SubjectType: auth.SubjectType(), Scopes: auth.Scopes(),
	})
}
