package compiler

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"

	"pgregory.net/rapid"

	"github.com/writ-auth/writ/schema"
)

// drawDocument makes a document of a small world, so that two of them have much
// in common: the same labels with other values, the same values under other
// labels.
func drawDocument(t *rapid.T, name string) *schema.Document {
	d := &schema.Document{Issuer: schema.Issuer{
		URL:        pick(t, "url", "https://a.example/", "https://b.example/"),
		ErrorStyle: pick(t, "style", schema.ErrorsRFC6749, schema.ErrorsAuth0),
	}}
	identifiers := rapid.Permutation([]string{"urn:1", "urn:2", "urn:3", "urn:4"}).Draw(t, name+" identifiers")
	for i, label := range subset(t, "apis", "orders", "stock", "mail") {
		d.APIs = append(d.APIs, drawAPI(t, label, identifiers[i]))
	}
	for _, label := range subset(t, "issuers", "cluster", "users") {
		d.TrustedIssuers = append(d.TrustedIssuers, drawTrustedIssuer(t, label))
	}
	clientIDs := rapid.Permutation([]string{"c1", "c2", "c3"}).Draw(t, name+" client ids")
	for i, label := range subset(t, "clients", "billing", "reports") {
		d.Clients = append(d.Clients, drawClient(t, label, clientIDs[i], d))
	}
	for _, label := range subset(t, "keys", "k1", "k2") {
		d.SigningKeys = append(d.SigningKeys, schema.SigningKey{
			Label: label, Alg: pick(t, "key alg", schema.RS256, schema.PS256), PrivateKey: pick(t, "key", schema.SecretRef("file:a"), "file:b"),
			ActivatesAt: pick(t, "activates", int64(0), 100), RetiresAt: drawTime(t),
		})
	}
	d.Authorizations = drawAuthorizations(t, d)
	return d
}

// drawNames makes a document whose objects have names and connections and
// nothing else.
func drawNames(t *rapid.T, name string) *schema.Document {
	d := &schema.Document{}
	identifiers := rapid.Permutation([]string{"urn:1", "urn:2", "urn:3"}).Draw(t, name+" identifiers")
	for i, label := range subset(t, "apis", "orders", "stock", "zoo") {
		d.APIs = append(d.APIs, schema.API{Label: label, Name: label, Identifier: identifiers[i], TokenLifetime: 60})
	}
	clientIDs := rapid.Permutation([]string{"c1", "c2"}).Draw(t, name+" client ids")
	for i, label := range subset(t, "clients", "billing", "reports") {
		d.Clients = append(d.Clients, schema.Client{Label: label, Name: label, ClientID: clientIDs[i]})
	}
	for _, c := range d.Clients {
		for _, a := range d.APIs {
			if rapid.Bool().Draw(t, "authorized") {
				d.Authorizations = append(d.Authorizations, schema.Authorization{
					Label: "a" + strconv.Itoa(len(d.Authorizations)), Client: c.Label, API: a.Label, SubjectType: schema.SubjectClient,
				})
			}
		}
	}
	return d
}

func pick[T any](t *rapid.T, what string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, what)
}

func drawTime(t *rapid.T) int64 { return pick(t, "time", int64(0), 1000, 2000) }

func drawWindow(t *rapid.T) schema.Window {
	return schema.Window{NotBefore: pick(t, "from", int64(0), 10, 20), ExpiresAt: drawTime(t)}
}

func drawRequirement(t *rapid.T) string {
	return pick(t, "requirement", "", `{"group":"a"}`, `{"group":"b"}`, `{"group":"a","team":"b"}`)
}

// subset keeps the order of its values.
func subset(t *rapid.T, what string, values ...string) []string {
	return slices.DeleteFunc(values, func(string) bool { return rapid.IntRange(0, 3).Draw(t, what) == 0 })
}

func drawAPI(t *rapid.T, label, identifier string) schema.API {
	a := schema.API{
		Label: label, Name: pick(t, "name", label, "A name"), Identifier: identifier,
		Profile:            pick(t, "profile", schema.ProfileAuth0, schema.ProfileRFC9068),
		Alg:                pick(t, "alg", schema.RS256, schema.ES256),
		TokenLifetime:      pick(t, "lifetime", int64(60), 600, 3600),
		AllowOfflineAccess: rapid.Bool().Draw(t, "offline"),
		IncludePermissions: rapid.Bool().Draw(t, "permissions"),
		ScopeMode:          pick(t, "mode", schema.ScopeNarrow, schema.ScopeAllGranted),
		Metadata:           pick(t, "metadata", nil, map[string]string{"owner": "a"}),
	}
	for _, s := range rapid.Permutation(subset(t, "scopes", "read", "write", "admin")).Draw(t, "order") {
		a.Scopes = append(a.Scopes, schema.Scope{Name: s, Description: pick(t, "description", "", "text")})
	}
	return a
}

func drawTrustedIssuer(t *rapid.T, label string) schema.TrustedIssuer {
	issuer := schema.TrustedIssuer{
		Label: label, Issuer: pick(t, "issuer", "https://i.example", "https://j.example"),
		Algorithms: []schema.SigningAlg{schema.RS256}, Audiences: subset(t, "audiences", "x", "y"),
	}
	for _, v := range subset(t, "vouches", "client", "user") {
		issuer.VouchesFor = append(issuer.VouchesFor, schema.SubjectType(v))
	}
	if issuer.JWKSURI = pick(t, "uri", "", "https://i.example/jwks", "https://j.example/jwks"); issuer.JWKSURI == "" {
		issuer.JWKS = pick(t, "jwks", `{"keys":[{"kid":"1"}]}`, `{"keys":[{"kid":"1"},{"kid":"2"}]}`, `{"keys":[{"kid":"3"}]}`)
	}
	return issuer
}

func drawClient(t *rapid.T, label, clientID string, d *schema.Document) schema.Client {
	c := schema.Client{
		Label: label, Name: label, ClientID: clientID,
		GrantTypes:    subset(t, "grants", schema.GrantClientCredentials, schema.GrantTokenExchange, schema.GrantRefreshToken),
		RateLimit:     pick(t, "rate", 0, 1.5, 10),
		RevokedBefore: drawTime(t), RequireSenderConstrained: rapid.Bool().Draw(t, "constrained"),
		RefreshToken: pick(t, "refresh", nil, nil,
			&schema.RefreshToken{Rotation: schema.RotationRotating, Lifetime: 60, IdleLifetime: 30},
			&schema.RefreshToken{Rotation: schema.RotationNonRotating, Lifetime: 60, IdleLifetime: 30, Leeway: 5}),
	}
	for _, a := range d.APIs {
		if rapid.IntRange(0, 2).Draw(t, "introspects") == 0 {
			c.Introspects = append(c.Introspects, a.Label)
			c.DefaultAPI = a.Label
		}
	}
	for _, label := range subset(t, "secrets", "s1", "s2") {
		c.Secrets = append(c.Secrets, schema.Secret{Label: label, Hash: pick(t, "hash", "sha256:a", "sha256:b"), Window: drawWindow(t)})
	}
	if rapid.Bool().Draw(t, "federated") {
		c.Federated = []schema.Federated{{
			Label: "k8s", TrustedIssuer: "cluster", Subject: pick(t, "subject", "s1", "s2"), Claims: drawRequirement(t), Window: drawWindow(t),
		}}
	}
	return c
}

func drawAuthorizations(t *rapid.T, d *schema.Document) []schema.Authorization {
	var list []schema.Authorization
	for _, c := range d.Clients {
		for _, a := range d.APIs {
			for _, subject := range []schema.SubjectType{schema.SubjectClient, schema.SubjectUser} {
				if rapid.Bool().Draw(t, "authorized") {
					list = append(list, drawAuthorization(t, c, a, subject))
				}
			}
		}
	}
	labels := rapid.Permutation([]string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"}).Draw(t, "labels")
	for i := range list {
		list[i].Label = labels[i]
	}
	slices.SortFunc(list, func(a, b schema.Authorization) int { return cmp.Compare(a.Label, b.Label) })
	return list
}

func drawAuthorization(t *rapid.T, c schema.Client, a schema.API, subject schema.SubjectType) schema.Authorization {
	auth := schema.Authorization{
		Client: c.Label, API: a.Label, SubjectType: subject, ExpiresAt: drawTime(t),
		TokenLifetime: min(a.TokenLifetime, pick(t, "own lifetime", int64(0), 60, 600)),
		Claims:        pick(t, "claims", "", `{"x":1}`),
	}
	if subject == schema.SubjectUser {
		auth.SubjectClaims = drawRequirement(t)
	}
	for _, s := range a.Scopes {
		if rapid.Bool().Draw(t, "granted") {
			auth.Scopes = append(auth.Scopes, s.Name)
		}
	}
	return auth
}

// drawPair makes the second document either anew or by a few changes, so that
// plans of one attribute are met as well as those of everything.
func drawPair(t *rapid.T) (before, after *schema.Document) {
	before = drawDocument(t, "before")
	if pick(t, "anew", true, false, false, false) {
		return before, drawDocument(t, "after")
	}
	return before, mutate(t, before)
}

// mutate changes one field of one object, or of a few.
func mutate(t *rapid.T, d *schema.Document) *schema.Document {
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	after := &schema.Document{}
	if err := json.Unmarshal(b, after); err != nil {
		t.Fatal(err)
	}
	for range pick(t, "changes", 1, 1, 1, 2) {
		mutateOnce(t, after)
	}
	return after
}

func mutateOnce(t *rapid.T, after *schema.Document) {
	switch i := rapid.IntRange(0, 100).Draw(t, "object"); pick(t, "kind", "api", "client", "authorization", "secret", "federated", "trust", "key") {
	case "api":
		setField(t, after.APIs, i, func(a schema.API) schema.API { return drawAPI(t, a.Label, a.Identifier) })
	case "client":
		setField(t, after.Clients, i, func(c schema.Client) schema.Client { return drawClient(t, c.Label, c.ClientID, after) })
	case "authorization":
		setField(t, after.Authorizations, i, func(a schema.Authorization) schema.Authorization {
			for _, api := range after.APIs {
				if api.Label == a.API {
					drawn := drawAuthorization(t, schema.Client{Label: a.Client}, api, a.SubjectType)
					drawn.Label = a.Label
					return drawn
				}
			}
			return a
		})
	case "secret":
		if len(after.Clients) > 0 {
			setField(t, after.Clients[i%len(after.Clients)].Secrets, i, func(s schema.Secret) schema.Secret {
				return schema.Secret{Label: s.Label, Hash: pick(t, "hash", "sha256:a", "sha256:b"), Window: drawWindow(t)}
			})
		}
	case "federated":
		if len(after.Clients) > 0 {
			setField(t, after.Clients[i%len(after.Clients)].Federated, i, func(f schema.Federated) schema.Federated {
				return schema.Federated{Label: f.Label, TrustedIssuer: "users", Subject: "s3", Claims: drawRequirement(t), Window: drawWindow(t)}
			})
		}
	case "trust":
		setField(t, after.TrustedIssuers, i, func(i schema.TrustedIssuer) schema.TrustedIssuer { return drawTrustedIssuer(t, i.Label) })
	case "key":
		setField(t, after.SigningKeys, i, func(k schema.SigningKey) schema.SigningKey {
			k.PrivateKey, k.RetiresAt, k.Alg = pick(t, "key", schema.SecretRef("file:a"), "file:b"), drawTime(t), schema.PS256
			return k
		})
	}
}

// setField takes one field of one object from another draw.
func setField[T any](t *rapid.T, list []T, i int, draw func(T) T) {
	if len(list) == 0 {
		return
	}
	object := &list[i%len(list)]
	from, to := reflect.ValueOf(draw(*object)), reflect.ValueOf(object).Elem()
	field := rapid.IntRange(0, to.NumField()-1).Draw(t, "field")
	to.Field(field).Set(from.Field(field))
}
