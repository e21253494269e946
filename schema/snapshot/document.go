package snapshot

import (
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// Decode returns the document that was encoded; empty slices and maps are
// nil. Its strings share the snapshot's memory, and equal slices and maps share
// each other's: it is to be read, not changed. It is no method, so that a
// server which never calls it need not link it.
func Decode(s *Snapshot) *schema.Document {
	p, byLabel := s.decode(), s.authorizationsByLabel()
	p.decoder.decoded, p.decoder.granted = map[decodedList]any{}, map[uint32][]string{}
	return &schema.Document{
		Issuer:         s.Issuer(),
		APIs:           collect(s.NumAPIs(), func(i int, a *schema.API) { s.API(i).decode(&p, a) }),
		Clients:        collect(s.NumClients(), func(i int, c *schema.Client) { s.Client(i).decode(&p, c) }),
		Authorizations: collect(len(byLabel), func(i int, a *schema.Authorization) { byLabel[i].decode(&p, a) }),
		TrustedIssuers: collect(s.NumTrustedIssuers(), func(i int, t *schema.TrustedIssuer) { *t = s.TrustedIssuer(i) }),
		SigningKeys:    collect(s.NumSigningKeys(), func(i int, k *schema.SigningKey) { *k = s.SigningKey(i) }),
	}
}

// authorizationsByLabel returns the authorizations in the order of their labels. What is moved
// are pointers: faster than the records, and the sort of pointers is in every
// program anyway, where one more kind would be 20 kB.
func (s *Snapshot) authorizationsByLabel() []*Authorization {
	all := slices.AppendSeq(make([]Authorization, 0, s.NumAuthorizations()), s.Authorizations())
	order := make([]*Authorization, len(all))
	for i := range all {
		order[i] = &all[i]
	}
	slices.SortFunc(order, func(a, b *Authorization) int { return strings.Compare(a.Label(), b.Label()) })
	return order
}

// Schema returns the API as it was encoded. It allocates.
func (a API) Schema() (api schema.API) {
	p := a.s.decode()
	a.decode(&p, &api)
	return api
}

// Schema returns the client as it was encoded. It allocates.
func (c Client) Schema() (client schema.Client) {
	p := c.s.decode()
	c.decode(&p, &client)
	return client
}

func (a API) decode(p *pass, api *schema.API) { apiFields(p, a.record(), a.extra(), api) }

func (c Client) decode(p *pass, client *schema.Client) {
	clientFields(p, c.record(), c.extra(), client)
	first, end := c.secrets()
	client.Secrets = collect(int(end-first), func(i int, s *schema.Secret) {
		secSecrets.at(&c.s.sections, first+uint32(i)).fields(p, s)
	})
}

func (a Authorization) decode(p *pass, v *schema.Authorization) {
	v.Label, v.Client, v.API, v.SubjectType = a.Label(), a.Client().Label(), a.API().Label(), a.SubjectType()
	a.terms().fields(p, v)
}
