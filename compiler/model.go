package compiler

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/schema"
)

// A Model is a compiled configuration: the resolved document beside the
// declarations that it was made from, so that any later check can point.
//
// When Compile reported errors, a Model lacks the objects and references that they are
// about and has all others. Only a Model without errors may be planned or encoded.
type Model struct {
	// Document has every default applied, every reference resolved to a label,
	// every list sorted by label.
	Document *schema.Document
	// Config is what the document was made from.
	Config *config.Config

	// The declarations, index by index those of the document's lists.
	apis           []*config.API
	clients        []*config.Client
	authorizations []*config.Authorization
	trustedIssuers []*config.TrustedIssuer
	signingKeys    []*config.SigningKey
	policies       []*config.Policy

	apiIndex    map[string]int32 // by label
	clientIndex map[string]int32

	all        *config.All // made by allObjects, when the document is complete
	acceptance *acceptance
}

// A Kind is the block type of an object, the first part of its address.
type Kind string

// The kinds of object.
const (
	KindIssuer        Kind = "issuer"
	KindAPI           Kind = "api"
	KindClient        Kind = "client"
	KindAuthorization Kind = "authorization"
	KindTrustedIssuer Kind = "trusted_issuer"
	KindSigningKey    Kind = "signing_key"
	KindPolicy        Kind = "policy"
)

// Address is how an object is named on the command line, in diagnostics and in
// plans: "api.orders", `client.worker["eu"]`, "issuer".
func Address(kind Kind, label string) string {
	if kind == KindIssuer {
		return string(kind)
	}
	return string(kind) + "." + label
}

// ParseAddress takes an address apart. It reports false when the text does not
// name a kind and a label.
func ParseAddress(address string) (kind Kind, label string, ok bool) {
	k, label, _ := strings.Cut(address, ".")
	switch kind = Kind(k); kind {
	case KindIssuer:
		return kind, "", address == k
	case KindAPI, KindClient, KindAuthorization, KindTrustedIssuer, KindSigningKey, KindPolicy:
		return kind, label, label != ""
	}
	return "", "", false
}

// A Source is where an object was declared: what the snapshot remembers beside
// the document, so that a running server can name the line.
type Source struct {
	Kind  Kind
	Label string
	File  string // relative to the root, with forward slashes
	Line  int    // from 1
}

// Sources lists where each object of the document was declared, in the order
// issuer, APIs, clients, authorizations, trusted issuers, signing keys, each
// sorted by label.
func (m *Model) Sources() []Source {
	sources := make([]Source, 0, 1+len(m.apis)+len(m.clients)+len(m.authorizations)+
		len(m.trustedIssuers)+len(m.signingKeys))
	add := func(kind Kind, label string, r hcl.Range) {
		sources = append(sources, Source{kind, label, r.Filename, r.Start.Line})
	}
	if len(m.Config.Issuers) > 0 {
		add(KindIssuer, "", m.Config.Issuers[0].Range)
	}
	for _, a := range m.apis {
		add(KindAPI, a.Label, a.Range)
	}
	for _, c := range m.clients {
		add(KindClient, c.Label, c.Range)
	}
	for _, a := range m.authorizations {
		add(KindAuthorization, a.Label, a.Range)
	}
	for _, t := range m.trustedIssuers {
		add(KindTrustedIssuer, t.Label, t.Range)
	}
	for _, k := range m.signingKeys {
		add(KindSigningKey, k.Label, k.Range)
	}
	return sources
}

// API returns the API of that label and where it was declared.
func (m *Model) API(label string) (*schema.API, *config.API, bool) {
	i, ok := m.apiIndex[label]
	if !ok {
		return nil, nil, false
	}
	return &m.Document.APIs[i], m.apis[i], true
}

// Client returns the client of that label and where it was declared.
func (m *Model) Client(label string) (*schema.Client, *config.Client, bool) {
	i, ok := m.clientIndex[label]
	if !ok {
		return nil, nil, false
	}
	return &m.Document.Clients[i], m.clients[i], true
}

// Authorization returns the authorization of that label and where it was
// declared.
func (m *Model) Authorization(label string) (*schema.Authorization, *config.Authorization, bool) {
	i, ok := search(m.authorizations, label, func(a *config.Authorization) string { return a.Label })
	if !ok {
		return nil, nil, false
	}
	return &m.Document.Authorizations[i], m.authorizations[i], true
}

// Decl returns where the object of an address was declared, nil when there is
// no such object.
func (m *Model) Decl(address string) *config.Decl {
	kind, label, ok := ParseAddress(address)
	if !ok {
		return nil
	}
	switch kind {
	case KindIssuer:
		if len(m.Config.Issuers) > 0 {
			return &m.Config.Issuers[0].Decl
		}
	case KindAPI:
		if _, d, ok := m.API(label); ok {
			return &d.Decl
		}
	case KindClient:
		if _, d, ok := m.Client(label); ok {
			return &d.Decl
		}
	case KindAuthorization:
		if _, d, ok := m.Authorization(label); ok {
			return &d.Decl
		}
	}
	return m.lesserDecl(kind, label)
}

// AttributeRange returns where an attribute of the object at an address is written: in its
// block, in the nested block with a label, or where it is inherited from: an API's among the
// issuer's defaults, the claims of an authorization in its API.
// It is the block's header where nothing is written, and false where there is no such object.
func (m *Model) AttributeRange(address, attribute, label string) (hcl.Range, bool) {
	d := m.Decl(address)
	switch {
	case d == nil:
		return hcl.Range{}, false
	case label != "":
		return d.NestedRange(attribute, label, ""), true
	case d.Has(attribute):
		return d.AttrRange(attribute), true
	}
	kind, name, _ := ParseAddress(address)
	if kind == KindAuthorization && attribute == "claims" {
		if a, _, ok := m.Authorization(name); ok {
			if _, api, ok := m.API(a.API); ok && api.Has(attribute) {
				return api.AttrRange(attribute), true
			}
		}
	}
	if kind == KindAPI && len(m.Config.Issuers) > 0 {
		issuer := m.Config.Issuers[0]
		row, ok := schema.BlockOf(&issuer.Defaults).Attr(attribute)
		if ok && !schema.IsZero(row.Get(&issuer.Defaults)) {
			return m.defaultRange(attribute), true
		}
	}
	return d.Range, true
}

// lesserDecl is Decl for the kinds that have no method to look them up.
func (m *Model) lesserDecl(kind Kind, label string) *config.Decl {
	switch kind {
	case KindTrustedIssuer:
		if i, ok := search(m.trustedIssuers, label, func(t *config.TrustedIssuer) string { return t.Label }); ok {
			return &m.trustedIssuers[i].Decl
		}
	case KindSigningKey:
		if i, ok := search(m.signingKeys, label, func(k *config.SigningKey) string { return k.Label }); ok {
			return &m.signingKeys[i].Decl
		}
	case KindPolicy:
		if i, ok := search(m.policies, label, func(p *config.Policy) string { return p.Label }); ok {
			return &m.policies[i].Decl
		}
	}
	return nil
}

// search finds the place of a label in a list sorted by label.
func search[T any](decls []*T, label string, labelOf func(*T) string) (int, bool) {
	return slices.BinarySearchFunc(decls, label, func(d *T, l string) int { return strings.Compare(labelOf(d), l) })
}
