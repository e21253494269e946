package compiler

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// This file answers who has access: by enumeration of the authorizations, with the
// functions by which a plan compares access, so that the two cannot differ.

// An AccessFilter says which access is meant. Every field narrows it; the zero value
// means all. Clients and APIs are named as FindClient and FindAPI take them.
type AccessFilter struct {
	Client, API, Scope string
	SubjectType        schema.SubjectType
}

// A namedAccess is an AccessFilter with its names resolved.
type namedAccess struct {
	clientIDs, identifiers []string // nil for any
	scope                  string
	subjectType            schema.SubjectType
}

// resolve finds what the filter names in the documents, of which some may be nil: see
// idsOf. One name may mean two clients, one before and one after a change. A name that
// nothing has is an error: the answer to a question about a misspelt client would be "nobody".
func (f AccessFilter) resolve(docs ...*schema.Document) (namedAccess, error) {
	n := namedAccess{scope: f.Scope, subjectType: f.SubjectType}
	docs = slices.DeleteFunc(slices.Clone(docs), func(d *schema.Document) bool { return d == nil })
	var err error
	if n.clientIDs, err = idsOf(KindClient, f.Client, docs, namesOfClients); err != nil {
		return n, err
	}
	if n.identifiers, err = idsOf(KindAPI, f.API, docs, namesOfAPIs); err != nil {
		return n, err
	}
	if f.Scope == "" {
		return n, nil
	}
	scopes := []string{}
	for _, d := range docs {
		for i := range d.APIs {
			for _, s := range d.APIs[i].Scopes {
				if isNamed(n.identifiers, d.APIs[i].Identifier) {
					scopes = append(scopes, s.Name)
				}
			}
		}
	}
	if !slices.Contains(scopes, f.Scope) {
		return n, diag.Failf("unknown-scope", strings.TrimSpace(didYouMean(f.Scope, scopes)), "no API that is meant has a scope %q", f.Scope)
	}
	return n, nil
}

// idsOf returns the client ids or identifiers of all that a name means in one of the
// documents at least. Nil stands for any where name is "". A name may be the id of one object
// and the label of another: then it means both, since a check that holds for one of them
// could be passed by giving the name of a client to another.
func idsOf(kind Kind, name string, docs []*schema.Document, list nameList) (ids []string, err error) {
	if name == "" {
		return nil, nil
	}
	for _, d := range slices.Backward(docs) { // the last one is where a suggestion comes from
		n, names := list(d)
		if _, notFound := FindNamed(kind, name, n, names); notFound != nil {
			err = cmp.Or(err, notFound)
			continue
		}
		for i := range n {
			if id, label := names(i); (id == name || isLabel(kind, name, label)) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) > 0 {
		return ids, nil
	}
	return nil, err
}

// isNamed reports whether id is one of ids. nil stands for a filter that was not given, and so
// for everything; an empty list names nothing.
func isNamed(ids []string, id string) bool { return ids == nil || slices.Contains(ids, id) }

// covers reports whether the filter means access of this kind. Scopes are another
// matter: see wants.
func (n *namedAccess) covers(clientID, identifier string, subject schema.SubjectType) bool {
	return isNamed(n.clientIDs, clientID) && isNamed(n.identifiers, identifier) && (n.subjectType == "" || n.subjectType == subject)
}

// wants returns those of the scopes that are meant.
func (n *namedAccess) wants(scopes []string) []string {
	switch {
	case n.scope == "":
		return scopes
	case slices.Contains(scopes, n.scope):
		return []string{n.scope}
	}
	return nil
}

// An AccessQuery asks who has which access, and by what.
type AccessQuery struct {
	AccessFilter
	// TrustedIssuer is the label or URL of an issuer whose tokens must be what opens the
	// access: as the client's credential, or because they name users. "" asks about
	// every credential.
	TrustedIssuer string
	Subject       string // the sub claim of its token; "" for any
	Later         bool   // also what begins only after the time
}

// An Access is the right of one client to tokens for one API, at a time.
type Access struct {
	Client        *schema.Client
	API           *schema.API
	Authorization *schema.Authorization
	Range         hcl.Range // of the authorization
	// Credentials are those by which the client can authenticate at the time, in the
	// order of the language reference.
	Credentials []AccessCredential
	// Users are the labels of the trusted issuers on behalf of whose users the client
	// acts; nil for a client on its own behalf.
	Users []string
	From  int64 // Unix seconds; 0 where the access is there at the time
	Until int64 // Unix seconds, exclusive; 0 for no end
}

// An AccessCredential is one way in which the client of an Access authenticates.
type AccessCredential struct {
	schema.Credential
	Range hcl.Range // of its block
}

// Who lists the access that the query asks about, as of a time, with the places where it
// is declared: see the function Who.
func (m *Model) Who(q AccessQuery, at time.Time) ([]Access, error) {
	list, err := Who(m.Document, q, at)
	for i := range list {
		m.place(&list[i])
	}
	return list, err
}

// place says where an access and its credentials are declared.
func (m *Model) place(a *Access) {
	_, authorization, ok := m.Authorization(a.Authorization.Label)
	_, client, known := m.Client(a.Client.Label)
	if !ok || !known {
		return // a model of a document alone
	}
	a.Range = authorization.Range
	for i := range a.Credentials {
		c := &a.Credentials[i]
		c.Range = client.NestedRange(c.Block.Type, c.Label, "")
	}
}

// Who lists the access that the query asks about, as of a time, by client, API and
// subject type. The error is a *diag.Failure about a name that nothing has. Of a document
// alone no places are known.
func Who(d *schema.Document, q AccessQuery, at time.Time) ([]Access, error) {
	named, err := q.resolve(d)
	if err != nil {
		return nil, err
	}
	users := userIssuers(d)
	if q.TrustedIssuer == "" {
		return accessOf(d, &q, &named, d.Clients, users, at), nil
	}
	issuer, err := findTrustedIssuer(d, q.TrustedIssuer)
	if err != nil {
		return nil, err
	}
	list := accessOf(d, &q, &named, clientsBy(d, issuer, q.Subject), users, at)
	if !slices.Contains(users, issuer) {
		return list, nil
	}
	// Whoever authenticates the client, this issuer names users for it.
	if named.subjectType == schema.SubjectClient {
		return list, nil
	}
	byClient := slices.DeleteFunc(list, func(a Access) bool { return a.Users != nil })
	named.subjectType = schema.SubjectUser
	list = append(byClient, accessOf(d, &q, &named, d.Clients, []*schema.TrustedIssuer{issuer}, at)...)
	sortAccess(list)
	return list, nil
}

// clientsBy returns the clients that a token of the issuer authenticates, each with
// only the federated blocks that such a token can match. A subject of "" is any.
func clientsBy(d *schema.Document, issuer *schema.TrustedIssuer, subject string) []schema.Client {
	if subject != "" && !issuer.SpeaksFor(subject) {
		return nil
	}
	var clients []schema.Client
	for _, c := range d.Clients {
		c.Secrets, c.PublicKeys, c.Certificates = nil, nil, nil
		c.Federated = slices.DeleteFunc(slices.Clone(c.Federated), func(f schema.Federated) bool {
			return f.TrustedIssuer != issuer.Label || subject != "" && !f.MatchesSubject(subject)
		})
		if len(c.Federated) > 0 {
			clients = append(clients, c)
		}
	}
	return clients
}

// accessOf lists the access of some clients, on behalf of users of some issuers.
func accessOf(d *schema.Document, q *AccessQuery, named *namedAccess, clients []schema.Client, users []*schema.TrustedIssuer, at time.Time) []Access {
	c := &comparison{now: at.Unix()}
	times := c.timesOf(clients)
	byLabel := make(map[string]*schema.Client, len(clients))
	for i := range clients {
		if isNamed(named.clientIDs, clients[i].ClientID) {
			byLabel[clients[i].Label] = &clients[i]
		}
	}
	apis := make(map[string]*schema.API, len(d.APIs))
	for i := range d.APIs {
		if api := &d.APIs[i]; isNamed(named.identifiers, api.Identifier) {
			apis[api.Label] = api
		}
	}
	labels := make([]string, len(users))
	for i, issuer := range users {
		labels[i] = issuer.Label
	}
	var list []Access
	for i := range d.Authorizations {
		auth := &d.Authorizations[i]
		right, has := tokenRightOf(auth, byLabel, apis, len(users) > 0)
		if !has || !named.covers(right.clientID, right.identifier, auth.SubjectType) || named.scope != "" && named.wants(auth.Scopes) == nil {
			continue
		}
		spans := c.spansOf(&right, times)
		if len(spans) == 0 || !q.Later && !covers(spans, c.now) {
			continue
		}
		a := Access{Client: right.client, API: apis[auth.API], Authorization: auth}
		if auth.SubjectType == schema.SubjectUser {
			a.Users = labels
		}
		if spans[0].from > c.now {
			a.From = spans[0].from
		}
		if spans[0].until != forever {
			a.Until = spans[0].until
		}
		for _, credential := range right.client.Credentials() {
			if credential.Window.Contains(max(a.From, c.now)) {
				a.Credentials = append(a.Credentials, AccessCredential{Credential: credential})
			}
		}
		list = append(list, a)
	}
	sortAccess(list)
	return list
}

// sortAccess sorts by client, API and subject type, of which no two have all three.
func sortAccess(list []Access) {
	slices.SortFunc(list, func(a, b Access) int {
		return cmp.Or(cmp.Compare(a.Client.Label, b.Client.Label), cmp.Compare(a.API.Label, b.API.Label),
			cmp.Compare(a.Authorization.SubjectType, b.Authorization.SubjectType))
	})
}
