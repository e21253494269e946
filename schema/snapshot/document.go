package snapshot

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// A decoder turns records back into schema values. What was interned is decoded
// once and shared: a million authorizations have a few scope lists between them.
type decoder struct {
	s         *Snapshot
	scopes    map[uint32][]schema.Scope // by secScopeLists
	granted   map[uint32][]string       // by secScopeSets
	apiExtra  map[uint32]schema.API     // by secAPIExtras
	clientExt map[uint32]schema.Client  // by secClientExtras
}

func newDecoder(s *Snapshot) *decoder {
	return &decoder{
		s:         s,
		scopes:    map[uint32][]schema.Scope{},
		granted:   map[uint32][]string{},
		apiExtra:  map[uint32]schema.API{},
		clientExt: map[uint32]schema.Client{},
	}
}

// Decode returns the document that was encoded; empty slices and maps are
// nil. Its strings share the snapshot's memory, and equal slices and maps share
// each other's: it is to be read, not changed. It is no method, so that a
// server which never calls it need not link it.
func Decode(s *Snapshot) *schema.Document {
	d := newDecoder(s)
	doc := &schema.Document{
		Issuer:         s.Issuer(),
		APIs:           each(s.NumAPIs(), func(i int) schema.API { return d.api(s.API(i)) }),
		Clients:        each(s.NumClients(), func(i int) schema.Client { return d.client(s.Client(i)) }),
		TrustedIssuers: each(s.NumTrustedIssuers(), s.TrustedIssuer),
		SigningKeys:    each(s.NumSigningKeys(), s.SigningKey),
		Authorizations: make([]schema.Authorization, 0, s.NumAuthorizations()),
	}
	for _, a := range s.authorizationsByLabel() {
		doc.Authorizations = append(doc.Authorizations, d.authorization(*a, a.Client().Label()))
	}
	if len(doc.Authorizations) == 0 {
		doc.Authorizations = nil
	}
	return doc
}

// authorizationsByLabel returns the authorizations in the order of their labels. What is moved
// are pointers: faster than the records, and the sort of pointers is in every
// program anyway, where one more kind would be 20 kB.
func (s *Snapshot) authorizationsByLabel() []*Authorization {
	all := make([]Authorization, 0, s.NumAuthorizations())
	for i := range s.NumClients() {
		all = slices.AppendSeq(all, s.Client(i).Authorizations())
	}
	order := make([]*Authorization, len(all))
	for i := range all {
		order[i] = &all[i]
	}
	slices.SortFunc(order, func(a, b *Authorization) int { return strings.Compare(a.Label(), b.Label()) })
	return order
}

// Schema returns the API as it was encoded. It allocates.
func (a API) Schema() schema.API { return newDecoder(a.s).api(a) }

// Schema returns the client as it was encoded. It allocates.
func (c Client) Schema() schema.Client { return newDecoder(c.s).client(c) }

// each collects what at returns for 0 to n-1, nil for none.
func each[T any](n int, at func(i int) T) []T {
	if n == 0 {
		return nil
	}
	list := make([]T, n)
	for i := range list {
		list[i] = at(i)
	}
	return list
}

func (d *decoder) api(a API) schema.API {
	r := a.record()
	api := shared(d.apiExtra, u32(r, apiExtra), func() schema.API { return d.s.apiExtra(a.extra()) })
	api.Label, api.Name, api.Identifier = a.Label(), a.Name(), a.Identifier()
	api.Profile, api.Alg, api.ScopeMode = a.Profile(), a.Alg(), a.ScopeMode()
	api.TokenLifetime = a.TokenLifetime()
	api.AllowOfflineAccess = a.AllowOfflineAccess()
	api.IncludePermissions = a.IncludePermissions()
	api.PreventDestroy = a.flag(flagAPIPreventDestroy)
	api.Scopes = shared(d.scopes, u32(r, apiScopes), func() []schema.Scope { return each(a.NumScopes(), a.Scope) })
	return api
}

// apiExtra decodes a record of secAPIExtras.
func (s *Snapshot) apiExtra(r []byte) schema.API {
	return schema.API{
		SigningSecret: schema.SecretRef(s.text(r, apiExtraSecret)),
		DistinctFrom:  s.apiLabels(r, apiExtraDistinct),
		Metadata:      s.metadata(r, apiExtraMetadata),
		ReuseWindow:   int64(u32(r, apiExtraReuse)),
	}
}

func (d *decoder) client(c Client) schema.Client {
	client := shared(d.clientExt, u32(c.record(), clientExtra), func() schema.Client { return clientExtras(c) })
	client.Label, client.Name, client.ClientID = c.Label(), c.Name(), c.ClientID()
	client.RequireSenderConstrained = c.RequireSenderConstrained()
	client.PreventDestroy = c.record()[clientFlags]&flagClientPreventDestroy != 0
	for secret := range c.Secrets() {
		s := schema.Secret{Label: secret.Label(), Hash: secret.hash(), Window: secret.Window()}
		client.Secrets = append(client.Secrets, s)
	}
	return client
}

// clientExtras decodes the client's record of secClientExtras.
func clientExtras(c Client) schema.Client {
	r := c.extra()
	client := schema.Client{
		GrantTypes:    texts[string](c.s, r, clientExtraGrants),
		Metadata:      c.s.metadata(r, clientExtraMetadata),
		RateLimit:     c.RateLimit(),
		Introspects:   c.s.apiLabels(r, clientExtraIntrospects),
		RevokedBefore: c.RevokedBefore(),
		PublicKeys:    slices.Collect(c.PublicKeys()),
		Certificates:  slices.Collect(c.Certificates()),
		Federated:     slices.Collect(c.Federated()),
	}
	if api, ok := c.DefaultAPI(); ok {
		client.DefaultAPI = api.Label()
	}
	if policy, ok := c.RefreshToken(); ok {
		client.RefreshToken = &policy
	}
	return client
}

// hash is the secret as it was encoded.
func (c Secret) hash() string {
	if c.Kind() != SecretSHA256 {
		return c.Text()
	}
	sum := c.SHA256()
	return sha256Prefix + base64.RawURLEncoding.EncodeToString(sum[:])
}

func (d *decoder) authorization(a Authorization, client string) schema.Authorization {
	terms := a.terms()
	return schema.Authorization{
		Label:         a.Label(),
		Client:        client,
		API:           a.API().Label(),
		SubjectType:   a.SubjectType(),
		Scopes:        shared(d.granted, u32(terms, termsScopes), a.Scopes),
		TokenLifetime: a.TokenLifetime(),
		ExpiresAt:     a.ExpiresAt(),
		SubjectClaims: a.SubjectClaims(),
		CopyClaims:    texts[string](d.s, terms, termsCopyClaims),
		Claims:        d.s.text(terms, termsClaims),
	}
}

// shared returns what was made for i before, or makes it.
func shared[T any](made map[uint32]T, i uint32, make func() T) T {
	v, ok := made[i]
	if !ok {
		v = make()
		made[i] = v
	}
	return v
}

// apiLabels returns the labels of the list of APIs at off of a record.
func (s *Snapshot) apiLabels(r []byte, off int) []string {
	start, n := u32(r, off), u32(r, off+4)
	return each(int(n), func(i int) string {
		return s.API(int(u32(s.sections[secIndexes], (int(start)+i)*listedSize))).Label()
	})
}

func (s *Snapshot) metadata(r []byte, off int) map[string]string {
	start, n := u32(r, off), u32(r, off+4)
	if n == 0 {
		return nil
	}
	m := make(map[string]string, n)
	for i := start; i < start+n; i++ {
		pair := record(s.sections[secMetadata], i, metadataSize)
		m[s.text(pair, metadataKey)] = s.text(pair, metadataValue)
	}
	return m
}
