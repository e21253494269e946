package snapshot

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
)

// A View is a snapshot as data for people's tools: what "writ show --json"
// prints, described by the JSON Schema in schema/snapshot.schema.json. Lists are
// in the order of labels. Of a credential it shows that it exists, of what kind
// and when it is accepted; neither hashes nor keys.
type View struct {
	FormatVersion  string              `json:"format_version"` // of the view
	Digest         string              `json:"digest"`
	Serial         uint64              `json:"serial"`
	Previous       string              `json:"previous,omitempty"`
	Revision       string              `json:"revision,omitempty"`
	Created        time.Time           `json:"created,omitzero"`
	NotAfter       time.Time           `json:"not_after,omitzero"`
	Environment    string              `json:"environment,omitempty"`
	LockDigest     string              `json:"lock_digest,omitempty"`
	WritVersion    string              `json:"writ_version,omitempty"`
	SignedBy       []string            `json:"signed_by"` // key ids as claimed: the view verifies nothing
	Issuer         IssuerView          `json:"issuer"`
	APIs           []APIView           `json:"apis"`
	Clients        []ClientView        `json:"clients"`
	Authorizations []AuthorizationView `json:"authorizations"`
	TrustedIssuers []TrustedIssuerView `json:"trusted_issuers"`
	SigningKeys    []SigningKeyView    `json:"signing_keys"`
}

// A SourceView is where an object was declared.
type SourceView struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// An IssuerView is the issuer of a View.
type IssuerView struct {
	URL         string            `json:"url"`
	ErrorStyle  schema.ErrorStyle `json:"error_style,omitempty"`
	SubStyle    schema.SubStyle   `json:"sub_style,omitempty"`
	Environment string            `json:"environment,omitempty"`
	Source      *SourceView       `json:"source,omitempty"`
}

// An APIView is one API of a View. Lifetimes are in seconds.
type APIView struct {
	Label              string            `json:"label"`
	Name               string            `json:"name"`
	Identifier         string            `json:"identifier"`
	TokenProfile       schema.Profile    `json:"token_profile,omitempty"`
	SigningAlg         schema.SigningAlg `json:"signing_alg,omitempty"`
	SigningSecret      schema.SecretRef  `json:"signing_secret,omitempty"` // where the server finds it
	TokenLifetime      int64             `json:"token_lifetime"`
	AllowOfflineAccess bool              `json:"allow_offline_access"`
	IncludePermissions bool              `json:"include_permissions"`
	ScopeMode          schema.ScopeMode  `json:"scope_mode,omitempty"`
	ReuseWindow        int64             `json:"reuse_window,omitempty"` // seconds
	PreventDestroy     bool              `json:"prevent_destroy"`
	DistinctFrom       []string          `json:"distinct_from,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
	Scopes             []ScopeView       `json:"scopes"`
	Source             *SourceView       `json:"source,omitempty"`
}

// A ScopeView is one scope of an APIView, in declaration order.
type ScopeView struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// A ClientView is one client of a View.
type ClientView struct {
	Label                    string            `json:"label"`
	Name                     string            `json:"name"`
	ClientID                 string            `json:"client_id"`
	GrantTypes               []string          `json:"grant_types"`
	Credentials              []CredentialView  `json:"credentials"`
	RefreshToken             *RefreshTokenView `json:"refresh_token,omitempty"`
	DefaultAPI               string            `json:"default_api,omitempty"`
	RateLimit                float64           `json:"rate_limit,omitempty"` // token requests per second
	Introspects              []string          `json:"introspects,omitempty"`
	RevokedBefore            string            `json:"revoked_before,omitempty"`
	RequireSenderConstrained bool              `json:"require_sender_constrained"`
	PreventDestroy           bool              `json:"prevent_destroy"`
	Metadata                 map[string]string `json:"metadata,omitempty"`
	Source                   *SourceView       `json:"source,omitempty"`
}

// A CredentialView is one credential of a ClientView. The kind is the name of
// its block; an open end of its window is absent.
type CredentialView struct {
	Kind      string `json:"kind"`
	Label     string `json:"label"`
	NotBefore string `json:"not_before,omitempty"`
	ExpiresAt string `json:"expires_at,omitempty"`
}

// A RefreshTokenView says how refresh tokens behave; durations are in seconds.
type RefreshTokenView struct {
	Rotation     schema.Rotation `json:"rotation,omitempty"`
	Lifetime     int64           `json:"lifetime"`
	IdleLifetime int64           `json:"idle_lifetime"`
	Leeway       int64           `json:"leeway"`
}

// An AuthorizationView is one authorization of a View. TokenLifetime is the
// effective one, in seconds.
type AuthorizationView struct {
	Label         string             `json:"label"`
	Client        string             `json:"client"`
	API           string             `json:"api"`
	SubjectType   schema.SubjectType `json:"subject_type"`
	Scopes        []string           `json:"scopes"`
	TokenLifetime int64              `json:"token_lifetime"`
	ExpiresAt     string             `json:"expires_at,omitempty"`
	SubjectClaims json.RawMessage    `json:"subject_claims,omitempty"`
	CopyClaims    []string           `json:"copy_claims,omitempty"`
	Claims        json.RawMessage    `json:"claims,omitempty"`
	Source        *SourceView        `json:"source,omitempty"`
}

// A TrustedIssuerView is one trusted issuer of a View.
type TrustedIssuerView struct {
	Label        string               `json:"label"`
	Issuer       string               `json:"issuer"`
	PinnedKeys   bool                 `json:"pinned_keys"` // in the snapshot; else at JWKSURI
	JWKSURI      string               `json:"jwks_uri,omitempty"`
	Algorithms   []schema.SigningAlg  `json:"algorithms"`
	Audiences    []string             `json:"audiences"`
	VouchesFor   []schema.SubjectType `json:"vouches_for"`
	CapsLifetime bool                 `json:"caps_lifetime"`
	Source       *SourceView          `json:"source,omitempty"`
}

// A SigningKeyView is one declared signing key of a View.
type SigningKeyView struct {
	Label       string            `json:"label"`
	Algorithm   schema.SigningAlg `json:"algorithm,omitempty"`
	PrivateKey  schema.SecretRef  `json:"private_key"` // where the server finds it
	ActivatesAt string            `json:"activates_at,omitempty"`
	RetiresAt   string            `json:"retires_at,omitempty"`
	Source      *SourceView       `json:"source,omitempty"`
}

// NewView returns a snapshot as data. It holds a copy of everything: for a
// million authorizations that is a few hundred megabytes. It is no method, so
// that a server which never calls it need not link it.
func NewView(s *Snapshot) *View {
	doc, env := Decode(s), s.env
	v := &View{
		FormatVersion: "1",
		Digest:        env.Digest, Serial: env.Serial, Previous: env.Previous, Revision: env.Revision,
		Created: env.Created, NotAfter: env.NotAfter, Environment: env.Environment,
		LockDigest: env.LockDigest, WritVersion: env.WritVersion,
		SignedBy: listed(env.Signatures, func(sig *Signature) string { return sig.KeyID }),
		Issuer: IssuerView{
			URL: doc.Issuer.URL, ErrorStyle: doc.Issuer.ErrorStyle, SubStyle: doc.Issuer.SubStyle,
			Environment: doc.Issuer.Environment, Source: sourceView(s.Source(KindIssuer, "")),
		},
		APIs:           listed(doc.APIs, apiView),
		Clients:        listed(doc.Clients, clientView),
		Authorizations: make([]AuthorizationView, 0, s.NumAuthorizations()),
		TrustedIssuers: listed(doc.TrustedIssuers, trustedIssuerView),
		SigningKeys:    listed(doc.SigningKeys, signingKeyView),
	}
	for i := range v.APIs {
		v.APIs[i].Source = sourceView(s.API(i).Source())
	}
	for i := range v.Clients {
		v.Clients[i].Source = sourceView(s.Client(i).Source())
	}
	for i := range v.TrustedIssuers {
		v.TrustedIssuers[i].Source = sourceView(s.Source(KindTrustedIssuer, v.TrustedIssuers[i].Label))
	}
	for i := range v.SigningKeys {
		v.SigningKeys[i].Source = sourceView(s.Source(KindSigningKey, v.SigningKeys[i].Label))
	}
	for a := range s.Authorizations() {
		v.Authorizations = append(v.Authorizations, authorizationView(a))
	}
	slices.SortFunc(v.Authorizations, func(a, b AuthorizationView) int { return strings.Compare(a.Label, b.Label) })
	return v
}

// listed applies view to each element; the result is [] in JSON when empty, never null.
func listed[T, V any](list []T, view func(*T) V) []V {
	views := make([]V, len(list))
	for i := range list {
		views[i] = view(&list[i])
	}
	return views
}

// orEmpty is list, as [] in JSON when it is nil.
func orEmpty[T any](list []T) []T { return append([]T{}, list...) }

func sourceView(file string, line int, ok bool) *SourceView {
	if !ok {
		return nil
	}
	return &SourceView{File: file, Line: line}
}

// timeView is "" for zero, which means an open end.
func timeView(unix int64) string {
	if unix == 0 {
		return ""
	}
	return schema.FormatTime(unix)
}

func apiView(a *schema.API) APIView {
	return APIView{
		Label: a.Label, Name: a.Name, Identifier: a.Identifier, TokenProfile: a.Profile, SigningAlg: a.Alg,
		SigningSecret: a.SigningSecret, TokenLifetime: a.TokenLifetime, AllowOfflineAccess: a.AllowOfflineAccess,
		IncludePermissions: a.IncludePermissions, ScopeMode: a.ScopeMode, ReuseWindow: a.ReuseWindow, PreventDestroy: a.PreventDestroy,
		DistinctFrom: a.DistinctFrom, Metadata: a.Metadata,
		Scopes: listed(a.Scopes, func(s *schema.Scope) ScopeView { return ScopeView(*s) }),
	}
}

func clientView(c *schema.Client) ClientView {
	v := ClientView{
		Label: c.Label, Name: c.Name, ClientID: c.ClientID, GrantTypes: orEmpty(c.GrantTypes), Credentials: credentialViews(c),
		DefaultAPI: c.DefaultAPI, RateLimit: c.RateLimit, Introspects: c.Introspects, RevokedBefore: timeView(c.RevokedBefore),
		RequireSenderConstrained: c.RequireSenderConstrained, PreventDestroy: c.PreventDestroy, Metadata: c.Metadata,
	}
	if t := c.RefreshToken; t != nil {
		v.RefreshToken = &RefreshTokenView{Rotation: t.Rotation, Lifetime: t.Lifetime, IdleLifetime: t.IdleLifetime, Leeway: t.Leeway}
	}
	return v
}

func credentialViews(c *schema.Client) []CredentialView {
	views := []CredentialView{}
	add := func(kind, label string, w schema.Window) {
		views = append(views, CredentialView{Kind: kind, Label: label, NotBefore: timeView(w.NotBefore), ExpiresAt: timeView(w.ExpiresAt)})
	}
	for _, s := range c.Secrets {
		add("secret", s.Label, s.Window)
	}
	for _, k := range c.PublicKeys {
		add("public_key", k.Label, k.Window)
	}
	for _, k := range c.Certificates {
		add("certificate", k.Label, k.Window)
	}
	for _, f := range c.Federated {
		add("federated", f.Label, f.Window)
	}
	return views
}

func authorizationView(a Authorization) AuthorizationView {
	v := AuthorizationView{
		Label: a.Label(), Client: a.Client().Label(), API: a.API().Label(), SubjectType: a.SubjectType(),
		Scopes: orEmpty(a.Scopes()), TokenLifetime: a.Lifetime(), ExpiresAt: timeView(a.ExpiresAt()),
		SubjectClaims: json.RawMessage(a.SubjectClaims()), CopyClaims: slices.Collect(a.CopyClaims()), Source: sourceView(a.Source()),
	}
	if claims := a.Claims(); claims != "" {
		v.Claims = json.RawMessage("{" + claims + "}")
	}
	return v
}

func trustedIssuerView(t *schema.TrustedIssuer) TrustedIssuerView {
	return TrustedIssuerView{
		Label: t.Label, Issuer: t.Issuer, PinnedKeys: t.JWKS != "", JWKSURI: t.JWKSURI,
		Algorithms: orEmpty(t.Algorithms), Audiences: orEmpty(t.Audiences), VouchesFor: orEmpty(t.VouchesFor), CapsLifetime: t.CapsLifetime,
	}
}

func signingKeyView(k *schema.SigningKey) SigningKeyView {
	return SigningKeyView{
		Label: k.Label, Algorithm: k.Alg, PrivateKey: k.PrivateKey,
		ActivatesAt: timeView(k.ActivatesAt), RetiresAt: timeView(k.RetiresAt),
	}
}
